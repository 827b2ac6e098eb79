"""The heavy kernels by themselves against PyTorch, in every way an adapter may ask."""

import base64
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page
from torch import Tensor
from torch.nn import functional as F
from web_pages import ROOT, open_webgpu_page

from quantize import QUANTIZED_DTYPES, WEIGHT_DTYPES, WeightDtype, dequantize, quantize

# fmt: off
LENGTHS = [
    1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65,
    127, 128, 129, 255, 257, 511, 512, 513, 1000, 1023, 1024,
]
# fmt: on

# Of the largest value: float32 sums in another order than PyTorch's.
TOLERANCE = 2e-6

# A software adapter, as the one here, gets kernels without workgroup memory. Told that
# it is a GPU it runs what GPUs get, on a device without any optional feature and with
# the least limits: nothing else about an adapter changes a kernel.
ADAPTERS = {"software": {"software": True}, "gpu": {"software": False}}
on_both_ways = pytest.mark.parametrize("adapter", ADAPTERS)


@dataclass
class Run:
    """One kernel, its inputs, and what PyTorch makes of the same numbers."""

    kernel: str
    spec: dict[str, Any]
    inputs: list[Tensor]
    expected: Tensor

    def message(self, caps: dict[str, bool]) -> dict[str, Any]:
        inputs = [
            base64.b64encode(buffer_of(tensor)).decode() for tensor in self.inputs
        ]
        length = self.expected.numel()
        return {
            "kernel": self.kernel,
            "spec": self.spec,
            "caps": caps,
            "inputs": inputs,
            "length": length,
        }


def buffer_of(tensor: Tensor) -> bytes:
    """The tensor's bytes up to a multiple of four, as a GPU buffer has them."""
    data = tensor.contiguous().numpy().tobytes()
    return data + bytes(-len(data) % 4)


