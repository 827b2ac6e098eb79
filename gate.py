"""What every request passes on its way in, and every answer on its way out."""

from __future__ import annotations

import errno
import json
import logging

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError

from access import SECURITY_HEADERS, Access
from disk_cache import CacheError
from input_errors import InputError
from layer_files import CuttingBusy
from metrics import Metrics
from model_service import client_gone
from operations import OPERATIONS
from refusals import (
    OVERLOADED,
    TOO_LARGE,
    UNHEALTHY,
    UNSUPPORTED,
    Refusal,
    openai_status,
    refusal_of,
)
from timings import Timings

log = logging.getLogger(__name__)

# What a visitor's browser needs before it can send a key, and a load balancer ever.
OPEN_ENDPOINTS = ("page", "dashboard", "static", "health")
METHODS = {"HEAD", "OPTIONS", *(operation.method for operation in OPERATIONS)}


class Gate:
    """Who may ask, what is counted, and errors said in JSON."""

    def __init__(self, access: Access, metrics: Metrics) -> None:
        self.access = access
        self.metrics = metrics

    def guard(self, app: Flask) -> None:
        app.before_request(self.admit)
        app.after_request(self.seal)
        app.teardown_request(self.leave)
        app.register_error_handler(Exception, self.refuse)

    def admit(self) -> Response | None:
        g.timings = Timings()
        # Without waitress (a test client) nobody can hang up.
        hung_up = request.environ.get("waitress.client_disconnected", lambda: False)
        client_gone.set(hung_up)
        self.metrics.in_flight.inc()
        origin = request.headers.get("Origin")
        self.access.check_origin(origin, request.host)
        if "Access-Control-Request-Method" in request.headers:
            private = "Access-Control-Request-Private-Network" in request.headers
            headers = self.access.preflight_headers(private)
            return Response(status=204, headers=headers)
        if request.endpoint not in OPEN_ENDPOINTS:
            self.access.check_key(request.headers.get("Authorization", ""))
        encoding = request.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise Refusal(
                UNSUPPORTED, f"Content-Encoding: expected none, came {encoding}"
            )
        return None

    def seal(self, response: Response) -> Response:
        origin = request.headers.get("Origin")
        response.headers.update(self.seal_headers(origin))
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        self.metrics.requests.labels(route, method, response.status_code).inc()
        self.metrics.bytes_in.labels(route).inc(request.content_length or 0)
        self.metrics.bytes_out.labels(route).inc(response.content_length or 0)
        self.metrics.duration.labels(route).observe(g.timings.elapsed())
        return response

    def seal_headers(self, origin: str | None) -> dict[str, str]:
        """What every answer carries, for a page of this origin."""
        return {**SECURITY_HEADERS, **self.access.cross_origin_headers(origin)}

    def overloaded(self, path: str, origin: str | None) -> tuple[dict[str, str], bytes]:
        """The headers and the JSON of a refusal that no thread was needed for."""
        refusal = Refusal(OVERLOADED, "Model is overloaded", {"Retry-After": "1"})
        openai = path.startswith("/v1/")
        body = refusal.openai_body() if openai else refusal.body()
        self.metrics.requests.labels(path, "POST", refusal.status).inc()
        headers = {**self.seal_headers(origin), **refusal.headers}
        return headers, json.dumps(body).encode()

    def leave(self, error: BaseException | None) -> None:
        self.metrics.in_flight.dec()

    def refuse(self, error: Exception) -> Response:
        refusal = _as_refusal(error)
        openai = request.path.startswith("/v1/")
        body = refusal.openai_body() if openai else refusal.body()
        response = jsonify(body)
        response.status_code = (
            openai_status(refusal.status) if openai else refusal.status
        )
        response.headers.update(refusal.headers)
        return response


def _as_refusal(error: Exception) -> Refusal:
    match error:
        case Refusal():
            return error
        case InputError():
            return refusal_of(error)
        case CacheError():
            return Refusal(UNHEALTHY, str(error))
        case CuttingBusy():
            return Refusal(UNHEALTHY, str(error), {"Retry-After": "1"})
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            return Refusal(UNHEALTHY, "Too many open files", {"Retry-After": "1"})
        case SecurityError():
            host = request.environ.get("HTTP_HOST", "")
            return Refusal(
                (400, "UntrustedHost"),
                f"Host {host!r} is not trusted: start the server with --trusted-host "
                "if it should be",
            )
        case RequestEntityTooLarge():
            limit = request.max_content_length
            return Refusal(TOO_LARGE, f"body: expected at most {limit} bytes")
        case HTTPException():
            return _from_werkzeug(error)
        case _:
            log.error("%s %s", request.method, request.path, exc_info=error)
            return Refusal((500, "Internal"), "Internal server error")


def _from_werkzeug(error: HTTPException) -> Refusal:
    kept = ("Allow", "Content-Range")  # of 405 and 416
    headers = {name: value for name, value in error.get_headers() if name in kept}
    message = f"{request.method} {request.path}: {error.description}"
    return Refusal((error.code or 500, error.name.replace(" ", "")), message, headers)
