"""Who is let in, and who is told at once that there are too many."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from running import Running, Slow, echo, read_answer

from http_listener import Bound

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def test_beyond_the_bound_requests_are_refused_without_a_thread() -> None:
    """Those to other paths are answered, and the next once one has ended."""
    slow = Slow()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return (slow if environ["REQUEST_METHOD"] == "POST" else echo)(
            environ, start_response
        )

    bound = Bound(1, frozenset(["/bound"]))
    with Running(app, threads=3, bound=bound) as running, ExitStack() as open_:
        first = open_.enter_context(running.connect())
        first.sendall(b"POST /bound HTTP/1.1\r\nContent-Length: 1\r\n\r\na")
        assert slow.asked.wait(timeout=10)
        for path in ("/bound", "//bound"):
            refused = running.post(path, b"{}")
            assert refused.status == 429
            assert refused.json["error_type"] == "Overloaded"
            assert "\r\nRetry-After: 1" in refused.head
        assert running.get("/bound").status == 200
        slow.go.set()
        assert running.post("/other", b"").status == 200
        assert read_answer(first).status == 200
        wait_for_room = time.monotonic() + 5
        while running.post("/bound", b"").status == 429:
            assert time.monotonic() < wait_for_room


def test_beyond_the_bound_nobody_sends_a_body_in_vain() -> None:
    """The refusal comes as soon as the headers have, and what follows is dropped."""
    slow = Slow()

    bound = Bound(1, frozenset(["/bound"]))
    head = b"POST /bound HTTP/1.1\r\nContent-Length: 200000\r\n"
    with Running(slow, bound=bound) as running, ExitStack() as open_:
        first = open_.enter_context(running.connect())
        first.sendall(b"POST /bound HTTP/1.1\r\nContent-Length: 1\r\n\r\na")
        assert slow.asked.wait(timeout=10)
        for expecting in (b"", b"Expect: 100-continue\r\n"):
            late = open_.enter_context(running.connect())
            late.sendall(head + expecting + b"\r\n")
            assert read_answer(late).status == 429
            late.sendall(b"x" * 200_000)
            assert late.recv(1) == b""
        slow.go.set()
        assert read_answer(first).status == 200


def test_all_who_come_at_once_are_read_before_anybody_is_answered() -> None:
    """So that refusals do not wait for the work of those who were let in."""
    started: list[float] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started.append(time.monotonic())
        time.sleep(0.3)
        return echo(environ, start_response)

    bound = Bound(2, frozenset(["/bound"]))
    running = Running(app, threads=2, bound=bound)
    clients = [running.connect() for _ in range(40)]
    with ExitStack() as stack:
        for client in clients:
            stack.enter_context(client)
            client.sendall(b"POST /bound HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        with running:
            statuses = [read_answer(client).status for client in clients]
    assert sorted(statuses) == [200] * 2 + [429] * 38
    assert len(started) == 2
