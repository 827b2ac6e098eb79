"""The folder for what is costly to make again: where it is, how files get into it."""

import errno
import hashlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

PART_SUFFIX = ".part"


class CacheError(RuntimeError):
    """The cache folder cannot take a file: which one, and why."""


def default_cache_dir() -> Path:
    """splitcompute's folder where this platform keeps caches."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "splitcompute"


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that appears under its name whole, or not at all.

    Two writers of one name do no harm: each writes its own file and the last rename
    wins. Raises CacheError when the disk is full or the folder cannot be written.
    """
    part = path.with_name(f"{path.name}.{uuid4().hex}{PART_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave an empty file
        part.replace(path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError):
            raise CacheError(f"cannot write {path}: {_reason(error)}") from error
        raise


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full; --cache-dir can name another"
    return error.strerror or str(error)


def content_hash(file: Path, cache_dir: Path) -> str:
    """A file's SHA-256, remembered so that 6 GB are not hashed at each start.

    Remembered by path, size, inode and both times: the change time cannot be set back,
    so that even a file overwritten by `cp -p` is hashed anew.
    """
    stat = file.stat()
    identity = (
        f"{file.resolve()}\0{stat.st_size}\0{stat.st_ino}"
        f"\0{stat.st_mtime_ns}\0{stat.st_ctime_ns}"
    )
    note = cache_dir / "hashes" / hashlib.sha256(identity.encode()).hexdigest()
    digest = read_digest(note)
    if digest is None:
        digest = sha256(file)
        with suppress(CacheError):  # without it the next start is slower, no more
            write_digest(note, digest)
    return digest


def read_digest(note: Path) -> str | None:
    """A SHA-256 that write_digest left; None for a missing or damaged note."""
    with suppress(OSError, ValueError):
        digest = note.read_text(encoding="ascii")
        if re.fullmatch("[0-9a-f]{64}", digest):
            return digest
    return None


def write_digest(note: Path, digest: str) -> None:
    with atomic_file(note) as file:
        file.write(digest.encode())


def sha256_of_blocks(file: Path, block_bytes: int) -> tuple[str, tuple[str, ...]]:
    """The whole file's SHA-256, and that of each block; the last may be shorter."""
    digest, blocks = hashlib.sha256(), []
    with file.open("rb") as stream:
        while block := stream.read(block_bytes):
            digest.update(block)
            blocks.append(hashlib.sha256(block).hexdigest())
    return digest.hexdigest(), tuple(blocks)


def sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
