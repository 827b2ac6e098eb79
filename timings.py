"""Where a request's time went, and the headers that say so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Stage = Literal["tokenize", "decode", "queue", "layers", "encode"]


class Timings:
    """One request's stages, in seconds; it starts when it is made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.stages: dict[Stage, float] = {}

    @contextmanager
    def measure(self, stage: Stage) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - started)

    def add(self, stage: Stage, seconds: float) -> None:
        self.stages[stage] = self.stages.get(stage, 0.0) + seconds

    def elapsed(self) -> float:
        return time.perf_counter() - self._started

    def server_timing(self) -> str:
        """The header that browsers show, in milliseconds."""
        return ", ".join(
            f"{stage};dur={seconds * 1000:.3f}"
            for stage, seconds in self.stages.items()
        )

    def headers(
        self, compute_type: str, characters: int, tokens: int
    ) -> dict[str, str]:
        """text-embeddings-inference's headers; its times are whole milliseconds."""
        total = self.elapsed()
        times = {
            "x-compute-time": total,
            "x-total-time": total,
            "x-tokenization-time": self.stages.get("tokenize", 0.0),
            "x-queue-time": self.stages.get("queue", 0.0),
            "x-inference-time": self.stages.get("layers", 0.0),
        }
        return {
            "x-compute-type": compute_type,
            "x-compute-characters": str(characters),
            "x-compute-tokens": str(tokens),
            **{name: str(int(seconds * 1000)) for name, seconds in times.items()},
            "Server-Timing": self.server_timing(),
        }
