"""What is refused before the application sees it, said in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

from waitress.task import ErrorTask
from waitress.utilities import Error


class RequestTimeout(Error):
    code = 408
    reason = "Request Timeout"


class TooManyRequests(Error):
    code = 429
    reason = "Too Many Requests"

    def __init__(self, headers: Mapping[str, str], json: bytes) -> None:
        super().__init__("")
        self.headers, self.json = headers, json


class JsonErrorTask(ErrorTask):
    """Answers what waitress itself refuses, in the shape that the routes use."""

    def execute(self) -> None:
        refusal = self.request.error
        if isinstance(refusal, TooManyRequests):
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
