"""Cases of what a dtype cannot hold: values on the way, numbers, bits shifted out."""

import torch
from op_case import Case, case

SDPA = "nn.functional.scaled_dot_product_attention"
generator = torch.Generator().manual_seed(12)

# Their products are beyond float16, until they are scaled.
LOUD = torch.full((1, 1, 2, 64), 35.0).half()
BROAD = torch.randn(1, 2, 5, 64, generator=generator).half() * 40
SEEN = torch.ones(2, 2) > 0
CUBE = torch.randn(2, 3, 4, generator=generator)
BLANK, VALUES = torch.ones(2, 3, 0), torch.arange(12.0).view(2, 3, 2)

attention: list[Case] = [
    case(SDPA, *3 * [LOUD], SEEN),
    case(SDPA, *3 * [LOUD], torch.zeros(2, 2)),
    case(SDPA, LOUD, LOUD, LOUD[..., :3]),
    case(SDPA, LOUD[:, :, :1], LOUD, LOUD, is_causal=True),
    case(SDPA, *3 * [BROAD], torch.ones(5, 5).tril() > 0),
    # All scores of vectors without elements are one, and so are the weights.
    case(SDPA, BLANK, BLANK, VALUES),
    case(SDPA, BLANK, BLANK, VALUES, is_causal=True),
    case(SDPA, BLANK, BLANK, VALUES, torch.ones(3, 3).tril() > 0, scale=2.0),
]

refused_attention: list[Case] = [
    case(SDPA, CUBE, CUBE.half(), CUBE),
    case(SDPA, CUBE, CUBE, CUBE.half()),
    case(SDPA, *3 * [CUBE], torch.ones(5, 1, 3, 3)),
    case(SDPA, *3 * [CUBE], torch.ones(1, 1, 3, 3) > 0),
    case(SDPA, *3 * [CUBE[:1]], torch.ones(5, 3, 3)),
    case(SDPA, *3 * [CUBE[0]], torch.ones(1, 3, 3)),
]

HALF = torch.float16
ONES, HIGH, TOP = (torch.full((3,), value).half() for value in (1.0, 300.0, 60000.0))
MIXED = torch.tensor([1.5, -2.0, 0.25])
WHOLE = torch.full((3,), 2**20, dtype=torch.int32)
MATRIX = torch.full((3, 3), 300.0).half()

# Sums of products that are beyond float16 or int32 themselves.
sums: list[Case] = [
    case("addcmul", MIXED, HIGH, HIGH),
    case("addcmul", MIXED, WHOLE, WHOLE),
    case("addcmul", ONES, HIGH, HIGH, value=0.01),
    case("addcmul", WHOLE, WHOLE, WHOLE),
    case("addcdiv", ONES, TOP, ONES / 2, value=0.01),
    case("addcdiv", MIXED, TOP, ONES / 2),
    case("addcdiv", MIXED, WHOLE, MIXED, value=2.0**20),
    case("addcdiv", ONES, WHOLE, TOP),
    case("addmm", ONES, MATRIX, MATRIX, alpha=0.01),
    case("addmm", -TOP, MATRIX, MATRIX / 100, beta=2.0, alpha=40.0),
    case("addmm", ONES, MATRIX, MATRIX, alpha=0.01, beta=0),
    case("baddbmm", ONES, MATRIX[None], MATRIX[None], alpha=0.01),
    case("add", MIXED, WHOLE, alpha=2**20),
    case("add", MIXED > 0, MIXED < 0, alpha=2),
    case("add", MIXED > 0, MIXED > 0, alpha=-1),
    *(case("lerp", -TOP, TOP, weight) for weight in (0.25, 0.75, ONES * 0.25)),
]

INTS = torch.tensor([1, -7, 2**24 + 1], dtype=torch.int32)
UNSIGNED = torch.tensor([1, 2**31, 2**32 - 1], dtype=torch.uint32)
AT, SEEN_ONE = torch.tensor([1]), torch.tensor([True, False, False])
LOWEST = torch.finfo(torch.float32).min

