"""Cases of functions that change shapes, join, pick by index, or make tensors."""

import torch
from op_case import Case, View, case, method
from torch import Tensor

generator = torch.Generator().manual_seed(3)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


def index(values: list[int] | list[list[int]]) -> Tensor:
    return torch.tensor(values)


CUBE = randn(2, 3, 4)
SWAPPED = View(CUBE, "permute", (2, 0, 1))
WIDE = randn(6, 10)
INTS = torch.arange(12, dtype=torch.int32).reshape(3, 4)
HALVES = randn(3, 5).half()
BYTES = torch.arange(-7, 8, dtype=torch.int8).reshape(3, 5)
BOOLS = INTS > 4

moves: list[Case] = [
    case("reshape", CUBE, [4, 6]),
    case("reshape", CUBE, [-1, 2]),
    case("reshape", SWAPPED, [8, 3]),
    case("reshape", View(CUBE, "expand", (2, 3, 4)), [24]),
    case("reshape", View(randn(3, 1), "expand", (3, 4)), [12]),
    case("reshape", torch.empty(0, 3), [3, 0]),
    method("view", CUBE, 6, 4),
    method("reshape", CUBE, 3, -1),
    case("flatten", CUBE),
    case("flatten", SWAPPED, 1),
    case("flatten", CUBE, start_dim=0, end_dim=1),
    case("unflatten", WIDE, 1, [2, -1]),
    case("permute", CUBE, [1, 2, 0]),
    method("permute", CUBE, 2, 1, 0),
    case("transpose", CUBE, 0, -1),
    case("t", WIDE),
    case("t", randn(3)),
    method("expand", randn(3, 1), 2, 3, 4),
    method("expand", randn(3, 1), -1, 4),
    method("expand_as", randn(3, 1), WIDE[:3]),
    case("broadcast_to", randn(4), [3, 4]),
    case("squeeze", randn(1, 3, 1)),
    case("squeeze", randn(1, 3, 1), 0),
    case("squeeze", randn(1, 3, 1), dim=1),
    case("unsqueeze", WIDE, 1),
    case("unsqueeze", WIDE, -1),
    case("narrow", WIDE, 1, 3, 4),
    case("select", CUBE, 1, -1),
    case("select", randn(4), 0, 2),
    case("flip", CUBE, [0, 2]),
    case("flip", INTS, [1]),
    method("contiguous", SWAPPED),
    method("clone", SWAPPED),
    *(case("transpose", tensor, 0, 1) for tensor in (INTS, HALVES, BYTES, BOOLS)),
    *(case("narrow", tensor, 1, 1, 3) for tensor in (INTS, HALVES, BYTES, BOOLS)),
    *(case("narrow", tensor, 0, 1, 2) for tensor in (INTS, HALVES, BYTES, BOOLS)),
]

parts: list[Case] = [
    case("split", WIDE, 4),
    case("split", WIDE, [1, 2, 3]),
    case("split", WIDE, 3, dim=1),
    case("chunk", WIDE, 4),
    case("chunk", WIDE, 3, 1),
    case("chunk", SWAPPED, 2, dim=0),
    case("unbind", CUBE, 1),
]

joins: list[Case] = [
    case("cat", [WIDE, randn(2, 10)]),
    case("cat", [WIDE, randn(6, 3), randn(6, 1)], 1),
    case("cat", [CUBE, CUBE], dim=-1),
    case("cat", [SWAPPED, randn(4, 2, 1)], 2),
    case("cat", [randn(2, 3) for _ in range(20)]),
    case("cat", [randn(2, 0), randn(2, 3)], 1),
    case("cat", [INTS, INTS.flip(0)], 1),
    case("cat", [INTS, randn(3, 4)]),
    case("cat", [HALVES, HALVES], 1),
    case("cat", [BOOLS, BOOLS]),
    *(case(name, [WIDE, WIDE]) for name in ("concat", "concatenate")),
    case("stack", [WIDE, WIDE * 2]),
    case("stack", [randn(3), randn(3), randn(3)], dim=1),
    case("stack", [randn(3), randn(3)], dim=-1),
]

picks: list[Case] = [
    case("index_select", WIDE, 0, index([5, 0, 0, 3])),
    case("index_select", WIDE, 1, index([9, 1])),
    case("index_select", SWAPPED, 0, index([3, 1])),
    case("index_select", HALVES, 0, index([2, 0])),
    case("index_select", BYTES, 1, index([4, 0, 2])),
    case("gather", WIDE, 1, index([[1, 2, 3], [9, 8, 7]])),
    case("gather", CUBE, 0, torch.tensor([[[0, 1, 0, 1]], [[1, 1, 0, 0]]])),
    case("take_along_dim", WIDE, WIDE.argsort(1), 1),
    case("take_along_dim", randn(1, 4), index([[3, 0], [1, 1], [2, 2]]), 1),
]

factories: list[Case] = [
    case("zeros", 2, 3),
    case("zeros", [2, 3], dtype=torch.int32),
    case("ones", 4),
    case("full", [2, 2], 1.5),
    case("full", [3], True),
    case("zeros_like", INTS),
    case("ones_like", HALVES),
    case("full_like", WIDE, 0.25),
    case("arange", 5),
    case("arange", 2, 9, 3),
    case("arange", 0.5, 3, 0.25),
    case("arange", 5, 0, -2),
    case("arange", 4, dtype=torch.float32),
    case("linspace", -1, 1, 9),
    case("linspace", 3, 4, 1),
    case("eye", 3),
    case("eye", 2, 4),
    case("tril", WIDE),
    case("tril", CUBE, -1),
    case("triu", WIDE, 2),
    method("tril", INTS, 1),
]

SHAPES = [*moves, *parts, *joins, *picks, *factories]
