"""Browsers and scripts against one server, with faults on all sides at random."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from tokenizers import Tokenizer
from tolerances import F32

from benchmarks.soaking.faulty_server import KINDS
from benchmarks.soaking.rig import ROOT, Sample, ServerProcess, run
from benchmarks.soaking.scripts import Script
from benchmarks.soaking.visitors import visiting

VISITORS, SCRIPTS = 3, 5
BROWSER_SHARE = 0.15  # of the requests
FAULTY_SERVER = str(ROOT / "benchmarks" / "soaking" / "faulty_server.py")
# The server restarts once in so many requests, all of that in the first quarter. It
# counts as warm with half of them done, when it has seen most lengths of text.
RESTART_EVERY = 3_000
RESTART_SIGNALS = (signal.SIGTERM, signal.SIGKILL)
WARM_SHARE = 0.5


@dataclass
class Mixed:
    answered: Counter[str] = field(default_factory=Counter)  # by who asked for what
    faults: Counter[str] = field(default_factory=Counter)
    overloaded: int = 0  # 429s, each asked again
    by_server: int = 0  # of the browsers' requests, after a failure there
    warm: int = 0  # bytes of the server's memory
    grown: int = 0  # from then to the end
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        answered = ", ".join(f"{kind} {n}" for kind, n in self.answered.items())
        faults = ", ".join(f"{kind} {n}" for kind, n in sorted(self.faults.items()))
        return (
            f"{self.answered.total()} requests answered ({answered}), "
            f"{self.by_server} of the browsers' by the server after a failure, "
            f"{self.overloaded} refusals on the way, {self.faults.total()} faults "
            f"({faults}), memory {self.warm / 2**20:.0f} MiB when half was done and "
            f"{self.grown / 2**20:+.1f} MiB at the end, "
            f"{len(self.wrong)} lost or wrong"
        )


class Mix:
    """What all who ask share."""

    def __init__(
        self, sample: Sample, server: ServerProcess, broken: set[int], end: float
    ) -> None:
        """broken: texts that fail in a layer of the server."""
        self.sample, self.server, self.end = sample, server, end
        self.broken = sorted(broken)
        self.sound = [n for n in range(len(sample.texts)) if n not in broken]
        self.found = Mixed()
        self.is_away = False  # the server, on purpose
        self.back_at = 0.0  # monotonic()

    @property
    def is_over(self) -> bool:
        """Out of time: it is noted, and everybody ends."""
        if monotonic() <= self.end:
            return False
        if "out of time" not in self.found.wrong:
            self.found.wrong.append("out of time")
        return True

    def compare(self, label: str, indices: list[int], rows: list[list[float]]) -> None:
        """With the Hugging Face class."""
        self.found.answered[label] += 1
        errors = [
            self.sample.error(index, row)
            for index, row in zip(indices, rows, strict=True)
        ]
        if not all(error <= F32 for error in errors):
            self.found.wrong.append(f"{label}, texts {indices}: off by {errors}")

    async def reached(self, count: float) -> None:
        """So many answers of each kind in proportion, the browsers' too."""
        answered = self.found.answered
        browsers = int(BROWSER_SHARE * count)
        while (
            answered.total() < count or answered["browsers"] < browsers
        ) and not self.is_over:
            await asyncio.sleep(0.05)

    def was_away(self, since: float) -> bool:
        return self.is_away or since < self.back_at

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        self.is_away = True
        yield
        self.is_away, self.back_at = False, monotonic()


def program_with_faults(
    sample: Sample, rng: random.Random
) -> tuple[list[str], set[int]]:
    """The server's script and its argument, and the texts that fail there."""
    tokenizer = Tokenizer.from_file(str(sample.folder / "tokenizer.json"))
    lengths = [len(tokenizer.encode(text).ids) for text in sample.texts]
    single = [n for n, length in enumerate(lengths) if lengths.count(length) == 1]
    broken = rng.sample(single, len(KINDS))
    faults = {
        str(lengths[n]): (kind, rng.randrange(sample.n_layer))
        for n, kind in zip(broken, KINDS, strict=True)
    }
    return [FAULTY_SERVER, json.dumps(faults)], set(broken)


def mix(
    sample: Sample,
    server: ServerProcess,
    broken: set[int],
    count: int,
    rng: random.Random,
    seconds: float,
) -> Mixed:
    """server: of program_with_faults(), with the texts that fail there."""
    mix = Mix(sample, server, broken, monotonic() + seconds)
    by_browsers = int(BROWSER_SHARE * count)
    by_scripts = count - by_browsers
    seeds = [rng.randrange(10**6) for _ in range(VISITORS + SCRIPTS)]

    async def together() -> None:
        async with AsyncExitStack() as stack:
            visitors = [
                await stack.enter_async_context(visiting(mix, random.Random(seed)))
                for seed in seeds[:VISITORS]
            ]
            scripts = [Script(mix, random.Random(seed)) for seed in seeds[VISITORS:]]
            await asyncio.gather(
                _restart(mix, count),
                *(visitor.ask(by_browsers // VISITORS) for visitor in visitors),
                *(script.ask(by_scripts // SCRIPTS) for script in scripts),
            )
        mix.found.grown = server.memory() - mix.found.warm

    run(together())
    return mix.found


async def _restart(mix: Mix, count: int) -> None:
    """Then look at the server's memory once it is warm."""
    restarts = count // RESTART_EVERY
    for n in range(restarts):
        # Browsers are patient for 24 s, which two restarts must not fill.
        await mix.reached(WARM_SHARE / 2 * (n + 1) / restarts * count)
        number = RESTART_SIGNALS[n % len(RESTART_SIGNALS)]
        async with mix.away():
            await asyncio.to_thread(mix.server.end, number)
            await asyncio.to_thread(mix.server.start)
        mix.found.faults[f"restart by {number.name}"] += 1
    await mix.reached(WARM_SHARE * count)
    mix.found.warm = mix.server.memory()
