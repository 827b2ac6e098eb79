"""Ways in which the answer to a request for a layer file, or for any, goes wrong."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

Fault = Callable[["WSGIApplication", "WSGIEnvironment"], Response]

STALL_SECONDS = 1
# A browser drops what it has not handed to the page yet when the connection breaks.
ARRIVAL_SECONDS = 0.1


def none(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    return Response(*run_wsgi_app(app, environ))


def reset(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    """Half of the promised bytes, then the connection is closed."""
    return _half_and_wait(none(app, environ), ARRIVAL_SECONDS)


def stall(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    """Half of the promised bytes, then nothing."""
    return _half_and_wait(none(app, environ), STALL_SECONDS)


def short(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    """Half of the file, as if that were all."""
    response = none(app, environ)
    response.set_data(_first_half(response))
    return response


def whole(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    """200 where 206 was asked for."""
    environ.pop("HTTP_RANGE", None)
    return none(app, environ)


def unsatisfiable(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    return Response(status=416)


def busy(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    return Response(status=503)


def missing(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    return Response('{"error": "gone", "error_type": "NotFound"}', status=404)


def changed_etag(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    response = none(app, environ)
    response.headers["ETag"] = '"another"'
    return response


def wrong_range(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    """The right bytes, called others."""
    response = none(app, environ)
    response.headers["Content-Range"] = "bytes 0-9/10"
    return response


def encoded(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    """Compressed on the way, as a proxy may do."""
    response = none(app, environ)
    response.set_data(gzip.compress(response.get_data()))
    response.headers["Content-Encoding"] = "gzip"
    return response


def flipped(app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    response = none(app, environ)
    data = bytearray(response.get_data())
    data[-1] ^= 1
    response.set_data(bytes(data))
    return response


class Slowly:
    """The whole file, at so many bytes a second."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s

    def __call__(self, app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
        response = none(app, environ)
        data = response.get_data()
        step = max(len(data) // 20, 1)

        def parts() -> Iterator[bytes]:
            for start in range(0, len(data), step):
                part = data[start : start + step]
                time.sleep(len(part) / self._bytes_per_s)
                yield part

        response.response = parts()
        return response


class Silence:
    """No answer, until it is broken."""

    def __init__(self) -> None:
        self._broken = threading.Event()

    def __call__(self, app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
        self._broken.wait(timeout=30)
        return none(app, environ)

    def end(self) -> None:
        self._broken.set()


class Gate:
    """A fault: half of the bytes, and the others when the gate is opened."""

    def __init__(self) -> None:
        self._begun = threading.Event()
        self._open = threading.Event()

    def __call__(self, app: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
        response = none(app, environ)
        data = response.get_data()
        half = len(data) // 2
        self._begun.set()

        def slowly() -> Iterator[bytes]:
            yield data[:half]
            self._open.wait(timeout=30)
            yield data[half:]

        response.response = slowly()
        return response

    def wait(self) -> None:
        """Until the answer is made, of which the first half goes out."""
        assert self._begun.wait(timeout=30)

    def open(self) -> None:
        self._open.set()


def _half_and_wait(response: Response, seconds: float) -> Response:
    half = _first_half(response)

    def slowly() -> Iterator[bytes]:
        yield half
        time.sleep(seconds)

    response.response = slowly()
    return response


def _first_half(response: Response) -> bytes:
    data = response.get_data()
    return data[: len(data) // 2]
