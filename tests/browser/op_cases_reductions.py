"""Cases of the reductions: over any dimensions, of views, integers and nothing."""

import math

import torch
from op_case import Case, View, case, method
from torch import Tensor

generator = torch.Generator().manual_seed(2)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


CUBE = randn(3, 5, 7)
LONG = randn(2, 1000)
TALL = randn(1000, 3)
INTS = torch.randint(-9, 10, (4, 6), generator=generator, dtype=torch.int32)
BOOLS = INTS > 2
HOLES = torch.tensor([[1.0, math.nan, 3.0], [math.inf, 2.0, -1.0]])
SWAPPED = View(CUBE, "permute", (2, 0, 1))

NAMES = ["sum", "mean", "amax", "amin", "var", "std"]

REDUCTIONS: list[Case] = [
    *(case(name, CUBE) for name in ("sum", "mean", "prod", "var", "std", "max", "min")),
    *(case(name, CUBE, dim) for name in NAMES for dim in (0, 1, -1)),
    *(case(name, CUBE, (0, 2)) for name in NAMES),
    *(case(name, CUBE, dim=1, keepdim=True) for name in NAMES),
    *(case(name, LONG, 1) for name in NAMES),
    *(case(name, TALL, 0) for name in NAMES),
    *(case(name, SWAPPED, 1) for name in NAMES),
    *(case(name, HOLES, 1) for name in ("sum", "amax", "amin")),
    *(case(name, INTS, 1) for name in ("sum", "prod", "amax", "amin")),
    *(case(name, BOOLS, 0) for name in ("sum", "any", "all")),
    *(case(name, BOOLS) for name in ("sum", "any", "all")),
    case("any", CUBE, 1),
    case("all", INTS, 1, keepdim=True),
    case("prod", CUBE, 1),
    case("sum", CUBE, dim=[0, 1], keepdim=True),
    case("sum", INTS, dtype=torch.float32),
    case("sum", randn(4, 9).half(), 1),
    case("mean", randn(4, 9).half(), 1),
    *(case(name, CUBE) for name in ("argmax", "argmin")),
    *(case(name, CUBE, 1) for name in ("argmax", "argmin")),
    *(case(name, LONG, 1, keepdim=True) for name in ("argmax", "argmin")),
    *(case(name, INTS, 0) for name in ("argmax", "argmin")),
    case("argmax", HOLES, 1),
    case("argmax", torch.tensor([1.0, 3.0, 3.0, 2.0])),
    *(case(name, CUBE, 2) for name in ("max", "min")),
    *(case(name, INTS, dim=1, keepdim=True) for name in ("max", "min")),
    case("max", CUBE, randn(7)),
    case("var", CUBE, 1, correction=0),
    case("std", CUBE, dim=(1, 2), correction=0, keepdim=True),
    case("var", randn(4, 3) + 10, 1),
    case("logsumexp", CUBE, 1),
    case("logsumexp", CUBE * 50, (0, 2), keepdim=True),
    case("logsumexp", torch.tensor([[-math.inf, -math.inf], [0.0, math.inf]]), 1),
    *(case("norm", CUBE, p, 1) for p in (2, 1, math.inf, -math.inf, 3)),
    case("norm", CUBE),
    case("norm", CUBE, p=2, dim=(0, 1), keepdim=True),
    case("norm", torch.tensor([0.0, 2.0, 0.0]), 0, 0),
    case("sum", torch.empty(0)),
    case("sum", torch.empty(2, 0, 3), 1),
    case("prod", torch.empty(2, 0), 1),
    case("any", torch.empty(0, 3), 0),
    case("mean", torch.empty(2, 0), 1),
    case("sum", torch.empty(0, 3), 1),
    case("sum", torch.tensor(2.5)),
    case("sum", torch.tensor(2.5), 0),
    method("sum", CUBE, -1, True),
    method("mean", CUBE, dim=1),
    method("max", CUBE),
    method("var", CUBE, 0),
]
