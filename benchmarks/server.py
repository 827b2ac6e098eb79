"""Times the server at every split: what a cut saves it, and what it puts on the wire.

    .venv/bin/python benchmarks/server.py --model all-MiniLM-L6-v2 --tokens 16 128

Requests come one at a time over loopback; splits alternate within a round, so that a
machine that slows down slows all of them. Prints a Markdown table of medians.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import statistics
from importlib.metadata import version
from time import perf_counter

from capacity import layers_of, serving

WIRE_DTYPES = ("f32", "f16", "q8")


class Client:
    """One connection that stays open, as a browser's does."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def post(self, path: str, body: dict[str, object]) -> tuple[float, bytes]:
        """(milliseconds, the answer)."""
        started = perf_counter()
        self._connection.request(
            "POST", path, json.dumps(body), {"Content-Type": "application/json"}
        )
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise SystemExit(f"{path}: {response.status} {answer.decode()[:200]}")
        return (perf_counter() - started) * 1000, answer


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
                milliseconds, answer = client.post(path, body)
                sizes[label][dtype] = len(answer)
                if round > 0 and dtype in ("f32", "json"):  # round 0 warms up
                    times[label].append(milliseconds)
    return {
        label: (statistics.median(found), sizes[label])
        for label, found in times.items()
    }


def words(client: Client, tokens: int) -> str:
    """A text of that many tokens; BERT adds one at each end."""
    _, answer = client.post("/tokenize", {"inputs": "the"})
    extra = len(json.loads(answer)[0]) - 1
    return " ".join(["the"] * (tokens - extra))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--tokens", type=int, nargs="+", default=[16, 128])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, help="as the server's --threads")
    args = parser.parse_args()
    threads = [] if args.threads is None else ["--threads", str(args.threads)]
    with serving("--model", args.model, *threads) as port:
        client = Client(port)
        n_layer = layers_of(port)
        machine = f"{platform.machine()}, {os.cpu_count()} cores"
        print(
            f"{args.model}, {machine}, {' '.join(threads) or 'no --threads'},", end=" "
        )
        print(f"torch {version('torch')}; median of {args.rounds}")
        for tokens in args.tokens:
            text = words(client, tokens)
            table = measure(client, text, n_layer, args.rounds)
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
