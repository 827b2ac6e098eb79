"""Cases of matrix products and of torch.nn.functional."""

import math

import torch
from op_case import Case, Quantized, View, case, method
from torch import Tensor
from torch.nn import functional

from quantize import QUANTIZED_DTYPES, quantize

generator = torch.Generator().manual_seed(4)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


WIDE = torch.cat([torch.linspace(-12, 12, 97), torch.tensor([0.0, math.nan])])
ROWS = randn(5, 24)
HOLES = torch.tensor([[math.nan, 1.0], [2.0, math.nan], [0.0, 0.0], [math.nan, 5.0]])
CUBE = randn(2, 6, 5)
QUERIES, KEYS, VALUES = randn(3, 2, 3, 7, 8).unbind()
FEWER_HEADS = randn(2, 1, 7, 8)
MASK = randn(7, 7) > 0
NOTHING_SEEN = MASK.index_fill(0, torch.tensor([2]), False)
HEADS_LAST = randn(2, 7, 3, 8)

products: list[Case] = [
    case("matmul", randn(4, 5), randn(5, 6)),
    case("matmul", randn(5), randn(5)),
    case("matmul", randn(5), randn(5, 3)),
    case("matmul", randn(2, 4, 5), randn(5)),
    case("matmul", randn(2, 4, 5), randn(5, 6)),
    case("matmul", randn(3, 1, 4, 5), randn(2, 5, 6)),
    case("matmul", randn(1, 2, 1, 2, 3, 4, 5), randn(2, 2, 1, 1, 5, 2)),
    case("matmul", randn(4, 8), View(randn(6, 8), "t", ())),
    case("matmul", View(randn(8, 4), "t", ()), randn(8, 6)),
    case("matmul", randn(3, 4), View(randn(6, 8), "narrow", (0, 1, 4))),
    case("matmul", randn(4, 0), randn(0, 3)),
    case("matmul", randn(4, 5).half(), randn(5, 6).half()),
    case("mm", randn(33, 65), randn(65, 17)),
    case("bmm", CUBE, randn(2, 5, 3)),
    case("bmm", CUBE, View(randn(2, 3, 5), "transpose", (1, 2))),
    case("addmm", randn(6), randn(4, 5), randn(5, 6)),
    case("addmm", randn(4, 6), randn(4, 5), randn(5, 6), beta=0.5, alpha=2.0),
    case("addmm", torch.full((4, 6), math.nan), randn(4, 5), randn(5, 6), beta=0),
    case("baddbmm", randn(2, 6, 3), CUBE, randn(2, 5, 3), alpha=0.5),
    case("dot", randn(9), randn(9)),
    case("mv", randn(4, 9), randn(9)),
    case("outer", randn(4), randn(3)),
    case("nn.functional.linear", ROWS, randn(7, 24)),
    case("nn.functional.linear", randn(2, 3, 24), randn(7, 24), randn(7)),
    case("nn.functional.linear", View(randn(24, 5), "t", ()), randn(7, 24), randn(7)),
    case("nn.functional.linear", randn(24), randn(7, 24), randn(7)),
    case("nn.functional.linear", randn(3, 24), randn(24)),
    method("matmul", randn(4, 5), randn(5, 6)),
]

# Weights of 8 and 4 bits with one scale a row and group, and float16 ones: PyTorch gets
# them unpacked.
PACKED = [Quantized(*quantize(randn(7, 64), dtype)) for dtype in QUANTIZED_DTYPES]
HALF = randn(7, 24).half()
INDICES = torch.tensor([[6, 0], [3, 3]])

packed: list[Case] = [
    *(case("nn.functional.linear", randn(5, 64), w, randn(7)) for w in PACKED),
    *(case("nn.functional.linear", randn(2, 3, 64), w) for w in PACKED),
    *(case("nn.functional.embedding", INDICES, w) for w in PACKED),
    *(Case("dequantize", [w], method=True, expected=w.tensor()) for w in PACKED),
    Case(
        "nn.functional.linear",
        [ROWS, HALF, HALF[:, 0].float()],
        expected=functional.linear(ROWS, HALF.float(), HALF[:, 0].float()),
    ),
]

activations: list[Case] = [
    case("nn.functional.gelu", WIDE),
    case("nn.functional.gelu", WIDE, approximate="tanh"),
    case("nn.functional.gelu", ROWS.half()),
    *(case(f"nn.functional.{name}", WIDE) for name in ("relu", "silu", "softplus")),
    case("nn.functional.softplus", WIDE, 2, 5),
    case("nn.functional.softplus", WIDE.half(), beta=0.5),
    case("norm", WIDE.half(), dtype=torch.float32),
    case("softmax", ROWS, 1),
    case("softmax", ROWS, dim=0),
    case("softmax", View(CUBE, "permute", (1, 2, 0)), 1),
    case("softmax", ROWS * 100, -1),
    case("softmax", torch.tensor(3.0), 0),
    case("log_softmax", ROWS, 1),
    case("log_softmax", CUBE, dim=1),
    case("nn.functional.softmax", ROWS.half(), dim=-1),
]

