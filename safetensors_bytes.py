"""The safetensors layout, written and read: https://github.com/huggingface/safetensors.

Weights on disk, pieces and hidden states on the wire share it. The header is padded so
that data starts at a multiple of 8 bytes and typed arrays in a browser need no copy.
"""

import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn

ITEM_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
    **dict.fromkeys(("I32", "U32", "F32"), 4),
    **dict.fromkeys(("I64", "U64", "F64"), 8),
}
PREFIX_BYTES = 8  # the header's length, little-endian
ALIGNMENT = 8
MAX_DIMENSIONS = 8


class SafetensorsError(ValueError):
    """Bytes that are not what their header says."""


@dataclass(frozen=True)
class TensorSpec:
    dtype: str  # safetensors' own name, a key of ITEM_BYTES
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class Layout:
    """Where each tensor lies. Offsets count from the start of the data."""

    tensors: dict[str, TensorSpec]
    offsets: dict[str, int]
    metadata: dict[str, str]

    @property
    def data_bytes(self) -> int:
        return sum(spec.nbytes for spec in self.tensors.values())


def plan(
    tensors: dict[str, TensorSpec], metadata: dict[str, str] | None = None
) -> Layout:
    """Lay tensors end to end in the order given, but odd sizes last.

    The format allows no gaps, so this is what keeps each tensor at a multiple of 4.
    """
    order = sorted(tensors, key=lambda name: tensors[name].nbytes % 4 != 0)
    offsets, end = {}, 0
    for name in order:
        offsets[name] = end
        end += tensors[name].nbytes
    return Layout({name: tensors[name] for name in order}, offsets, metadata or {})


def header_bytes(layout: Layout) -> bytes:
    """Everything before the data: prefix, JSON, spaces up to a multiple of 8."""
    header: dict[str, Any] = {}
    if layout.metadata:
        header["__metadata__"] = layout.metadata
    for name, spec in layout.tensors.items():
        start = layout.offsets[name]
        header[name] = {
            "dtype": spec.dtype,
            "shape": list(spec.shape),
            "data_offsets": [start, start + spec.nbytes],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(PREFIX_BYTES, "little") + text


def header_length(prefix: bytes, file_bytes: int, limit: int) -> int:
    """The JSON's length from a file's first 8 bytes, checked before it is read."""
    if len(prefix) < PREFIX_BYTES:
        _refuse("file", "at least 8 bytes", f"{len(prefix)}")
    length = int.from_bytes(prefix[:PREFIX_BYTES], "little")
    if length > min(limit, file_bytes - PREFIX_BYTES):
        room = min(limit, file_bytes - PREFIX_BYTES)
        _refuse("header length", f"at most {room}", f"{length}")
    return length


def parse_header(text: bytes, data_bytes: int) -> Layout:
    """Check a header against the size of the data behind it.

    Raises SafetensorsError unless the tensors fill the data exactly: no gap, no
    overlap, nothing out of range. Python's integers cannot overflow on the way.
    """
    try:
        header = json.loads(
            text.decode(), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise SafetensorsError(f"header: expected JSON, came {error}") from None
    if not isinstance(header, dict):
        _refuse("header", "a JSON object", type(header).__name__)
    metadata = _metadata(header.pop("__metadata__", {}))
    tensors, offsets = {}, {}
    for name, entry in header.items():
        tensors[name], offsets[name] = _entry(name, entry)
    end = 0
    for name in sorted(offsets, key=lambda name: (offsets[name], tensors[name].nbytes)):
        if offsets[name] != end:
            what = f"{name!r:.80}: data_offsets"
            _refuse(what, f"a start at {end}", f"{offsets[name]}")
        end += tensors[name].nbytes
    if end != data_bytes:
        _refuse("data", f"{end} bytes", f"{data_bytes}")
    return Layout(tensors, offsets, metadata)


def _metadata(value: object) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(v, str) for v in value.values()):
        return value
    _refuse("__metadata__", "an object of strings", f"{value!r:.80}")


def _entry(name: str, entry: object) -> tuple[TensorSpec, int]:
    what = f"{name!r:.80}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        _refuse(what, "dtype, shape and data_offsets", f"{entry!r:.80}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        _refuse(f"{what}: dtype", f"one of {', '.join(ITEM_BYTES)}", f"{dtype!r:.80}")
    if not _are_sizes(shape):
        _refuse(f"{what}: shape", "up to 8 integers >= 0", f"{shape!r:.80}")
    if not _are_sizes(offsets) or len(offsets) != 2:
        _refuse(f"{what}: data_offsets", "two integers >= 0", f"{offsets!r:.80}")
    spec = TensorSpec(dtype, tuple(shape))
    if offsets[1] - offsets[0] != spec.nbytes:
        came = f"{offsets[1] - offsets[0]}"
        _refuse(f"{what}: data_offsets", f"{spec.nbytes} bytes", came)
    return spec, offsets[0]


def _are_sizes(values: object) -> bool:
    """Bounded, so that a product of hostile sizes stays a small number of digits."""
    return (
        isinstance(values, list)
        and len(values) <= MAX_DIMENSIONS
        and all(type(value) is int and 0 <= value < 2**63 for value in values)
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _refuse(what: str, expected: str, came: str) -> NoReturn:
    raise SafetensorsError(f"{what}: expected {expected}, came {came}")
