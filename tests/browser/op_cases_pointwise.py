"""Cases of the element-wise functions: edges, broadcasting, promotion, views."""

import math

import torch
from op_case import Case, View, case, method
from torch import Tensor

inf, nan = math.inf, math.nan
generator = torch.Generator().manual_seed(1)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


def ints(*shape: int) -> Tensor:
    return torch.randint(-9, 10, shape, generator=generator, dtype=torch.int32)


EDGES = torch.tensor([0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, inf, -inf, nan])
WIDE = torch.cat([EDGES, torch.linspace(-12, 12, 101), torch.tensor([1e-6, -1e-6])])
POSITIVE = torch.cat([torch.logspace(-6, 6, 49), torch.tensor([1.0, 0.0, inf])])
UNIT = torch.cat([torch.linspace(-1, 1, 41), torch.tensor([1.5, nan])])
ODD = randn(3, 5, 7)
BOOLS = torch.tensor([[True, False, True], [False, False, True]])
HALVES = randn(5, 9).half()
INTS = ints(4, 3)
WHOLE = torch.tensor([-7, -2, -1, 1, 2, 5, 7, 2147483647], dtype=torch.int32)

ANYWHERE = [
    "neg",
    "abs",
    "sign",
    "square",
    "floor",
    "ceil",
    "trunc",
    "round",
    "exp2",
    "expm1",
    "sin",
    "cos",
    "tan",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "erf",
    "sigmoid",
    "relu",
    "isnan",
    "isinf",
    "isfinite",
]
WHERE_POSITIVE = ["log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal"]
WHERE_UNIT = ["asin", "acos", "atanh"]
INTEGERS_TOO = [
    "neg",
    "abs",
    "sign",
    "square",
    "floor",
    "ceil",
    "trunc",
    "round",
    "relu",
    "exp",
    "sqrt",
    "sin",
]

ARITHMETIC = [
    "add",
    "sub",
    "mul",
    "div",
    "floor_divide",
    "remainder",
    "fmod",
    "maximum",
    "minimum",
]
SYNONYMS = ["multiply", "divide", "true_divide", "subtract"]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]
LOGIC = ["logical_and", "logical_or", "logical_xor"]
BITS = ["bitwise_and", "bitwise_or", "bitwise_xor"]

LARGE = torch.linspace(-200, 200, 83)

one_argument: list[Case] = [
    *(case(name, WIDE) for name in ANYWHERE),
    *(case(name, ODD) for name in ANYWHERE),
    *(case(name, POSITIVE[:-1]) for name in WHERE_POSITIVE if name != "log1p"),
    *(case(name, POSITIVE) for name in WHERE_POSITIVE),
    *(
        case(name, WIDE)
        for name in WHERE_POSITIVE
        if name not in ("rsqrt", "reciprocal")
    ),
    *(case(name, UNIT) for name in WHERE_UNIT),
    case("acosh", torch.linspace(1, 40, 30)),
    case("erfc", torch.linspace(-4, 4, 33)),
    case("frac", torch.linspace(-4, 4, 33)),
    case("exp", torch.linspace(-20, 10, 61)),
    case("exp", EDGES),
    case("sin", LARGE),
    case("cos", LARGE),
    *(case(name, INTS) for name in INTEGERS_TOO),
    *(case(name, HALVES) for name in ("neg", "exp", "tanh", "sigmoid", "round")),
    case("round", randn(20) * 100, decimals=1),
    case("logical_not", BOOLS),
    case("logical_not", INTS),
    case("bitwise_not", INTS),
    case("bitwise_not", BOOLS),
    case("exp", BOOLS),
    case("isnan", INTS),
    case("abs", torch.empty(0, 3)),
    case("exp", torch.tensor(0.5)),
]

