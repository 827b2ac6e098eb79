"""How large a request may be while it is read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest, Error, RequestEntityTooLarge

from http_refusals import Refused
from refusals import UNHEALTHY, Refusal

MAX_HEADER_BYTES = 64 * 1024
MAX_CHUNK_LINE_BYTES = 1024
MAX_UNREAD_BODY_BYTES = 1024  # with a method that gives bodies no meaning
WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")


class Limits(Adjustments):
    """waitress' settings, with a limit to the body for each path."""

    def __init__(
        self, max_body: int, larger: Mapping[str, int], **settings: Any
    ) -> None:
        # waitress' own limit comes before the path is known, so it is none.
        super().__init__(max_request_body_size=sys.maxsize, **settings)
        self.max_body, self.larger = max_body, larger


class Parser(HTTPRequestParser):
    """Bounds the body by its path, and what in a chunked body is no data.

    waitress counts the line before a chunk and the trailer after the last towards the
    body only, and rescans what it has at every read: a line that never ends would keep
    its loop busy for the whole body limit.
    """

    completed: bool
    empty: bool
    body_bytes_received: int
    error: Error | None
    path = command = ""  # until the headers have come, and where they never do
    is_admitted = False  # as far as its headers go

    def __init__(
        self,
        adj: Limits,
        behind: bytearray,
        refused: Callable[[Parser], Error | None],
    ) -> None:
        """behind: takes what was received after the end of this request. refused: asked
        while a body comes, so that nobody sends or keeps one in vain."""
        super().__init__(adj)
        self._behind = behind
        self._refused = refused

    def received(self, data: bytes) -> int:
        try:
            consumed: int = super().received(data)
        except OSError:  # a long body's file
            unkept = Refusal(UNHEALTHY, "No room for the body", {"Retry-After": "1"})
            self.error, consumed = Refused(unkept), len(data)
        if self.headers_finished and self.error is None:
            self.error = self._excess()
        if self.error is not None:
            self.completed = True
        if self.completed:
            self.expect_continue = False  # the answer is no 100
        if self.completed and not self.empty:
            self._behind += data[consumed:]
            return len(data)
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # of urlsplit() and int()
            raise ParsingError(str(error)) from None
        if self.path.startswith("/"):
            # As waitress has it when it calls the application.
            self.path = "/" + self.path.lstrip("/")

    def _excess(self) -> Error | None:
        limit = self.adj.larger.get(self.path, self.adj.max_body)
        if self.command in WITHOUT_BODY:
            limit = min(limit, MAX_UNREAD_BODY_BYTES)
        if max(self.content_length, self.body_bytes_received) > limit:
            return RequestEntityTooLarge(f"body: expected at most {limit} bytes")
        if not self.completed and isinstance(self.body_rcv, ChunkedReceiver):
            line, trailer = self.body_rcv.control_line, self.body_rcv.trailer
            if max(len(line), len(trailer)) > MAX_CHUNK_LINE_BYTES:
                return BadRequest("Chunk line or trailer too long")
        return None if self.completed else self._refused(self)
