"""A WSGI application behind the real HTTP server, and bare sockets to talk to it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from http_listener import Bound
from http_server import HttpServer, bind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS = 8


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
        seal: Callable[[str | None], Mapping[str, str]] = lambda origin: {},
    ) -> None:
        address = bind("127.0.0.1", 0)
        self.server = HttpServer(app, address, threads, max_body, larger, bound, seal)
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
    """One answer with a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {
        name.lower(): value
        for name, _, value in (line.partition(": ") for line in lines)
    }
    while len(body) < int(headers["content-length"]):
        body += _more(connection)
    return Answer(int(lines[0].split()[1]), head.decode(), body)


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    assert data, "the server closed the connection before its answer was whole"
    return data
