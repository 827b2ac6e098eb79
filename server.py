"""The HTTP server: create_app() and the command line."""

from __future__ import annotations

import quiet_threads  # noqa: F401 - it must come before torch

import errno
import json
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click
import torch
from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError

import http_server
from access import SECURITY_HEADERS, Access, trusted_hosts
from config_json import CheckpointError
from disk_cache import CacheError
from file_routes import FileRoutes
from input_errors import InputError
from layer_files import CuttingBusy
from loaded_models import MAX_CUTTING, DeviceMissing, LoadedModels
from metrics import Metrics
from model_registry import ModelNotFound, ModelUnavailable
from model_service import client_gone
from operations import OPERATIONS
from options import VERSION, Options, command_line
from parity import ParityChecks
from parity_routes import ParityRoutes
from refusals import (
    OVERLOADED,
    TOO_LARGE,
    UNHEALTHY,
    Refusal,
    openai_status,
    refusal_of,
)
from routes import UNSUPPORTED, Routes
from savings import Prices, Savings
from savings_routes import SavingsRoutes
from timings import Timings

log = logging.getLogger(__name__)

START_ERRORS = (
    CacheError,
    CheckpointError,
    DeviceMissing,
    ModelNotFound,
    ModelUnavailable,
    torch.OutOfMemoryError,
)
# What a visitor's browser needs before it can send a key, and a load balancer ever.
OPEN_ENDPOINTS = ("page", "dashboard", "static", "health")
# For requests that compute nothing, while all others wait for their turn. Of these only
# the MAX_CUTTING that may wait for layer files take long, so that some are always left.
SPARE_THREADS = MAX_CUTTING + 4
METHODS = {"HEAD", "OPTIONS", *(operation.method for operation in OPERATIONS)}
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def create_app(options: Options | None = None) -> Flask:
    """The application, its models loaded. Raises START_ERRORS."""
    options = options or Options()
    metrics = Metrics()
    models = LoadedModels(options, metrics)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = options.payload_limit
    app.config["TRUSTED_HOSTS"] = trusted_hosts(options)
    app.extensions["splitcompute"] = models
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider
    app.url_map.merge_slashes = False  # a path that is not ours is a 404, no redirect
    gate = Gate(Access.of(options), metrics)
    gate.guard(app)
    app.extensions["gate"] = gate
    prices = Prices(options.gpu_hour_price, options.egress_price)
    savings = Savings(models, metrics, prices)
    checks = ParityChecks(options.parity_share, metrics)
    routes = Routes(options, models, metrics, checks)
    parity = ParityRoutes(checks, routes.slot)
    files = FileRoutes(options, models)
    _route(app, routes, files, parity, SavingsRoutes(savings, models, metrics))
    return app


def _route(app: Flask, *owners: object) -> None:
    for operation in OPERATIONS:
        owner = next(owner for owner in owners if hasattr(owner, operation.view))
        view = getattr(owner, operation.view)
        app.add_url_rule(operation.rule, view_func=view, methods=[operation.method])


class Gate:
    """What every request passes on its way in, and every answer on its way out."""

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
        response.headers.update(SECURITY_HEADERS)
        response.headers.update(self.access.cross_origin_headers(origin))
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        self.metrics.requests.labels(route, method, response.status_code).inc()
        self.metrics.bytes_in.labels(route).inc(request.content_length or 0)
        self.metrics.bytes_out.labels(route).inc(response.content_length or 0)
        self.metrics.duration.labels(route).observe(g.timings.elapsed())
        return response

    def overloaded(self, path: str, origin: str | None) -> tuple[dict[str, str], bytes]:
        """The headers and the JSON of a refusal that no thread was needed for."""
        refusal = Refusal(OVERLOADED, "Model is overloaded", {"Retry-After": "1"})
        openai = path.startswith("/v1/")
        body = refusal.openai_body() if openai else refusal.body()
        self.metrics.requests.labels(path, "POST", refusal.status).inc()
        allowed = self.access.cross_origin_headers(origin)
        headers = {**SECURITY_HEADERS, **allowed, **refusal.headers}
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


def bound(app: Flask, options: Options) -> http_server.Bound:
    """Leaves a few threads to requests that compute nothing, whoever else comes."""
    return http_server.Bound(
        options.max_concurrent_requests + MAX_CUTTING,
        frozenset(o.path for o in OPERATIONS if OVERLOADED[0] in o.refusals),
        app.extensions["gate"].overloaded,
    )


def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT, in one process."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    # Before the models, which take longer: a port in use is said at once.
    with _address_errors(options):
        sock = http_server.bind(options.host, options.port)
    with sock:
        try:
            app = create_app(options)
        except START_ERRORS as error:
            raise click.ClickException(str(error)) from None
        # Of all threads but the models': what others compute is little, and a second
        # team of OpenMP threads would slow the models' (see layers_thread).
        torch.set_num_threads(1)
        models: LoadedModels = app.extensions["splitcompute"]
        with _address_errors(options):
            server = http_server.HttpServer(
                app,
                sock,
                threads=options.max_concurrent_requests + SPARE_THREADS,
                max_body=options.payload_limit,
                larger={"/resume": models.max_hidden_bytes},
                bound=bound(app, options),
            )
        _stop_on_signal(server)
        click.echo(f"SplitCompute {VERSION}: {_page_url(options.host, server.port)}")
        for model in models:
            click.echo(f"  {model.name} on {model.compute_type}, {model.dtype}")
        server.run()


@contextmanager
def _address_errors(options: Options) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        address = f"{options.host}:{options.port}"
        hint = "; --port chooses another" if error.errno == errno.EADDRINUSE else ""
        raise click.ClickException(
            f"cannot listen on {address}: {error.strerror}{hint}"
        ) from None


def _stop_on_signal(server: http_server.HttpServer) -> None:
    """The first signal asks for an orderly end, a second ends at once."""

    def at_once(number: int, frame: object) -> None:
        os._exit(128 + number)

    def orderly(number: int, frame: object) -> None:
        for each in STOP_SIGNALS:
            signal.signal(each, at_once)
        server.stop()

    for each in STOP_SIGNALS:
        signal.signal(each, orderly)


def _page_url(host: str, port: int) -> str:
    """An address of the page that a browser on this machine can open."""
    if host in ("", "0.0.0.0"):
        host = "127.0.0.1"
    # Werkzeug trusts no IPv6 address as a Host, only names.
    return f"http://{'localhost' if ':' in host else host}:{port}"


main = command_line(run)

if __name__ == "__main__":
    main(prog_name="server.py")
