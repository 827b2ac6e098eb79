"""Cases of arguments: each place and name that PyTorch takes one by, and odd values."""

import math

import torch
from op_case import Case, case, method
from torch import Tensor

generator = torch.Generator().manual_seed(8)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


X = randn(3, 4)
CUBE = randn(2, 3, 4)
INTS = torch.randint(-9, 10, (3, 4), generator=generator, dtype=torch.int32)
BOOLS = INTS > 0
HALVES = X.half()
INFINITE = torch.tensor([math.inf, -math.inf, 5.0, -5.0, 0.0, math.nan])
FAR = torch.tensor([2.0, -2.0, math.inf, math.inf, -math.inf, 1.0])
COLUMN = torch.tensor([[0], [2], [1]])
F = "nn.functional."
SDPA = f"{F}scaled_dot_product_attention"
Q, K, V = randn(2, 4, 3, 8), randn(2, 4, 5, 8), randn(2, 4, 5, 8)
UNSEEN = torch.full((3, 5), -math.inf)
LOGITS, CLASSES = randn(6, 5), torch.tensor([0, 4, 2, -100, 1, 3])
IDS, TABLE = torch.tensor([[1, 2], [9, 0]]), randn(10, 4)
SPREADS = ("var", "std", "var_mean", "std_mean")

ARGUMENTS: list[Case] = [
    # unbiased alone, or behind dim and before keepdim.
    *(case(name, CUBE, unbiased) for name in SPREADS for unbiased in (True, False)),
    *(case(name, CUBE, 1, False) for name in SPREADS),
    *(case(name, CUBE, (0, 1), True, True) for name in SPREADS),
    *(case(name, CUBE, dim=1, unbiased=False, keepdim=True) for name in SPREADS),
    *(case(name, CUBE, correction=None) for name in SPREADS),
    *(case(name, CUBE, dim=(0, 2), correction=0.5) for name in SPREADS),
    *(method(name, CUBE, False) for name in ("var", "std")),
    *(method(name, CUBE, 1, False) for name in ("var", "std")),
    # No dimensions, of which `any` and `all` reduce none.
    *(case(name, CUBE, dim=[]) for name in ("any", "all", "sum", "amax", "norm")),
    case("all", CUBE, dim=(), keepdim=True),
    # dtype, or None.
    *(
        case(name, x, 0, dtype=torch.bool)
        for name in ("sum", "prod", "nansum")
        for x in (X, INTS, BOOLS)
    ),
    *(case(name, X, 0, dtype=None) for name in ("sum", "mean", "prod", "nanmean")),
    case("nanmean", X, 0, dtype=torch.float16),
    case("nanmean", (randn(100_000) + 1).half()),
    case("linspace", 0, 1, 5, dtype=None),
    case("arange", 5, dtype=None),
    case("zeros", 2, dtype=None),
    case("full", (2,), 1.5, dtype=None),
    case("arange", 1, 0, -0.3, dtype=torch.int32),
    case("arange", 0.5, 3, dtype=torch.int32),
    case("empty_like", torch.ones(0, 3)),
    # Orders of norms.
    *(case("norm", X, None, dim) for dim in (None, 0, (0, 1))),
    *(case("norm", CUBE, "fro", dim) for dim in (None, 1, (0, 1))),
    *(case("norm", CUBE, p, (0, 1)) for p in (0, 1, 0.5, -1, -2, math.inf)),
    # Scaled numbers, and bools.
    case("add", INTS, 2.5, alpha=2),
    case("sub", INTS, 2.5, alpha=2),
    case("add", BOOLS, BOOLS, alpha=True),
    *(case("add", BOOLS, True, alpha=alpha) for alpha in (0, 2)),
    *(case("add", BOOLS, ~BOOLS, alpha=alpha) for alpha in (0, 2)),
    case("pow", BOOLS, 2),
    case("pow", BOOLS, 3),
    case("positive", X),
    case("masked_fill", INTS, BOOLS, 2.5),
    case("masked_fill", X, BOOLS, torch.tensor(2.5)),
    case("round", (X * 123).half(), decimals=1),
    case("round", (X * 123).half(), decimals=3),
    case("round", X * 123, decimals=-1),
    # Infinities.
    case("floor_divide", INFINITE, FAR),
    case("floor_divide", FAR, INFINITE),
    case("floor_divide", INFINITE, 2),
    case("div", INFINITE, FAR, rounding_mode="floor"),
    case("xlogy", INFINITE, 0),
    case("xlogy", INFINITE, 2),
    case("xlogy", 2, X.abs()),
    *(case("xlogy", number, INFINITE) for number in (0, 1)),
    # One condition gives places.
    case("where", BOOLS),
    case("where", CUBE),
    case("where", torch.zeros(2, 3)),
    case("where", torch.tensor(1)),
    case("where", torch.tensor(0)),
    case("where", torch.zeros(0, 3)),
    # Single values, and vectors of one.
    case("gather", torch.tensor(2.5), 0, torch.tensor([0, 0])),
    case("gather", X[0], 0, torch.tensor(1)),
    case("gather", torch.tensor(2.5), 0, torch.tensor(0)),
    case("gather", X, 1, COLUMN, sparse_grad=False),
    case("argsort", X, 0, True),
    case("argsort", X, stable=True, dim=0, descending=True),
    # Factors of integers, inputs that are ignored.
    case("addmm", INTS, INTS[:, :3], INTS, alpha=0.5, beta=2.5),
    case("addmm", torch.full((4,), math.nan), X[:, :3], X, beta=0, alpha=2),
    # nn.functional
    case(f"{F}relu", X, inplace=False),
    case(f"{F}relu", X, False),
    case(f"{F}silu", X, inplace=False),
    case(f"{F}embedding", IDS, TABLE, None, None, 2.0, False, False),
    case(f"{F}embedding", IDS, TABLE, scale_grad_by_freq=True),
    case(f"{F}embedding", IDS, TABLE, padding_idx=-10),
    case(f"{F}cross_entropy", LOGITS, CLASSES, None, None, -100, None, "sum", 0.1),
    *(
        case(f"{F}{name}", LOGITS, CLASSES, None, average, -100, reduce)
        for name in ("cross_entropy", "nll_loss")
        for average in (None, True, False)
        for reduce in (None, True, False)
    ),
    case("randint", low=1, high=2, size=[3]),
    case("randint", 1, [3], dtype=torch.bool),
    case(f"{F}cosine_similarity", X, X[0]),
    case(f"{F}cosine_similarity", CUBE, X, dim=2),
    case(f"{F}cosine_similarity", CUBE, CUBE[:, :1], dim=1),
    case("cosine_similarity", X, X.flip(0)),
    case(f"{F}pad", CUBE, (-1, 2), mode="circular"),
    case(f"{F}pad", CUBE, (2, -1), mode="circular"),
    case(f"{F}pad", CUBE, (-1, -1), mode="circular"),
    *(case(f"{F}pad", CUBE, (2, -1), mode=mode) for mode in ("reflect", "replicate")),
    # Queries that see nothing, and NaN that they do.
    case(SDPA, Q, K, V, UNSEEN),
    case(SDPA, Q, K, V, UNSEEN > 0),
    case(SDPA, Q * math.nan, K, V, UNSEEN < 0),
    case(SDPA, Q.half(), K.half(), V.half(), randn(3, 5)),
    case(SDPA, Q, K, V, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None),
]

