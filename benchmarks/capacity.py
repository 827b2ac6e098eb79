"""How many requests a second a server answers, and how fast, at each split.

    .venv/bin/python benchmarks/capacity.py --plot static/images/capacity.svg

A server process of its own, and clients that each ask again as soon as they are
answered, over loopback. Prints a Markdown table: requests a second, the 50th, 95th and
99th percentile of their time, and how many were refused with 429.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil, nan
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Tally:
    """What one run of clients saw."""

    seconds: list[float] = field(default_factory=list)  # of those that were answered
    refused: list[float] = field(default_factory=list)
    took: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.took


def percentile(seconds: list[float], percent: int) -> float:
    """Milliseconds, by the nearest rank; NaN of none."""
    if not seconds:
        return nan
    return sorted(seconds)[ceil(len(seconds) * percent / 100) - 1] * 1000


@contextmanager
def serving(*arguments: str) -> Iterator[int]:
    """A server of its own process -> its port."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "server.py"), "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                yield int(found[1])
                return
        raise SystemExit("the server did not start")
    finally:
        process.terminate()
        process.wait()


def client(
    port: int, path: str, body: bytes, stop: threading.Event, tally: Tally
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json"}
    while not stop.is_set():
        started = perf_counter()
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        response.read()
        took = perf_counter() - started
        if response.status == 429:
            tally.refused.append(took)
            stop.wait(float(response.headers["Retry-After"]))
        elif response.status == 200:
            tally.seconds.append(took)
        else:
            raise RuntimeError(f"{path}: {response.status}")
    connection.close()


def load(port: int, path: str, body: bytes, clients: int, seconds: float) -> Tally:
    """Raises what a client does, as soon as one does."""
    stop, tally = threading.Event(), Tally()
    started = perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        asking = [
            pool.submit(client, port, path, body, stop, tally) for _ in range(clients)
        ]
        wait(asking, timeout=seconds, return_when=FIRST_EXCEPTION)
        stop.set()
    tally.took = perf_counter() - started
    for each in asking:
        each.result()
    return tally


def layers_of(port: int) -> int:
    """Of the server's default model."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/models")
    models = json.loads(connection.getresponse().read())["models"]
    connection.close()
    return int(models[0]["n_layer"])


def measure(
    port: int, words: int, splits: list[int | None], clients: list[int], seconds: float
) -> dict[tuple[int | None, int], Tally]:
    """(split, or None for /embed; clients) -> what they saw."""
    text = " ".join(["the"] * words)
    tallies = {}
    for split in splits:
        asked: dict[str, object] = {"inputs": text}
        path = "/embed"
        if split is not None:
            asked |= {"split": split, "dtype": "f16"}
            path = "/split"
        body = json.dumps(asked).encode()
        load(port, path, body, 1, 0.3)  # warms up
        for count in clients:
            tallies[split, count] = load(port, path, body, count, seconds)
    return tallies


def print_table(tallies: dict[tuple[int | None, int], Tally]) -> None:
    print("| split | clients | requests/s | p50 ms | p95 ms | p99 ms | refused |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for (split, clients), tally in tallies.items():
        name = "/embed" if split is None else str(split)
        times = [f"{percentile(tally.seconds, p):.0f}" for p in (50, 95, 99)]
        cells = [name, str(clients), f"{tally.rate:.0f}", *times]
        print(f"| {' | '.join([*cells, str(len(tally.refused))])} |")
    if refused := [took for tally in tallies.values() for took in tally.refused]:
        print(f"\nrefused within {percentile(refused, 99):.0f} ms (99th percentile)")


def draw(
    tallies: dict[tuple[int | None, int], Tally], n_layer: int, path: Path
) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "capacity"
    from matplotlib import pyplot

    figure, (rates, times) = pyplot.subplots(1, 2, figsize=(9, 3.4))
    counts = sorted({clients for _, clients in tallies})
    splits = sorted({split for split, _ in tallies if split is not None})
    for count in counts:
        line = [tallies[split, count] for split in splits]
        rates.plot(splits, [t.rate for t in line], "o-", label=f"{count} clients")
        times.plot(splits, [percentile(t.seconds, 95) for t in line], "o-")
    rates.set(xlabel=f"split, of {n_layer} layers", ylabel="requests/s")
    times.set(xlabel=f"split, of {n_layer} layers", ylabel="95th percentile, ms")
    rates.set_ylim(0)
    times.set_yscale("log")
    rates.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--words", type=int, default=62)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=3, help="for each row")
    parser.add_argument("--plot", type=Path, help="an SVG file to write")
    args = parser.parse_args()
    with serving("--model", args.model) as port:
        n_layer = layers_of(port)
        splits = [*range(n_layer + 1), None]
        tallies = measure(port, args.words, splits, args.clients, args.seconds)
    print(f"{args.model}, one text of {args.words} words a request, f16 on the wire\n")
    print_table(tallies)
    if args.plot:
        draw(tallies, n_layer, args.plot)


if __name__ == "__main__":
    main()
