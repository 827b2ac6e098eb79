"""The real server on a free port of this process, and a log of what is asked of it."""

import re
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from piece_faults import Fault

from http_server import HttpServer, bind
from options import Options
from server import create_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

COUNTER = re.compile(
    r'^splitcompute_layer_runs_total\{layer="(\d+)",model="([^"]+)"\} (\S+)$', re.M
)


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    range: str | None


class LiveServer:
    """A WSGI application around the server's own, so that layer files can go wrong."""

    def __init__(self, options: Options, parity_share: float = 0.0) -> None:
        """parity_share: by default none, so that layers run as often as asked for."""
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []  # of the next layer files, one each
        self.split_faults: list[Fault] = []  # of the next answers to /split
        self._parity_share = parity_share
        self.serve(options)
        socket = bind("127.0.0.1", options.port)
        self._server = HttpServer(self, socket, threads=8, max_body=10**8)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        method, range = environ["REQUEST_METHOD"], environ.get("HTTP_RANGE")
        self.asked.append(Asked(method, path, range))
        if path.endswith(".safetensors") and method == "GET" and self.faults:
            return self.faults.pop(0)(self._answer, environ)(environ, start_response)
        if path == "/split" and method == "POST" and self.split_faults:
            fault = self.split_faults.pop(0)
            return fault(self._answer, environ)(environ, start_response)
        return self._app(environ, start_response)

    def _answer(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """By what is served when the fault lets it."""
        return self._app(environ, start_response)

    def serve(self, options: Options) -> None:
        """What these make, from the next request on: as after a restart in no time."""
        self._app = create_app(replace(options, parity_share=self._parity_share))

    def asked_paths(self) -> list[str]:
        """Without reports, which come some time after what they tell of."""
        paths = [f"{asked.method} {asked.path}" for asked in self.asked]
        return [path for path in paths if path != "POST /report"]

    def asked_for_pieces(self) -> list[str]:
        """The pieces requested so far, by name, in order."""
        paths = [asked.path for asked in self.asked if asked.method == "GET"]
        names = [re.search(r"/([^/]+)\.safetensors$", path) for path in paths]
        return [name[1] for name in names if name]

    def layer_runs(self, model: str) -> Counter[int]:
        """How often each layer ran here, as /metrics says."""
        text = self._app.test_client().get("/metrics").text
        return Counter(
            {
                int(layer): int(float(runs))
                for layer, name, runs in COUNTER.findall(text)
                if name == model
            }
        )

    def savings(self) -> Any:
        return self._app.test_client().get("/savings").json

    def work(self, model: str) -> dict[str, Any]:
        """Who ran what of the model, as /savings says."""
        return next(w for w in self.savings()["models"] if w["name"] == model)

    def replies_avoided(self) -> int:
        """In bytes, of all models."""
        return int(self.savings()["bytes"]["replies_avoided"])

    def stop(self) -> None:
        self._server.stop()
        self._thread.join()
