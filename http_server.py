"""Runs a WSGI application on waitress: bounded requests, JSON refusals, an orderly end.

waitress reads each request whole, in one loop of its own, before a thread sees it, and
the same loop sends what a thread leaves in a buffer: a slow client, whether it writes
or reads, costs a socket and never a thread. What is added here are the bounds that
waitress leaves open and the way it stops.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from waitress import wasyncore

from http_channel import IDLE_SECONDS, channels
from http_listener import Bound, Listener
from http_request import MAX_HEADER_BYTES, Limits
from refusals import Doorman

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_CONNECTIONS = 900  # beyond, clients wait to be accepted
FILES_PER_CONNECTION = 3  # the socket, a body too long for memory, and such an answer
OTHER_FILES = 124
GATHER_SECONDS = 0.15
"""How long at most a request waits for those that come with it to be read: as long as
it takes for as many as may be connected."""
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
        # Windows' REUSEADDR would let a second server take the port of a running one.
        option = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
        sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def connections_allowed() -> int:
    """MAX_CONNECTIONS, or as many as this process may have the files of: the limit of
    open files is raised where the system lets us, and often 1,024 without that."""
    if sys.platform == "win32":  # which has no such limit
        return MAX_CONNECTIONS
    import resource

    given = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = (sys.maxsize if n == resource.RLIM_INFINITY else n for n in given)
    wanted = MAX_CONNECTIONS * FILES_PER_CONNECTION + OTHER_FILES
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, given[1]))
    fitting = (soft - OTHER_FILES) // FILES_PER_CONNECTION
    return max(min(fitting, MAX_CONNECTIONS), 1)


class HttpServer:
    """Serves `app` on a bound socket: `run()` returns after `stop()`, drained.

    max_body: the most bytes of a request's body; larger: the paths that take more.
    doorman: refuses requests before their body is read, and has the answers to those.
    """

    def __init__(
        self,
        app: WSGIApplication,
        sock: socket.socket,
        threads: int,
        max_body: int,
        larger: Mapping[str, int] | None = None,
        bound: Bound | None = None,
        doorman: Doorman | None = None,
    ) -> None:
        self._map: dict[int, wasyncore.dispatcher] = {}
        self._stopping = False
        self._woken = threading.Event()
        self._listener = Listener(
            app,
            map=self._map,
            _sock=sock,
            bind_socket=False,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
            adj=Limits(
                max_body,
                larger or {},
                threads=threads,
                ident=None,
                max_request_header_size=MAX_HEADER_BYTES,
                # No thread waits for a reader. A connection has one answer at a time
                # (see Channel.readable), so an answer bounds what is kept for it.
                outbuf_high_watermark=sys.maxsize,
                connection_limit=connections_allowed(),
                channel_timeout=IDLE_SECONDS,
                cleanup_interval=1,
                # select() cannot watch a descriptor above 1,023; poll() can.
                asyncore_use_poll=True,
            ),
        )
        self._listener.bound = bound
        self._listener.doorman = doorman or Doorman()
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
        for channel in channels(self._map):
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
        for channel in channels(self._map):
            if channel.has_work(time.time()):
                busy = True
            else:
                channel.handle_close()
        return busy
