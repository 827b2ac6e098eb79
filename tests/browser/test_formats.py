"""Hidden states and pieces in the browser: Python's bytes, and lies refused."""

import base64
from typing import Any

import pytest
import safetensors.torch
import torch
from golden import FIXTURES, METADATA, N_EMBD, hidden
from playwright.sync_api import Error, Page
from test_wire_lies import LIES

from quantize import dequantize
from wire import WIRE_DTYPES, WireDtype, decode_hidden

ROUND_TRIP = """async ({base64, width, numbers, dtype}) => {
    const {decodeHidden, encodeHidden} = await import("/static/wire.js");
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const {values, lengths, metadata} = decodeHidden(bytes.buffer, width);
    const sent = {values: Float32Array.from(numbers), lengths};
    const encoded = new Uint8Array(encodeHidden(sent, dtype, metadata));
    return {
        values: [...values],
        lengths: [...lengths],
        metadata,
        encoded: [...encoded],
    };
}"""
REFUSALS = """async ({bodies, width}) => {
    const {decodeHidden} = await import("/static/wire.js");
    return bodies.map((base64) => {
        const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
        try {
            decodeHidden(bytes.buffer, width);
            return "";
        } catch (error) {
            return `${error.name} ${error.error_type}: ${error.message}`;
        }
    });
}"""
READ_PIECE = """async ({base64, dtype}) => {
    const torch = await import("/static/torch.js");
    const {LayerCache} = await import("/static/layer_cache.js");
    await torch.init({device: "webgpu"});
    const {buffer} = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const files = {[dtype]: {bytes: buffer.byteLength}};
    const manifest = {model: "golden", revision: "0", pieces: {"layer.0": files}};
    const cache = new LayerCache(manifest, dtype, {
        source: {
            server: {url: location.origin},
            load: (url, file, {take}) => take(buffer),
            settled: async () => {},
        },
        takeTurn: (task) => task(),
        onProgress: () => {},
        onChange: () => {},
    });
    await cache.load(["layer.0"]);
    const weights = {};
    for (const [name, tensor] of cache.get("layer.0"))
        weights[name] = await torch.dequantize(tensor).tolist();
    cache.dispose();
    return weights;
}"""
# JavaScript's 2.0 is 2. Whether the numbers are finite shows in the result anyway.
READ_IN_BROWSER = {"a fraction of a dimension", "NaN", "infinity"}


@pytest.mark.parametrize("dtype", WIRE_DTYPES)
def test_golden_bytes_are_read_and_made_as_in_python(
    page: Page, dtype: WireDtype
) -> None:
    body = (FIXTURES / f"hidden_{dtype}.safetensors").read_bytes()
    expected, _ = decode_hidden(body, N_EMBD, max_tokens=64)
    result = page.evaluate(ROUND_TRIP, round_trip(body, dtype))
    assert result["values"] == expected.values.flatten().tolist()
    assert result["lengths"] == [1, 2, 3]
    assert result["metadata"] == {
        "model": METADATA.model,
        "revision": METADATA.revision,
        "start": METADATA.start,
    }
    assert bytes(result["encoded"]) == body


def test_a_body_out_of_alignment_is_read(page: Page) -> None:
    """As other writers of safetensors may send it."""
    body = (FIXTURES / "hidden_f32.safetensors").read_bytes()
    length = int.from_bytes(body[:8], "little")
    header = body[8 : 8 + length].rstrip() + b" "
    while len(header) % 4 == 0:
        header += b" "
    body = len(header).to_bytes(8, "little") + header + body[8 + length :]
    result = page.evaluate(ROUND_TRIP, round_trip(body, "f32"))
    assert result["values"] == hidden().values.flatten().tolist()


def test_a_lie_is_refused_as_in_python(page: Page) -> None:
    bodies = [base64.b64encode(body).decode() for body, _ in LIES.values()]
    messages = page.evaluate(REFUSALS, {"bodies": bodies, "width": N_EMBD})
    for name, message in zip(LIES, messages, strict=True):
        if name in READ_IN_BROWSER:
            continue
        assert message.startswith("SplitComputeError Wire: "), name
        assert len(message) < 400, name


def piece(body: bytes, dtype: str) -> dict[str, str]:
    return {"base64": base64.b64encode(body).decode(), "dtype": dtype}


@pytest.mark.parametrize("dtype", ["f16", "q8", "q4"])
def test_a_golden_piece_is_read_as_in_python(page: Page, dtype: str) -> None:
    body = (FIXTURES / f"layer.0_{dtype}.safetensors").read_bytes()
    tensors = safetensors.torch.load(body)
    weights = page.evaluate(READ_PIECE, piece(body, dtype))
    assert len(weights) == 12
    for name, numbers in weights.items():
        scale = tensors.get(f"{name}_scale")
        stored = tensors[name]
        expected = stored.float() if scale is None else dequantize(stored, scale)
        assert torch.equal(torch.tensor(numbers), expected), name


@pytest.mark.parametrize("dtype", ["q8", "q4"])
@pytest.mark.parametrize(
    ("honest", "lie", "message"),
    [
        (b"weight_scale", b"weight_scalf", "quantised weights without"),
        (b'"F16","shape":[96,1]', b'"F16","shape":[1,96]', "expected int8"),
        (b'"F16","shape":[96,1]', b'"I32","shape":[48,1]', "expected int8"),
    ],
)
def test_scales_that_do_not_fit_their_weights_are_refused(
    page: Page, dtype: str, honest: bytes, lie: bytes, message: str
) -> None:
    body = (FIXTURES / f"layer.0_{dtype}.safetensors").read_bytes()
    assert honest in body
    with pytest.raises(Error, match=f"attn.c_attn.weight: .*{message}"):
        page.evaluate(READ_PIECE, piece(body.replace(honest, lie, 1), dtype))


def round_trip(body: bytes, dtype: WireDtype) -> dict[str, Any]:
    return {
        "base64": base64.b64encode(body).decode(),
        "width": N_EMBD,
        "numbers": hidden().values.flatten().tolist(),
        "dtype": dtype,
    }
