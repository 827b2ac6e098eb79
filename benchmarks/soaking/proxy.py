"""A proxy on loopback before the real server, in which answers with layers go wrong."""

from __future__ import annotations

import gzip
import http.client
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

CHUNK = 64 * 1024
SECONDS_A_CHUNK = 0.005  # about 100 Mbit/s, so that an early end saves traffic
STALL_SECONDS = 3
# A browser drops what it has not handed to the page yet when the connection breaks.
ARRIVAL_SECONDS = 0.1


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    send: int  # bytes of the body that leave
    then: Literal["", "reset", "stall", "restart"] = ""


Fault = Callable[[Answer], Answer]


def cut(part: float, then: Literal["reset", "stall", "restart"]) -> Fault:
    """That part of the body, then no more."""
    return lambda answer: replace(answer, send=int(part * answer.send), then=then)


def short(part: float) -> Fault:
    """That part of the body, as if it were all."""

    def fault(answer: Answer) -> Answer:
        body = answer.body[: int(part * len(answer.body))]
        return replace(answer, body=body, send=len(body))

    return fault


def flipped(part: float) -> Fault:
    def fault(answer: Answer) -> Answer:
        body = bytearray(answer.body)
        body[int(part * len(body))] ^= 1
        return replace(answer, body=bytes(body))

    return fault


def header(name: str, value: str) -> Fault:
    return lambda answer: replace(answer, headers={**answer.headers, name: value})


def status(code: int) -> Fault:
    return lambda answer: Answer(code, {}, b"", 0)


def encoded(answer: Answer) -> Answer:
    body = gzip.compress(answer.body, compresslevel=1)
    headers = {**answer.headers, "Content-Encoding": "gzip"}
    return replace(answer, headers=headers, body=body, send=len(body))


def whole(answer: Answer) -> Answer:
    """Told apart by the proxy, which asks the server for no range then."""
    return answer


class Proxy(ThreadingHTTPServer):
    """`faults`: of the next answers with layers, one each. `sent`: bytes of those."""

    daemon_threads = True

    def __init__(self, upstream: int, restart: Callable[[], object]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.restart = restart
        self.faults: deque[Fault] = deque()
        self.sent = 0
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave early are expected."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        is_piece = self.path.endswith(".safetensors")
        fault = (
            self.server.faults.popleft() if is_piece and self.server.faults else None
        )
        try:
            answer = self._ask(fault is not whole)
        except OSError:
            return self._break("reset")
        self._reply(fault(answer) if fault else answer, is_piece)

    do_POST = do_GET

    def _ask(self, with_range: bool) -> Answer:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream)
        dropped = {"connection", "accept-encoding"}
        dropped |= set() if with_range else {"range", "if-range"}
        headers = {k: v for k, v in self.headers.items() if k.lower() not in dropped}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            data = answer.read()
        finally:
            upstream.close()
        kept = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP}
        return Answer(answer.status, kept, data, len(data))

    def _reply(self, answer: Answer, is_piece: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        for start in range(0, answer.send, CHUNK):
            chunk = answer.body[start : min(start + CHUNK, answer.send)]
            self.wfile.write(chunk)
            if is_piece:
                self.server.sent += len(chunk)
                time.sleep(SECONDS_A_CHUNK)
        if answer.then:
            self._break(answer.then)

    def _break(self, how: str) -> None:
        time.sleep(STALL_SECONDS if how == "stall" else ARRIVAL_SECONDS)
        self.close_connection = True
        # Closed with unsent bytes thrown away: the client sees a reset.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        if how == "restart":
            self.server.restart()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the report is the output."""


_HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive"}
