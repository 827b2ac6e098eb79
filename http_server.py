"""Runs a WSGI application on waitress: bounded requests, JSON refusals, an orderly end.

waitress reads each request whole, in one loop of its own, before a thread sees it, and
the same loop sends what a thread leaves in a buffer: a slow client, whether it writes
or reads, costs a socket and never a thread. What is added here are the bounds that
waitress leaves open and the way it stops.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.receiver import ChunkedReceiver
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, Error, RequestEntityTooLarge

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_HEADER_BYTES = 64 * 1024
MAX_CHUNK_LINE_BYTES = 1024
MAX_CONNECTIONS = (
    900  # beyond, clients wait to be accepted; 1,024 open files are common
)
IDLE_SECONDS = 60
REQUEST_SECONDS = 60
FIRST_BYTE_SECONDS = 2
GATHER_SECONDS = 0.05
"""How long at most a request waits for those that come with it to be read."""
DRAIN_SECONDS = 30
"""How long an end waits for clients; the hosts that stop us kill after 10 to 30 s."""


def bind(host: str, port: int) -> socket.socket:
    """Reserve the address without listening yet, IPv4 first where a name has both.

    Raises OSError where the address is taken or not ours.
    """
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, kind, protocol, _, address = min(
        found, key=lambda info: info[0] != socket.AF_INET
    )
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


@dataclass(frozen=True)
class Bound:
    """How many requests to some paths may be in threads at once; others are refused
    where they are read, with 429."""

    at_once: int
    paths: frozenset[str]
    # (path, Origin) -> the headers and the JSON of a refusal
    refuse: Callable[[str, str | None], tuple[Mapping[str, str], bytes]]


class HttpServer:
    """Serves `app` on a bound socket: `run()` returns after `stop()`, drained.

    max_body: the most bytes of a request's body; larger: the paths that take more.
    """

    def __init__(
        self,
        app: WSGIApplication,
        sock: socket.socket,
        threads: int,
        max_body: int,
        larger: Mapping[str, int] | None = None,
        bound: Bound | None = None,
    ) -> None:
        # Waiting threads and their queue are counted by /metrics, not logged.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._map: dict[int, wasyncore.dispatcher] = {}
        self._stopping = False
        self._woken = threading.Event()
        self._listener = _Listener(
            app,
            map=self._map,
            _sock=sock,
            bind_socket=False,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
            adj=_Limits(
                max_body,
                larger or {},
                threads=threads,
                ident=None,
                max_request_header_size=MAX_HEADER_BYTES,
                # No thread waits for a reader. A connection has one answer at a time
                # (see _Channel.readable), so an answer bounds what is kept for it.
                outbuf_high_watermark=sys.maxsize,
                connection_limit=MAX_CONNECTIONS,
                channel_timeout=IDLE_SECONDS,
                cleanup_interval=1,
                # select() cannot watch a descriptor above 1,023; poll() can.
                asyncore_use_poll=True,
            ),
        )
        self._listener.bound = bound
        self._listener.free = threading.Semaphore(bound.at_once if bound else 0)

    @property
    def port(self) -> int:
        return int(self._listener.effective_port)

    def stop(self) -> None:
        """Ask run() to return. For signal handlers and other threads."""
        self._stopping = True
        self._listener.pull_trigger()
        self._woken.set()

    def run(self) -> None:
        """Answer until stop(); then accept no more and finish what is in flight."""
        while not self._stopping:
            self._poll()
        self._accept_all()
        # Only the listening socket: the trigger must still wake the loop below.
        wasyncore.dispatcher.close(self._listener)
        deadline = time.monotonic() + DRAIN_SECONDS
        self._poll(seconds=0)  # what has arrived from those is read before it is judged
        while self._busy_channels() and time.monotonic() < deadline:
            self._poll()
        for channel in _channels(self._map):
            channel.handle_close()
        self._listener.task_dispatcher.shutdown(timeout=1)
        self._woken.wait()  # stop() may not have used the trigger yet that this closes
        wasyncore.close_all(self._map)

    def _accept_all(self) -> None:
        """The kernel has told these that they are connected; closing the listening
        socket would reset them."""
        before = -1
        while before != (before := len(self._map)):
            self._listener.handle_accept()

    def _poll(self, seconds: float = 1) -> None:
        """Accept and read all that have come, refuse whom Bound does not let in, and
        only then let threads start: beside them, each call of this loop waits long for
        Python's lock."""
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)
        end = time.monotonic() + GATHER_SECONDS
        seen = -1
        while seen != (seen := self._listener.seen) and time.monotonic() < end:
            wasyncore.loop(timeout=0, use_poll=True, map=self._map, count=1)
        self._listener.start_tasks()

    def _busy_channels(self) -> bool:
        """Close the channels with nothing left to do; is any other there?"""
        busy = False
        for channel in _channels(self._map):
            if channel.has_work(time.time()):
                busy = True
            else:
                channel.handle_close()
        return busy


