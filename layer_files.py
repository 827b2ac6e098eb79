"""A model's weights as files for browsers: a safetensors file a piece, cut once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from disk_cache import (
    PART_SUFFIX,
    atomic_file,
    default_cache_dir,
    read_digest,
    sha256_of_blocks,
    write_digest,
)
from quantize import WEIGHT_DTYPES, WeightDtype, convert, stored_as
from safetensors_bytes import Layout, TensorSpec, header_bytes, plan
from split_model import SplitModel

STALE_PART_SECONDS = 24 * 3600
# A browser hashes a piece while it arrives, which takes hashes of its parts: WebCrypto
# hashes only what is whole. It copies them first, and for copies up to 0.9 MiB Chromium
# has memory that is in use; larger ones take new memory each, and a layer of 61 MB was
# ready 1.25 times as late with blocks of 4 MiB.
BLOCK_BYTES = 2**19


class CuttingBusy(Exception):
    """As many requests as may wait for pieces to be cut are waiting."""

    def __init__(self) -> None:
        super().__init__("layer files are being cut: expected a request a little later")


class UnknownPiece(LookupError):
    """No such dtype or piece; the message says which there are."""


@dataclass(frozen=True)
class PieceFile:
    path: Path
    bytes: int
    sha256: str
    blocks: tuple[str, ...]  # the SHA-256 of each BLOCK_BYTES
    changed_ns: int = field(compare=False)  # when it was last written

    def is_untouched(self) -> bool:
        """Cheap enough for each request; the hash was checked once."""
        with suppress(OSError):
            stat = self.path.stat()
            return (stat.st_size, stat.st_mtime_ns) == (self.bytes, self.changed_ns)
        return False


class LayerFiles:
    """The pieces of one model, kept under cache_dir/pieces/revision/dtype.

    The revision names their contents, so servers may share the folder. Cut from the
    checkpoint, in float32, whatever dtype the server itself computes in. Thread-safe.
    """

    def __init__(
        self,
        model: SplitModel,
        cache_dir: Path | None = None,
        places: threading.Semaphore | None = None,
    ) -> None:
        """places: how many callers may wait for cuts; models may share it."""
        cache_dir = cache_dir or default_cache_dir()
        self.pieces = tuple(model.weights.pieces)
        self._weights = model.weights
        self._tokenizer = model.tokenizer
        self._about = model.describe()
        self._folder = cache_dir / "pieces" / model.revision
        self._files: dict[Path, PieceFile] = {}
        self._cutting = threading.Lock()  # one piece at a time: memory for one only
        self._writing_tokenizer = threading.Lock()  # which waits for no piece
        self._places = places
        self._remove_stale_parts()

    def manifest(self, dtype: WeightDtype | None = None) -> dict[str, Any]:
        """Config and every piece's tensors, size and hash; cuts what is not cut yet.

        dtype: only that one. Raises CuttingBusy, and CacheError if the disk cannot take
        the files.
        """
        dtypes = WEIGHT_DTYPES if dtype is None else (dtype,)
        with self._place([(dtype, piece) for dtype in dtypes for piece in self.pieces]):
            pieces = {
                piece: {dtype: self._manifest_entry(dtype, piece) for dtype in dtypes}
                for piece in self.pieces
            }
        return {**self._about, "tokenizer": _entry(self.tokenizer()), "pieces": pieces}

    def tokenizer_bytes(self) -> int:
        return len(self._tokenizer.to_json().encode())

    def sizes(self) -> dict[WeightDtype, dict[str, int]]:
        """Bytes of every file, computed without cutting any."""
        return {
            dtype: {piece: self._size(dtype, piece) for piece in self.pieces}
            for dtype in WEIGHT_DTYPES
        }

    def file(self, dtype: str, piece: str) -> PieceFile:
        """A piece's file, cut now if it is not there.

        Raises UnknownPiece, CuttingBusy, CacheError. Names are looked up, never joined
        into a path unseen.
        """
        for known in WEIGHT_DTYPES:
            if known == dtype and piece in self._weights.pieces:
                with self._place([(known, piece)]):
                    return self._piece(known, piece)
        raise UnknownPiece(
            f"piece {dtype}/{piece}: expected {', '.join(WEIGHT_DTYPES)} and embed, "
            f"layer.0 to layer.{len(self.pieces) - 3}, finish"
        )

    def tokenizer(self) -> PieceFile:
        """tokenizer.json by which the server itself tokenises, written once.

        Raises CacheError.
        """
        return self._file(
            self._folder / "tokenizer.json",
            lambda file: file.write(self._tokenizer.to_json().encode()),
            self._writing_tokenizer,
        )

    @contextmanager
    def _place(self, wanted: list[tuple[WeightDtype, str]]) -> Iterator[None]:
        """Among those that may wait, where something wanted is not cut yet."""
        cut = all(self._known(self._path(dtype, piece)) for dtype, piece in wanted)
        if cut or self._places is None:
            yield
            return
        if not self._places.acquire(blocking=False):
            raise CuttingBusy
        try:
            yield
        finally:
            self._places.release()

    def _piece(self, dtype: WeightDtype, piece: str) -> PieceFile:
        return self._file(
            self._path(dtype, piece),
            lambda file: self._cut(file, dtype, piece),
            self._cutting,
        )

    def _known(self, path: Path) -> PieceFile | None:
        known = self._files.get(path)
        return known if known is not None and known.is_untouched() else None

    def _file(
        self, path: Path, write: Callable[[BinaryIO], object], lock: threading.Lock
    ) -> PieceFile:
        if known := self._known(path):
            return known
        with lock:
            file = self._known(path) or _find(path) or _written(path, write)
            self._files[path] = file
        return file

    def _cut(self, file: BinaryIO, dtype: WeightDtype, piece: str) -> None:
        layout = self._layout(dtype, piece)
        header = header_bytes(layout)
        file.write(header)
        for name in self._weights.pieces[piece]:
            tensor = self._weights.read(piece, name)
            for stored, content in convert(name, tensor, dtype).items():
                file.seek(len(header) + layout.offsets[stored])
                file.write(content.numpy().data)

    def _manifest_entry(self, dtype: WeightDtype, piece: str) -> dict[str, Any]:
        tensors = {
            name: {"dtype": spec.dtype, "shape": list(spec.shape)}
            for name, spec in self._layout(dtype, piece).tensors.items()
        }
        return {**_entry(self._piece(dtype, piece)), "tensors": tensors}

    def _layout(self, dtype: WeightDtype, piece: str) -> Layout:
        specs: dict[str, TensorSpec] = {}
        for name, source in self._weights.pieces[piece].items():
            specs |= stored_as(name, source.shape, dtype)
        return plan(specs)

    def _size(self, dtype: WeightDtype, piece: str) -> int:
        layout = self._layout(dtype, piece)
        return len(header_bytes(layout)) + layout.data_bytes

    def _path(self, dtype: WeightDtype, piece: str) -> Path:
        return self._folder / dtype / f"{piece}.safetensors"

    def _remove_stale_parts(self) -> None:
        """What killed servers left half written. Fresh ones may be another server's."""
        for part in self._folder.rglob(f"*{PART_SUFFIX}"):
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > STALE_PART_SECONDS:
                    part.unlink()


def _find(path: Path) -> PieceFile | None:
    """The file as an earlier run left it, if it still has its hash.

    Every browser would refuse a damaged one, so it is written again.
    """
    digest = read_digest(path.with_suffix(".sha256"))
    if digest is None or not path.is_file():
        return None
    stat = path.stat()
    found, blocks = sha256_of_blocks(path, BLOCK_BYTES)
    if found != digest:
        return None
    return PieceFile(path, stat.st_size, digest, blocks, stat.st_mtime_ns)


def _written(path: Path, write: Callable[[BinaryIO], object]) -> PieceFile:
    with atomic_file(path) as file:
        write(file)
    stat = path.stat()
    digest, blocks = sha256_of_blocks(path, BLOCK_BYTES)
    write_digest(path.with_suffix(".sha256"), digest)
    return PieceFile(path, stat.st_size, digest, blocks, stat.st_mtime_ns)


def _entry(file: PieceFile) -> dict[str, Any]:
    """What a manifest says of any file."""
    return {
        "bytes": file.bytes,
        "sha256": file.sha256,
        "blocks": {"bytes": BLOCK_BYTES, "sha256": list(file.blocks)},
    }