norms: list[Case] = [
    case("nn.functional.layer_norm", ROWS, [24]),
    case("nn.functional.layer_norm", ROWS, [24], randn(24), randn(24)),
    case("nn.functional.layer_norm", ROWS, [24], randn(24), eps=0.1),
    case("nn.functional.layer_norm", CUBE, [6, 5], randn(6, 5), randn(6, 5)),
    case("nn.functional.layer_norm", View(CUBE, "transpose", (1, 2)), [6]),
    case("nn.functional.layer_norm", ROWS, [24], bias=randn(24)),
    case("nn.functional.rms_norm", ROWS, [24]),
    case("nn.functional.rms_norm", ROWS, [24], randn(24), eps=1e-6),
    case("nn.functional.normalize", ROWS),
    case("nn.functional.normalize", CUBE, p=1, dim=0),
    case("nn.functional.normalize", torch.zeros(2, 3), dim=-1),
    case("nn.functional.cosine_similarity", ROWS, randn(5, 24)),
    case("nn.functional.cosine_similarity", CUBE, randn(2, 6, 5), dim=-1),
]

lookups: list[Case] = [
    case("nn.functional.embedding", torch.tensor([[4, 0], [2, 2]]), ROWS),
    case("nn.functional.embedding", torch.tensor([1, 3]), ROWS.half()),
    case("nn.functional.embedding", torch.tensor([1, 0]), randn(3, 5)),
    case("nn.functional.pad", ROWS, [1, 2]),
    case("nn.functional.pad", CUBE, [0, 1, 2, 0], value=1.5),
    case("nn.functional.pad", ROWS, [-2, 3]),
    *(
        case("segment_reduce", ROWS, name, lengths=torch.tensor([1, 0, 4]))
        for name in ("sum", "mean", "max", "min")
    ),
    case("segment_reduce", randn(6, 2, 3), "mean", lengths=torch.tensor([2, 4])),
    *(
        case("segment_reduce", HOLES, name, lengths=torch.tensor([3, 1]))
        for name in ("max", "min")
    ),
]


def sdpa(*args: Tensor | View, **kwargs: object) -> Case:
    return case("nn.functional.scaled_dot_product_attention", *args, **kwargs)


GROUPED = randn(2, 7, 6, 8)  # (N, L, heads, E)

attention: list[Case] = [
    sdpa(QUERIES, KEYS, VALUES),
    sdpa(QUERIES, KEYS, VALUES, is_causal=True),
    sdpa(QUERIES, KEYS, VALUES, scale=0.3),
    sdpa(View(QUERIES, "flip", (2,)), View(KEYS, "flip", (1,)), VALUES),
    sdpa(QUERIES, KEYS, VALUES, attn_mask=MASK),
    sdpa(QUERIES, KEYS, VALUES, attn_mask=NOTHING_SEEN),
    sdpa(QUERIES, KEYS, VALUES, attn_mask=randn(2, 1, 7, 7)),
    sdpa(QUERIES[:, :, :4], KEYS, VALUES),
    sdpa(QUERIES[:, :, :4], KEYS, VALUES, is_causal=True),
    sdpa(QUERIES, FEWER_HEADS, FEWER_HEADS, enable_gqa=True),
    sdpa(QUERIES, FEWER_HEADS, FEWER_HEADS, enable_gqa=True, is_causal=True),
    sdpa(QUERIES, FEWER_HEADS, FEWER_HEADS, enable_gqa=True, attn_mask=MASK),
    sdpa(QUERIES, FEWER_HEADS, VALUES, enable_gqa=True),
    sdpa(QUERIES[0], FEWER_HEADS[0], FEWER_HEADS[0], enable_gqa=True),
    sdpa(QUERIES, KEYS[:, :1], VALUES[:, :1]),
    sdpa(
        View(GROUPED, "transpose", (1, 2)),
        *(View(GROUPED[:, :, :2], "transpose", (1, 2)) for _ in range(2)),
        enable_gqa=True,
    ),
    sdpa(QUERIES, KEYS, VALUES[..., :5]),
    sdpa(*(View(HEADS_LAST, "transpose", (1, 2)) for _ in range(3)), is_causal=True),
    sdpa(QUERIES[0, 0], KEYS[0, 0], VALUES[0, 0]),
]


def varlen(
    lengths: list[int], window: tuple[int, int], shared: int = 1, **kwargs: object
) -> Case:
    """Ragged attention, against PyTorch's attention on each sequence by itself.

    PyTorch's own varlen_attn needs a GPU.
    """
    qkv = randn(sum(lengths), 3, 2 * shared, 8)
    causal = window == (-1, 0)
    heads = slice(0, 2)
    if shared > 1:
        kwargs["enable_gqa"] = True
    expected = [
        functional.scaled_dot_product_attention(
            q, k[heads], v[heads], is_causal=causal, **kwargs
        ).transpose(0, 1)
        for q, k, v in (part.permute(1, 2, 0, 3) for part in qkv.split(lengths))
    ]
    cu = torch.tensor([0, *lengths]).cumsum(0)
    fewer = qkv[:, :, heads].contiguous()
    thirds = [View(fewer if i else qkv, "select", (1, i)) for i in range(3)]
    longest = max(lengths)
    return Case(
        "nn.attention.varlen.varlen_attn",
        [*thirds, cu, cu, longest, longest],
        {"window_size": window, **kwargs},
        expected=torch.cat(expected),
    )


ragged: list[Case] = [
    varlen([5, 1, 12], (-1, -1)),
    varlen([5, 1, 12], (-1, 0)),
    varlen([33], (-1, 0), scale=0.2),
    varlen([5, 1, 12], (-1, 0), shared=3),
]

NN = [*products, *packed, *activations, *norms, *lookups, *attention, *ragged]
