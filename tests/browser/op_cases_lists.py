"""Cases of scans, of sorting, and of scattering: what depends on a row's order."""

import math

import torch
from op_case import Case, View, case, method
from torch import Tensor

inf, nan = math.inf, math.nan
generator = torch.Generator().manual_seed(8)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


def ints(low: int, high: int, *shape: int) -> Tensor:
    return torch.randint(low, high, shape, generator=generator, dtype=torch.int32)


def index(values: object) -> Tensor:
    return torch.tensor(values)


CUBE = randn(3, 5, 4)
SWAPPED = View(CUBE, "permute", (2, 0, 1))
LONG = randn(3, 2100)
INTS = ints(-9, 9, 4, 7)
EDGES = torch.tensor([[0.0, nan, inf, -0.0, -1.0], [-inf, nan, 2.0, nan, 1e-45]])
NEAR_ONE = torch.rand(2, 1030, generator=generator) * 0.01 + 0.995

scans: list[Case] = [
    *(case(name, CUBE, dim) for name in ("cumsum", "cumprod") for dim in (0, 1, -1)),
    *(case(name, SWAPPED, 1) for name in ("cumsum", "cumprod")),
    *(case(name, INTS, 1) for name in ("cumsum", "cumprod")),
    *(case(name, INTS > 0, dim=0) for name in ("cumsum", "cumprod")),
    *(case(name, EDGES, 1) for name in ("cumsum", "cumprod")),
    *(case(name, torch.empty(2, 0), 1) for name in ("cumsum", "cumprod")),
    *(
        case(name, x, 0, dtype=torch.bool)
        for name in ("cumsum", "cumprod")
        for x in (torch.empty(0, 3), torch.tensor(2.5), torch.tensor(0))
    ),
    *(case(name, torch.tensor(2.5), 0) for name in ("cumsum", "cumprod")),
    Case("cumsum", [LONG, 1], tolerance=2e-5),
    Case("cumsum", [View(LONG, "t", ()), 0], tolerance=2e-5),
    Case("cumprod", [NEAR_ONE, 1], tolerance=2e-5),
    case("cumsum", ints(-9, 9, 2, 3000), 1),
    case("cumsum", torch.ones(1, 513), 1),
    case("cumsum", ints(0, 9, 70, 3), 1),
    case("cumsum", INTS, 1, dtype=torch.float32),
    case("cumsum", randn(3, 9).half(), 1),
    case("cumsum", torch.empty(0, 3), 0),
    method("cumsum", CUBE, -1),
]

TIES = ints(-2, 3, 5, 40).float()

sorts: list[Case] = [
    *(case("sort", CUBE, dim) for dim in (0, 1, -1)),
    case("sort", CUBE),
    case("sort", SWAPPED, 1, True),
    case("sort", EDGES, stable=True),
    case("sort", EDGES, descending=True, stable=True),
    case("sort", TIES, dim=1, stable=True),
    case("sort", TIES, dim=0, stable=True, descending=True),
    case("sort", INTS, dim=1, stable=True),
    case("sort", torch.tensor([2147483647, -2147483648, 0, -1], dtype=torch.int32)),
    case("sort", INTS > 0, dim=1, stable=True),
    case("sort", ints(-20, 20, 3, 30).half(), dim=1, stable=True),
    case("sort", torch.tensor([5, 4294967295, 2147483648, 0], dtype=torch.uint32)),
    case("sort", torch.empty(0, 3)),
    case("sort", torch.empty(2, 0)),
    case("sort", torch.tensor(1.5)),
    case("sort", randn(1)),
    *(case("sort", randn(2, width)) for width in (2, 3, 64, 65, 1023, 1024, 1025)),
    case("sort", ints(-50, 50, 2, 5000), dim=1, stable=True),
    case("sort", randn(300, 3)),
    case("sort", View(randn(2100, 2), "t", ()), descending=True),
    case("argsort", CUBE, 1),
    case("argsort", TIES, dim=1, descending=True, stable=True),
    case("argsort", EDGES, stable=True),
    method("argsort", INTS, dim=0, stable=True),
    method("sort", randn(7), descending=True),
]