two_arguments: list[Case] = [
    *(case(name, randn(3, 5), randn(3, 5)) for name in ARITHMETIC),
    *(case(name, randn(4, 1, 5), randn(3, 1)) for name in ARITHMETIC),
    *(case(name, randn(6), 1.75) for name in ARITHMETIC if name[1] not in "ai"),
    *(case(name, randn(6), torch.tensor(1.75)) for name in ("maximum", "minimum")),
    *(case(name, WHOLE, WHOLE.flip(0)) for name in ARITHMETIC if name != "div"),
    *(case(name, WHOLE, 3) for name in ARITHMETIC if name[1] not in "ai"),
    *(case(name, EDGES, EDGES.roll(1)) for name in ("maximum", "minimum", "mul")),
    *(case(name, INTS, randn(4, 3)) for name in ("add", "mul", "div")),
    *(case(name, INTS, 2.5) for name in ("add", "mul", "sub")),
    *(case(name, BOOLS, BOOLS.flip(1)) for name in ("add", "mul", "maximum")),
    *(case(name, BOOLS, 2) for name in ("add", "mul")),
    *(case(name, HALVES, HALVES.flip(0)) for name in ("add", "mul", "div")),
    case("add", HALVES, 0.1),
    case("add", HALVES, randn(5, 9)),
    case("add", HALVES, torch.tensor(0.1)),
    case("add", torch.arange(6, dtype=torch.int8), torch.tensor(100, dtype=torch.int8)),
    case("add", torch.full((5,), 100, dtype=torch.int8), 100),
    *(case(name, EDGES, EDGES.roll(2)) for name in COMPARISONS),
    *(case(name, INTS, 0) for name in COMPARISONS),
    *(case(name, BOOLS, BOOLS.flip(1)) for name in COMPARISONS),
    *(case(name, INTS, INTS.flip(0)) for name in LOGIC),
    *(case(name, BOOLS, BOOLS.flip(1)) for name in LOGIC),
    *(case(name, INTS, INTS.flip(0)) for name in BITS),
    *(case(name, BOOLS, BOOLS.flip(1)) for name in BITS),
    case("bitwise_left_shift", INTS, 3),
    case("bitwise_right_shift", INTS, 1),
    case("atan2", *torch.meshgrid(randn(6), randn(6), indexing="ij")),
    case("atan2", torch.tensor([0.0, 1, -1, 0, 2]), torch.tensor([-1.0, 0, 0, 1, -3])),
    case("add", randn(3), randn(3), alpha=2.5),
    case("sub", randn(3), randn(3), alpha=-2),
    case("rsub", randn(3), 2.0),
    case("div", randn(9), randn(9), rounding_mode="trunc"),
    case("div", randn(9), randn(9), rounding_mode="floor"),
    case("div", INTS, 4, rounding_mode="floor"),
    case("div", INTS, 4, rounding_mode="trunc"),
    *(case("pow", randn(9), power) for power in (2, 3, 0.5, -1, -2, 4, 0, 1.5)),
    *(case("pow", POSITIVE[:-2], power) for power in (0.3, -0.5, 2.7)),
    case("pow", torch.tensor([-2.0, 0, 0, 1, 2]), torch.tensor([3.0, 0, -1, nan, 0.5])),
    case("pow", INTS, 3),
    case("pow", INTS, ints(4, 3).abs()),
    case("pow", 2, randn(4)),
    case("mul", randn(2, 0, 3), randn(3)),
    case("add", torch.tensor(1.5), torch.tensor(2, dtype=torch.int32)),
]

more_arguments: list[Case] = [
    case("where", BOOLS, randn(2, 3), randn(3)),
    case("where", BOOLS, 1.5, 0.25),
    case("where", BOOLS, INTS[0], 0.5),
    case("clamp", EDGES, -1, 1),
    case("clamp", randn(9), min=0.1),
    case("clamp", randn(9), max=0.1),
    case("clamp", randn(9), randn(9) - 1, randn(9) + 1),
    case("clamp", INTS, -2, 2),
    case("clamp_min", randn(9), 0.3),
    case("clamp_max", randn(9), 0.3),
    case("lerp", randn(5), randn(5), 0.3),
    case("lerp", randn(5), randn(5), randn(5)),
    case("addcmul", randn(3, 1), randn(1, 4), randn(3, 4), value=0.5),
    case("addcdiv", randn(3), randn(3), randn(3), value=2.0),
    case("masked_fill", randn(2, 3), BOOLS, -inf),
    method("masked_fill", INTS[:2], BOOLS, 7),
    method("add", randn(4), randn(4), alpha=0.5),
    *(case(name, randn(4)) for name in ("absolute", "negative")),
    *(case(name, randn(4), randn(4)) for name in SYNONYMS),
    case("clip", randn(9), -0.5, 0.5),
    method("type_as", INTS, randn(1)),
    method("float", INTS),
    method("mul", randn(4), 3),
    method("to", randn(5) * 10, torch.int32),
    method("to", INTS, torch.bool),
    method("to", BOOLS, torch.float32),
    method("to", torch.tensor([65519.0, 65520, 1e-8, 3e-8, 6e-5, -0.1]), torch.float16),
    method("to", torch.tensor([100, 200, -200, 300]), torch.int8),
    method("to", EDGES.half(), torch.float32),
    method("to", torch.tensor([6e-8, -3e-6, 5e-5]).half(), torch.float32),
    method("half", randn(7)),
    method("int", randn(7) * 5),
    method("bool", torch.tensor([0.0, nan, 2.0])),
]

views: list[Case] = [
    case("add", View(randn(4, 6), "t", ()), randn(6, 4)),
    case("exp", View(randn(3, 8), "narrow", (1, 2, 5))),
    case("mul", View(randn(3, 8), "narrow", (1, 4, 4)), 2.0),
    case("add", View(randn(1, 8), "expand", (3, 8)), View(randn(8, 3), "t", ())),
    case("neg", View(randn(2, 3, 4), "permute", (2, 0, 1))),
    case("relu", View(randn(2, 3, 4), "select", (1, 2))),
    case("add", View(HALVES, "narrow", (1, 1, 7)), View(HALVES, "narrow", (1, 2, 7))),
]

POINTWISE = [*one_argument, *two_arguments, *more_arguments, *views]
