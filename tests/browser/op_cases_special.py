"""Cases of element-wise functions made of others, and of reductions beside NaN."""

import math
from typing import Any

import torch
from op_case import Case, View, case, method
from torch import Tensor

inf, nan = math.inf, math.nan
generator = torch.Generator().manual_seed(5)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


EDGES = torch.tensor([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-6, 90.0, inf, -inf, nan])
ALL_PAIRS = torch.meshgrid(EDGES, EDGES, indexing="ij")
INTS = torch.tensor([[-3, 0, 7], [2, 0, 2147483647]], dtype=torch.int32)
UINTS = torch.tensor([0, 3, 2147483649, 4294967295], dtype=torch.uint32)
HALVES = randn(3, 7).half()
HOLES = torch.tensor([[1.0, nan, 3.0], [nan, nan, nan], [0.0, inf, -1.0]])

one_argument: list[Case] = [
    *(case(name, EDGES) for name in ("deg2rad", "rad2deg", "sinc", "erfinv")),
    *(case(name, HALVES) for name in ("deg2rad", "rad2deg", "sinc", "logit")),
    *(case(name, INTS) for name in ("deg2rad", "signbit", "isposinf")),
    case("sinc", INTS[:, :2]),
    *(case(name, EDGES) for name in ("signbit", "isposinf", "isneginf")),
    case("sinc", torch.linspace(-4, 4, 97)),
    case("erfinv", torch.linspace(-1, 1, 101)),
    case("erfinv", torch.tensor([0.99999, -0.999999, 1.5])),
    Case("erfc", [torch.linspace(-3, 9, 97)], tolerance=1e-5),
    case("logit", torch.linspace(0, 1, 21)),
    case("logit", torch.linspace(-0.5, 1.5, 21), 1e-3),
    case("logit", torch.linspace(0, 1, 21), eps=0.01),
    case("nan_to_num", EDGES),
    case("nan_to_num", EDGES, 1.5, posinf=3.0),
    case("nan_to_num", EDGES, neginf=-7.0),
    case("nan_to_num", torch.tensor([inf, -inf, nan, 1]).half()),
    case("nan_to_num", INTS),
    *(case(name, randn(6)) for name in ("fix", "sgn", "arctan", "arcsinh")),
    *(
        case(name, torch.linspace(-0.9, 0.9, 9))
        for name in ("arccos", "arcsin", "arctanh")
    ),
    case("arccosh", torch.linspace(1, 9, 9)),
]

two_arguments: list[Case] = [
    *(
        case(name, *ALL_PAIRS)
        for name in ("logaddexp", "logaddexp2", "hypot", "xlogy", "copysign")
    ),
    *(
        case(name, *ALL_PAIRS)
        for name in ("fmax", "fmin", "heaviside", "arctan2", "isclose")
    ),
    *(
        case(name, randn(4, 1, 5), randn(3, 1))
        for name in ("logaddexp", "hypot", "fmax", "fmin", "copysign")
    ),
    case("hypot", torch.tensor([1e30, 1e-30]), torch.tensor([1e30, 1e-30])),
    case("hypot", HALVES, HALVES),
    case("logaddexp", View(randn(4, 6), "t", ()), randn(6, 4)),
    case("xlogy", INTS, randn(3).abs()),
    case("xlogy", randn(3), 2.5),
    case("copysign", INTS, randn(3)),
    case("copysign", randn(5), -1.0),
    case("fmax", INTS, INTS.flip(1)),
    case("isclose", randn(4), randn(4), rtol=0.5, atol=0.5),
    case("isclose", EDGES, EDGES, equal_nan=True),
    case("isclose", INTS, INTS + 1, 0.5),
    case("allclose", EDGES, EDGES),
    case("allclose", EDGES, EDGES, equal_nan=True),
    case("allclose", INTS, INTS + 1, 0.0, 1.0),
    case("allclose", randn(4), randn(4), rtol=0.5, atol=0.5),
    case("allclose", torch.ones(2, 3), torch.ones(3)),
    case("allclose", torch.ones(0), torch.ones(0)),
    case("equal", EDGES, EDGES),
    case("equal", EDGES[:6], EDGES[:6].half()),
    case("equal", INTS, INTS.float()),
    case("equal", INTS[:1], INTS[1:]),
    case("equal", torch.ones(2), torch.ones(2, 1)),
    case("equal", torch.ones(0, 2), torch.ones(0, 2)),
    method("equal", INTS, INTS.clone()),
    method("allclose", HALVES, HALVES + 1),
    case("float_power", INTS[:, :2], -1),
    case("float_power", INTS > 0, torch.tensor([[2], [3]])),
    case("float_power", 2, INTS[:, :2]),
    case("float_power", HALVES.abs(), HALVES),
    case("float_power", randn(5), 3),
    method("float_power", INTS[:, :2], 0.5),
    *(
        case(name, randn(5), randn(5))
        for name in ("not_equal", "less", "less_equal", "greater", "greater_equal")
    ),
    method("where", INTS, INTS > 0, -INTS.float()),
]

reductions: list[Case] = [
    *(case(name, HOLES, 1) for name in ("nansum", "nanmean")),
    *(case(name, HOLES) for name in ("nansum", "nanmean")),
    case("nansum", INTS, 0, True),
    case("nanmean", HALVES, dim=(0, 1), keepdim=True),
    case("count_nonzero", INTS),
    case("count_nonzero", HOLES, 1),
    case("count_nonzero", HOLES, dim=(0, 1)),
    case("aminmax", randn(3, 4)),
    case("aminmax", HOLES, dim=1),
    case("aminmax", INTS, dim=0, keepdim=True),
    *(case(name, randn(3, 5, 4), 1) for name in ("var_mean", "std_mean")),
    *(
        case(name, randn(3, 5, 4), (0, 2), keepdim=True, correction=0)
        for name in ("var_mean", "std_mean")
    ),
    case("std_mean", HALVES),
]


def unsigned(name: str, *args: Any, is_method: bool = False) -> Case:
    """A case whose uint32 PyTorch computes as int64: it has few kernels for uint32."""
    wide = [value.long() if isinstance(value, Tensor) else value for value in args]
    owner = wide[0] if is_method else torch
    result = getattr(owner, name)(*(wide[1:] if is_method else wide))
    if result.dtype == torch.int64:
        result = (result & 0xFFFFFFFF).to(torch.uint32)
    return Case(name, args, method=is_method, expected=result)


TURNED = torch.tensor([4294967295, 2147483649, 3, 0], dtype=torch.uint32)

unsigned_numbers: list[Case] = [
    *(
        unsigned(name, UINTS, TURNED)
        for name in ("add", "mul", "sub", "eq", "lt", "ge", "bitwise_xor", "maximum")
    ),
    unsigned("floor_divide", UINTS, 7),
    unsigned("remainder", UINTS, 7),
    *(unsigned(name, UINTS, 0) for name in ("amax", "amin", "sum")),
    unsigned("reshape", UINTS, [2, 2]),
    unsigned("to", UINTS, torch.float32, is_method=True),
    unsigned("to", UINTS, torch.bool, is_method=True),
    Case("cat", [[UINTS, TURNED]], expected=torch.cat([UINTS, TURNED])),
    method("to", torch.tensor([3.7, 4e9]), torch.uint32),
    case("zeros", 2, dtype=torch.uint32),
]

SPECIAL = [*one_argument, *two_arguments, *reductions, *unsigned_numbers]
