"""The HTTP server: create_app() and the command line."""

from __future__ import annotations

import before_torch  # noqa: F401 - it must come before torch

import errno
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import torch
from flask import Flask

import http_server
from access import Access, is_loopback
from config_json import CheckpointError
from disk_cache import CacheError
from file_routes import FileRoutes
from gate import Gate
from http_listener import Bound
from loaded_models import MAX_CUTTING, DeviceMissing, LoadedModels
from metrics import Metrics
from model_registry import ModelNotFound, ModelUnavailable
from operations import OPERATIONS
from options import VERSION, Options, command_line
from parity import ParityChecks
from parity_routes import ParityRoutes
from refusals import OVERLOADED
from routes import Routes
from savings import Prices, Savings
from savings_routes import SavingsRoutes

START_ERRORS = (
    CacheError,
    CheckpointError,
    DeviceMissing,
    ModelNotFound,
    ModelUnavailable,
    torch.OutOfMemoryError,
)
# For requests that compute nothing, while all others wait for their turn. Of these only
# the MAX_CUTTING that may wait for layer files take long, so that some are always left.
SPARE_THREADS = MAX_CUTTING + 4
# How long a thread may keep Python's lock from another that waits. A layer needs it
# between any two operations, and Python's own 5 ms are the time of several layers.
SWITCH_SECONDS = 0.001
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def create_app(options: Options | None = None) -> Flask:
    """The application, its models loaded. Raises START_ERRORS."""
    options = options or Options()
    metrics = Metrics()
    models = LoadedModels(options, metrics)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = options.payload_limit
    app.extensions["splitcompute"] = models
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider
    app.jinja_env.globals["needs_key"] = options.api_key is not None
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


def bound(options: Options) -> Bound:
    """Leaves a few threads to requests that compute nothing, whoever else comes. Who is
    let in finds a slot (Routes.slot): a thread's turn only to be refused comes late."""
    return Bound(
        options.max_concurrent_requests,
        frozenset(o.path for o in OPERATIONS if OVERLOADED[0] in o.refusals),
    )


def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT, in one process."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.setswitchinterval(SWITCH_SECONDS)
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
                bound=bound(options),
                doorman=app.extensions["gate"],
            )
        _stop_on_signal(server)
        click.echo(f"SplitCompute {VERSION}: {_page_url(options.host, server.port)}")
        for model in models:
            click.echo(f"  {model.name} on {model.compute_type}, {model.dtype}")
        if options.api_key is None and not is_loopback(options.host):
            click.echo("  Without --api-key, everybody who reaches it may use it")
        _spare_the_collector()
        server.run()


def _spare_the_collector() -> None:
    """Python's garbage collector now and then looks at every object there is, which
    holds up all threads: a tenth of a second with PyTorch's. Those that are here by now
    stay, so that it need look only at what requests leave."""
    gc.collect()
    gc.freeze()


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