# Whole numbers that no int32 is count as floats, as Python's 1e10 does.
numbers: list[Case] = [
    case("tensor", [3e38, 1]),
    case("tensor", [float(2**31), -1]),
    case("tensor", [2**31 - 1, -(2**31)], dtype=torch.int32),
    case("tensor", [-1, 2**32 - 1], dtype=torch.uint32),
    case("tensor", [2.5, -1.5], dtype=torch.int32),
    case("tensor", [1e6, -1e6], dtype=HALF),
    *(case("full", [2], value) for value in (LOWEST, -1e10, float(2**31), 2.0**40)),
    case("full", [2], -1, dtype=torch.uint32),
    case("full", [2], 1e30, dtype=torch.bool),
    case("full_like", INTS, 2.75),
    case("full_like", SEEN_ONE, False),
    *(case(name, INTS, 1e10) for name in ("add", "mul", "lt", "eq", "remainder")),
    case("where", SEEN_ONE, INTS, 1e10),
    case("where", SEEN_ONE, UNSIGNED, 2**32 - 2),
    case("clamp", INTS, 0, 1e10),
    case("clamp", INTS.half(), -65504.0, 100.0),
    case("clamp_min", INTS, 1e10),
    *(case("masked_fill", INTS, SEEN_ONE, value) for value in (2.75, -(2**31))),
    case("masked_fill", SEEN_ONE, SEEN_ONE, 1e39),
    case("masked_fill", INTS, SEEN_ONE, torch.tensor(2.75)),
    case("masked_fill", INTS, SEEN_ONE, torch.tensor(9.0).half()),
    case("pow", INTS, -1e10),
    *(case(name, INTS.to(torch.int8), 257) for name in ("eq", "lt", "fmod", "mul")),
    *(
        case(f"bitwise_{name}", x, by)
        for name in ("and", "or", "xor", "left_shift")
        for x, by in ((INTS, 2**31), (INTS, 2**32 - 1), (INTS.to(torch.int8), 2**31))
    ),
    case("masked_fill", MIXED, SEEN_ONE, LOWEST),
    case("masked_fill", ONES, SEEN_ONE, -65504.0),
    case("scatter", INTS, 0, AT, 2.75),
    case("scatter", INTS, 0, AT, -(2**31)),
    case("arange", 2**31 - 3, 2**31, 1, dtype=torch.int32),
    case("arange", 2**31, 2**31 + 3, 1, dtype=torch.int32),
    case("arange", 2**31 - 3, 2**31, 1),
    case("arange", 0.0, 4e9, 1e9),
    case("arange", 0, 500, 100, dtype=torch.int8),
]

refused_numbers: list[Case] = [
    *(case("full", [2], value, dtype=torch.int32) for value in (1e10, float("nan"))),
    case("full", [2], 1e39),
    case("full", [2], 1e6, dtype=HALF),
    case("full", [2], 300, dtype=torch.int8),
    case("full", [2], -(2**32), dtype=torch.uint32),
    *(case("full_like", x, 1e10) for x in (INTS, ONES)),
    case("tensor", [3e9], dtype=torch.int32),
    case("tensor", [1, -129], dtype=torch.int8),
    case("tensor", [float("inf")], dtype=torch.int32),
    *(case("clamp", ONES, **bound) for bound in ({"min": 1e6}, {"max": -1e6})),
    case("clamp_min", ONES, 65505.0),
    case("clamp_max", ONES, -1e6),
    *(case("masked_fill", INTS, SEEN_ONE, value) for value in (-1e10, 2147483647.5)),
    *(case("masked_fill", ONES, SEEN_ONE, value) for value in (-1e38, -65519.0)),
    case("masked_fill", MIXED, SEEN_ONE, 1e39),
    *(case("scatter", x, 0, AT, 1e10) for x in (INTS, ONES)),
    case("scatter", ONES, 0, AT, 1e6, reduce="add"),
    *(case("nn.functional.pad", x, [1, 0], value=1e10) for x in (INTS, ONES)),
    case("linspace", 0, 500, 3, dtype=torch.int8),
    case("linspace", 0, 1e6, 3, dtype=HALF),
    case("randint", 0, 300, [2], dtype=torch.int8),
    case("randint", 2**31, 2**32, [2], dtype=torch.int32),
    case("randint", 0, 100_000, [2], dtype=HALF),
]

SHIFTED = torch.tensor([1, -7, 123456, 2**31 - 1], dtype=torch.int32)
SHIFTS = torch.tensor([32, -1, 40, 31], dtype=torch.int32)
# PyTorch shifts no uint32.
HIGH_BITS = torch.tensor([2**32 - 1, 2**31, 5], dtype=torch.uint32)

