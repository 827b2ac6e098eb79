"""What is refused before the application sees it, said in JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from waitress.task import ErrorTask
from waitress.utilities import Error, build_http_date


class RequestTimeout(Error):
    code = 408
    reason = "Request Timeout"


class TooManyRequests(Error):
    code = 429
    reason = "Too Many Requests"


class JsonErrorTask(ErrorTask):
    """Answers what waitress itself refuses, in the shape that the routes use."""

    def execute(self) -> None:
        refusal = self.request.error
        kind = "Backend" if refusal.code == 500 else "Validation"
        message = f"{refusal.reason}: {refusal.body}"
        body = json.dumps({"error": message, "error_type": kind}).encode()
        self.status = f"{refusal.code} {refusal.reason}"
        origin = self.request.headers.get("ORIGIN")
        self.response_headers += self.channel.server.seal(origin).items()
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def too_many_requests(headers: Mapping[str, str], json: bytes) -> bytes:
    """The whole answer, after which the connection ends. A task of waitress' would make
    it too, in nearly half as much time again, and an overloaded server makes many."""
    lines = [
        f"HTTP/1.1 {TooManyRequests.code} {TooManyRequests.reason}",
        *(f"{name}: {value}" for name, value in headers.items()),
        "Connection: close",
        f"Content-Length: {len(json)}",
        "Content-Type: application/json",
        f"Date: {build_http_date(time.time())}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + json
