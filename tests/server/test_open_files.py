"""A system that lets a process open few files, and clients that need many."""

from __future__ import annotations

import errno
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from refused import assert_refused
from running import GET

import file_routes
from http_server import connections_allowed
from split_model import SplitModel

ROOT = Path(__file__).resolve().parents[2]
UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("given", "raised_to", "allowed"),
    [
        ((1024, 1024), 1024, 300),
        ((1024, 4096), 2824, 900),
        ((1024, UNLIMITED), 2824, 900),
        ((4096, 4096), None, 900),
        ((UNLIMITED, UNLIMITED), None, 900),
        ((64, 64), 64, 1),
    ],
)
def test_the_limit_is_raised_to_what_is_wanted_and_else_bounds_the_connections(
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[int, int],
    raised_to: int | None,
    allowed: int,
) -> None:
    heard: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: given)
    monkeypatch.setattr(resource, "setrlimit", lambda kind, to: heard.append(to))
    assert connections_allowed() == allowed
    assert heard == ([] if raised_to is None else [(raised_to, given[1])])


SERVER = """if True:
    import resource, sys
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    from http_server import HttpServer, bind
    def app(environ, start_response):
        file = open(sys.argv[1], "rb")
        start_response("200 OK", [("Content-Length", "50000000")])
        return environ["wsgi.file_wrapper"](file)
    server = HttpServer(app, bind("127.0.0.1", 0), 8, 1_000_000)
    print(server.port, flush=True)
    server.run()"""


def test_clients_that_need_more_files_than_there_are_wait_for_their_turn(
    tmp_path: Path,
) -> None:
    """Each for an answer that does not fit the sockets' buffers, so that its file
    stays open until the client leaves."""
    file = tmp_path / "file"
    with file.open("wb") as empty:
        empty.truncate(50_000_000)
    command = [sys.executable, "-c", SERVER, str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            address = "127.0.0.1", int(server.stdout.readline())
            clients = [socket.create_connection(address, timeout=9) for _ in range(140)]
            for client in clients:
                client.sendall(GET)
            time.sleep(1)  # so that as many are answered as can be at once
            told = []
            for client in clients:
                told.append(client.recv(12))
                client.close()
        finally:
            server.kill()
    assert told == 140 * [b"HTTP/1.1 200"]


def test_no_file_left_to_open_is_a_reason_to_come_back(
    client: FlaskClient, gpt2: SplitModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(file_routes, "send_file", fail)
    answer = client.get(f"/models/small-gpt2/{gpt2.revision}/tokenizer.json")
    assert_refused(answer, 503, "open files", "Unhealthy")
    assert answer.headers["Retry-After"] == "1"
