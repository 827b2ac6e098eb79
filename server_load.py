"""What a model's forward passes take now, and what waits ahead of a newcomer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from estimates import Affine, Estimate


class ServerLoad:
    """Thread-safe."""

    def __init__(self, guess: Affine) -> None:
        """guess: a layer's time by its tokens, until one was measured."""
        self._lock = threading.Lock()
        self._estimate = Estimate(guess)
        self._ahead_ms = 0.0

    @property
    def layer(self) -> Affine:
        """Milliseconds a layer by tokens."""
        with self._lock:
            return self._estimate.affine()

    @property
    def queue_ms(self) -> float:
        """What the requests under way are expected to take, one after another."""
        with self._lock:
            return max(self._ahead_ms, 0.0)

    @contextmanager
    def under_way(self, tokens: int, layers: int) -> Iterator[None]:
        """While that much waits for its turn or runs."""
        with self._lock:
            ms = layers * self._estimate.affine().ms(tokens)
            self._ahead_ms += ms
        try:
            yield
        finally:
            with self._lock:
                self._ahead_ms -= ms

    def ran(self, tokens: int, layers: int, ms: float) -> None:
        """So many layers took so long together, the wait for their turn apart."""
        if layers == 0:
            return
        with self._lock:
            self._estimate = self._estimate.seen(tokens, ms / layers)
