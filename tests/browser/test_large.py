"""What no buffer of the adapter can hold: weights are split, all else is refused."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch
from op_case import assert_same, decode, encode
from playwright.sync_api import Browser, Page
from torch import Tensor
from torch.nn import functional
from web_pages import open_webgpu_page

from quantize import dequantize, quantize

OP_CALL = Path(__file__).with_name("op_call.js").read_text()
LIMIT = 64 * 1024
TOLERANCE = 1e-5

generator = torch.Generator().manual_seed(3)
ROWS = torch.randn(3, 160, generator=generator)
# In float32 ten parts, nine of them with 102 rows of 640 bytes.
WEIGHT = torch.randn(1000, 160, generator=generator)
IDS = torch.tensor([[0, 101, 102], [999, 512, 203]])

SMALL_BUFFERS = """async (limit) => {
    for (const name of ["maxBufferSize", "maxStorageBufferBindingSize"])
        Object.defineProperty(GPUSupportedLimits.prototype, name, {get: () => limit});
    const create = GPUDevice.prototype.createBuffer;
    globalThis.made = [];
    GPUDevice.prototype.createBuffer = function (descriptor) {
        made.push(descriptor.size);
        return create.call(this, descriptor);
    };
    globalThis.torch = await import("/torch.js");
    await torch.init();
}"""


@pytest.fixture(scope="module")
def small_page(browser: Browser, static_url: str) -> Iterator[Page]:
    """A page whose adapter says that its buffers are small."""
    page = open_webgpu_page(browser, f"{static_url}/blank.html")
    page.evaluate(SMALL_BUFFERS, LIMIT)
    page.evaluate(OP_CALL)
    yield page
    largest = page.evaluate("Math.max(...made)")
    page.close()
    assert largest <= LIMIT


def stored(dtype: str) -> tuple[dict[str, Tensor], Tensor]:
    """The tensors of a weight's file, and what they are as floats."""
    if dtype == "q8" or dtype == "q4":
        values, scales = quantize(WEIGHT, dtype)
        return {"values": values, "scales": scales}, dequantize(values, scales)
    weight = WEIGHT.to(
        {"f32": torch.float32, "f16": torch.half, "bf16": torch.bfloat16}[dtype]
    )
    return {"weight": weight}, weight.float()


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16", "q8", "q4"])
def test_a_weight_beyond_the_limit_is_split_by_rows(
    small_page: Page, dtype: str
) -> None:
    tensors, weight = stored(dtype)
    answer = small_page.evaluate(
        """async ({file, rows, ids}) => {
            const bytes = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
            const read = torch.safetensors.load(bytes);
            const weight = read.get("weight") ??
                torch.quantized_weight(read.get("values"), read.get("scales"));
            const held = torch.memory_allocated();
            const F = torch.nn.functional;
            const [x, at] = [rows, ids].map((one) => decode(torch, one, "webgpu"));
            const bias = torch.arange(1000).float();
            const results = [F.linear(x, weight), F.linear(x, weight, bias).exp(),
                F.embedding(at, weight)];
            const answer = await encode(results);
            weight.dispose();
            read.get("scales")?.dispose();
            for (const tensor of [x, at, ...results]) tensor.dispose();
            return [answer, held, torch.memory_allocated()];
        }""",
        {
            "file": base64.b64encode(safetensors.torch.save(tensors)).decode(),
            "rows": encode(ROWS * 0.01),
            "ids": encode(IDS),
        },
    )
    results, held, left = decode(answer[0]), *answer[1:]
    bias = torch.arange(1000.0)
    expected = [
        functional.linear(ROWS * 0.01, weight),
        functional.linear(ROWS * 0.01, weight, bias).exp(),
        functional.embedding(IDS, weight.half() if dtype == "f16" else weight),
    ]
    assert_same(results, expected, TOLERANCE)
    assert held >= sum(tensor.nbytes for tensor in tensors.values())
    assert left < held / 10


def test_a_weight_beyond_the_limits_of_every_adapter_is_split(
    browser: Browser, static_url: str
) -> None:
    """140 MB, where a binding holds 128 MiB: what WebGPU promises, and enforces."""
    page = open_webgpu_page(browser, f"{static_url}/blank.html")
    page.evaluate(
        """() => {
            const real = GPUAdapter.prototype.requestDevice;
            GPUAdapter.prototype.requestDevice = function () {
                return real.call(this);
            };
            const limits = GPUSupportedLimits.prototype;
            for (const [name, value] of [["maxBufferSize", 2 ** 28],
                ["maxStorageBufferBindingSize", 2 ** 27]])
                Object.defineProperty(limits, name, {get: () => value});
        }"""
    )
    rows, columns = 35_000, 1_000
    summed, picked = page.evaluate(
        """async ([rows, columns]) => {
            globalThis.torch = await import("/torch.js");
            await torch.init();
            const entry = {dtype: "F32", shape: [rows, columns],
                data_offsets: [0, 4 * rows * columns]};
            const text = JSON.stringify({weight: entry}).padEnd(128);
            const file = new ArrayBuffer(8 + text.length + 4 * rows * columns);
            new DataView(file).setBigUint64(0, BigInt(text.length), true);
            new Uint8Array(file, 8).set(new TextEncoder().encode(text));
            const values = new Float32Array(file, 8 + text.length);
            for (let i = 0; i < values.length; i++) values[i] = (i % 1009) / 1009;
            const weight = torch.safetensors.load(file).get("weight");
            const F = torch.nn.functional;
            const sums = F.linear(torch.ones(1, columns), weight);
            const last = F.embedding(torch.tensor([rows - 1]), weight);
            return [await sums.tolist(), await last.tolist()];
        }""",
        [rows, columns],
    )
    page.close()
    weight = (torch.arange(rows * columns) % 1009 / 1009).view(rows, columns)
    assert_same(torch.tensor(picked), weight[-1:], TOLERANCE)
    assert_same(torch.tensor(summed), weight.sum(1)[None], TOLERANCE)


