"""Faults and load, part by part, each answer compared with the Hugging Face class.

    .venv/bin/python benchmarks/soak.py downloads --count 300

Starts the real server, and where a part needs one a headless Chromium with WebGPU in
software, on loopback alone. Prints one line a part, which begins with FAILED, and exits
1, if anything was lost or wrong.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Protocol

# The tests' own checkpoints, references and browser.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))

from client_page import ClientPage
from playwright.sync_api import sync_playwright

from benchmarks.soaking import gpu
from benchmarks.soaking.crowd import ask_at_once
from benchmarks.soaking.downloads import break_downloads
from benchmarks.soaking.forward import break_layers
from benchmarks.soaking.mixed import mix, program_with_faults
from benchmarks.soaking.rig import Sample, ServerProcess, make_sample, serving
from benchmarks.soaking.signals import stop_under_load
from benchmarks.soaking.storage import spoil_storage

AT_ONCE = 600


class Found(Protocol):
    wrong: list[str]


@dataclass(frozen=True)
class Asked:
    folder: Path
    count: int
    seconds: float
    rng: random.Random


def downloads(asked: Asked) -> Found:
    sample = _sample(asked, n_embd=640, n_layer=1)  # a file of 38 blocks, 20 MB
    with (
        serving(sample, asked.folder) as server,
        sync_playwright() as playwright,
        gpu.browser_with(playwright) as browser,
    ):
        page = browser.new_page()
        return break_downloads(
            page, sample, server, asked.count, asked.rng, asked.seconds
        )


def destroy(asked: Asked) -> Found:
    sample = _sample(asked)
    with serving(sample, asked.folder) as server, _client(server, sample) as client:
        return gpu.destroy_devices(
            client, sample, asked.count, asked.rng, asked.seconds
        )


def kill(asked: Asked) -> Found:
    sample = _sample(asked)
    with (
        serving(sample, asked.folder) as server,
        _client(server, sample, *gpu.NO_LIMIT) as client,
    ):
        splits = range(sample.n_layer)
        return gpu.kill_gpu_processes(
            client, sample, splits, asked.count, asked.rng, asked.seconds
        )


def kill_limited(asked: Asked) -> Found:
    """With as many browsers as that takes, as each ends itself in time."""
    sample, found, end = _sample(asked), gpu.Losses(), monotonic() + asked.seconds
    with serving(sample, asked.folder) as server:
        for split in range(sample.n_layer):
            for done in range(0, asked.count, gpu.KILLS_A_BROWSER):
                count = min(gpu.KILLS_A_BROWSER, asked.count - done)
                with _client(server, sample) as client:
                    found.add(
                        gpu.kill_gpu_processes(
                            client, sample, [split], count, asked.rng, end - monotonic()
                        )
                    )
    return found


def storage(asked: Asked) -> Found:
    sample = _sample(asked)
    with serving(sample, asked.folder) as server, _client(server, sample) as client:
        return spoil_storage(client, sample, asked.count, asked.rng, asked.seconds)


@contextmanager
def _client(server: ServerProcess, sample: Sample, *flags: str) -> Iterator[ClientPage]:
    with (
        sync_playwright() as playwright,
        gpu.browser_with(playwright, *flags) as browser,
        gpu.client_in(browser, server.url, sample) as client,
    ):
        yield client


def sigterm(asked: Asked) -> Found:
    return _stop(asked, signal.SIGTERM)


def sigkill(asked: Asked) -> Found:
    return _stop(asked, signal.SIGKILL)


def _stop(asked: Asked, number: signal.Signals) -> Found:
    sample = _sample(asked)
    with serving(sample, asked.folder) as server:
        return stop_under_load(
            sample, server, number, asked.count, asked.rng, asked.seconds
        )


def crowd(asked: Asked) -> Found:
    sample = _sample(asked)
    with serving(sample, asked.folder) as server:
        return ask_at_once(
            sample, server, asked.count, AT_ONCE, asked.rng, asked.seconds
        )


def forward(asked: Asked) -> Found:
    sample = _sample(asked)
    return break_layers(sample, asked.folder, asked.count, asked.rng, asked.seconds)


def mixed(asked: Asked) -> Found:
    sample = _sample(asked)
    program, broken = program_with_faults(sample, asked.rng)
    with serving(sample, asked.folder, program) as server:
        return mix(sample, server, broken, asked.count, asked.rng, asked.seconds)


def _sample(asked: Asked, **config: int) -> Sample:
    return make_sample(asked.folder / "soaked", **config)


PARTS: dict[str, tuple[Callable[[Asked], Found], int]] = {
    "downloads": (downloads, 300),
    "destroy": (destroy, 100),
    "kill": (kill, 20),
    "kill-limited": (kill_limited, 20),
    "storage": (storage, 50),
    "sigterm": (sigterm, 20),
    "sigkill": (sigkill, 20),
    "crowd": (crowd, 5_000),
    "forward": (forward, 1_000),
    "mixed": (mixed, 10_000),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="counts by default: "
        + ", ".join(f"{name} {count}" for name, (_, count) in PARTS.items()),
    )
    parser.add_argument("part", nargs="+", choices=PARTS)
    parser.add_argument(
        "--count",
        type=int,
        help="of faults (of destroy and kill: at each cut), or requests",
    )
    parser.add_argument("--seconds", type=float, default=1800, help="a part, at most")
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    failed = False
    for name in args.part:
        part, count = PARTS[name]
        rng, started = random.Random(args.seed), monotonic()
        with tempfile.TemporaryDirectory() as folder:
            count = count if args.count is None else args.count
            found = part(Asked(Path(folder), count, args.seconds, rng))
        failed = failed or bool(found.wrong)
        label = "FAILED " if found.wrong else ""
        print(f"{label}{name}: {found}; {monotonic() - started:.0f} s", flush=True)
        for wrong in found.wrong[:10]:
            print(f"  {wrong}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
