"""Many more requests at once than the server takes: some are refused, none is lost."""

from __future__ import annotations

import asyncio
import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic, perf_counter

from tolerances import F32

from benchmarks.soaking.rig import Sample, ServerProcess


@dataclass
class Crowd:
    answered: int = 0
    refusals: list[float] = field(default_factory=list)  # seconds that a 429 took
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        times = sorted(self.refusals)
        late = f", half of them within {times[len(times) // 2] * 1000:.0f} ms" * bool(
            times
        )
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

    async def run() -> None:
        rest = iter(indices)
        await asyncio.gather(*(_client(rest) for _ in range(at_once)))

    async def _client(rest: object) -> None:
        for index in rest:  # type: ignore[attr-defined]
            while monotonic() < end:
                status, headers, body, took = await _post(
                    server.port, {"inputs": sample.texts[index]}
                )
                if status != 429:
                    break
                found.refusals.append(took)
                wait = headers.get("retry-after")
                if wait is None:
                    found.wrong.append("429 without Retry-After")
                await asyncio.sleep(float(wait or 1))
            else:
                return
            found.answered += status == 200
            if status != 200:
                found.wrong.append(f"{status} {body[:100]!r}")
            elif not sample.error(index, json.loads(body)[0]) <= F32:
                found.wrong.append(f"text {index}: another embedding")

    # In a thread of its own: beside Playwright's, whose loop runs in the main one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(run())).result()
    return found


async def _post(port: int, body: object) -> tuple[int, dict[str, str], bytes, float]:
    """Over a connection of its own. The seconds count from when that stands."""
    data = json.dumps(body).encode()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = perf_counter()
        head = "POST /embed HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        answer = await reader.read()
        writer.close()
    except OSError as error:
        return 0, {}, repr(error).encode(), 0.0
    took = perf_counter() - begun
    head, _, content = answer.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in pairs}
    status = int(first.split()[1]) if first else 0
    return status, headers, content.encode(), took
