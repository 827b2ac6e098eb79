"""What a request wants of the layers, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from ragged import Ragged

Want = Literal["hidden", "rows", "unit rows"]


class ClientGone(RuntimeError):
    """Nobody waits for the answer any more, so it was not computed."""


@dataclass
class Turn:
    """Whether the caller still waits; after its turn, where the time went."""

    gone: Callable[[], bool] = lambda: False
    queue_seconds: float = 0.0
    run_seconds: float = 0.0


@dataclass(eq=False)
class Job:
    """One request: a batch, and the layers [start, stop) that it is to go through.

    Token ids, (total_tokens,), are embedded first. What is wanted at `stop` is the
    hidden state, or the finished rows, as they are or of length 1.
    """

    batch: Ragged
    start: int
    stop: int
    want: Want
    turn: Turn = field(default_factory=Turn)

    def __post_init__(self) -> None:
        parts = self.batch.values.split_with_sizes(self.batch.lengths)
        self.future: Future[Tensor] = Future()
        self.results: list[Tensor] = [torch.empty(0)] * len(parts)  # in order, CPU
        self.missing = len(parts)
        # Longest first: what shares a pass is then alike, and attention is fastest
        # over sequences of one length.
        self.waiting = sorted(
            (Member(self, index, part) for index, part in enumerate(parts)),
            key=lambda member: -member.tokens,
        )
        self.waiting_tokens = len(self.batch.values)
        self._submitted = time.perf_counter()
        self._joined = 0.0

    def join(self, members: list[Member]) -> None:
        """These, the first that waited, are in a pass now."""
        del self.waiting[: len(members)]
        self.waiting_tokens -= sum(member.tokens for member in members)
        self._joined = time.perf_counter()

    def leave(self, members: list[Member], results: list[Tensor]) -> None:
        """With the results on the CPU of all its members in a pass."""
        for member, result in zip(members, results, strict=True):
            self.results[member.index] = result
        self.missing -= len(members)
        self.turn.run_seconds += time.perf_counter() - self._joined
        if self.missing == 0 and not self.future.done():
            rows = self.results
            together = torch.cat(rows) if self.want == "hidden" else torch.stack(rows)
            self._end()
            self.future.set_result(together)

    def fail(self, error: BaseException) -> None:
        self.waiting, self.waiting_tokens = [], 0
        if not self.future.done():
            self._end()
            self.future.set_exception(error)

    def _end(self) -> None:
        total = time.perf_counter() - self._submitted
        self.turn.queue_seconds = max(total - self.turn.run_seconds, 0.0)


@dataclass(eq=False)
class Member:
    """One text of a request."""

    job: Job
    index: int  # in the request's batch
    values: Tensor  # as it joins: (tokens,) ids or (tokens, n_embd)

    def __post_init__(self) -> None:
        self.tokens = len(self.values)
