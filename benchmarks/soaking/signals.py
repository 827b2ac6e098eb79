"""A server that is told to stop, or killed, while scripted clients ask it."""

from __future__ import annotations

import http.client
import json
import random
import signal
import threading
import time
from dataclasses import dataclass, field

from tolerances import F32

from benchmarks.soaking.rig import Sample, ServerProcess, post

CLIENTS = 8
PATIENCE_SECONDS = 60


@dataclass
class Stops:
    stops: int = 0
    answered: int = 0
    asked_again: int = 0  # of those, after a connection that was refused or broke
    longest_stop: float = 0.0  # seconds from SIGTERM to the end of the process
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.stops} stops, {self.answered} requests answered, "
            f"{self.asked_again} of them at a second try or later, longest stop "
            f"{self.longest_stop:.1f} s, {len(self.wrong)} lost or wrong"
        )


class Load:
    """Clients that ask without pause, until the block ends."""

    def __init__(
        self, sample: Sample, server: ServerProcess, found: Stops, seed: int
    ) -> None:
        self.sample, self.server, self.found = sample, server, found
        self.stopped_at = float("inf")  # when SIGTERM was sent
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._ask_on, args=(random.Random(seed + n),))
            for n in range(CLIENTS)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self, rng: random.Random) -> None:
        while not self._over.is_set():
            self._ask(rng.randrange(len(self.sample.texts)))

    def _ask(self, index: int) -> None:
        """Until it is answered."""
        begun = time.monotonic()
        body = {"inputs": self.sample.texts[index]}
        tries = 0
        while True:
            tries += 1
            at = time.monotonic()
            try:
                status, _, answer = post(self.server.port, "/embed", body)
                break
            except (OSError, http.client.HTTPException) as error:
                self._check(at, error)
            if time.monotonic() - begun > PATIENCE_SECONDS:
                return self._note(f"no answer to text {index} in {PATIENCE_SECONDS} s")
            time.sleep(0.05)
        row = json.loads(answer)[0] if status == 200 else [float("nan")]
        if status != 200 or not self.sample.error(index, row) <= F32:
            self._note(f"text {index}: {status} {answer[:100]!r}")
        with self._lock:
            self.found.answered += 1
            self.found.asked_again += tries > 1

    def _check(self, at: float, error: Exception) -> None:
        """What was asked before an orderly stop must have been answered."""
        is_refused = isinstance(error, ConnectionRefusedError)
        if at < self.stopped_at < float("inf") and not is_refused:
            early = self.stopped_at - at
            self._note(f"asked {early:.3f} s before SIGTERM: {error!r}")

    def _note(self, wrong: str) -> None:
        with self._lock:
            self.found.wrong.append(wrong)


def stop_under_load(
    sample: Sample,
    server: ServerProcess,
    number: signal.Signals,
    count: int,
    rng: random.Random,
    seconds: float,
) -> Stops:
    """The same server again and again, each time after up to a second of load."""
    found, end = Stops(), time.monotonic() + seconds
    with Load(sample, server, found, rng.randrange(10**6)) as load:
        for _ in range(count):
            if time.monotonic() > end:
                break
            time.sleep(rng.uniform(0.2, 1))
            begun = time.monotonic()
            if number == signal.SIGTERM:
                load.stopped_at = begun
            code = server.end(number)
            found.longest_stop = max(found.longest_stop, time.monotonic() - begun)
            expected = 0 if number == signal.SIGTERM else -number
            if code != expected:
                found.wrong.append(f"exit code {code}, expected {expected}")
            found.stops += 1
            load.stopped_at = float("inf")
            server.start()
    return found
