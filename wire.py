"""Hidden states to bytes and back: one safetensors body, whoever sent it."""

from dataclasses import dataclass
from typing import Any, Literal, NoReturn, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ragged import Ragged
from safetensors_bytes import (
    PREFIX_BYTES,
    Layout,
    SafetensorsError,
    TensorSpec,
    header_bytes,
    header_length,
    parse_header,
    plan,
)

WireDtype = Literal["f32", "f16", "q8"]
WIRE_DTYPES: tuple[WireDtype, ...] = get_args(WireDtype)
CONTENT_TYPE = "application/octet-stream"

MAX_HEADER_BYTES = 64 * 1024  # three tensors and three strings need 400
F16_MAX = 65504.0
NUMPY_DTYPES = {"F32": "<f4", "F16": "<f2", "I8": "|i1", "I32": "<i4"}


class WireError(ValueError):
    """A body that is no hidden state of this model: what, expected, came."""


@dataclass(frozen=True)
class HiddenMetadata:
    """Which model made a hidden state, and which layer it goes into next."""

    model: str
    revision: str
    start: int


def encode_hidden(hidden: Ragged, dtype: WireDtype, metadata: HiddenMetadata) -> bytes:
    """(total_tokens, n_embd) float32 -> safetensors bytes.

    f16 clamps to +-65504 rather than send infinity; q8 keeps one scale a token.
    """
    values = hidden.values.detach().float().cpu()
    arrays: dict[str, tuple[str, Tensor]] = {}
    match dtype:
        case "f32":
            arrays["hidden"] = "F32", values
        case "f16":
            arrays["hidden"] = "F16", values.clamp(-F16_MAX, F16_MAX).half()
        case "q8":
            quantized, scale = quantize_rows(values)
            arrays["hidden_scale"] = "F32", scale
            arrays["hidden"] = "I8", quantized
        case _:
            raise ValueError(f"dtype: {dtype!r}, expected one of {WIRE_DTYPES}")
    arrays["lengths"] = "I32", torch.tensor(hidden.lengths, dtype=torch.int32)
    layout = plan(
        {name: TensorSpec(code, tuple(x.shape)) for name, (code, x) in arrays.items()},
        {
            "model": metadata.model,
            "revision": metadata.revision,
            "start": str(metadata.start),
        },
    )
    parts = [arrays[name][1].contiguous().numpy().data for name in layout.tensors]
    return b"".join([header_bytes(layout), *parts])


def hidden_bytes(tokens: int, n_embd: int, dtype: WireDtype) -> int:
    """What encode_hidden's tensors take; the header comes to a few hundred more."""
    per_token = {"f32": 4 * n_embd, "f16": 2 * n_embd, "q8": n_embd + 4}
    return tokens * per_token[dtype]


def quantize_rows(values: Tensor) -> tuple[Tensor, Tensor]:
    """(rows, n) float32 -> int8 (rows, n) and the scale of each row (rows,)."""
    scale = values.abs().amax(dim=1) / 127
    steps = values / scale.clamp(min=torch.finfo(torch.float32).tiny)[:, None]
    return steps.round().clamp(-127, 127).to(torch.int8), scale


def decode_hidden(
    body: bytes, n_embd: int, max_tokens: int, max_sequences: int | None = None
) -> tuple[Ragged, HiddenMetadata]:
    """Bytes -> float32 (total_tokens, n_embd) on the CPU, every claim checked.

    Raises WireError. Nothing is allocated before the header fits the body; then it is
    one float32 copy of hidden, since torch does not view memory that is read-only.
    """
    layout, data = _split(memoryview(body))
    metadata = _read_metadata(layout.metadata)
    hidden_spec = _check_specs(layout, n_embd)
    _check_sequences(layout.tensors["lengths"].shape[0], max_sequences)
    lengths = tuple(_array(layout, data, "lengths").tolist())
    _check_lengths(lengths, hidden_spec.shape[0], max_tokens)
    values = _array(layout, data, "hidden").astype(np.float32)
    if hidden_spec.dtype == "I8":
        scale = _array(layout, data, "hidden_scale")
        if not (np.isfinite(scale).all() and (scale >= 0).all()):
            _refuse("hidden_scale", "finite numbers >= 0", "others")
        with np.errstate(over="ignore"):  # the check below catches an overflow
            values *= scale[:, None]
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        _refuse("hidden", "finite numbers", f"NaN or infinity in row {row}")
    return Ragged(torch.from_numpy(values), lengths), metadata