def _channels(map: dict[int, wasyncore.dispatcher]) -> list[_Channel]:
    return [channel for channel in map.values() if isinstance(channel, _Channel)]


class _RequestTimeout(Error):
    code = 408
    reason = "Request Timeout"


class _TooManyRequests(Error):
    code = 429
    reason = "Too Many Requests"

    def __init__(self, headers: Mapping[str, str], json: bytes) -> None:
        super().__init__("")
        self.headers, self.json = headers, json


class _JsonErrorTask(ErrorTask):
    """Answers what waitress itself refuses, in the shape that the routes use."""

    def execute(self) -> None:
        refusal = self.request.error
        if isinstance(refusal, _TooManyRequests):
            body = refusal.json
            self.response_headers += refusal.headers.items()
        else:
            kind = "Backend" if refusal.code == 500 else "Validation"
            message = f"{refusal.reason}: {refusal.body}"
            body = json.dumps({"error": message, "error_type": kind}).encode()
        self.status = f"{refusal.code} {refusal.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Limits(Adjustments):
    """waitress' settings, with a limit to the body for each path."""

    def __init__(
        self, max_body: int, larger: Mapping[str, int], **settings: Any
    ) -> None:
        # waitress' own limit comes before the path is known, so it is none.
        super().__init__(max_request_body_size=sys.maxsize, **settings)
        self.max_body, self.larger = max_body, larger


class _Parser(HTTPRequestParser):
    """Bounds the body by its path, and what in a chunked body is no data.

    waitress counts the line before a chunk and the trailer after the last towards the
    body only, and rescans what it has at every read: a line that never ends would keep
    its loop busy for the whole body limit.
    """

    completed: bool
    empty: bool
    error: Error | None

    def __init__(self, adj: _Limits, behind: bytearray) -> None:
        """behind: takes what was received after the end of this request."""
        super().__init__(adj)
        self._behind = behind

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.headers_finished and self.error is None:
            self.error = self._excess()
        if self.error is not None:
            self.completed = True
            self.expect_continue = False  # the answer is no 100
        if self.completed and not self.empty:
            self._behind += data[consumed:]
            return len(data)
        return consumed

    def _excess(self) -> Error | None:
        limit = self.adj.larger.get(self.path, self.adj.max_body)
        if max(self.content_length, self.body_bytes_received) > limit:
            return RequestEntityTooLarge(f"body: expected at most {limit} bytes")
        if not self.completed and isinstance(self.body_rcv, ChunkedReceiver):
            line, trailer = self.body_rcv.control_line, self.body_rcv.trailer
            if max(len(line), len(trailer)) > MAX_CHUNK_LINE_BYTES:
                return BadRequest("Chunk line or trailer too long")
        return None


