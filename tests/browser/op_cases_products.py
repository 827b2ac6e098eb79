"""Cases of einsum, of products of integers, and of attention's and losses' forms."""

import math

import torch
from op_case import Case, View, case, method
from torch import Tensor

generator = torch.Generator().manual_seed(7)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


def ints(low: int, high: int, *shape: int) -> Tensor:
    return torch.randint(low, high, shape, generator=generator, dtype=torch.int32)


A, B, C = randn(3, 4), randn(4, 5), randn(5, 2)
BATCH = randn(2, 3, 4)

einsums: list[Case] = [
    case("einsum", "ij,jk->ik", A, B),
    case("einsum", "ij,jk", A, B),
    case("einsum", "ij,jk->ki", A, B),
    case("einsum", "ij,jk,kl->il", A, B, C),
    case("einsum", "ij,jk,kl->l", A, B, C),
    case("einsum", "ij->ji", A),
    case("einsum", "ij->", A),
    case("einsum", "ba", A),
    case("einsum", "ij,ij->i", A, randn(3, 4)),
    case("einsum", "ij,ij->ij", A, randn(3, 4)),
    case("einsum", "i,j->ij", randn(3), randn(4)),
    case("einsum", "i,i->", randn(9), randn(9)),
    case("einsum", "bij,bjk->bik", BATCH, randn(2, 4, 5)),
    case("einsum", "bij,jk->bik", BATCH, B),
    case("einsum", "b i j, b k j -> b i k", BATCH, randn(2, 5, 4)),
    case("einsum", "bhqd,bhkd->bhqk", randn(2, 3, 4, 5), randn(2, 3, 6, 5)),
    case("einsum", "...ij,...jk->...ik", randn(2, 1, 3, 4), randn(7, 4, 5)),
    case("einsum", "...i,i->...", BATCH, randn(4)),
    case("einsum", "i...,i...", BATCH, randn(2, 1, 4)),
    case("einsum", "...", BATCH),
    case("einsum", "ii->i", randn(4, 4)),
    case("einsum", "ii", randn(4, 4)),
    case("einsum", "bii->b", randn(2, 3, 3)),
    case("einsum", "ij,jk->ik", randn(3, 1), B),
    case("einsum", "ij,kl->", A, B),
    case("einsum", "ij,kj->ik", View(randn(4, 3), "t", ()), randn(6, 4)),
    case("einsum", "ij,jk->ik", randn(3, 0), randn(0, 5)),
    case("einsum", "ij,jk->ik", [A, B]),
    case("einsum", "ij,jk->ik", A.half(), B.half()),
    case("einsum", "ij,jk->ik", ints(-9, 9, 3, 4), ints(-9, 9, 4, 5)),
]

integers: list[Case] = [
    case("matmul", ints(-99, 99, 3, 4), ints(-99, 99, 4, 5)),
    case("matmul", ints(-9, 9, 2, 1, 3, 4), ints(-9, 9, 5, 4, 2)),
    case("matmul", ints(-9, 9, 4), ints(-9, 9, 4)),
    case("mm", ints(40000, 50000, 3, 4), ints(40000, 50000, 4, 5)),
    method("mm", ints(-9, 9, 3, 0), ints(-9, 9, 0, 5)),
    method("addmm", ints(-9, 9, 5), ints(-9, 9, 3, 4), ints(-9, 9, 4, 5)),
]

half = torch.float16
broadcasts: list[Case] = [
    case("matmul", randn(4), randn(2, 3, 4, 5)),
    case("matmul", randn(2, 3, 5, 4), randn(4)),
    case("matmul", randn(2, 1, 1, 3, 4), randn(5, 1, 4, 2)),
    case("matmul", View(randn(3, 4), "expand", (2, 3, 4)), randn(4, 2)),
    case("matmul", randn(2, 0, 4), randn(4, 3)),
    case("matmul", randn(0, 3, 4), randn(4, 3)),
    case("matmul", randn(2, 3, 0), randn(2, 0, 4)),
    case("bmm", randn(0, 3, 4), randn(0, 4, 5)),
    case("baddbmm", randn(1, 1, 3), BATCH, randn(2, 4, 3), beta=2.0),
    case("addmm", randn(4, 1).to(half), randn(4, 3).to(half), randn(3, 5).to(half)),
    case("outer", randn(0), randn(3)),
    case("dot", randn(0), randn(0)),
]

IMAGE = randn(2, 6, 5, 3)
LOGITS = randn(5, 7)
CLASSES = torch.tensor([6, 0, 3, -100, 2])
SMALL = LOGITS.softmax(1)
WEIGHT = torch.rand(7, generator=generator) + 0.5
MAPS = randn(2, 4, 3, 5)
LABELS = ints(0, 4, 2, 3, 5).long()

