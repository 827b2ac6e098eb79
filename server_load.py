"""What a model's forward passes take now, and what runs before a newcomer's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from batching import Ahead
from estimates import Affine, Estimate
from jobs import Work


class ServerLoad:
    """Thread-safe."""

    def __init__(self, guess: Affine, ahead: Callable[[], Ahead]) -> None:
        """guess: a layer's time by its tokens, until one was measured. ahead: what runs
        before a request that comes now, of this model."""
        self._lock = threading.Lock()
        self._estimate = Estimate(guess)
        self._ahead = ahead
        self._beside: list[ServerLoad] = []

    def shares_its_thread_with(self, others: Iterable[ServerLoad]) -> None:
        """With other models, which have their turns between its own."""
        self._beside = [other for other in others if other is not self]

    @property
    def layer(self) -> Affine:
        """Milliseconds a layer by tokens."""
        with self._lock:
            return self._estimate.affine()

    @property
    def queue_ms(self) -> float:
        """How long a request that comes now is expected to wait for its first layer."""
        ahead = self._ahead()
        own = self._ms(ahead.running) + self._ms(ahead.waiting)
        return own + sum(other._turns_ms(1 + ahead.passes) for other in self._beside)

    def _turns_ms(self, turns: float) -> float:
        """What so many of its passes take, the one under way being the first."""
        ahead = self._ahead()
        if ahead.running.layers > 0:
            turns -= 1
        share = min(turns / ahead.passes, 1) if ahead.passes > 0 else 0
        return self._ms(ahead.running) + share * self._ms(ahead.waiting)

    def _ms(self, work: Work) -> float:
        layer = self.layer
        return work.layers * layer.per_request + work.layer_tokens * layer.per_unit

    def ran(self, layers: int, layer_tokens: int, seconds: float) -> None:
        """So many layers took so long, with so many tokens in all of them together."""
        if layers == 0:
            return
        with self._lock:
            self._estimate = self._estimate.seen(
                layer_tokens / layers, seconds * 1000 / layers
            )
