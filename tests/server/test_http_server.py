"""The server around the application: what it bounds, and how it ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from running import GET, POST, THREADS, Running, Slow, echo, read_answer

import http_channel
import http_server
from http_channel import channels

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def pieces(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """An answer too long for the socket's buffers, piece by piece; or a short one."""
    parts = 60 if environ["PATH_INFO"] == "/long" else 1
    start_response("200 OK", [("Content-Length", str(parts * 1_000_000))])
    return (b"x" * 1_000_000 for _ in range(parts))


@pytest.fixture
def running() -> Iterator[Running]:
    with Running(echo, max_body=100_000, larger={"/large": 1_000_000}) as running:
        yield running


def test_a_client_whose_connection_is_closed_is_gone() -> None:
    app = Slow()
    gone: list[bool] = []

    def asking(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        answer = app(environ, start_response)
        gone.append(environ["waitress.client_disconnected"]())
        return answer

    with Running(asking) as running:
        with running.connect() as connection:
            connection.sendall(GET)
            assert app.asked.wait(timeout=10)
            [channel] = channels(running.server._map)
            channel.handle_close()
        app.go.set()
    assert gone == [True]


def test_a_refusal_reaches_a_client_that_sends_on(running: Running) -> None:
    """Without lingering, the reset that answers its bytes would overtake the 413."""
    with running.connect() as connection:
        connection.sendall(POST + b"Content-Length: 50000000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x" * 100_000)
            time.sleep(0.001)
        assert read_answer(connection).status == 413


def test_a_request_that_trickles_in_is_given_up(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_channel, "REQUEST_SECONDS", 0)
    with running.connect() as connection:
        connection.sendall(POST + b"Content-Length: 5\r\n\r\nab")
        refusal = read_answer(connection)
    assert refusal.status == 408
    assert "whole" in refusal.json["error"]


def test_a_body_that_comes_steadily_may_take_its_time(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_channel, "REQUEST_SECONDS", 0)
    monkeypatch.setattr(http_channel, "BYTES_PER_SECOND", 100)
    with running.connect() as connection:
        connection.sendall(POST + b"Content-Length: 1001\r\n\r\n" + bytes(1000))
        time.sleep(2.5)  # more than twice as long as until lateness is looked at
        connection.sendall(bytes(1))
        assert read_answer(connection).status == 200


def test_waiting_clients_do_not_hold_up_others(running: Running) -> None:
    """More of them than there are threads."""
    idle = [running.connect() for _ in range(20)]
    for connection in idle:
        connection.sendall(POST + b"Content-Length: 5\r\n\r\nab")
    assert running.say(GET).status == 200
    for connection in idle:
        connection.close()


def test_clients_that_do_not_read_do_not_hold_up_others() -> None:
    """More of them than there are threads."""
    with Running(pieces) as running, ExitStack() as idle:
        for _ in range(THREADS + 2):
            connection = idle.enter_context(running.connect())
            connection.sendall(b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert len(running.say(GET).body) == 1_000_000


def test_requests_sent_at_once_are_answered_one_after_the_other() -> None:
    """So that a client that does not read cannot pile up answers."""
    app = Slow(size=60_000_000)
    app.go.set()
    asked = []

    def counting(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        asked.append(environ["PATH_INFO"])
        return app(environ, start_response)

    with Running(counting) as running, running.connect() as connection:
        connection.sendall(3 * GET)
        assert app.asked.wait(timeout=10)
        time.sleep(0.5)
        assert len(asked) == 1
        received = 0
        while received < 3 * app.size:
            data = connection.recv(2**20)
            assert data
            received += len(data)
        assert len(asked) == 3


@pytest.mark.parametrize("head", ["", "Expect: 100-continue\r\n"])
@pytest.mark.parametrize(
    ("path", "limit"), [("/", 100_000), ("/large", 1_000_000), ("/large/", 100_000)]
)
def test_only_the_paths_that_are_named_take_large_bodies(
    running: Running, path: str, limit: int, head: str
) -> None:
    """What is too large is refused before its body comes."""
    start = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
    taken = f"{start}Content-Length: {limit}\r\n\r\n".encode()
    assert len(running.say(taken, b"x" * limit).body) == limit
    refused = f"{start}{head}Content-Length: {limit + 1}\r\n\r\n".encode()
    refusal = running.say(refused)
    assert refusal.status == 413
    assert f"at most {limit} bytes" in refusal.json["error"]


def test_a_connection_serves_many_requests(running: Running) -> None:
    with running.connect() as connection:
        for _ in range(3):
            connection.sendall(GET)
            assert read_answer(connection).status == 200


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body_keeps_the_connection(status: str) -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, [])
        return []

    with Running(app) as running, running.connect() as connection:
        for _ in range(2):
            connection.sendall(GET)
            answer = read_answer(connection)
            assert answer.status == int(status[:3])
            assert "Connection" not in answer.head
        connection.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert "Connection: close" in read_answer(connection).head
        assert connection.recv(1) == b""


def test_stopping_lets_the_request_in_flight_finish_to_its_last_byte() -> None:
    """More bytes than socket buffers hold, to a client that reads late."""
    app = Slow(size=20_000_000)
    running = Running(app)
    running.thread.start()
    with running.connect() as idle, running.connect() as connection:
        connection.sendall(GET)
        assert app.asked.wait(timeout=10)
        running.server.stop()
        assert idle.recv(1) == b""  # kept open for nothing, so closed at once
        with pytest.raises(OSError, match="refused"):
            running.connect()
        app.go.set()
        time.sleep(0.2)
        assert running.thread.is_alive()
        assert len(read_answer(connection).body) == app.size
    running.thread.join(timeout=10)
    assert not running.thread.is_alive()


def test_a_client_that_never_reads_does_not_keep_the_server_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "DRAIN_SECONDS", 0.1)
    app = Slow(size=20_000_000)
    app.go.set()
    running = Running(app)
    running.thread.start()
    with running.connect() as connection:
        connection.sendall(GET)
        assert app.asked.wait(timeout=10)
        running.server.stop()
        running.thread.join(timeout=10)
        assert not running.thread.is_alive()


def test_a_port_in_use_is_an_error_at_once() -> None:
    first = http_server.bind("127.0.0.1", 0)
    first.listen()
    with first, pytest.raises(OSError, match="in use"):
        http_server.bind("127.0.0.1", first.getsockname()[1])


def test_on_windows_no_second_server_takes_the_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of its own option, only the name is known elsewhere."""
    monkeypatch.setattr(
        socket, "SO_EXCLUSIVEADDRUSE", socket.SO_KEEPALIVE, raising=False
    )
    with http_server.bind("127.0.0.1", 0) as bound:
        assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0


def test_a_name_with_both_kinds_of_address_is_bound_as_ipv4() -> None:
    with http_server.bind("localhost", 0) as bound:
        assert bound.family == socket.AF_INET


@pytest.mark.parametrize("seconds_after", [None, 0.2])
def test_who_has_connected_before_the_end_is_answered(
    seconds_after: float | None,
) -> None:
    """The kernel has taken the connection and the server has not, yet."""
    running = Running(echo)
    with running.connect() as connection:
        if seconds_after is None:
            connection.sendall(GET)
        running.server.stop()
        running.thread.start()
        if seconds_after is not None:
            time.sleep(seconds_after)
            connection.sendall(GET)
        assert read_answer(connection).status == 200
    running.thread.join(timeout=10)
    assert not running.thread.is_alive()