UNFIT = {
    "line": (
        torch.zeros(20_000, dtype=torch.bfloat16),
        "line: it takes 80000 bytes, but this adapter's buffers hold at most 65536",
    ),
    "wide": (
        torch.zeros(2, 20_000),
        "wide: a row of it takes 80000 bytes, but this adapter's buffers hold at most",
    ),
    "bytes": (torch.zeros(3, dtype=torch.uint8), "bytes: dtype U8, expected F32, F16"),
    "ids": (torch.tensor([1, 2**31]), "ids: 2147483648 does not fit int32"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_file_is_refused_whole_before_anything_is_made(
    small_page: Page, name: str
) -> None:
    tensor, expected = UNFIT[name]
    message, made, held = small_page.evaluate(
        """(file) => {
            const bytes = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
            const [before, held] = [made.length, torch.memory_allocated()];
            let message = "";
            try {
                torch.safetensors.load(bytes);
            } catch (error) {
                message = String(error);
            }
            return [message, made.length - before, torch.memory_allocated() - held];
        }""",
        whole_file(
            {"first": WEIGHT[:90], name: tensor, "none": torch.zeros(0, 20_000)}
        ),
    )
    assert message.startswith(f"RuntimeError: safetensors: {expected}")
    assert made == held == 0


def whole_file(tensors: dict[str, Tensor]) -> str:
    """A safetensors file in base64, whose header has the tensors in this order."""
    parts = [tensor.contiguous().view(torch.uint8) for tensor in tensors.values()]
    names = {
        torch.float32: "F32",
        torch.bfloat16: "BF16",
        torch.uint8: "U8",
        torch.int64: "I64",
    }
    header = {}
    end = 0
    for (name, tensor), part in zip(tensors.items(), parts, strict=True):
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [end, end + part.numel()],
        }
        end += part.numel()
    text = json.dumps(header).encode()
    body = b"".join(part.numpy().tobytes() for part in parts)
    return base64.b64encode(len(text).to_bytes(8, "little") + text + body).decode()


TOO_LARGE = {
    # Data that comes.
    "torch.tensor(new Float32Array(20000))": "tensor",
    "torch.frombuffer(new ArrayBuffer(80000))": "frombuffer",
    "torch.frombuffer(new ArrayBuffer(80000), {dtype: 'bool'})": "frombuffer",
    # Results, wherever they would have to lie.
    "line.unsqueeze(1).mul(line).exp().tolist()": "exp",
    "torch.outer(line, line).softmax(-1).tolist()": "outer",
    "column.matmul(row).tolist()": "matmul",
    "F.linear(column, column).tolist()": "linear",
    "column.expand(300, 300).sort().values.tolist()": "expand",
    "torch.cumsum(column.expand(300, 300), 0).tolist()": "transpose",
    "F.embedding(torch.zeros(400).int(), torch.ones(3, 60)).tolist()": "embedding",
    "torch.cat([many, many, many]).tolist()": "cat",
    "torch.full([300, 300], 2).tolist()": "full",
    "F.scaled_dot_product_attention(column, column, column, line.gt(0)).tolist()": (
        "scaled_dot_product_attention"
    ),
    "torch.cumsum(column.half().expand(300, 300), 1).tolist()": "cumsum",
    "torch.compile((x) => x.matmul(row))(column).tolist()": "matmul",
}


@pytest.mark.parametrize("work", TOO_LARGE)
def test_what_is_too_large_is_refused_before_anything_is_made(
    small_page: Page, work: str
) -> None:
    made, message, sum_after = small_page.evaluate(
        """async (work) => {
            const F = torch.nn.functional;
            const line = torch.ones(300), many = torch.ones(100, 100);
            const [column, row] = [line.reshape(-1, 1), line.reshape(1, -1)];
            await Promise.all([line.sum().item(), many.sum().item()]);
            const before = made.length;
            let message = "";
            try {
                await new Function("torch", "F", "line", "many", "column", "row",
                    `return ${work}`)(torch, F, line, many, column, row);
            } catch (error) {
                message = String(error);
            }
            return [made.length - before, message, await line.sum().item()];
        }""",
        work,
    )
    named = rf"RuntimeError: ({TOO_LARGE[work]}): .*"
    assert re.match(
        named + r"\d+ bytes, but this adapter's buffers hold at most 65536", message
    ), message
    assert made == 0
    assert sum_after == 300


def test_reads_that_are_larger_together_go_one_by_one(small_page: Page) -> None:
    sums = small_page.evaluate(
        """async () => {
            const lines = [1, 2, 3].map((n) => torch.full([15000], n).float());
            const all = await Promise.all(lines.map((line) => line.add(1).numpy()));
            return all.map((one) => one.reduce((a, b) => a + b));
        }"""
    )
    assert sums == [30000, 45000, 60000]