def _split(body: memoryview) -> tuple[Layout, memoryview]:
    try:
        length = header_length(bytes(body[:PREFIX_BYTES]), len(body), MAX_HEADER_BYTES)
        data = body[PREFIX_BYTES + length :]
        text = bytes(body[PREFIX_BYTES : PREFIX_BYTES + length])
        return parse_header(text, len(data)), data
    except SafetensorsError as error:
        raise WireError(f"expected safetensors: {error}") from None


def _read_metadata(metadata: dict[str, str]) -> HiddenMetadata:
    for name in ("model", "revision", "start"):
        if name not in metadata:
            _refuse(f"metadata {name}", "a string", "nothing")
    start = metadata["start"]
    if not (start.isascii() and start.isdigit() and len(start) <= 9):
        _refuse("metadata start", "a layer's number", repr(start[:40]))
    return HiddenMetadata(metadata["model"], metadata["revision"], int(start))


def _check_specs(layout: Layout, n_embd: int) -> TensorSpec:
    """The names, dtypes and shapes that a hidden state has. Returns that of hidden."""
    hidden = layout.tensors.get("hidden")
    if hidden is None:
        _refuse("tensors", "one called hidden", "none")
    if hidden.dtype not in ("F32", "F16", "I8"):
        _refuse("hidden: dtype", "F32, F16 or I8", hidden.dtype)
    if len(hidden.shape) != 2 or hidden.shape[1] != n_embd:
        _refuse("hidden: shape", f"(total_tokens, {n_embd})", f"{hidden.shape}")
    names = {"hidden", "lengths"} | (
        {"hidden_scale"} if hidden.dtype == "I8" else set()
    )
    if set(layout.tensors) != names:
        came = ", ".join(sorted(layout.tensors))[:80]
        _refuse("tensors", ", ".join(sorted(names)), came)
    lengths = layout.tensors["lengths"]
    if lengths.dtype != "I32" or len(lengths.shape) != 1:
        _refuse("lengths", "I32 (batch,)", f"{lengths.dtype} {lengths.shape}")
    scale = TensorSpec("F32", hidden.shape[:1])
    if layout.tensors.get("hidden_scale", scale) != scale:
        spec = layout.tensors["hidden_scale"]
        _refuse("hidden_scale", f"F32 {scale.shape}", f"{spec.dtype} {spec.shape}")
    return hidden


def _check_sequences(count: int, max_sequences: int | None) -> None:
    if count == 0:
        _refuse("lengths", "at least one sequence", "none")
    if max_sequences is not None and count > max_sequences:
        _refuse("lengths", f"at most {max_sequences} sequences", f"{count}")


def _check_lengths(lengths: tuple[int, ...], total: int, max_tokens: int) -> None:
    for index, length in enumerate(lengths):
        if not 1 <= length <= max_tokens:
            _refuse(f"lengths[{index}]", f"1 to {max_tokens}", f"{length}")
    if sum(lengths) != total:
        _refuse("lengths", f"a sum of {total}", f"{sum(lengths)}")


def _array(layout: Layout, data: memoryview, name: str) -> npt.NDArray[Any]:
    spec = layout.tensors[name]
    start = layout.offsets[name]
    flat = np.frombuffer(data[start : start + spec.nbytes], NUMPY_DTYPES[spec.dtype])
    return flat.reshape(spec.shape)


def _refuse(what: str, expected: str, came: str) -> NoReturn:
    raise WireError(f"{what}: expected {expected}, came {came}")
