"""Finds out browsers that give wrong numbers: computes a share of their results too.

The texts of such a request wait here until its browser sends what it made of them, once
its visitor has that. A browser that never does is counted as well.
"""

from __future__ import annotations

import math
import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor

from metrics import Metrics, Verdict
from model_service import ModelService
from quantize import WeightDtype
from ragged import Ragged
from timings import Timings
from wire import WireDtype

# The largest relative error of an embedding, |browser - server| / |server|, that the
# number format of a browser's layers may account for, in a model of up to 6 layers.
# Over the thousand sentences of benchmarks/quality.py it was at most 8e-4 for f16, 0.03
# for q8 and 0.4 for q4 on all-MiniLM-L6-v2, whose layers lose most. A layer left out is
# 0.09 off at the least, so f32, f16 and q8 show it. Four bits hide it in some models:
# there only what is far off is found. Vectors without relation are 1.4 apart.
TOLERANCES: dict[WeightDtype, float] = {
    "f32": 1e-3,
    "f16": 0.01,
    "q8": 0.05,
    "q4": 0.45,
}
# Each layer adds its rounding, and what is independent adds up by squares.
LAYERS_WITHIN = 6
# The server rounds the hidden state as it did for the browser. Where it computes that a
# little differently now, in other company, a number may fall to the next step of q8,
# which turned a text of one token by up to 0.012.
WIRE_STEPS: dict[WireDtype, float] = {"f32": 0.0, "f16": 0.0, "q8": 0.02}
# A server in half precision rounds its own numbers, in every operation.
HALF_PRECISION = {"float16": 0.02, "bfloat16": 0.1}
MAX_WAITING = 64
WAIT_SECONDS = 120


class UnknownCheck(LookupError):
    """Never drawn, answered already, or too old."""


@dataclass(frozen=True)
class Pending:
    """A request whose browser is to send its embeddings."""

    model: ModelService
    tokens: Ragged
    split: int
    wire: WireDtype  # in which the hidden state went out
    since: float

    def expected(self, timings: Timings) -> Tensor:
        """(batch, n_embd): what the layers make of the hidden state that was sent.

        Raises Refusal.
        """
        body = self.model.split(self.tokens, self.split, self.wire, timings)
        return self.model.resume(body, self.model.model.normalize, timings)[2]

    def tolerance(self, weights: WeightDtype) -> float:
        """weights: the number format of the browser's layers."""
        layers = tolerance_of(weights, self.model.n_layer)
        server = HALF_PRECISION.get(self.model.dtype, 0.0)
        return max(layers, WIRE_STEPS[self.wire], server)


class ParityChecks:
    """Thread-safe."""

    def __init__(self, share: float, metrics: Metrics) -> None:
        self._share = share
        self._counter = metrics.parity_checks
        self._lock = threading.Lock()
        self._waiting: dict[str, Pending] = {}  # oldest first
        self._is_timed = False

    def draw(
        self,
        model: ModelService,
        tokens: Ragged,
        split: int,
        wire: WireDtype,
        wanted: bool = False,
    ) -> str | None:
        """The name of a check, for one in 1 / share requests and where it is wanted."""
        if not wanted and random.random() >= self._share:
            return None
        check = secrets.token_urlsafe(12)
        with self._lock:
            self._forget_old(MAX_WAITING - 1)
            self._waiting[check] = Pending(model, tokens, split, wire, time.monotonic())
            self._set_timer()
        return check

    @contextmanager
    def answered(self, check: str) -> Iterator[Pending]:
        """By the block, once: where that raises, the check waits on.

        Raises UnknownCheck.
        """
        with self._lock:
            self._forget_old(MAX_WAITING)
            pending = self._waiting.pop(check, None)
        if pending is None:
            raise UnknownCheck(f"check {check!r:.40}: none such waits for its answer")
        try:
            yield pending
        except BaseException:
            with self._lock:
                self._waiting[check] = pending
                by_age = sorted(self._waiting.items(), key=lambda item: item[1].since)
                self._waiting = dict(by_age)
                self._set_timer()
            raise

    def _set_timer(self) -> None:
        """So that texts are forgotten, and counted, where no more requests come too."""
        if self._is_timed or not self._waiting:
            return
        oldest = next(iter(self._waiting.values()))
        seconds = max(0.0, oldest.since + WAIT_SECONDS - time.monotonic())
        timer = threading.Timer(seconds, self._wake)
        timer.daemon = True  # so that it holds up no end of the process
        timer.start()
        self._is_timed = True

    def _wake(self) -> None:
        with self._lock:
            self._is_timed = False
            self._forget_old(MAX_WAITING)
            self._set_timer()

    def _forget_old(self, most: int) -> None:
        """Keep what is younger than WAIT_SECONDS, and at most so many."""
        oldest = time.monotonic() - WAIT_SECONDS
        while self._waiting:
            check, pending = next(iter(self._waiting.items()))
            if pending.since > oldest and len(self._waiting) <= most:
                return
            del self._waiting[check]
            self._counter.labels(pending.model.name, "unanswered").inc()

    def judge(
        self, pending: Pending, came: Tensor, expected: Tensor, weights: WeightDtype
    ) -> tuple[Verdict, float]:
        """(batch, n_embd) each -> the verdict and the largest relative error."""
        error = float(relative_error(came, expected).max())
        # So that NaN is different.
        same = error <= pending.tolerance(weights)
        verdict: Verdict = "same" if same else "different"
        self._counter.labels(pending.model.name, verdict).inc()
        return verdict, error


def tolerance_of(weights: WeightDtype, n_layer: int) -> float:
    """What the rounding of so many layers may turn an embedding by."""
    return TOLERANCES[weights] * math.sqrt(max(n_layer, LAYERS_WITHIN) / LAYERS_WITHIN)


def relative_error(came: Tensor, expected: Tensor) -> Tensor:
    """(batch, n_embd) each -> (batch,): |came - expected| / |expected|."""
    # A broken GPU's numbers may be so large that their squares overflow float32.
    came, expected = came.double(), expected.double()
    error: Tensor = (came - expected).norm(dim=1) / expected.norm(dim=1)
    return error
