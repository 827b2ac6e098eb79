"""Cases of NaN, of infinities, of overflow, and of tensors without elements."""

import math

import torch
from op_case import Case, brackets, case, method
from torch import Tensor

inf, nan = math.inf, math.nan
generator = torch.Generator().manual_seed(10)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


ROWS = torch.tensor(
    [
        [1.0, -2.0, 0.5],
        [nan, 1.0, 2.0],
        [inf, 1.0, 2.0],
        [-inf, 1.0, -inf],
        [inf, -inf, 0.0],
        [-inf, -inf, -inf],
        [3e38, 3e38, -3e38],
    ]
)
LARGE = torch.tensor([60000.0, 60000.0, -60000.0, 1e-7, 5e-8]).half()
# Angles up to the largest numbers, of both signs, and next to multiples of pi.
FAR = torch.cat([torch.logspace(3, 38, 200), -torch.logspace(4, 30, 99)])
FAR = torch.cat([FAR, torch.arange(15000, 16000, 50) * math.pi])
# Quotients that round up to an integer, and such of many digits.
DIVIDENDS = torch.tensor(
    [1.0, -1.0, 6.0, 1e10, -1e30, 3e38, 5.0, 2.5, 0.0, inf, 1.0, nan]
)
DIVISORS = torch.tensor([0.1, 0.1, 0.6, 3.0, 7.0, 1e-30, inf, 0.0, 2.0, 2.0, nan, 1.0])
INTS = torch.tensor([2147483647, -2147483648, 65536, -1], dtype=torch.int32)

special: list[Case] = [
    *(case(name, ROWS, 1) for name in ("softmax", "log_softmax", "argmax", "argmin")),
    *(case(name, ROWS[:6], 1) for name in ("sum", "mean", "prod", "var", "std")),
    *(case(name, ROWS, 1) for name in ("max", "min", "amax", "amin", "logsumexp")),
    *(case(name, ROWS, dim=1) for name in ("any", "all", "count_nonzero")),
    *(case("norm", ROWS[:6], p, 1) for p in (1, 2, 0, inf, -inf)),
    case("clamp", ROWS, -1.0, 1.0),
    case("clamp", ROWS, nan, 1.0),
    case("maximum", ROWS, ROWS.flip(1)),
    case("matmul", ROWS[:6], randn(3, 4)),
    case("matmul", randn(4, 3), ROWS[:3].t()),
    case("nn.functional.linear", ROWS[:5], randn(2, 3), randn(2)),
    case("nn.functional.layer_norm", ROWS[:5], [3]),
    case("nn.functional.rms_norm", ROWS[:2], [3]),
    case("nn.functional.normalize", ROWS[:5]),
    *(case(f"nn.functional.{name}", ROWS) for name in ("silu", "relu")),
    # PyTorch's own gelu makes NaN of infinity on some processors, and not on others.
    case("nn.functional.gelu", ROWS[:2]),
    case("nn.functional.gelu", ROWS[:5], approximate="tanh"),
    case("tril", ROWS),
    case("where", ROWS > 0, ROWS, 0.0),
    case("masked_fill", torch.zeros(2), torch.tensor([True, False]), nan),
    *(case(name, FAR) for name in ("sin", "cos")),
    *(case(name, torch.tensor([inf, -inf, nan])) for name in ("sin", "cos", "tan")),
    case("lerp", ROWS, torch.zeros(3), 0.5),
    case("pow", ROWS, 2.5),
    case("pow", ROWS, 3),
    case("pow", ROWS, 0),
    *(case("pow", torch.tensor([0.0, -0.0]), b) for b in (-3, -2, -0.5, 3, -inf)),
    case(
        "pow",
        torch.tensor([-1.0, -1.0, 1.0, -2.0]),
        torch.tensor([inf, -inf, inf, inf]),
    ),
    *(
        case(name, torch.tensor([0.0, 1e-3, 89.0, -89.0, 95.0, inf, nan]))
        for name in ("sinh", "cosh")
    ),
    case("acosh", torch.tensor([-60000.0, -1.0, -1e9, -inf, nan])),
    case("acosh", torch.tensor([1.0, 1.5, 1e4, 1e9, 1e20, 3e38, inf, 0.5])),
    *(
        case(name, DIVIDENDS, divisors)
        for name in ("fmod", "remainder", "floor_divide")
        for divisors in (DIVISORS, -DIVISORS)
    ),
    *(case("mean", torch.ones(n)) for n in (41, 47, 55)),
    case("remainder", ROWS[:2], 2.0),
    case("div", torch.tensor([1.0, -1.0, 0.0]), torch.zeros(3)),
    case("div", INTS, torch.zeros(4, dtype=torch.int32)),
    *(case(name, LARGE, LARGE) for name in ("add", "mul", "div", "sub")),
    case("sum", LARGE),
    case("mean", LARGE),
    *(case(name, INTS, INTS) for name in ("add", "mul", "sub")),
    case("abs", INTS),
    case("sum", INTS[:1].expand(3)),
    case("nn.functional.cross_entropy", ROWS[:2], torch.tensor([0, 1])),
    case("einsum", "ij,ij->i", ROWS[:6], torch.ones(6, 3)),
    case("cat", [ROWS, ROWS]),
    case("nn.functional.pad", ROWS, [1, 1], value=inf),
]

