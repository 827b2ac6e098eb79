"""What is refused before the application sees it, said in JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus

from waitress.task import ErrorTask
from waitress.utilities import Error, build_http_date

from refusals import Refusal


class Refused(Error):
    """A refusal, as waitress keeps it with the request."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class TooManyRequests(Refused):
    """Answered in the loop, without a thread."""


def as_refusal(error: Error) -> Refusal:
    """Also of what waitress itself refuses."""
    if isinstance(error, Refused):
        return error.refusal
    kind = "Backend" if error.code == 500 else "Validation"
    return Refusal((error.code, kind), f"{error.reason}: {error.body}")


class JsonErrorTask(ErrorTask):
    """Answers in the shape that the routes use."""

    def execute(self) -> None:
        status, headers, json = self.channel.server.told(self.request)
        self.status = f"{status} {HTTPStatus(status).phrase}"
        self.response_headers += headers.items()
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(json)
        self.write(json)


def whole_answer(status: int, headers: Mapping[str, str], json: bytes) -> bytes:
    """After which the connection ends. A task of waitress' would make it too, in nearly
    half as much time again, and an overloaded server makes many."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
        "Connection: close",
        f"Content-Length: {len(json)}",
        "Content-Type: application/json",
        f"Date: {build_http_date(time.time())}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + json
