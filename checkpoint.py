"""A folder's weights, read one tensor at a time and given under our names."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from config_json import CheckpointError, read_object
from safetensors_bytes import (
    PREFIX_BYTES,
    SafetensorsError,
    TensorSpec,
    header_length,
    parse_header,
)

MAX_HEADER_BYTES = 100_000_000  # the format's own limit
TORCH_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies in a file."""

    file: Path
    offset: int  # from the file's start
    spec: TensorSpec


class Checkpoint:
    """The tensors of a folder's safetensors files, sharded or not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = _weight_files(folder)
        self._stamps = {file: _stamp(file) for file in self.files}
        self.tensors: dict[str, StoredTensor] = {}
        for file in self.files:
            self.tensors |= _stored_tensors(file)

    def read(self, name: str) -> Tensor:
        """One tensor, float32, in memory of its own.

        Read, not mapped: mapped files count as memory in use, and a checkpoint that is
        overwritten while the server runs would change the weights under it.
        """
        stored = self.tensors[name]
        size = stored.spec.nbytes
        try:
            raw = np.fromfile(stored.file, np.uint8, size, offset=stored.offset)
            changed = _stamp(stored.file) != self._stamps[stored.file]
        except OSError as error:
            raise CheckpointError(f"{stored.file}: {error.strerror}") from None
        if changed or raw.size != size:
            raise CheckpointError(
                f"{stored.file}: changed since the model was loaded; start again"
            )
        dtype = TORCH_DTYPES[stored.spec.dtype]
        return torch.from_numpy(raw).view(dtype).view(stored.spec.shape).float()


def _weight_files(folder: Path) -> tuple[Path, ...]:
    """The same choice as transformers makes: one file, else the index of the shards."""
    single = folder / "model.safetensors"
    index = folder / "model.safetensors.index.json"
    if single.is_file():
        return (single,)
    if not index.is_file():
        pickles = [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.ckpt")]
        came = f"the pickle {pickles[0].name}" if pickles else "none"
        raise CheckpointError(
            f"{folder}: expected model.safetensors, came {came} (pickles can run code "
            "and are not read)"
        )
    weight_map = read_object(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index}: expected a weight_map, came none")
    names = sorted(set(map(str, weight_map.values())))
    for name in names:
        if Path(name).name != name or not (folder / name).is_file():
            raise CheckpointError(f"{index}: expected files beside it, came {name!r}")
    return tuple(folder / name for name in names)


def _stamp(file: Path) -> tuple[int, int, int]:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _stored_tensors(file: Path) -> dict[str, StoredTensor]:
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            prefix = stream.read(PREFIX_BYTES)
            length = header_length(prefix, size, MAX_HEADER_BYTES)
            start = PREFIX_BYTES + length
            layout = parse_header(stream.read(length), size - start)
    except SafetensorsError as error:
        raise CheckpointError(f"{file}: {error}") from None
    return {
        name: StoredTensor(file, start + layout.offsets[name], spec)
        for name, spec in layout.tensors.items()
    }


@dataclass(frozen=True)
class Source:
    """What one of our tensors is made of: checkpoint tensors stacked on dimension 0."""

    shape: tuple[int, ...]  # ours; matrices are (out, in), as nn.Linear keeps them
    names: tuple[str, ...]
    transposed: bool = False  # GPT-2's Conv1D keeps matrices (in, out)

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape that each checkpoint tensor must have."""
        shape = (self.shape[0] // len(self.names), *self.shape[1:])
        return shape[::-1] if self.transposed else shape


Piece = Mapping[str, Source]  # our tensor names, without prefix


class Weights:
    """A checkpoint as pieces (embed, layer.0 …, finish), names and shapes checked."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        pieces: Mapping[str, Piece],
        canonical: Callable[[str], str],
    ) -> None:
        """canonical: a name in any checkpoint -> the name that sources use."""
        self.checkpoint = checkpoint
        self.pieces = pieces
        self._stored = {canonical(name): name for name in checkpoint.tensors}
        for piece in pieces.values():
            for source in piece.values():
                self._check(source)

    def _check(self, source: Source) -> None:
        for name in source.names:
            if name not in self._stored:
                folder = self.checkpoint.folder
                raise CheckpointError(f"{folder}: expected tensor {name}, came none")
            spec = self.checkpoint.tensors[self._stored[name]].spec
            if spec.shape != source.stored_shape:
                raise CheckpointError(
                    f"{name}: shape {spec.shape}, expected {source.stored_shape}"
                )
            if spec.dtype not in TORCH_DTYPES:
                expected = ", ".join(TORCH_DTYPES)
                raise CheckpointError(
                    f"{name}: dtype {spec.dtype}, expected one of {expected}"
                )

    @property
    def parameters(self) -> int:
        return sum(
            math.prod(source.shape)
            for piece in self.pieces.values()
            for source in piece.values()
        )

    def read(self, piece: str, name: str) -> Tensor:
        """One tensor in our layout, float32 and contiguous."""
        source = self.pieces[piece][name]
        parts = [self.checkpoint.read(self._stored[part]) for part in source.names]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        return whole.t().contiguous() if source.transposed else whole
