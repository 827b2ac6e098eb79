"""Layer files over HTTP: names, hashes, ranges, caching."""

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from flask.testing import FlaskClient
from running import THREADS, Running
from tokenizers import Tokenizer

from layer_files import LayerFiles, PieceFile
from options import Options
from quantize import WeightDtype
from server import create_app
from split_model import SplitModel


@pytest.fixture
def url(gpt2: SplitModel) -> str:
    return f"/models/small-gpt2/{gpt2.revision}/f16/layer.1.safetensors"


def test_each_piece_is_what_the_manifest_says(
    client: FlaskClient, gpt2: SplitModel
) -> None:
    manifest = client.get("/models/small-gpt2/manifest.json").json
    assert manifest["revision"] == gpt2.revision
    assert list(manifest["pieces"]) == [
        "embed",
        *(f"layer.{n}" for n in range(4)),
        "finish",
    ]
    for piece, files in manifest["pieces"].items():
        for dtype, file in files.items():
            url = f"/models/small-gpt2/{gpt2.revision}/{dtype}/{piece}.safetensors"
            answer = client.get(url)
            assert len(answer.data) == file["bytes"]
            assert hashlib.sha256(answer.data).hexdigest() == file["sha256"]
            assert answer.headers["ETag"] == f'"{file["sha256"]}"'


def test_the_tokenizer_is_the_servers_own(
    client: FlaskClient, gpt2: SplitModel
) -> None:
    file = client.get("/models/small-gpt2/manifest.json?dtype=q4").json["tokenizer"]
    url = f"/models/small-gpt2/{gpt2.revision}/tokenizer.json"
    answer = client.get(url)
    assert len(answer.data) == file["bytes"]
    assert hashlib.sha256(answer.data).hexdigest() == file["sha256"]
    assert answer.headers["ETag"] == f'"{file["sha256"]}"'
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content_type == "application/json"
    [sizes] = [m["bytes"] for m in client.get("/models").json["models"][:1]]
    assert {size["tokenizer"] for size in sizes.values()} == {file["bytes"]}
    again = Tokenizer.from_str(answer.text)
    text = "Größe, naïve"
    assert again.encode(text).ids == gpt2.tokenize([text]).values.tolist()
    part = client.get(url, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.data) == (206, answer.data[5:10])
    assert client.get(url.replace(gpt2.revision, "0" * 16)).status_code == 404


def test_a_manifest_can_be_of_one_dtype(client: FlaskClient) -> None:
    manifest = client.get("/models/small-bert/manifest.json?dtype=q8").json
    assert {tuple(files) for files in manifest["pieces"].values()} == {("q8",)}


def test_a_piece_may_be_kept_for_ever(client: FlaskClient, url: str) -> None:
    first = client.get(url)
    assert first.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    again = client.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    head = client.head(url)
    assert head.status_code == 200
    assert head.headers["Content-Length"] == str(len(first.data))
    assert head.headers["ETag"] == first.headers["ETag"]
    assert not head.data


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=10-19", 10, 20), ("bytes=100-", 100, None), ("bytes=-5", -5, None)],
)
def test_a_range_gives_that_part(
    client: FlaskClient, url: str, asked: str, start: int, stop: int | None
) -> None:
    whole = client.get(url)
    etag = whole.headers["ETag"]
    part = client.get(url, headers={"Range": asked, "If-Range": etag})
    assert part.status_code == 206
    assert part.data == whole.data[start:stop]
    assert part.headers["Content-Range"].endswith(f"/{len(whole.data)}")
    assert part.headers["Accept-Ranges"] == "bytes"


def test_a_range_of_an_older_file_gives_the_whole(
    client: FlaskClient, url: str
) -> None:
    answer = client.get(url, headers={"Range": "bytes=5-", "If-Range": '"older"'})
    assert answer.status_code == 200
    assert len(answer.data) == int(answer.headers["Content-Length"])


def test_a_range_outside_is_refused_with_the_size(
    client: FlaskClient, url: str
) -> None:
    size = len(client.get(url).data)
    answer = client.get(url, headers={"Range": f"bytes={size}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"
    assert answer.json["error_type"] == "RequestedRangeNotSatisfiable"


def test_clients_that_do_not_read_a_range_do_not_hold_up_others(
    live: Running, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than there are threads, and more bytes than sockets take."""
    path = tmp_path / "piece"
    path.touch()
    os.truncate(path, 80_000_000)
    piece = PieceFile(path, 80_000_000, "0" * 64, (), changed_ns=0)
    monkeypatch.setattr(LayerFiles, "file", lambda *names: piece)
    with ExitStack() as idle:
        for _ in range(THREADS + 2):
            connection = idle.enter_context(live.connect())
            head = f"GET {url} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=5-\r\n\r\n"
            connection.sendall(head.encode())
        assert live.get("/health").status == 200


def test_a_range_through_the_real_server_is_that_part(live: Running, url: str) -> None:
    whole = live.get(url)
    for asked, part in (("10-19", slice(10, 20)), ("-5", slice(-5, None))):
        answer = live.get(url, f"Range: bytes={asked}")
        assert answer.status == 206
        assert answer.body == whole.body[part]


def test_while_pieces_are_cut_the_server_answers_the_rest(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some requests wait for the cut; those beyond hear that they should come again."""
    app = create_app(replace(options, model=options.model[:1], cache_dir=tmp_path))
    go = threading.Event()
    cut = LayerFiles._cut

    def slowly(
        files: LayerFiles, file: BinaryIO, dtype: WeightDtype, piece: str
    ) -> None:
        assert go.wait(timeout=30)
        cut(files, file, dtype, piece)

    monkeypatch.setattr(LayerFiles, "_cut", slowly)
    revision = app.extensions["splitcompute"].default.revision
    tokenizer = f"/models/small-gpt2/{revision}/tokenizer.json"
    with Running(app) as running, ThreadPoolExecutor(2 * THREADS + 2) as pool:
        path = "/models/small-gpt2/manifest.json?dtype=f16"
        asked = [pool.submit(running.get, path) for _ in range(THREADS + 2)]
        try:
            done, waiting = wait(asked, timeout=5)
            small = [pool.submit(running.get, tokenizer) for _ in range(THREADS)]
            assert {each.result(timeout=5).status for each in small} == {200}
            assert running.get("/health").status == 200
            assert running.post("/embed", b'{"inputs": "a"}').status == 200
        finally:
            go.set()
        for refused in done:
            assert refused.result().status == 503
            assert refused.result().json["error_type"] == "Unhealthy"
            assert "Retry-After: 1" in refused.result().head
        assert {each.result().status for each in waiting} == {200}
        assert len(waiting) == 4
        assert running.get(path).status == 200