class _Channel(HTTPChannel):
    """One connection: a deadline for each request, and an end that loses no bytes."""

    error_task_class = _JsonErrorTask

    request: _Parser | None
    requests: list[_Parser]
    close_when_flushed: bool

    request_started = 0.0
    lingering = False
    is_counted = False  # among those that Bound bounds
    is_refused = False  # by Bound, and not yet told

    def __init__(self, *args: Any, **settings: Any) -> None:
        self._behind = bytearray()  # the requests after the one that is being answered
        super().__init__(*args, **settings)

    def parser_class(self, adj: _Limits) -> _Parser:
        return _Parser(adj, self._behind)

    def received(self, data: bytes) -> bool:
        before = self.request
        accepted: bool = super().received(data)
        if self.request is not before:
            self.request_started = time.time()
        if self.is_refused:
            self.is_refused = False
            self.service()
        return accepted

    def service(self) -> None:
        # Read first: once it is answered, the loop may start the next request.
        counted, self.is_counted = self.is_counted, False
        try:
            super().service()
        finally:
            if counted:
                self.server.free.release()

    def check_client_disconnected(self) -> bool:
        """waitress.client_disconnected. While a request is computed nothing else reads
        the socket, so whether the client hung up is looked at where it is asked."""
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def has_work(self, now: float) -> bool:
        """Also where a new client has said nothing yet, for as long as that takes."""
        is_new = self.last_activity == self.creation_time
        if is_new and now - self.creation_time < FIRST_BYTE_SECONDS:
            return True
        return bool(self.requests or self.request or self.total_outbufs_len)

    def refuse_if_late(self, now: float) -> None:
        """A byte a second must not hold a connection for ever."""
        late = now - self.request_started > REQUEST_SECONDS
        if late and self.request is not None and not self.requests:
            self.request.error = _RequestTimeout(
                f"the request did not arrive whole within {REQUEST_SECONDS} s"
            )
            self.request.completed = True
            self.requests = [self.request]
            self.request = None
            self.server.add_task(self)
            self.server.pull_trigger()

    # A socket closed with bytes unread is reset, and the reset may overtake the answer
    # on its way: a client that is still sending would see a broken connection and not
    # our 413. So the last thing said is "no more from here"; what still comes in is
    # dropped, until the client closes or IDLE_SECONDS are over.

    def handle_write(self) -> None:
        running = bool(self.requests)  # a thread may be adding to what is written here
        self._flush_exception(
            self._flush_some_if_lockable if running else self._flush_some
        )
        if self.will_close:
            self.handle_close()
        elif self.close_when_flushed and not self.total_outbufs_len:
            self._linger()

    def _linger(self) -> None:
        self.close_when_flushed = False
        if self.socket is None:
            return  # the client hung up first
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()
        else:
            self.lingering = True

    def readable(self) -> bool:
        """Also starts the next request, once the answer to the last is sent whole."""
        if self._behind and not self.lingering and super().readable():
            data = bytes(self._behind)
            self._behind.clear()
            self.received(data)
            self.server.pull_trigger()  # a task starts only after the next poll()
        return self.lingering or super().readable()

    def handle_read(self) -> None:
        if self.lingering:
            self.recv(self.adj.recv_bytes)  # closes the channel at its end
        else:
            super().handle_read()


class _Listener(TcpWSGIServer):
    channel_class = _Channel
    bound: Bound | None
    free: threading.Semaphore  # as many more as Bound allows
    seen = 0  # connections accepted and requests read

    def __init__(self, *args: Any, **settings: Any) -> None:
        self._ready: list[_Channel] = []
        super().__init__(*args, **settings)

    def handle_accept(self) -> None:
        """waitress accepts one a turn, and each turn looks at every connection."""
        before = -1
        while before < len(self._map) < self.adj.connection_limit or before == -1:
            before = len(self._map)
            super().handle_accept()
        self.seen += 1

    def add_task(self, task: _Channel) -> None:
        self.seen += 1
        request = task.requests[0]
        bound = self.bound
        if (
            bound is not None
            and request.error is None
            and request.command == "POST"
            and request.path in bound.paths
        ):
            task.is_counted = self.free.acquire(blocking=False)
            if not task.is_counted:
                told = bound.refuse(request.path, request.headers.get("ORIGIN"))
                request.error = _TooManyRequests(*told)
                task.is_refused = True
                return
        self._ready.append(task)

    def start_tasks(self) -> None:
        ready, self._ready = self._ready, []
        for task in ready:
            super().add_task(task)

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        for channel in _channels(self._map):
            channel.refuse_if_late(now)
