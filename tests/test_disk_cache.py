"""Files appear whole or not at all, and a hash is remembered only for its own file."""

import hashlib
import os
import sys
import threading
from pathlib import Path

import pytest

import disk_cache
from disk_cache import CacheError, atomic_file, content_hash, default_cache_dir


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folders" / "file"
    with atomic_file(path) as file:
        file.write(b"half")
        assert not path.exists()
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write() -> None:
        with atomic_file(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_many_writers_of_one_name_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def write(n: int) -> None:
        with atomic_file(path) as file:
            for _ in range(100):
                file.write(bytes([n]) * 1000)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = path.read_bytes()
    assert len(content) == 100_000
    assert len(set(content)) == 1


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    def write() -> None:
        with atomic_file(tmp_path / "file" / "x"):
            raise AssertionError("written")

    with pytest.raises(CacheError, match=r"cannot write .*file/x: ") as caught:
        write()
    assert "\n" not in str(caught.value)


def test_a_hash_is_remembered_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, cache = tmp_path / "weights", tmp_path / "cache"
    hashed: list[Path] = []
    sha256 = disk_cache.sha256

    def counted(path: Path) -> str:
        hashed.append(path)
        return sha256(path)

    monkeypatch.setattr(disk_cache, "sha256", counted)
    file.write_bytes(b"one")
    for _ in range(3):
        assert content_hash(file, cache) == hashlib.sha256(b"one").hexdigest()
    assert len(hashed) == 1
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    file.write_bytes(b"two")
    os.utime(file, ns=times)  # the same size, name and time of change, as by cp -p
    assert content_hash(file, cache) == hashlib.sha256(b"two").hexdigest()
    assert len(hashed) == 2


def test_a_damaged_memory_of_a_hash_is_not_believed(tmp_path: Path) -> None:
    file, cache = tmp_path / "weights", tmp_path / "cache"
    file.write_bytes(b"one")
    expected = content_hash(file, cache)
    [note] = (cache / "hashes").iterdir()
    for damage in (b"", b"abc", b"\xff" * 64):
        note.write_bytes(damage)
        assert content_hash(file, cache) == expected


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "{base}/splitcompute"),
        ("linux", None, "{home}/.cache/splitcompute"),
        ("darwin", None, "{home}/Library/Caches/splitcompute"),
        ("win32", "LOCALAPPDATA", "{base}/splitcompute"),
    ],
)
def test_the_folder_is_where_the_platform_keeps_caches(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    platform: str,
    variable: str | None,
    expected: str,
) -> None:
    home, base = tmp_path / "home", tmp_path / "base"
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, str(base))
    assert default_cache_dir() == Path(expected.format(home=home, base=base))
