"""What is no request, or too large a one, is refused as it is read."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from running import GET, POST, Running, echo, read_answer

from http_request import Parser

if TYPE_CHECKING:
    from waitress.utilities import Error

CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def running() -> Iterator[Running]:
    with Running(echo, max_body=100_000, larger={"/large": 1_000_000}) as running:
        yield running


BAD_REQUESTS = [
    (400, b"no request at all\r\n\r\n"),
    (400, b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: localhost\r\nA: \x00\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: localhost\nA: b\r\n\r\n"),
    (400, POST + b"Content-Length: -1\r\n\r\n"),
    (400, POST + b"Content-Length: 1, 2\r\n\r\n"),
    (400, POST + b"Content-Length: 1e9\r\n\r\n"),
    (400, POST + b"Content-Length: " + 5000 * b"9" + b"\r\n\r\n"),
    (413, POST + b"Content-Length: 99999999999999999999999\r\n\r\n"),
    (400, b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    (501, POST + b"Transfer-Encoding: gzip\r\n\r\n"),
    (501, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
    (400, CHUNKED + b"not hexadecimal\r\n"),
    (400, CHUNKED + b"-5\r\n"),
    (400, CHUNKED + b"2\r\nabc\r\n"),
    (400, CHUNKED + b"0" * 2000),
    (400, CHUNKED + b"0\r\nTrailer: " + b"x" * 2000),
    (413, CHUNKED + b"ffffffffff\r\n" + b"x" * 100_001),
    (
        413,
        CHUNKED
        + b"1000\r\n"
        + b"x" * 4096
        + b"\r\n"
        + 30 * (b"1000\r\n" + b"x" * 4096 + b"\r\n"),
    ),
    (431, b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(9000))),
    (431, b"GET /" + b"a" * 70_000),
    (500, b"GET /fail HTTP/1.1\r\nHost: localhost\r\n\r\n"),
]
bad_requests = pytest.mark.parametrize(
    ("status", "sent"),
    BAD_REQUESTS,
    ids=lambda value: (
        value[:60].decode("latin-1") if isinstance(value, bytes) else None
    ),
)


@bad_requests
def test_a_bad_request_is_refused_in_json_and_the_next_one_works(
    running: Running, status: int, sent: bytes
) -> None:
    refusal = running.say(sent)
    assert refusal.status == status
    assert set(refusal.json) == {"error", "error_type"}
    assert running.say(POST + b"Content-Length: 2\r\n\r\nok").body == b"ok"


@bad_requests
def test_a_bad_request_behind_a_good_one_is_refused_alike(
    running: Running, status: int, sent: bytes
) -> None:
    with running.connect() as connection:
        connection.sendall(POST + b"Content-Length: 2\r\n\r\nok" + sent)
        assert read_answer(connection).body == b"ok"
        assert read_answer(connection).status == status
    assert running.say(GET).status == 200


def test_blank_lines_before_and_between_requests_are_passed_over(
    running: Running,
) -> None:
    blank = 3 * b"\r\n\r\n"
    with running.connect() as connection:
        connection.sendall(blank + GET + blank + GET + blank)
        assert read_answer(connection).status == 200
        assert read_answer(connection).status == 200
        connection.sendall(GET)
        assert read_answer(connection).status == 200


def test_an_error_of_our_own_ends_one_connection_and_not_the_server(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where what was sent behind another request is read."""
    excess = Parser._excess

    def fails(self: Parser) -> Error | None:
        return 1 / 0 if self.path == "/boom" else excess(self)  # type: ignore

    monkeypatch.setattr(Parser, "_excess", fails)
    boom = b"GET /boom HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with running.connect() as connection:
        connection.sendall(GET + boom)
        assert read_answer(connection).status == 200
        assert connection.recv(1) == b""
    with running.connect() as connection:
        connection.sendall(boom)
        assert connection.recv(1) == b""
    assert running.say(GET).status == 200


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\n", POST + b"Content-Length: 0\r\n"]
)
def test_who_has_no_body_to_send_need_not_be_told_to_continue(
    running: Running, head: bytes
) -> None:
    assert running.say(head + b"Expect: 100-continue\r\n\r\n").status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_asks_for_no_body_can_have_none_kept(
    running: Running, method: str
) -> None:
    """Some of these paths are open to who has no key."""
    sent = f"{method} / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1025\r\n\r\n"
    assert running.say(sent.encode()).status == 413


def test_a_body_that_cannot_be_kept_is_a_reason_to_come_back(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("waitress.receiver.FixedStreamReceiver.received", fail)
        answer = running.say(POST + b"Content-Length: 2\r\n\r\n", b"ok")
    assert answer.status == 503
    assert "Retry-After: 1" in answer.head
    assert running.say(GET).status == 200