tops: list[Case] = [
    case("topk", randn(4, 9), 3),
    case("topk", CUBE, 2, 1),
    case("topk", SWAPPED, 2, dim=0, largest=False),
    case("topk", LONG, 5),
    case("topk", LONG, 1500),
    case("topk", LONG, 2100, largest=False),
    case("topk", LONG, 1),
    case("topk", randn(9), 0),
    case("topk", torch.tensor(2.5), 0),
    case("topk", torch.tensor([nan, 1.0, inf]), 2),
    case("topk", torch.randperm(3000, generator=generator).int(), 7),
    case("topk", torch.tensor(1.5), 1),
    case("topk", torch.empty(0, 3), 2),
    method("topk", randn(2, 5).half(), 2, sorted=True),
]

WIDE = randn(4, 6)
AT = index([[1, 0, 2, 5, 3, 4], [0, 0, 1, 1, 5, 5]])
MORE = randn(2, 6)
FEW = index([[3, 1], [0, 2], [1, 1]])
WILD = torch.tensor([nan, inf, 1.0, inf, -inf, -inf])

scatters: list[Case] = [
    case("scatter", WIDE, 1, FEW, randn(3, 2)),
    case("scatter", WIDE, 0, FEW, randn(3, 5)),
    case("scatter", WIDE, 1, AT, 1.5),
    case("scatter", WIDE, -1, AT, value=-1.0),
    case("scatter", INTS, 1, FEW, 7),
    case("scatter", INTS, 1, FEW, ints(0, 9, 3, 2)),
    case("scatter", INTS > 0, 1, FEW, True),
    case("scatter", WIDE.half(), 1, FEW, randn(3, 2).half()),
    case("scatter", CUBE, 1, index([[[0, 4, 2, 1]], [[3, 0, 0, 0]]]), randn(2, 1, 4)),
    case("scatter", View(WIDE, "t", ()), 0, FEW, View(randn(2, 3), "t", ())),
    case("scatter", WIDE, 1, torch.empty(0, 2, dtype=torch.int64), randn(3, 2)),
    case("scatter", randn(9), 0, index([8, 8, 8, 0]), torch.arange(4.0)),
    case("scatter", torch.zeros(3000), 0, index([2999, 77]), torch.ones(2)),
    case("scatter", torch.tensor(1.0), 0, index(0), torch.tensor(2.0)),
    # PyTorch warns that it would rather be called scatter_reduce.
    *(
        Case("scatter", [WIDE, 1, AT, MORE], {"reduce": how}, expected=expected)
        for how, expected in (
            ("add", WIDE.scatter_reduce(1, AT, MORE, "sum")),
            ("multiply", WIDE.scatter_reduce(1, AT, MORE, "prod")),
        )
    ),
    case("scatter", WIDE, 1, AT, 2.0, reduce="multiply"),
    case("scatter_add", WIDE, 1, AT, randn(2, 6)),
    case("scatter_add", WIDE, 0, FEW, randn(3, 2)),
    case("scatter_add", INTS, 1, FEW, ints(0, 9, 3, 2)),
    case("scatter_add", CUBE, 2, index([[[0, 3, 0, 3]]]), randn(1, 1, 4)),
    case(
        "scatter_add", randn(300, 40), 0, ints(0, 300, 1000, 40).long(), randn(1000, 40)
    ),
    case("scatter_add", randn(3, 40), 1, ints(0, 40, 3, 1000).long(), randn(3, 1000)),
    case(
        "scatter_add",
        randn(4, 9).half(),
        1,
        ints(0, 9, 4, 3).long(),
        randn(4, 3).half(),
    ),
    case("scatter_add", torch.zeros(6), 0, index([0, 1, 1, 2, 2, 5]), WILD),
    case("scatter_add", torch.tensor(1.0), 0, index(0), torch.tensor(2.0)),
    *(
        case(name, torch.zeros(3), -1, index(place), torch.tensor(value))
        for name in ("scatter", "scatter_add")
        for place in (1, [1])
        for value in (7.0, [7.0])
    ),
    case("scatter", torch.zeros(3), 0, index(1), 5.0),
    case("scatter", torch.tensor(1.0), 0, index([0]), 5.0),
    case(
        "scatter_add", torch.ones(0, 3), 1, torch.empty(0, 2).long(), torch.ones(0, 2)
    ),
    case("scatter", INTS, 1, FEW, 3, reduce="multiply"),
    method("scatter_add", torch.zeros(5), 0, index([1, 1, 1, 4]), torch.ones(4)),
    method("scatter", torch.zeros(2, 3), 1, index([[2], [0]]), 1),
]

LISTS = [*scans, *sorts, *tops, *scatters]
