"""Hidden states survive the wire, and nothing but a hidden state gets through it."""

import struct

import numpy as np
import pytest
import safetensors.torch
import torch
from golden import FIXTURES, METADATA, N_EMBD, hidden
from hypothesis import given, settings
from hypothesis import strategies as st

from ragged import Ragged
from wire import (
    WIRE_DTYPES,
    HiddenMetadata,
    WireDtype,
    WireError,
    decode_hidden,
    encode_hidden,
)

# Of float16's 11 bits and of q8's 127 steps, half a step is lost. q8's scale is
# float32, so that a step is exact to 1e-7 of itself.
F16_HALF_STEP = 2.0**-11
Q8_HALF_STEP = 0.5 + 1e-4


def decode(body: bytes, max_tokens: int = 64) -> tuple[Ragged, HiddenMetadata]:
    return decode_hidden(body, N_EMBD, max_tokens, max_sequences=16)


@pytest.mark.parametrize("dtype", WIRE_DTYPES)
def test_golden_bytes_are_what_is_sent_and_can_be_read(dtype: WireDtype) -> None:
    body = (FIXTURES / f"hidden_{dtype}.safetensors").read_bytes()
    assert encode_hidden(hidden(), dtype, METADATA) == body
    decoded, metadata = decode(body)
    assert metadata == METADATA
    assert decoded.lengths == (1, 2, 3)
    sent = hidden().values
    if dtype == "f16":
        sent = sent.clamp(-65504, 65504)
    assert_close_as(dtype, decoded.values, sent)


def assert_close_as(dtype: str, came: torch.Tensor, sent: torch.Tensor) -> None:
    if dtype == "f32":
        assert torch.equal(came, sent)
    elif dtype == "f16":
        tiny = 2.0**-25  # half of float16's smallest number
        torch.testing.assert_close(came, sent, rtol=F16_HALF_STEP, atol=tiny)
    else:
        step = sent.abs().amax(dim=1, keepdim=True) / 127
        assert ((came - sent).abs() <= step * Q8_HALF_STEP).all()


@pytest.mark.parametrize("dtype", WIRE_DTYPES)
def test_the_body_is_plain_safetensors(dtype: WireDtype) -> None:
    body = encode_hidden(hidden(), dtype, METADATA)
    tensors = safetensors.torch.load(body)
    assert tensors["lengths"].tolist() == [1, 2, 3]
    assert tensors["hidden"].shape == (6, N_EMBD)
    if dtype == "q8":
        assert tensors["hidden_scale"].dtype == torch.float32
    header_length = struct.unpack("<Q", body[:8])[0]
    assert header_length % 8 == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_body_made_by_the_safetensors_library_is_read(dtype: torch.dtype) -> None:
    body = safetensors.torch.save(
        {
            "hidden": hidden().values.clamp(-65504, 65504).to(dtype),
            "lengths": torch.tensor([1, 2, 3], dtype=torch.int32),
        },
        {"model": "golden", "revision": "0123456789abcdef", "start": "1"},
    )
    decoded, metadata = decode(body)
    assert decoded.lengths == (1, 2, 3)
    assert metadata == METADATA


def test_f16_clamps_rather_than_send_infinity() -> None:
    values = torch.tensor([[1e6] * 16 + [-1e6] * 16])
    decoded, _ = decode(encode_hidden(Ragged(values, (1,)), "f16", METADATA))
    assert decoded.values.abs().max().item() == 65504


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=16),
    dtype=st.sampled_from(WIRE_DTYPES),
    size=st.sampled_from([1e-30, 1e-4, 1.0, 300.0]),
    seed=st.integers(0, 2**31),
)
def test_what_is_sent_comes_back(
    lengths: list[int], dtype: WireDtype, size: float, seed: int
) -> None:
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(sum(lengths), N_EMBD, generator=random) * size
    metadata = HiddenMetadata('a "model" ü', "r", seed % 100)
    body = encode_hidden(Ragged(values, tuple(lengths)), dtype, metadata)
    decoded, came = decode(body)
    assert came == metadata
    assert decoded.lengths == tuple(lengths)
    assert_close_as(dtype, decoded.values, values)


@pytest.mark.parametrize("scale", [np.nan, np.inf, -1.0, 3e38])
def test_a_scale_that_gives_no_number_is_refused(scale: float) -> None:
    ones = Ragged(torch.ones(1, N_EMBD), (1,))
    body = encode_hidden(ones, "q8", METADATA)
    start = 8 + struct.unpack("<Q", body[:8])[0]
    body = body[:start] + struct.pack("<f", scale) + body[start + 4 :]
    with pytest.raises(WireError, match="expected finite numbers"):
        decode(body)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), dtype=st.sampled_from(WIRE_DTYPES))
def test_damaged_bytes_are_refused_or_read_as_numbers(
    data: st.DataObject, dtype: WireDtype
) -> None:
    body = bytearray(encode_hidden(hidden(), dtype, METADATA))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] = data.draw(st.integers(0, 255))
    body = (
        body[: data.draw(st.integers(0, len(body)))]
        if data.draw(st.booleans())
        else body
    )
    try:
        decoded, metadata = decode(bytes(body))
    except WireError:
        return
    assert decoded.values.isfinite().all()
    assert decoded.values.shape == (sum(decoded.lengths), N_EMBD)
    assert metadata.start >= 0


def test_the_number_of_sequences_is_checked_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden = Ragged(torch.ones(40, 32), (1,) * 40)
    body = encode_hidden(hidden, "f32", HiddenMetadata("m", "r", 0))

    def read(*args: object) -> None:
        raise AssertionError("read before the check")

    monkeypatch.setattr("wire._array", read)
    with pytest.raises(WireError, match="at most 16 sequences, came 40"):
        decode_hidden(body, 32, max_tokens=64, max_sequences=16)
