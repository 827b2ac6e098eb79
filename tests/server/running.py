"""A WSGI application behind the real HTTP server, and bare sockets to talk to it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from http_listener import Bound
from http_server import HttpServer, bind
from refusals import Doorman

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 8
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


class Slow:
    """Answers with as many bytes as it is told, once it is let go."""

    def __init__(self, size: int = 2) -> None:
        self.size = size
        self.asked = threading.Event()
        self.go = threading.Event()

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        self.asked.set()
        assert self.go.wait(timeout=10)
        start_response("200 OK", [("Content-Length", str(self.size))])
        return [b"x" * self.size]


def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/fail":
        raise RuntimeError("on purpose")
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@dataclass(frozen=True)
class Answer:
    status: int
    head: str
    body: bytes

    @property
    def json(self) -> Any:
        assert "content-type: application/json" in self.head.lower(), self
        return json.loads(self.body)


class Running:
    """Serves on a free port of loopback, from a thread, until the block ends."""

    def __init__(
        self,
        app: WSGIApplication,
        max_body: int = 300_000,
        larger: Mapping[str, int] | None = None,
        threads: int = THREADS,
        bound: Bound | None = None,
        doorman: Doorman | None = None,
    ) -> None:
        address = bind("127.0.0.1", 0)
        self.server = HttpServer(
            app, address, threads, max_body, larger, bound, doorman
        )
        self.port = self.server.port
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self) -> Running:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.stop()
        self.thread.join(timeout=10)
        assert not self.thread.is_alive()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def say(self, *parts: bytes) -> Answer:
        """Send these bytes, whatever they are, and read one answer."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return read_answer(connection)

    def post(
        self, path: str, body: bytes, *headers: str, type: str = "application/json"
    ) -> Answer:
        head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {type}"]
        head += [f"Content-Length: {len(body)}", *headers, "", ""]
        return self.say("\r\n".join(head).encode() + body)

    def get(self, path: str, *headers: str) -> Answer:
        head = [f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
        return self.say("\r\n".join(head).encode())


def read_answer(connection: socket.socket) -> Answer:
    """One answer with a Content-Length or without a body, and no byte of the next."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        received += _more(connection, 1)
    head = received.removesuffix(b"\r\n\r\n").decode()
    lines = head.split("\r\n")
    headers = {
        name.lower(): value
        for name, _, value in (line.partition(": ") for line in lines)
    }
    status = int(lines[0].split()[1])
    length = 0 if status in (204, 304) else int(headers["content-length"])
    body = bytearray()
    while missing := length - len(body):
        body += _more(connection, missing)
    return Answer(status, head, bytes(body))


def _more(connection: socket.socket, at_most: int) -> bytes:
    data = connection.recv(at_most)
    assert data, "the server closed the connection before its answer was whole"
    return data
