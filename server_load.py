"""What a model's forward passes take now, and what waits ahead of a newcomer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from estimates import Affine, Estimate


class ServerLoad:
    """Thread-safe."""

    def __init__(self, guess: Affine, pass_tokens: int) -> None:
        """guess: a layer's time by its tokens, until one was measured. pass_tokens: how
        many share a pass."""
        self._lock = threading.Lock()
        self._estimate = Estimate(guess)
        self._pass_tokens = pass_tokens
        self._tokens = 0  # under way
        self._layer_tokens = 0  # the same, each as often as layers are left to it

    @property
    def layer(self) -> Affine:
        """Milliseconds a layer by tokens."""
        with self._lock:
            return self._estimate.affine()

    @property
    def queue_ms(self) -> float:
        """What the requests under way are expected to take, in shared passes."""
        with self._lock:
            if self._tokens == 0:
                return 0.0
            layer = self._estimate.affine()
            passes = ceil(self._tokens / self._pass_tokens)
            layers = self._layer_tokens / self._tokens  # of a token, on average
            return passes * layers * layer.per_request + (
                self._layer_tokens * layer.per_unit
            )

    @contextmanager
    def under_way(self, tokens: int, layers: int) -> Iterator[None]:
        """While that much waits for its turn or runs."""
        self._add(tokens, layers)
        try:
            yield
        finally:
            self._add(-tokens, layers)

    def _add(self, tokens: int, layers: int) -> None:
        with self._lock:
            self._tokens += tokens
            self._layer_tokens += tokens * layers

    def ran(self, layers: int, layer_tokens: int, seconds: float) -> None:
        """So many layers took so long, with so many tokens in all of them together."""
        if layers == 0:
            return
        with self._lock:
            self._estimate = self._estimate.seen(
                layer_tokens / layers, seconds * 1000 / layers
            )