NONE, WIDE, TALL = torch.empty(0), torch.empty(0, 3), torch.empty(3, 0)
NO_INDEX = torch.empty(0, 3, dtype=torch.int64)

empty: list[Case] = [
    *(case(name, TALL.half(), 1) for name in ("sum", "prod", "nansum", "mean")),
    *(case(name, WIDE) for name in ("exp", "sum", "prod", "sort", "t", "erfinv")),
    *(case(name, WIDE, 0) for name in ("sum", "prod", "any", "cumsum", "softmax")),
    *(case(name, WIDE, 1) for name in ("amax", "argmax", "max", "var", "log_softmax")),
    *(case(name, TALL, 1) for name in ("sum", "prod", "all", "logsumexp", "norm")),
    case("nansum", TALL, 1),
    case("count_nonzero", TALL, 1),
    case("mean", NONE),
    case("norm", NONE),
    case("add", WIDE, randn(3)),
    case("add", WIDE, randn(1, 3)),
    case("where", WIDE > 0, WIDE, 1.0),
    case("matmul", WIDE, randn(3, 2)),
    case("matmul", TALL, WIDE),
    case("matmul", NONE, NONE),
    case("einsum", "ij,jk->ik", TALL, WIDE),
    case("nn.functional.linear", WIDE, randn(2, 3), randn(2)),
    case("nn.functional.linear", TALL, torch.empty(2, 0), randn(2)),
    case("nn.functional.embedding", NO_INDEX, randn(4, 2)),
    case("nn.functional.layer_norm", WIDE, [3], randn(3), randn(3)),
    case("nn.functional.rms_norm", WIDE, [3]),
    case("nn.functional.group_norm", torch.empty(0, 4, 2), 2),
    case("nn.functional.normalize", WIDE),
    case("nn.functional.cosine_similarity", WIDE, WIDE),
    case("nn.functional.cross_entropy", WIDE, NO_INDEX[:, 0]),
    case("nn.functional.cross_entropy", WIDE, NO_INDEX[:, 0], reduction="none"),
    case("nn.functional.pad", WIDE, [1, 0, 2, 0]),
    case("nn.functional.pad", torch.empty(0, 2, 3), [1, 1], mode="reflect"),
    *(case("topk", tensor, 0) for tensor in (WIDE, TALL, randn(2, 3))),
    case("gather", randn(4, 3), 0, NO_INDEX),
    case("index_select", randn(4, 3), 0, NO_INDEX[:, 0]),
    case("scatter", randn(4, 3), 0, NO_INDEX, 1.0),
    case("scatter_add", WIDE, 0, NO_INDEX, WIDE),
    case("cat", [WIDE, randn(2, 3)]),
    case("cat", [TALL, TALL], 1),
    case("stack", [NONE, NONE], 1),
    case("split", NONE, 2),
    case("chunk", WIDE, 2),
    case("unbind", TALL, 1),
    case("unbind", WIDE, 1),
    case("permute", WIDE, [1, 0]),
    case("flip", WIDE, [0, 1]),
    case("roll", WIDE, 1),
    case("tile", WIDE, [2, 2]),
    method("repeat", randn(2), 0, 3),
    method("expand", randn(1, 3), 0, 3),
    case("reshape", WIDE, [3, 0, 5]),
    case("flatten", torch.empty(2, 0, 3), 1),
    case("unflatten", WIDE, 1, [3, 1]),
    case("tril", torch.empty(2, 0, 3)),
    case("diagonal", WIDE),
    brackets(WIDE, slice(None, None, 2), 1),
    brackets(randn(3, 2), slice(2, 1)),
    case("zeros", 0, 3),
    case("arange", 0),
    case("arange", 3, 3),
    case("linspace", 0, 1, 0),
    case("eye", 0),
    case("eye", 0, 3),
    case("full", [2, 0], 1.5),
    case("isclose", WIDE, WIDE),
]

EDGE_CASES = [*special, *empty]
