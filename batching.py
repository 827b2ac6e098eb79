"""Who runs through the layers together, and who waits: a bounded queue before one pass.

Nobody waits for company. A pass starts as soon as anybody is there; at each layer those
who wait for just this one join, as far as the budget of tokens reaches (layer_pass.py).
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from jobs import Job, Member, Work
from layer_pass import Pass, Stages

LAYERS_NICENESS = 10


class QueueFull(RuntimeError):
    """As many tokens wait as may, so the request was not taken."""


@dataclass(frozen=True)
class Ahead:
    """What runs before a request that comes now."""

    running: Work  # of the pass under way
    waiting: Work  # of those that wait
    passes: float  # that these fill


def layers_thread() -> ThreadPoolExecutor:
    """The one thread that models are to be loaded and to run in, whoever calls.

    OpenMP keeps a team of threads for each thread that ever computed with several:
    forty callers on 64 cores would be 2,520 of them. And once they are more than the
    cores, none spins for its next turn: to wake them takes as long again as the layers
    of a short text.
    """
    return ThreadPoolExecutor(1, "layers", initializer=_prepare_layers_thread)


def _prepare_layers_thread() -> None:
    # Reading the number fixes it for this thread, whatever others are told later.
    torch.get_num_threads()
    # Of cores that all have work, the threads that read and refuse get nine tenths:
    # theirs is little, and a refusal must not come as late as an answer. On Linux this
    # is the thread's alone and its OpenMP team's, elsewhere the whole process'.
    if sys.platform == "linux":
        os.nice(LAYERS_NICENESS)


class Batcher:
    """Thread-safe."""

    def __init__(
        self,
        model: Stages,
        n_layer: int,
        like: Tensor,
        pass_tokens: int,
        max_waiting_tokens: int | None = None,
        thread: ThreadPoolExecutor | None = None,
    ) -> None:
        """like: an empty tensor of the model's device and dtype. pass_tokens: the most
        that run together, but one text always. max_waiting_tokens: a request with which
        more would wait is refused, unless nothing waits; one that waits counts as half
        of them at most. thread: layers_thread(), which models may share; one of its own
        without."""
        self.model, self.n_layer, self.like = model, n_layer, like
        self.pass_tokens = pass_tokens
        self.max_waiting_tokens = max_waiting_tokens
        # Called in the model's thread before answers are given: (layers that ran, the
        # tokens of each added up, seconds).
        self.on_ran: list[Callable[[int, int, float], None]] = []
        self._lock = threading.Lock()
        self._queue: deque[Job] = deque()  # those with members that wait
        self._running = False
        self._pass: Pass | None = None  # under way
        self._thread = thread or layers_thread()

    def run(self, job: Job) -> Tensor:
        """Wait for a job's result, float32 on the CPU: the hidden state
        (total_tokens, n_embd), or the finished rows (batch, n_embd).

        Raises QueueFull, before any wait; ClientGone, NotFinite, and what the model
        raised.
        """
        self.submit(job)
        return job.future.result()

    def submit(self, job: Job) -> None:
        """Its future will have the result. Raises QueueFull."""
        with self._lock:
            self._check_room(job.waiting_tokens)
            self._queue.append(job)
            if not self._running:
                self._running = True
                self._thread.submit(self._take_turn)

    def check_room(self, tokens: int) -> None:
        """Raises QueueFull if a request of so many tokens would be refused now."""
        with self._lock:
            self._check_room(tokens)

    @property
    def waiting_tokens(self) -> int:
        """Of the requests that are not yet in a pass."""
        with self._lock:
            return sum(job.waiting_tokens for job in self._queue)

    def ahead(self) -> Ahead:
        """Of each that waits, what one pass takes: the rest then goes behind all others
        (_join). Who starts at a higher layer may have a pass before its turn."""
        with self._lock:
            shares = [
                (min(job.waiting_tokens, self.pass_tokens), job.layers)
                for job in self._queue
            ]
            # Looked at once: the model's thread takes it away without the lock.
            run = self._pass
        running = run.left if run else Work()
        tokens = sum(share for share, _ in shares)
        if tokens == 0:
            return Ahead(running, Work(), 0)
        layer_tokens = sum(share * layers for share, layers in shares)
        passes = tokens / self.pass_tokens
        return Ahead(
            running, Work(passes * layer_tokens / tokens, layer_tokens), passes
        )

    @property
    def is_crowded(self) -> bool:
        """Whether three quarters of the tokens wait that may. One request alone makes
        half of them at most, and others come and go beside it unrefused."""
        limit = self.max_waiting_tokens
        if limit is None:
            return False
        with self._lock:
            return 4 * self._counted_tokens(limit) > 3 * limit

    def _check_room(self, tokens: int) -> None:
        limit = self.max_waiting_tokens
        if limit is None or self._counted_tokens(limit) + tokens <= limit:
            return
        self._drop_gone()
        counted = self._counted_tokens(limit)
        if self._queue and counted + tokens > limit:
            raise QueueFull(f"{counted} tokens wait, at most {limit} may")

    def _counted_tokens(self, limit: int) -> int:
        """Those that wait, but of one request no more than half of the limit: others
        have the other half, and wait for two of its passes at most (_join)."""
        return sum(min(job.waiting_tokens, limit // 2) for job in self._queue)

    def _drop_gone(self) -> None:
        """Also those that have failed with a part of theirs that was in a pass."""
        for job in [job for job in self._queue if job.is_over()]:
            self._queue.remove(job)

    def _take_turn(self) -> None:
        """One pass; then other models that share the thread have theirs."""
        run = Pass(
            self.model,
            self.n_layer,
            self.like,
            self._join,
            self.pass_tokens,
            self._tell,
        )
        try:
            if (start := self._next_start()) is None:
                return
            self._pass = run
            with torch.inference_mode():
                run.run(start)
            self._pass = None
            # Who got an answer goes on once this thread lets go of Python's lock.
            if self._next_start() is not None:
                self._thread.submit(self._take_turn)
        except BaseException as error:  # none that a model raised: a mistake of ours
            run.fail(error)
            self._pass = None
            with self._lock:
                while self._queue:
                    self._queue.popleft().fail(error)
                self._running = False

    def _next_start(self) -> int | None:
        """The lowest layer that anybody waits for."""
        with self._lock:
            self._drop_gone()
            self._running = bool(self._queue)
            return min((job.start for job in self._queue), default=None)

    def _tell(self, layers: int, layer_tokens: int, seconds: float) -> None:
        for tell in self.on_ran:
            tell(layers, layer_tokens, seconds)

    def _join(self, layer: int, room: int, empty: bool) -> list[Member]:
        """Those who join a pass at a layer, first come first: at most `room` tokens,
        but one text if the pass is empty.

        Who came earlier and joins further on keeps its place. What is left of a request
        too large for one pass goes to the end of the queue.
        """
        if not self._queue:  # looked at without the lock: whoever comes now is late
            return []
        joining: list[Member] = []
        left = room
        with self._lock:
            self._drop_gone()
            for job in list(self._queue):
                if job.start < layer:
                    continue
                fits = _first_that_fit(job.waiting, left, empty and left == room)
                left -= sum(member.tokens for member in fits)
                if job.start == layer and fits:
                    joining += fits
                    job.join(fits)
                    self._queue.remove(job)
                    if job.waiting:
                        self._queue.append(job)
                if not fits:
                    break
        return joining


def _first_that_fit(
    members: list[Member], room: int, one_at_least: bool
) -> list[Member]:
    tokens = 0
    for count, member in enumerate(members):
        tokens += member.tokens
        if tokens > room and not (one_at_least and count == 0):
            return members[:count]
    return members[:]
