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


@dataclass(frozen=True)
class Work:
    """Layers that run one after the other, and the tokens of each added up."""

    layers: float = 0.0
    layer_tokens: float = 0.0


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
        self._done: list[Member] = []
        self._results: list[Tensor] = []  # theirs end to end, on the CPU
        # Longest first: what shares a pass is then alike, and attention is fastest
        # over sequences of one length.
        self.waiting = sorted(
            [
                Member(self, index, part, tokens)
                for index, (part, tokens) in enumerate(
                    zip(parts, self.batch.lengths, strict=True)
                )
            ],
            key=lambda member: -member.tokens,
        )
        self.waiting_tokens = len(self.batch.values)
        self._submitted = time.perf_counter()
        self._joined = 0.0

    @property
    def layers(self) -> int:
        return self.stop - self.start

    def join(self, members: list[Member]) -> None:
        """These, the first that waited, are in a pass now."""
        del self.waiting[: len(members)]
        self.waiting_tokens -= sum(member.tokens for member in members)
        self._joined = time.perf_counter()

    def leave(self, members: list[Member], results: Tensor) -> None:
        """With what these of its members came to in a pass, on the CPU: a row each, or
        their rows end to end."""
        if self.future.done():
            return  # it has failed with others of its members
        self._done += members
        self._results.append(results)
        self.turn.run_seconds += time.perf_counter() - self._joined
        if len(self._done) == len(self.batch.lengths):
            together = self._in_order()
            self._end()
            self.future.set_result(together)

    def _in_order(self) -> Tensor:
        many = len(self._results) > 1
        results = torch.cat(self._results) if many else self._results[0]
        order = [member.index for member in self._done]
        if order == sorted(order):
            return results
        if self.want == "hidden":
            parts = results.split_with_sizes([member.tokens for member in self._done])
            at = dict(zip(order, parts, strict=True))
            return torch.cat([at[index] for index in range(len(parts))])
        return results[torch.tensor(order).argsort()]

    def is_over(self) -> bool:
        """Whether nothing of it is to run any more; fails if the client is gone."""
        if not self.future.done():
            try:
                if self.turn.gone():
                    self.fail(ClientGone("The client hung up"))
            except Exception as error:  # it cannot tell, which is nobody else's matter
                self.fail(error)
        return self.future.done()

    def fail(self, error: BaseException) -> None:
        self.waiting, self.waiting_tokens = [], 0
        if not self.future.done():
            self._end()
            self.future.set_exception(error)

    def _end(self) -> None:
        total = time.perf_counter() - self._submitted
        self.turn.queue_seconds = max(total - self.turn.run_seconds, 0.0)
        # Members refer back to this. Only Python's garbage collector would free both,
        # the tensors and the connection that they lead to, and under load often.
        self._done, self._results = [], []


@dataclass(eq=False)
class Member:
    """One text of a request."""

    job: Job
    index: int  # in the request's batch
    values: Tensor  # as it joins: (tokens,) ids or (tokens, n_embd)
    tokens: int
