"""Many more requests at once than the server takes: some are refused, none is lost."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

from tolerances import F32

from benchmarks.soaking.rig import Sample, ServerProcess, run
from benchmarks.soaking.sockets import Broken, Reply, post


@dataclass
class Crowd:
    answered: int = 0
    refusals: list[float] = field(default_factory=list)  # seconds that a 429 took
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        times = sorted(self.refusals)
        late = ""
        if times:
            half, most = (times[len(times) * p // 100] * 1000 for p in (50, 95))
            late = f", half of them within {half:.0f} ms, 95% within {most:.0f} ms"
        return (
            f"{self.answered} requests answered, {len(times)} refusals on the way"
            f"{late}, {len(self.wrong)} lost or wrong"
        )


def ask_at_once(
    sample: Sample,
    server: ServerProcess,
    count: int,
    at_once: int,
    rng: random.Random,
    seconds: float,
) -> Crowd:
    """Each asks again after a 429 when Retry-After says so, until it is answered."""
    found, end = Crowd(), monotonic() + seconds
    indices = [rng.randrange(len(sample.texts)) for _ in range(count)]

    async def together() -> None:
        rest = iter(indices)
        await asyncio.gather(*(client(rest) for _ in range(at_once)))

    async def client(rest: Iterator[int]) -> None:
        for index in rest:
            try:
                reply = await persist(index)
            except Broken as error:
                found.wrong.append(str(error))
                continue
            found.answered += reply.status == 200
            if reply.status != 200:
                found.wrong.append(f"{reply.status} {reply.body[:100]!r}")
            elif not sample.error(index, json.loads(reply.body)[0]) <= F32:
                found.wrong.append(f"text {index}: another embedding")

    async def persist(index: int) -> Reply:
        while monotonic() < end:
            reply = await post(server.port, "/embed", {"inputs": sample.texts[index]})
            if reply.status != 429:
                return reply
            found.refusals.append(reply.seconds)
            wait = reply.headers.get("retry-after")
            if wait is None:
                found.wrong.append("429 without Retry-After")
            await asyncio.sleep(float(wait or 1))
        raise Broken("out of time")

    run(together())
    return found
