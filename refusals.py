"""What the server answers when it does not do as asked: code, kind and sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping

from input_errors import EmptyText, InputError, TextTooLong

# The kinds that text-embeddings-inference names, each with its code there. 422 is also
# its code for JSON that parses and has the wrong types.
EMPTY = 400, "Empty"
TOO_LARGE = 413, "Validation"
INVALID = 422, "Validation"
BACKEND = 424, "Backend"
OVERLOADED = 429, "Overloaded"
UNHEALTHY = 503, "Unhealthy"
NOT_FOUND = 404, "NotFound"
FORBIDDEN = 403, "Forbidden"
UNSUPPORTED = 415, "UnsupportedMediaType"


class Refusal(Exception):
    """An answer other than the one asked for. kind: (HTTP status, error_type)."""

    def __init__(
        self,
        kind: tuple[int, str],
        message: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.error_type = kind
        self.message = message
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """As text-embeddings-inference writes it."""
        return {"error": self.message, "error_type": self.error_type}

    def openai_body(self) -> dict[str, object]:
        """As OpenAI writes it, where its clients look for `message`."""
        return {
            "error": {
                "message": self.message,
                "type": _openai_type(self.status),
                "param": None,
                "code": self.error_type,
            }
        }

    def answer(self, path: str) -> tuple[int, dict[str, object]]:
        """The status and the JSON that clients of that path look for."""
        if path.startswith("/v1/"):
            return openai_status(self.status), self.openai_body()
        return self.status, self.body()


class Doorman:
    """What an application has to say of requests that it will not see: those refused
    while they are read. This one lets everybody in."""

    def check(self, headers: Mapping[str, str]) -> None:
        """Before a body is read. Raises Refusal. headers: named as CONTENT_TYPE is."""

    def answer(
        self, refusal: Refusal, method: str, path: str, origin: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """The status, the headers and the JSON. method and path: "" where what came is
        no HTTP. origin: the site whose page asks, if a page does."""
        status, body = refusal.answer(path)
        return status, refusal.headers, json.dumps(body).encode()


def overloaded() -> Refusal:
    return Refusal(OVERLOADED, "Model is overloaded", {"Retry-After": "1"})


def refusal_of(error: InputError) -> Refusal:
    """The answer to data that is not what a model takes."""
    message = str(error)
    if error.index is not None:
        message = f"{message} (inputs[{error.index}])"
    match error:
        case EmptyText():
            return Refusal(EMPTY, message)
        case TextTooLong():
            return Refusal(TOO_LARGE, f"Input validation error: {message}")
        case _:
            return Refusal(INVALID, message)


def openai_status(status: int) -> int:
    """OpenAI says 400 where text-embeddings-inference tells wrong input apart."""
    return 400 if status in (EMPTY[0], TOO_LARGE[0], INVALID[0]) else status


def _openai_type(status: int) -> str:
    if status == OVERLOADED[0]:
        return "rate_limit_error"
    return "invalid_request_error" if openai_status(status) < 424 else "server_error"
