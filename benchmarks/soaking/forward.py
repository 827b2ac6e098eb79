"""Layers that raise or give NaN, for some of the requests that run together."""

from __future__ import annotations

import http.client
import json
import logging
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tolerances import F32

from benchmarks.soaking.faulty_server import KINDS, Faults
from benchmarks.soaking.rig import Sample, post
from http_server import HttpServer, bind
from options import Options
from server import create_app
from split_model import SplitModel

CLIENTS = 8


@dataclass
class Forwards:
    faults: int = 0
    answered: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.faults} requests met a fault and were refused alone, "
            f"{self.answered} beside them were answered, {len(self.wrong)} wrong"
        )


@contextmanager
def _serving(sample: Sample, cache: Path) -> Iterator[tuple[int, SplitModel]]:
    app = create_app(Options(model=(str(sample.folder),), cache_dir=cache, port=0))
    server = HttpServer(app, bind("127.0.0.1", 0), CLIENTS, max_body=10**6)
    thread = threading.Thread(target=server.run)
    thread.start()
    log = logging.getLogger("model_service")
    level = log.level
    log.setLevel(logging.CRITICAL)  # a traceback each
    try:
        yield server.port, app.extensions["splitcompute"].default.model
    finally:
        log.setLevel(level)
        server.stop()
        thread.join()


def break_layers(
    sample: Sample, cache: Path, count: int, rng: random.Random, seconds: float
) -> Forwards:
    """Until `count` requests have met a fault; about a quarter do."""
    found, end, lock = Forwards(), monotonic() + seconds, threading.Lock()
    with _serving(sample, cache) as (port, model):
        lengths = [model.tokenize([text]).lengths[0] for text in sample.texts]
        broken = rng.sample(sorted(set(lengths)), len(set(lengths)) // 4)
        faults = {
            length: (KINDS[n % len(KINDS)], rng.randrange(sample.n_layer))
            for n, length in enumerate(broken)
        }
        Faults(model, faults)

        def ask(index: int) -> None:
            kind = faults.get(lengths[index], ("", -1))[0]
            body = {"inputs": sample.texts[index]}
            try:
                status, _, answer = post(port, "/embed", body)
            except (OSError, http.client.HTTPException) as error:
                with lock:
                    found.wrong.append(f"text {index}: {error!r}")
                return
            right = status == (424 if kind else 200)
            if right and not kind:
                right = sample.error(index, json.loads(answer)[0]) <= F32
            with lock:
                found.faults += bool(kind)
                found.answered += not kind
                if not right:
                    found.wrong.append(
                        f"text {index}, {kind}: {status} {answer[:80]!r}"
                    )

        with ThreadPoolExecutor(CLIENTS) as pool:
            while found.faults < count and monotonic() < end:
                indices = rng.choices(range(len(sample.texts)), k=64)
                list(pool.map(ask, indices))
    return found
