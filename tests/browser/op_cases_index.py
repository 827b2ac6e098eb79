"""Cases of indices in tensors, and of what picks elements by their values."""

import math

import torch
from op_case import Case, View, brackets, case, method

generator = torch.Generator().manual_seed(11)
CUBE = torch.randn(3, 4, 5, generator=generator)
INTS = torch.arange(60, dtype=torch.int32).view(3, 4, 5) - 30
HALVES = CUBE.half()
FLAGS = CUBE > 0.3
SPECIAL = torch.tensor([math.nan, -math.inf, 0.0, -0.0, math.inf, 1.0])
EMPTY = torch.ones(0, 3)
NONE = torch.empty(0, dtype=torch.int64)


def at(*places: int) -> torch.Tensor:
    return torch.tensor(places)


GRID = torch.tensor([[0, -1], [2, 1], [1, 1]])

tensors: list[Case] = [
    brackets(CUBE, at(2, 0, 2)),
    brackets(CUBE, at(-1, -3, 0)),
    brackets(CUBE, GRID),
    brackets(INTS, GRID, at(3, -4)),
    brackets(FLAGS, at(0, 1), at(1, 2), at(2, -1)),
    brackets(HALVES, slice(None), at(1, 1, 0)),
    brackets(CUBE, ..., at(4, 0)),
    brackets(CUBE, ..., GRID, at(0, -5)),
    brackets(CUBE, slice(None), GRID, at(1, 0)),
    # The indices stand apart: what they have in common comes first.
    brackets(CUBE, at(0, 2), slice(None), at(1, -2)),
    brackets(CUBE, at(0, 2), None, at(1, -2)),
    brackets(CUBE, GRID, slice(1, 3), at(1, 0)),
    brackets(CUBE, at(0, 2), slice(None), at(3)[0]),
    brackets(CUBE, at(2)[0], slice(None), at(1, -2)),
    brackets(CUBE, at(1)[0]),
    brackets(CUBE, 1, slice(None), at(0, 2)),
    brackets(CUBE, at(0, 2), 1),
    brackets(CUBE, None, at(0, 2), None, at(1)),
    brackets(CUBE, at(0, 1), at(2, 3), ..., None),
    brackets(CUBE, slice(2, 0), at(1)),
    brackets(CUBE, [0, -1]),
    brackets(CUBE, [[0, 1], [2, 2]], slice(None), [1, 3]),
    brackets(View(CUBE, "permute", (2, 0, 1)), at(4, 1), at(0, 2)),
    brackets(View(CUBE[:1], "expand", (6, 4, 5)), at(5, 0), slice(None, None, 2)),
    brackets(CUBE, NONE),
    brackets(CUBE, NONE, at(1)),
    brackets(EMPTY, NONE),
    brackets(torch.ones(2, 0), at(1, 1)),
    brackets(SPECIAL, at(0, 1, 4, -3)),
]

values: list[Case] = [
    *(
        function("nonzero", tensor)
        for function in (case, method)
        for tensor in (CUBE.relu(), INTS, FLAGS, HALVES, SPECIAL, EMPTY)
    ),
    case("nonzero", torch.tensor(3.0)),
    case("nonzero", torch.tensor(False)),
    case("nonzero", torch.zeros(4)),
    case("nonzero", torch.ones(9, 300) * (torch.arange(300) % 7 == 3)),
    case("nonzero", View(FLAGS, "permute", (2, 0, 1))),
    case("nonzero", FLAGS, as_tuple=True),
    case("nonzero", torch.zeros(2, 2), as_tuple=True),
    case("nonzero", torch.tensor(3.0), as_tuple=True),
    method("nonzero", INTS, as_tuple=True),
    case("argwhere", INTS),
    case("argwhere", SPECIAL),
    case("masked_select", CUBE, FLAGS),
    case("masked_select", SPECIAL, at(1, 1, 0, 1, 1, 0) > 0),
    case("masked_select", INTS, FLAGS[0]),
    case("masked_select", HALVES[0], FLAGS),
    case("masked_select", torch.ones(3), torch.tensor([[True], [False]])),
    case("masked_select", View(CUBE, "permute", (2, 0, 1)), FLAGS.permute(2, 0, 1)),
    case("masked_select", FLAGS, FLAGS),
    case("masked_select", CUBE, torch.tensor(False)),
    case("masked_select", CUBE, torch.tensor(True)),
    case("masked_select", EMPTY, EMPTY > 0),
    method("masked_select", CUBE, CUBE < 0),
]

INDEX = [*tensors, *values]