norms: list[Case] = [
    case("nn.functional.group_norm", IMAGE, 3),
    case("nn.functional.group_norm", IMAGE, 1, randn(6)),
    case("nn.functional.group_norm", IMAGE, 6, randn(6), randn(6)),
    case("nn.functional.group_norm", randn(4, 6), 2, randn(6), randn(6), 0.1),
    case("nn.functional.group_norm", View(IMAGE, "transpose", (0, 1)), 2, eps=1e-3),
    case("group_norm", IMAGE.half(), 2),
    case("nn.functional.softmax", LOGITS.half(), -1, dtype=torch.float32),
    case("log_softmax", ints(-3, 3, 4, 5), 1, dtype=torch.float32),
]


def entropy(*args: Tensor | View, **kwargs: object) -> Case:
    return case("nn.functional.cross_entropy", *args, **kwargs)


losses: list[Case] = [
    entropy(LOGITS, CLASSES),
    *(entropy(LOGITS, CLASSES, reduction=how) for how in ("none", "sum")),
    *(
        entropy(LOGITS, CLASSES, WEIGHT, reduction=how)
        for how in ("none", "sum", "mean")
    ),
    entropy(LOGITS, CLASSES.clamp_min(0), ignore_index=3),
    *(
        entropy(
            LOGITS, CLASSES.clamp_min(0), weight, label_smoothing=0.2, reduction=how
        )
        for weight in (None, WEIGHT)
        for how in ("none", "sum", "mean")
    ),
    entropy(LOGITS, CLASSES, WEIGHT, label_smoothing=0.1),
    entropy(LOGITS[0], torch.tensor(3)),
    *(entropy(LOGITS[0], torch.tensor([3]), reduction=how) for how in ("none", "mean")),
    entropy(LOGITS[0], torch.tensor([2]), WEIGHT),
    case("nn.functional.nll_loss", LOGITS[0], torch.tensor([3]), reduction="none"),
    entropy(MAPS, LABELS),
    entropy(MAPS, LABELS, torch.ones(4) * 0.5, reduction="none"),
    entropy(View(MAPS, "transpose", (2, 3)), View(LABELS, "transpose", (1, 2))),
    *(entropy(LOGITS, SMALL, reduction=how) for how in ("none", "sum", "mean")),
    entropy(LOGITS, SMALL, WEIGHT, label_smoothing=0.3),
    entropy(MAPS, MAPS.softmax(1)),
    entropy(LOGITS.half(), CLASSES),
    entropy(LOGITS * 100, CLASSES),
    entropy(LOGITS, torch.full((5,), -100)),
    case("nn.functional.nll_loss", LOGITS.log_softmax(1), CLASSES),
    case("nn.functional.nll_loss", LOGITS.log_softmax(1), CLASSES, WEIGHT),
    case("nn.functional.nll_loss", MAPS, LABELS, reduction="none"),
]


def sdpa(*args: Tensor | View, **kwargs: object) -> Case:
    return case("nn.functional.scaled_dot_product_attention", *args, **kwargs)


Q, K, V = randn(2, 4, 5, 8), randn(2, 2, 6, 8), randn(2, 2, 6, 8)
HOLED = torch.where(randn(5, 6) > 0, 0.0, -math.inf).index_fill(
    1, torch.tensor([0]), 0.0
)

attention: list[Case] = [
    sdpa(Q, K, V, enable_gqa=True, is_causal=True),
    sdpa(Q, K, V, enable_gqa=True, attn_mask=randn(5, 6) > 0),
    sdpa(Q, K, V, enable_gqa=True, attn_mask=randn(2, 1, 5, 6), scale=0.1),
    sdpa(Q, randn(2, 4, 6, 8), randn(2, 4, 6, 3), attn_mask=HOLED),
    sdpa(Q, randn(2, 1, 5, 8), randn(2, 1, 5, 8), None, 0.0, True, enable_gqa=True),
    sdpa(Q.half(), K.half(), V.half(), enable_gqa=True),
    sdpa(randn(5, 8), randn(6, 8), randn(6, 8), attn_mask=randn(6) > -1),
    sdpa(randn(2, 4, 0, 8), randn(2, 4, 6, 8), randn(2, 4, 6, 8)),
    sdpa(randn(2, 4, 5, 8), randn(2, 4, 0, 8), randn(2, 4, 0, 8)),
    sdpa(randn(2, 3, 1, 8), randn(2, 3, 9, 8), randn(2, 3, 9, 8)),
]

PRODUCTS = [*einsums, *integers, *broadcasts, *norms, *losses, *attention]
