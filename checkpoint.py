"""A folder's weights, read one tensor at a time and given under our names."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

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


class CheckpointError(ValueError):
    """A checkpoint that is no model we can run: what, expected, came."""


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: expected a JSON file, came {error}") from None


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

        Read, not mapped: a mapped file counts as memory in use, and a checkpoint that
        is overwritten while the server runs would change the weights under it.
        """
        stored = self.tensors[name]
        dtype = TORCH_DTYPES.get(stored.spec.dtype)
        if dtype is None:
            expected = ", ".join(TORCH_DTYPES)
            raise CheckpointError(
                f"{name}: dtype {stored.spec.dtype}, expected one of {expected}"
            )
        size = stored.spec.nbytes
        raw = np.fromfile(stored.file, np.uint8, size, offset=stored.offset)
        if raw.size != size or _stamp(stored.file) != self._stamps[stored.file]:
            raise CheckpointError(
                f"{stored.file}: changed since the model was loaded; start again"
            )
        return torch.from_numpy(raw).view(dtype).view(stored.spec.shape).float()


def _weight_files(folder: Path) -> tuple[Path, ...]:
    """The same choice as transformers makes: one file, else the index of the shards."""
    single, index = (
        folder / "model.safetensors",
        folder / "model.safetensors.index.json",
    )
    if single.is_file():
        return (single,)
    if not index.is_file():
        came = "a pickle checkpoint" if list(folder.glob("*.bin")) else "none"
        raise CheckpointError(
            f"{folder}: expected model.safetensors (pickles can run code and are "
            f"refused), came {came}"
        )
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict):
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
        rows, *rest = self.shape
        shape = (rows // len(self.names), *rest)
        return shape[::-1] if self.transposed else shape


Piece = Mapping[str, Source]  # our tensor names, without prefix


class Weights:
    """A checkpoint as pieces: embed, layer.0 …, finish; names and shapes checked."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        pieces: Mapping[str, Piece],
        canonical: Callable[[str], str],
    ) -> None:
        """canonical: any name in a checkpoint -> the name that sources use."""
        self.checkpoint = checkpoint
        self.pieces = pieces
        self._stored = {canonical(name): name for name in checkpoint.tensors}
        for piece in pieces.values():
            for source in piece.values():
                self._check(source)

    def _check(self, source: Source) -> None:
        for name in source.names:
            if name not in self._stored:
                raise CheckpointError(f"{self.checkpoint.folder}: {name} is missing")
            came = self.checkpoint.tensors[self._stored[name]].spec.shape
            if came != source.stored_shape:
                raise CheckpointError(
                    f"{name}: shape {came}, expected {source.stored_shape}"
                )

    def read(self, piece: str, name: str) -> Tensor:
        """One tensor in our layout, float32 and contiguous."""
        source = self.pieces[piece][name]
        parts = [self.checkpoint.read(self._stored[part]) for part in source.names]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        return whole.t().contiguous() if source.transposed else whole

    @cached_property
    def parameters(self) -> int:
        return sum(
            TensorSpec("U8", source.shape).nbytes
            for piece in self.pieces.values()
            for source in piece.values()
        )


def fill(
    module: nn.Module, weights: Weights, device: torch.device, dtype: torch.dtype
) -> None:
    """Give a module built on the meta device its weights, one tensor at a time.

    So the peak is the model and its largest tensor, never two copies of the model.
    """
    for piece, sources in weights.pieces.items():
        prefix = piece.replace("layer.", "layers.") + "."
        if not piece.startswith("layer."):
            prefix = ""
        for name in sources:
            owner, _, leaf = (prefix + name).rpartition(".")
            tensor = weights.read(piece, name).to(device, dtype)
            parameter = nn.Parameter(tensor, requires_grad=False)
            module.get_submodule(owner).register_parameter(leaf, parameter)
    module.eval()