shifts: list[Case] = [
    *(
        case(f"bitwise_{side}_shift", SHIFTED, by)
        for side in ("left", "right")
        for by in (31, 32, 33, -1, -32, SHIFTS)
    ),
    *(
        case(f"bitwise_{side}_shift", SHIFTED.to(torch.int8), by)
        for side in ("left", "right")
        for by in (7, 8, 9, 40, -1)
    ),
    *(
        Case(f"bitwise_{side}_shift", [HIGH_BITS, by], expected=expected)
        for side, by, expected in (
            ("left", 1, torch.tensor([2**32 - 2, 0, 10], dtype=torch.uint32)),
            ("right", 1, torch.tensor([2**31 - 1, 2**30, 2], dtype=torch.uint32)),
            ("left", 32, torch.zeros(3, dtype=torch.uint32)),
            ("right", 32, torch.zeros(3, dtype=torch.uint32)),
        )
    ),
]

F = "nn.functional."
TABLE = torch.randint(-(2**31), 2**31 - 1, (5, 3), generator=generator).int()
SMALL = torch.tensor([[100, -128, 7], [127, 127, -3]], dtype=torch.int8)
IDS, NO_INTS = torch.tensor([[4, 0], [2, 2]]), torch.empty(2, 0, dtype=torch.int32)
IMAGE = torch.randn(2, 6, 5, generator=generator).half()
CHANNELS = torch.randn(2, 6, generator=generator)

dtypes: list[Case] = [
    *(case(name, SMALL, 1) for name in ("amax", "amin", "max", "min")),
    *(case(name, SMALL) for name in ("amax", "max", "aminmax", "sum", "argmax")),
    *(
        case(name, x, 1, dtype=torch.int8)
        for name in ("sum", "prod", "nansum")
        for x in (SMALL, SMALL.float() / 4)
    ),
    case("prod", TABLE, 1, dtype=torch.int32),
    *(case("mean", x, 1, dtype=HALF) for x in (TABLE[:, :2] // 2**14, CUBE * 1e5)),
    case(f"{F}linear", TABLE, TABLE[:2]),
    case(f"{F}linear", TABLE[None], TABLE, TABLE[:, 0]),
    case(f"{F}linear", TABLE[0], TABLE[1]),
    case(f"{F}linear", TABLE.to(torch.int8), TABLE.to(torch.int8)),
    case(f"{F}linear", NO_INTS, NO_INTS),
    *(case(f"{F}embedding", IDS, TABLE.to(to)) for to in (torch.int32, torch.bool)),
    case(f"{F}embedding", IDS[:0], TABLE),
    case(f"{F}cosine_similarity", TABLE % 9, CUBE[0, :, :3].sum(0), dim=1),
    case(f"{F}cosine_similarity", CUBE, CUBE > 0, dim=2),
    case(f"{F}cosine_similarity", CUBE, CUBE.half(), dim=2),
    *(case(name, NO_INTS, 1) for name in ("softmax", "log_softmax")),
    case("softmax", NO_INTS > 0, 0),
    case(f"{F}group_norm", IMAGE, 2, CHANNELS[0]),
    case(f"{F}group_norm", IMAGE, 3, *CHANNELS),
    case(f"{F}group_norm", IMAGE, 3, *CHANNELS.half()),
    case(f"{F}group_norm", IMAGE * 100, 3, *(CHANNELS * 1000)),
]

refused_dtypes: list[Case] = [
    case(f"{F}nll_loss", TABLE, torch.zeros(5, dtype=torch.int64)),
    case(f"{F}linear", TABLE, TABLE, CHANNELS[0, :5]),
    case(f"{F}linear", TABLE > 0, TABLE > 0),
    case("softmax", NO_INTS, 2),
    case(f"{F}group_norm", TABLE[None], 5),
]

# More than a call has room for arguments.
many: list[Case] = [
    case("argsort", torch.randperm(130_000, generator=generator).int()),
]

WIDTHS = [*attention, *sums, *numbers, *shifts, *dtypes, *many]
REFUSED_WIDTHS = [*refused_attention, *refused_numbers, *refused_dtypes]