@pytest.fixture(scope="module")
def kernel_page(
    browser: Browser, static_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """A page with `runKernels`, built from kernel_page.ts."""
    bundle = tmp_path_factory.mktemp("kernels") / "kernel_page.js"
    esbuild = ROOT / "webgpu-torch/node_modules/.bin/esbuild"
    source = Path(__file__).with_name("kernel_page.ts")
    subprocess.run(
        [esbuild, source, "--bundle", f"--outfile={bundle}", "--log-level=error"],
        check=True,
    )
    page = open_webgpu_page(browser, f"{static_url}/blank.html")
    page.evaluate(bundle.read_text())
    yield page
    page.close()


def assert_close(page: Page, adapter: str, runs: list[Run]) -> None:
    """Runs everything in one call to the page, and compares with PyTorch's results."""
    messages = [run.message(ADAPTERS[adapter]) for run in runs]
    answers = page.evaluate("runs => runKernels(runs)", messages)
    for run, answer in zip(runs, answers, strict=True):
        values = np.frombuffer(base64.b64decode(answer), np.float32).copy()
        actual = torch.from_numpy(values).view(run.expected.shape)
        scale = run.expected[run.expected.isfinite()].abs().max().item()
        torch.testing.assert_close(
            actual,
            run.expected,
            rtol=0,
            atol=TOLERANCE * max(scale, 1e-30),
            equal_nan=True,
            msg=lambda text, run=run: f"{run.kernel} {run.spec}: {text}",
        )


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


NO_EPILOGUE = {"operands": [], "expression": "acc", "helpers": ""}
BIAS_RELU_RESIDUAL = {
    "operands": ["column", "full"],
    "expression": "op_relu(acc + e0) + e1",
    "helpers": "fn op_relu(x: F32) -> F32 { return max(x, F32(0.0)); }",
}


def linear(
    rows: int,
    columns: int,
    inner: int,
    dtype: WeightDtype,
    fused: bool = True,
    size: float = 1.0,
) -> Run:
    x, w = torch.randn(rows, inner), torch.randn(columns, inner) * size
    bias, residual = torch.randn(columns), torch.randn(rows, columns)
    match dtype:
        case "f32":
            weights = [w]
        case "f16":
            weights = [w.half()]
            w = w.half().float()
        case "q8" | "q4":
            weights = list(quantize(w, dtype))
            w = dequantize(*weights)
    # In float64: PyTorch's own float32 sums are as far from the truth as ours.
    expected = F.linear(x.double(), w.double())
    if fused:
        expected = torch.relu(expected + bias) + residual
    return Run(
        "matmul",
        {
            "M": rows,
            "N": columns,
            "K": inner,
            "weight": dtype,
            "norm": None,
            "epilogue": BIAS_RELU_RESIDUAL if fused else NO_EPILOGUE,
        },
        [x, *weights, *([bias, residual] if fused else [])],
        expected.float(),
    )


def normed_linear(rows: int, kind: str, parts: tuple[str, ...], mean: float) -> Run:
    """A linear layer that norms its input itself."""
    columns, inner = 40, 68
    x, w = torch.randn(rows, inner) + mean, torch.randn(columns, inner)
    given = {"weight": torch.randn(inner), "bias": torch.randn(inner)}
    normalize = F.layer_norm if kind == "layer" else F.rms_norm
    hidden = normalize(x.double(), [inner], eps=1e-5)
    if "weight" in parts:
        hidden = hidden * given["weight"]
    if "bias" in parts:
        hidden = hidden + given["bias"]
    flags = {part: part in parts for part in given}
    return Run(
        "matmul",
        {
            "M": rows,
            "N": columns,
            "K": inner,
            "weight": "f32",
            "norm": {"kind": kind, "eps": 1e-5, **flags},
            "epilogue": NO_EPILOGUE,
        },
        [x, w, *(given[part] for part in parts)],
        F.linear(hidden, w.double()).float(),
    )


def test_linear_norms_few_rows_on_the_way(kernel_page: Page) -> None:
    runs = [
        normed_linear(rows, kind, parts, mean)
        for rows in (1, 3, 16, 64)
        for kind, parts, mean in [
            ("layer", ("weight", "bias"), 0.0),
            ("layer", ("weight",), 30.0),
            ("layer", (), 0.0),
            ("rms", ("weight",), 0.0),
        ]
    ]
    assert_close(kernel_page, "gpu", runs)


@on_both_ways
def test_linear_is_right_at_every_length(kernel_page: Page, adapter: str) -> None:
    dtypes: tuple[WeightDtype, ...] = ("f32", *QUANTIZED_DTYPES)
    runs = [linear(rows, 40, 64, dtype) for rows in LENGTHS for dtype in dtypes]
    assert_close(kernel_page, adapter, runs)


@on_both_ways
def test_linear_is_right_for_any_shape(kernel_page: Page, adapter: str) -> None:
    runs = [
        linear(rows, columns, inner, dtype, fused=False)
        for rows in (1, 6, 70)
        for columns, inner in [(1, 1), (3, 5), (33, 34), (130, 96), (7, 32), (65, 160)]
        for dtype in WEIGHT_DTYPES
        if dtype not in QUANTIZED_DTYPES or inner % 32 == 0
    ]
    assert_close(kernel_page, adapter, runs)


@on_both_ways
def test_linear_is_right_for_many_rows_and_columns(
    kernel_page: Page, adapter: str
) -> None:
    # On a GPU, the larger tiles: 192 of them at least.
    runs = [
        linear(600, 330, 70, "f32"),
        linear(600, 332, 33, "f16"),
        linear(417, 500, 96, "q8"),
        linear(200, 1000, 64, "q4"),
    ]
    assert_close(kernel_page, adapter, runs)


def round_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """(rows, width) -> int8 integers and float32 scales, a scale 32 columns."""
    groups = x.view(len(x), -1, 32)
    largest = groups.abs().amax(-1, keepdim=True)
    integers = (groups * (127 / largest)).round().to(torch.int8)
    return integers.view_as(x), (largest / 127).squeeze(-1)


def dots(rows: int, columns: int, inner: int, size: float = 1.0) -> Run:
    """A linear layer on rows that were rounded to 8 bits before."""
    run = linear(rows, columns, inner, "q4", size=size)
    x, values, scales, bias, residual = run.inputs
    integers, steps = round_rows(x)
    x8 = (integers.view(rows, -1, 32).double() * steps.double().unsqueeze(-1)).view_as(
        x
    )
    expected = F.linear(x8, dequantize(values, scales).double())
    run.expected = (torch.relu(expected + bias) + residual).float()
    rounded = torch.cat([integers.flatten(), steps.flatten().view(torch.int8)])
    run.inputs[0] = rounded
    run.kernel = "matmulDots"
    return run


def test_linear_in_q4_multiplies_integers(kernel_page: Page) -> None:
    """Any number of rows and columns, groups that do not fill a step, small scales."""
    sizes = [(1, 1, 32), (33, 40, 160), (65, 130, 128), (100, 31, 96), (31, 64, 288)]
    runs = [dots(*size) for size in sizes] + [dots(70, 40, 64, size=1e-4)]
    assert_close(kernel_page, "gpu", runs)


def rounded_on_the_gpu(page: Page, x: Tensor) -> tuple[Tensor, Tensor]:
    spec = {"rows": len(x), "width": x.shape[1]}
    words = x.numel() // 4 + x.numel() // 32
    run = Run("roundRows", spec, [x], torch.empty(words))
    (answer,) = page.evaluate("runs => runKernels(runs)", [run.message({})])
    data = base64.b64decode(answer)
    integers = np.frombuffer(data, np.int8, x.numel()).copy()
    scales = np.frombuffer(data, np.float32, offset=x.numel()).copy()
    return torch.from_numpy(integers).view_as(x), torch.from_numpy(scales).view(
        len(x), -1
    )


def test_rows_are_rounded_to_8_bits(kernel_page: Page) -> None:
    x = torch.randn(37, 96) * torch.logspace(-20, 20, 37).unsqueeze(1)
    x[3] = 0
    x[4, :32] = 1e-38
    integers, scales = rounded_on_the_gpu(kernel_page, x)
    expected, expected_scales = round_rows(x)
    # As good as zero, and 127 over them no number or infinite.
    expected[3] = expected[4, :32] = 0
    difference = (integers.int() - expected.int()).abs()
    # Division may be a little off on a GPU, and turn what lies between two integers.
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 0.001
    torch.testing.assert_close(scales, expected_scales, rtol=1e-6, atol=1e-38)


def test_what_is_not_finite_spoils_its_group_alone(kernel_page: Page) -> None:
    x = torch.randn(4, 96)
    x[0, 40], x[1, 2], x[3, 95] = torch.nan, torch.inf, -torch.inf
    _, scales = rounded_on_the_gpu(kernel_page, x)
    spoiled = torch.zeros(4, 3, dtype=torch.bool)
    spoiled[0, 1] = spoiled[1, 0] = spoiled[3, 2] = True
    assert torch.equal(scales.isnan(), spoiled)


@on_both_ways
def test_quantized_weights_may_be_small(kernel_page: Page, adapter: str) -> None:
    # their scales are float16 subnormals
    runs = [linear(2, 8, 64, dtype, False, size=1e-4) for dtype in QUANTIZED_DTYPES]
    assert_close(kernel_page, adapter, runs)


def product(a: Tensor, b: Tensor, batch: tuple[int, ...], fused: bool = False) -> Run:
    """a @ b, each read through its own strides; broadcast dimensions have stride 0."""
    expected = a @ b
    a, b = a.expand(*batch, *a.shape[-2:]), b.expand(*batch, *b.shape[-2:])
    rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
    operands = [torch.randn(columns), torch.randn(expected.shape)] if fused else []
    return Run(
        "batchMatmul",
        {
            "batch": batch,
            "M": rows,
            "N": columns,
            "K": inner,
            "a": strides(a),
            "b": strides(b),
            "epilogue": BIAS_RELU_RESIDUAL if fused else NO_EPILOGUE,
        },
        [storage(a), storage(b), *operands],
        torch.relu(expected + operands[0]) + operands[1] if fused else expected,
    )


def strides(tensor: Tensor) -> dict[str, Any]:
    *batch, row, column = tensor.stride()
    return {
        "offset": tensor.storage_offset(),
        "batch": batch,
        "row": row,
        "column": column,
    }


def storage(tensor: Tensor) -> Tensor:
    """All of the memory that a view looks into."""
    return torch.as_strided(tensor, (tensor.untyped_storage().nbytes() // 4,), (1,), 0)


@on_both_ways
def test_batched_product_reads_any_strides(kernel_page: Page, adapter: str) -> None:
    stacked = torch.randn(2, 7, 3, 5, 6)
    assert_close(
        kernel_page,
        adapter,
        [
            product(torch.randn(3, 4), torch.randn(4, 5), ()),
            product(torch.randn(1, 9), torch.randn(9, 1), ()),
            product(torch.randn(2, 5, 7), torch.randn(2, 9, 7).mT, (2,), fused=True),
            product(torch.randn(3, 1, 5, 4), torch.randn(6, 4, 2), (3, 6)),
            product(stacked[:, 1:, 2], torch.randn(6, 11), (2, 6)),
            product(stacked.permute(0, 2, 1, 4, 3), torch.randn(5, 3), (2, 3, 7)),
        ],
    )


def attention(
    lengths: list[tuple[int, int]],
    heads: int,
    dim: int,
    causal: bool,
    packed: bool = False,
    group: int = 1,
) -> Run:
    """Attention over sequences of (queries, keys) tokens.

    `packed` reads q, k and v in place from one (tokens, 3, heads, dim) buffer; of every
    `group` heads of q all read the same of k and v.
    """
    queries, keys = map(list, zip(*lengths, strict=True))
    cu_q, cu_k = cumulative(queries), cumulative(keys)
    if packed:
        qkv = torch.randn(sum(queries), 3, heads, dim)
        q, k, v = qkv.unbind(1)
    else:
        q = torch.randn(sum(queries), heads, dim)
        k, v = torch.randn(2, max(1, sum(keys)), heads // group, dim).unbind()
    expected = [
        one_sequence(q[q0:q1], k[k0:k1], v[k0:k1], causal, group)
        for q0, q1, k0, k1 in zip(cu_q, cu_q[1:], cu_k, cu_k[1:], strict=False)
    ]
    return Run(
        "attention",
        {
            "batch": len(lengths),
            "maxQ": max(queries),
            "heads": heads,
            "group": group,
            "headDim": dim,
            **{name: head_view(t) for name, t in (("q", q), ("k", k), ("v", v))},
            "causal": causal,
            "scale": dim**-0.5,
        },
        [storage(q), storage(k), storage(v), cu_q.int(), cu_k.int()],
        torch.cat(expected),
    )


def cumulative(lengths: list[int]) -> Tensor:
    return torch.tensor([0, *lengths]).cumsum(0)


def head_view(tensor: Tensor) -> dict[str, int]:
    row, head, _ = tensor.stride()
    return {"offset": tensor.storage_offset(), "row": row, "head": head}


def one_sequence(q: Tensor, k: Tensor, v: Tensor, causal: bool, group: int) -> Tensor:
    """Causal is aligned to the bottom right; a row that sees no key is zero."""
    k, v = (t.repeat_interleave(group, 1) for t in (k, v))
    mask = torch.ones(len(q), len(k), dtype=torch.bool)
    if causal:
        mask = mask.tril(len(k) - len(q))
    q, k, v = (t.double().transpose(0, 1) for t in (q, k, v))  # (heads, length, dim)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return torch.where(mask.any(1)[:, None], out, 0.0).transpose(0, 1).float()


@on_both_ways
@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_right_at_every_length(
    kernel_page: Page, adapter: str, causal: bool
) -> None:
    ragged = [(length, length) for length in LENGTHS]
    assert_close(kernel_page, adapter, [attention(ragged, 1, 4, causal)])


@on_both_ways
@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_right_for_any_head(
    kernel_page: Page, adapter: str, causal: bool
) -> None:
    ragged = [(5, 5), (1, 1), (37, 37)]
    dims = [1, 3, 20, 24, 31, 32, 64, 128]
    runs = [attention(ragged, 3, dim, causal, packed=True) for dim in dims]
    assert_close(kernel_page, adapter, runs)


@on_both_ways
@pytest.mark.parametrize("causal", [False, True])
def test_attention_takes_fewer_or_more_queries_than_keys(
    kernel_page: Page, adapter: str, causal: bool
) -> None:
    ragged = [(1, 40), (7, 70), (40, 3), (5, 0), (0, 4), (33, 32)]
    assert_close(kernel_page, adapter, [attention(ragged, 2, 16, causal)])


@on_both_ways
@pytest.mark.parametrize("causal", [False, True])
def test_attention_reads_heads_that_are_shared_in_place(
    kernel_page: Page, adapter: str, causal: bool
) -> None:
    ragged = [(5, 5), (1, 40), (37, 37)]
    shared = [(6, 2), (6, 6), (4, 4), (9, 3)]
    runs = [
        attention(ragged, heads, dim, causal, group=group)
        for heads, group in shared
        for dim in (3, 16, 64)
    ]
    assert_close(kernel_page, adapter, runs)


def norm(
    kind: str, rows: int, width: int, parts: tuple[str, ...], mean: float = 0.0
) -> Run:
    x = torch.randn(rows, width) + mean
    weight, bias = torch.randn(2, width).unbind()
    given = {"weight": weight, "bias": bias}
    if kind == "layer":
        expected = F.layer_norm(x.double(), [width], eps=1e-5)
    else:
        expected = F.rms_norm(x.double(), [width], eps=1e-5)
    if "weight" in parts:
        expected = expected * weight
    if "bias" in parts:
        expected = expected + bias
    return Run(
        "norm",
        {
            "kind": kind,
            "rows": rows,
            "width": width,
            "eps": 1e-5,
            **{name: name in parts for name in given},
        },
        [x, *(given[name] for name in given if name in parts)],
        expected.float(),
    )


@on_both_ways
def test_norm_is_right_at_every_length(kernel_page: Page, adapter: str) -> None:
    runs = [norm("layer", rows, 24, ("weight", "bias")) for rows in LENGTHS]
    assert_close(kernel_page, adapter, runs)


@on_both_ways
def test_norm_is_right_for_any_width(kernel_page: Page, adapter: str) -> None:
    runs = [
        norm(kind, 5, width, parts)
        for width in (1, 3, 4, 130, 384, 771, 1600)
        for kind, parts in [
            ("layer", ("weight", "bias")),
            ("layer", ()),
            ("rms", ("weight",)),
        ]
    ]
    assert_close(kernel_page, adapter, runs)


@on_both_ways
def test_norm_keeps_its_digits_far_from_zero(kernel_page: Page, adapter: str) -> None:
    run = norm("layer", 3, 768, (), mean=1024.0)
    # x itself is rounded to 2**-13 here; a mean of squares would be off by tenths.
    run.expected = F.layer_norm(run.inputs[0].double(), [768], eps=1e-5).float()
    actual = kernel_page.evaluate(
        "runs => runKernels(runs)", [run.message(ADAPTERS[adapter])]
    )
    values = np.frombuffer(base64.b64decode(actual[0]), np.float32)
    np.testing.assert_allclose(values, run.expected.flatten().numpy(), atol=3e-4)


def softmax(width: int, log: bool) -> Run:
    x = torch.randn(5, width) * 20 + 500
    function = torch.log_softmax if log else torch.softmax
    spec = {"rows": 5, "width": width, "log": log}
    return Run("softmax", spec, [x], function(x.double(), -1).float())


@on_both_ways
def test_softmax_is_right_for_any_width(kernel_page: Page, adapter: str) -> None:
    widths = (1, 2, 63, 64, 65, 700)
    runs = [softmax(width, log) for width in widths for log in (False, True)]
    assert_close(kernel_page, adapter, runs)


@on_both_ways
def test_segments_of_every_length_are_reduced(kernel_page: Page, adapter: str) -> None:
    lengths = torch.tensor([*LENGTHS[:16], 0, 300])
    runs = []
    for op in ("sum", "mean", "max", "min"):
        for width in (1, 33, 384):
            x = torch.randn(int(lengths.sum()), width)
            expected = torch.segment_reduce(x, op, lengths=lengths)
            spec = {"op": op, "segments": len(lengths), "width": width}
            runs.append(Run("segmentReduce", spec, [x, lengths.int()], expected))
    assert_close(kernel_page, adapter, runs)


@on_both_ways
def test_embedding_reads_every_weight_dtype(kernel_page: Page, adapter: str) -> None:
    ids = torch.tensor([3, 0, 6, 3, 5], dtype=torch.int32)
    runs = []
    for width in (1, 3, 32, 96):
        w = torch.randn(7, width)
        spec = {"tokens": 5, "rows": 7, "width": width}
        runs.append(Run("embedding", spec | {"weight": "f32"}, [ids, w], w[ids]))
        half = w.half()
        runs.append(
            Run("embedding", spec | {"weight": "f16"}, [ids, half], half[ids].float())
        )
        if width % 32 == 0:
            for dtype in QUANTIZED_DTYPES:
                packed = quantize(w, dtype)
                expected = dequantize(*packed)[ids]
                packed_spec = spec | {"weight": dtype}
                runs.append(Run("embedding", packed_spec, [ids, *packed], expected))
    assert_close(kernel_page, adapter, runs)


@on_both_ways
def test_embedding_of_an_unknown_id_is_nan(kernel_page: Page, adapter: str) -> None:
    w = torch.randn(2, 4)
    expected = torch.stack(
        [w[1], torch.full((4,), torch.nan), torch.full((4,), torch.nan)]
    )
    ids = torch.tensor([1, 2, -1], dtype=torch.int32)
    spec = {"tokens": 3, "rows": 2, "width": 4, "weight": "f32"}
    assert_close(kernel_page, adapter, [Run("embedding", spec, [ids, w], expected)])


def test_more_workgroups_than_a_dispatch_takes_are_folded(kernel_page: Page) -> None:
    assert_close(kernel_page, "software", [norm("layer", 4 * 65535 + 9, 4, ("bias",))])
