"""Times the server at every split: what a cut saves it, and what it puts on the wire.

    .venv/bin/python benchmarks/server.py --model all-MiniLM-L6-v2 --tokens 16 128

Requests come one at a time over loopback; splits alternate within a round, so that a
machine that slows down slows all of them. Prints a Markdown table of medians.
"""

from __future__ import annotations

import argparse
import http.client
import json
import platform
import statistics
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import before_torch  # noqa: F401 - it must come before torch

import torch

from http_server import HttpServer, bind
from loaded_models import LoadedModels
from options import Options
from server import create_app
from split_model import SplitModel

WIRE_DTYPES = ("f32", "f16", "q8")


class Client:
    """One connection that stays open, as a browser's does."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def post(self, path: str, body: dict[str, object]) -> tuple[float, int]:
        """(milliseconds, bytes of the answer)."""
        started = perf_counter()
        self._connection.request(
            "POST", path, json.dumps(body), {"Content-Type": "application/json"}
        )
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise SystemExit(f"{path}: {response.status} {answer.decode()[:200]}")
        return (perf_counter() - started) * 1000, len(answer)


@contextmanager
def serving(options: Options) -> Iterator[tuple[Client, LoadedModels]]:
    app = create_app(options)
    server = HttpServer(app, bind("127.0.0.1", 0), threads=4, max_body=10**8)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Client(server.port), app.extensions["splitcompute"]
    finally:
        server.stop()
        thread.join()


def measure(
    client: Client, text: str, n_layer: int, rounds: int
) -> dict[str, tuple[float, dict[str, int]]]:
    """Label -> (median milliseconds, bytes by wire dtype)."""
    requests: dict[str, list[tuple[str, str, dict[str, object]]]] = {
        f"split {split}": [
            (dtype, "/split", {"inputs": text, "split": split, "dtype": dtype})
            for dtype in WIRE_DTYPES
        ]
        for split in range(n_layer + 1)
    }
    requests["/embed"] = [("json", "/embed", {"inputs": text})]
    times: dict[str, list[float]] = {label: [] for label in requests}
    sizes: dict[str, dict[str, int]] = {label: {} for label in requests}
    for round in range(rounds + 1):
        for label, variants in requests.items():
            for dtype, path, body in variants:
                milliseconds, sizes[label][dtype] = client.post(path, body)
                if round > 0 and dtype in ("f32", "json"):  # round 0 warms up
                    times[label].append(milliseconds)
    return {
        label: (statistics.median(found), sizes[label])
        for label, found in times.items()
    }


def words(model: SplitModel, tokens: int) -> str:
    """A text of that many tokens; BERT adds one at each end."""
    extra = model.tokenize(["the"]).lengths[0] - 1
    return " ".join(["the"] * (tokens - extra))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--tokens", type=int, nargs="+", default=[16, 128])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=None)
    args = parser.parse_args()
    options = Options(model=(args.model,), threads=args.threads, port=0)
    with serving(options) as (client, models):
        model = models.default
        threads = torch.get_num_threads()
        print(f"{model.name}, {platform.machine()}, {model.compute_type},", end=" ")
        print(f"{threads} threads, torch {torch.__version__}; median of {args.rounds}")
        for tokens in args.tokens:
            text = words(model.model, tokens)
            table = measure(client, text, model.n_layer, args.rounds)
            whole = table["/embed"][0]
            print(f"\n{tokens} tokens\n")
            print("| request | ms | of /embed | bytes f32 | f16 | q8 |")
            print("|---|---:|---:|---:|---:|---:|")
            for label, (milliseconds, size) in table.items():
                counts = [str(size.get(d, "")) for d in WIRE_DTYPES]
                if "json" in size:
                    counts[0] = f"{size['json']} (JSON)"
                cells = [label, f"{milliseconds:.1f}", f"{milliseconds / whole:.2f}"]
                print(f"| {' | '.join([*cells, *counts])} |")


if __name__ == "__main__":
    main()