# Each is refused by PyTorch, under the same class of error.
REFUSED_ARGUMENTS: list[Case] = [
    *(case(name, X, dim=(0, 1)) for name in ("prod", "argmax", "argmin")),
    *(case(name, X, (0, 1)) for name in ("max", "min")),
    *(case(name, X, dim=None) for name in ("max", "min")),
    *(case(name, X, keepdim=True) for name in ("max", "min")),
    *(case(name, X, dim=0, correction=0, unbiased=True) for name in SPREADS),
    case("logsumexp", X, None),
    case("nanmean", X, dtype=torch.int32),
    *(case(name, X, 0, dtype=torch.bool) for name in ("cumsum", "cumprod")),
    case("arange", 3, dtype=torch.bool),
    case("norm", CUBE, "fro", (0, 1, 2)),
    case("norm", X, "x"),
    *(case("norm", torch.ones(0, 3), p, 0) for p in (math.inf, -math.inf, -1)),
    *(case(name, X, 2) for name in ("maximum", "minimum", "atan2", "logical_and")),
    *(case(name, X, 2.5) for name in ("logical_or", "logical_xor", "logaddexp")),
    *(case(name, 2, X) for name in ("eq", "ne", "lt", "le", "gt", "ge", "fmod")),
    *(case("sub", *pair) for pair in ((X, True), (BOOLS, 1), (X, BOOLS))),
    case("rsub", BOOLS, 1),
    case("add", X, X, alpha=True),
    case("positive", BOOLS),
    case("round", INTS, decimals=0),
    case("clamp", X, X[0], 0.5),
    case("masked_fill", X, BOOLS, X[0]),
    case("masked_fill", INTS, BOOLS, math.inf),
    case("squeeze", X, (0, 0)),
    case("where", BOOLS, 1.0),
    case("argsort", X, 0, True, True),
    case("addmm", X[None], X[:, :3], X),
    case("addmm", HALVES, X[:, :3], X),
    case("einsum", "ij->i->j", X),
    case(f"{F}pad", CUBE, (1, 1), mode="x"),
    case(SDPA, Q, K, V, torch.ones(3, 5).half()),
    case(SDPA, Q, K, V, torch.ones(3, 5).int()),
    case(f"{F}cross_entropy", LOGITS, LOGITS.softmax(1), ignore_index=1),
    case("randint", 2.5, [2]),
    case("randint", 5, [2], dtype=torch.bool),
    # Of another type.
    case("sum", X, 0, 1),
    case("sum", X, 0, keepdim="a"),
    case("sort", X, descending="a"),
    case("topk", X, 2, largest="a"),
    case("isclose", X, X, equal_nan="a"),
    case("isclose", X, X, rtol="a"),
    case("round", X, decimals=0.5),
    case("tril", X, 0.5),
    case("diagonal", X, "a"),
    case("flatten", X, "a"),
    case("var", X, correction="a"),
    case("add", X, X, alpha="a"),
    case("addcmul", X, X, X, value="a"),
    case("addmm", X, X[:, :3], X, beta="a"),
    case("lerp", X, X, "a"),
    case("full", (2,), "a"),
    case("full", (2,), None),
    case("split", X, "a"),
    case("roll", X, 0.5),
    method("repeat", X, "a"),
    method("expand", X, "a"),
    case("nan_to_num", X, "a"),
    case(f"{F}softplus", X, beta="a"),
    case(f"{F}layer_norm", X, [4], 3),
    case(f"{F}layer_norm", X, [4], eps="a"),
    case(f"{F}layer_norm", X, 4),
    case(f"{F}pad", X, 1),
    case(SDPA, Q, K, V, 3),
    case(SDPA, Q, K, V, scale="a"),
    case(SDPA, Q, K, V, is_causal="a"),
    case(f"{F}nll_loss", LOGITS, CLASSES, 3),
]
