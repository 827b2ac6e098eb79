"""What every request passes on its way in, and every answer on its way out."""

from __future__ import annotations

import errno
import logging
from collections.abc import Mapping

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge

from access import SECURITY_HEADERS, Access
from disk_cache import CacheError
from input_errors import InputError
from layer_files import CuttingBusy
from metrics import Metrics
from model_service import client_gone
from operations import OPERATIONS
from refusals import (
    TOO_LARGE,
    UNHEALTHY,
    UNSUPPORTED,
    Doorman,
    Refusal,
    refusal_of,
)
from timings import Timings

log = logging.getLogger(__name__)

# What a visitor's browser needs before it can send a key, and a load balancer ever.
OPEN_ENDPOINTS = ("page", "dashboard", "static", "health")
METHODS = {"HEAD", "OPTIONS", *(operation.method for operation in OPERATIONS)}
PATHS = {operation.path for operation in OPERATIONS}


class Gate(Doorman):
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
        headers = request.headers
        self.access.check_site(headers.get("Host", ""), headers.get("Origin"))
        if "Access-Control-Request-Method" in headers:
            private = "Access-Control-Request-Private-Network" in headers
            allowed = self.access.preflight_headers(private)
            return Response(status=204, headers=allowed)
        if request.endpoint not in OPEN_ENDPOINTS:
            self.access.check_key(headers.get("Authorization", ""))
        encoding = headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise Refusal(
                UNSUPPORTED, f"Content-Encoding: expected none, came {encoding}"
            )
        return None

    def seal(self, response: Response) -> Response:
        origin = request.headers.get("Origin")
        response.headers.update(self.seal_headers(origin))
        route = request.url_rule.rule if request.url_rule else "none"
        method = _known(request.method)
        self.metrics.requests.labels(route, method, response.status_code).inc()
        self.metrics.bytes_in.labels(route).inc(request.content_length or 0)
        if method != "HEAD":
            self.metrics.bytes_out.labels(route).inc(response.content_length or 0)
        self.metrics.duration.labels(route).observe(g.timings.elapsed())
        return response

    def seal_headers(self, origin: str | None) -> dict[str, str]:
        """What every answer carries, for a page of this origin."""
        return {**SECURITY_HEADERS, **self.access.cross_origin_headers(origin)}

    def check(self, headers: Mapping[str, str]) -> None:
        """As admit() does it, of a request that has a body, which is to none of
        OPEN_ENDPOINTS."""
        self.access.check_site(headers.get("HOST", ""), headers.get("ORIGIN"))
        self.access.check_key(headers.get("AUTHORIZATION", ""))

    def answer(
        self, refusal: Refusal, method: str, path: str, origin: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        status, headers, body = super().answer(refusal, method, path, origin)
        route = path if path in PATHS else "none"
        self.metrics.requests.labels(route, _known(method), status).inc()
        return status, {**self.seal_headers(origin), **headers}, body

    def leave(self, error: BaseException | None) -> None:
        self.metrics.in_flight.dec()

    def refuse(self, error: Exception) -> Response:
        refusal = _as_refusal(error)
        status, body = refusal.answer(request.path)
        response = jsonify(body)
        response.status_code = status
        response.headers.update(refusal.headers)
        return response


def _known(method: str) -> str:
    return method if method in METHODS else "other"


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
    description = error.description
    if isinstance(error, NotFound):  # Werkzeug's words are for who types an address
        description = "nothing is here; /openapi.json describes what there is"
    message = f"{request.method} {request.path}: {description}"
    return Refusal((error.code or 500, error.name.replace(" ", "")), message, headers)
