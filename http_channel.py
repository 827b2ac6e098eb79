"""The connection to one client, from its first byte to its last."""

from __future__ import annotations

import socket
import time
from typing import Any

from waitress import wasyncore
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.task import WSGITask

from http_refusals import JsonErrorTask, Refused
from http_request import Limits, Parser
from refusals import Refusal

IDLE_SECONDS = 60
REQUEST_SECONDS = 60  # for a request to arrive in, and for each
BYTES_PER_SECOND = 16_000  # of its body as long as these take
FIRST_BYTE_SECONDS = 2


class Answer(WSGITask):
    """Keeps the connection where a status has no body, as a preflight's 204."""

    def set_close_on_finish(self) -> None:
        """waitress asks for this wherever there is no Content-Length."""
        wanted = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or wanted or self.version == "1.0":
            super().set_close_on_finish()


class Channel(HTTPChannel):
    """One connection: a deadline for each request, and an end that loses no bytes."""

    task_class = Answer
    error_task_class = JsonErrorTask

    request: Parser | None
    requests: list[Parser]
    close_when_flushed: bool

    request_started = 0.0
    lingering = False
    is_counted = False  # among those that Bound bounds

    def __init__(self, *args: Any, **settings: Any) -> None:
        self._behind = bytearray()  # the requests after the one that is being answered
        super().__init__(*args, **settings)

    def parser_class(self, adj: Limits) -> Parser:
        return Parser(adj, self._behind, self.server.refused)

    def received(self, data: bytes) -> bool:
        before = self.request
        accepted: bool = super().received(data)
        if self.request is not before:
            self.request_started = time.time()
        return accepted

    def refuse(self, answer: bytes) -> None:
        """Say this and no more. In the loop, without a thread or a turn of it."""
        for request in self.requests:
            request.close()
        self.requests = []
        self.close_when_flushed = True
        try:
            self.write_soon(answer)
        except ClientDisconnected:
            pass
        else:
            self.handle_write()

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
        sock = self.socket  # the loop may close it meanwhile
        if sock is None:
            return True
        try:
            return not sock.recv(1, socket.MSG_PEEK)
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
        if self.request is None or self.requests:
            return
        seconds = REQUEST_SECONDS + self.request.body_bytes_received / BYTES_PER_SECOND
        if now - self.request_started > seconds:
            self.request.error = Refused(
                Refusal(
                    (408, "Validation"),
                    f"the request did not arrive whole within {seconds:.0f} s",
                )
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
            try:
                self.received(data)
            except Exception:  # which would end the loop, and with it the server
                self.handle_error()
                return False
            self.server.pull_trigger()  # a task starts only after the next poll()
        return self.lingering or super().readable()

    def handle_read(self) -> None:
        if self.lingering:
            self.recv(self.adj.recv_bytes)  # closes the channel at its end
        else:
            super().handle_read()


def channels(map: dict[int, wasyncore.dispatcher]) -> list[Channel]:
    return [channel for channel in map.values() if isinstance(channel, Channel)]
