"""Random programs of functions and views: what the fuser must not get wrong."""

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

# The method, the numbers of the values it takes, and its other arguments.
Call = tuple[str, list[int], list[Any]]

UNARY = ["neg", "abs", "relu", "tanh", "square", "sigmoid"]
BINARY = ["add", "sub", "mul", "maximum"]
REDUCE = ["sum", "amax", "mean"]

# Values stay below, so that what is left of them where they cancel has a bounded error.
LARGEST = 100
TOLERANCE = LARGEST * 4e-7


class ProgramWriter:
    """Writes a program while PyTorch runs it, so that every call fits its values."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        generator = torch.Generator().manual_seed(seed)
        shapes = [self.shape() for _ in range(3)]
        self.inputs = [torch.randn(*shape, generator=generator) for shape in shapes]
        self.values: list[Tensor] = list(self.inputs)
        self.calls: list[Call] = []

    def shape(self) -> list[int]:
        rank = self.random.randint(1, 3)
        return [self.random.choice([1, 2, 3, 4, 8]) for _ in range(rank)]

    def write(self, length: int) -> None:
        while len(self.calls) < length:
            write = self.random.choice(
                [self.unary, self.binary, self.move, self.move, self.reduce, self.join]
            )
            write()

    def pick(self) -> int:
        """Mostly a recent value, so that chains grow."""
        count = len(self.values)
        return count - 1 - min(int(self.random.expovariate(0.7)), count - 1)

    def call(self, name: str, taken: list[int], args: list[Any]) -> None:
        first, *others = (self.values[i] for i in taken)
        if name == "cat":
            result = torch.cat([first, *others], *args)
        else:
            result = getattr(first, name)(*others, *args)
        if 0 < result.numel() <= 4096 and result.abs().max() < LARGEST:
            self.values.append(result)
            self.calls.append((name, taken, args))

    def unary(self) -> None:
        self.call(self.random.choice(UNARY), [self.pick()], [])

    def binary(self) -> None:
        a, b = self.pick(), self.pick()
        try:
            torch.broadcast_shapes(self.values[a].shape, self.values[b].shape)
        except RuntimeError:
            return
        self.call(self.random.choice(BINARY), [a, b], [])

    def move(self) -> None:
        i = self.pick()
        value = self.values[i]
        name, args = self.random.choice(self.moves_of(value))
        self.call(name, [i], args)

    def moves_of(self, value: Tensor) -> list[tuple[str, list[Any]]]:
        rank, shape = value.ndim, list(value.shape)
        order = self.random.sample(range(rank), rank)
        moves: list[tuple[str, list[Any]]] = [
            ("reshape", [[-1]]),
            ("permute", [order]),
            ("unsqueeze", [self.random.randint(0, rank)]),
        ]
        if rank == 0:
            return moves
        dim = self.random.randrange(rank)
        start = self.random.randrange(shape[dim])
        length = self.random.randint(1, shape[dim] - start)
        halved = [*shape[:dim], -1, 2, *shape[dim + 1 :]]
        moves += [("narrow", [dim, start, length]), ("flip", [[dim]])]
        moves += [("reshape", [halved])] if shape[dim] % 2 == 0 else []
        moves += [("expand", [[2, *shape]])] if rank < 4 else []
        return moves

    def reduce(self) -> None:
        i = self.pick()
        rank = self.values[i].ndim
        if rank > 0:
            dim = self.random.randrange(rank)
            keepdim = self.random.random() < 0.5
            self.call(self.random.choice(REDUCE), [i], [dim, keepdim])

    def join(self) -> None:
        a, b = self.pick(), self.pick()
        one, other = self.values[a], self.values[b]
        if one.ndim == other.ndim and one.ndim > 0:
            dim = self.random.randrange(one.ndim)
            rest = [d for d in range(one.ndim) if d != dim]
            if all(one.shape[d] == other.shape[d] for d in rest):
                self.call("cat", [a, b], [dim])


def random_program(seed: int) -> tuple[list[Tensor], list[Call], Sequence[Tensor]]:
    """Inputs, calls, and the last few values, which PyTorch computed."""
    writer = ProgramWriter(seed)
    writer.write(12)
    return writer.inputs, writer.calls, writer.values[-3:]
