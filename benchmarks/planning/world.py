"""What things really take in the simulated world. It knows nothing of the planner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HEADERS_BYTES = 600  # of a request or an answer
HEADER_OF_HIDDEN_BYTES = 300
JSON_BYTES_A_NUMBER = 20.6
BYTES_A_CHARACTER_OF_TEXT = 1.05
CHARACTERS_A_TOKEN = 4.3
ENCODE_BYTES_PER_MS = 1e6  # hidden states to bytes: about 1 GB/s
FIRST_WINDOW_BYTES = 14_600  # ten segments of TCP, RFC 6928


@dataclass(frozen=True)
class Shape:
    """Of a model, and of how its hidden states travel."""

    n_layer: int
    n_embd: int
    bytes_a_number: int = 2  # f16

    def hidden_bytes(self, tokens: Array) -> Array:
        return tokens * self.n_embd * self.bytes_a_number + HEADER_OF_HIDDEN_BYTES

    def answer_bytes(self) -> float:
        return self.n_embd * JSON_BYTES_A_NUMBER


def text_bytes(tokens: Array) -> Array:
    return tokens * CHARACTERS_A_TOKEN * BYTES_A_CHARACTER_OF_TEXT


def server_layer_ms(tokens: Array, at_100_tokens: Array) -> Array:
    """Not affine: attention adds a square. Scaled to a known time at 100 tokens."""
    return at_100_tokens * (0.1 + 0.0085 * tokens + 5e-6 * tokens**2)


def browser_layer_ms(tokens: Array, at_100_tokens: Array) -> Array:
    """Not affine: a GPU computes whole tiles of 32 rows; attention adds a square."""
    rows = 32 * np.ceil(tokens / 32)
    scale = 0.3 + 0.005 * 128 + 6e-6 * 100**2
    return at_100_tokens * (0.3 + 0.005 * rows + 6e-6 * tokens**2) / scale


@dataclass(frozen=True)
class Requests:
    """Of each request, (requests,) each."""

    tokens: Array
    server_at_100_ms: Array
    server_fixed_ms: Array  # tokenise, embed, Python
    browser_at_100_ms: Array
    overhead_ms: Array
    round_trip_ms: Array
    download_bytes_per_ms: Array
    upload_bytes_per_ms: Array
    has_slow_start: bool = False

    def service_ms(self, shape: Shape) -> Array:
        """(requests, n_layer + 1): what the server does at each split."""
        splits = np.arange(shape.n_layer + 1)
        layer = server_layer_ms(self.tokens, self.server_at_100_ms)
        encode = shape.hidden_bytes(self.tokens)[:, None] / ENCODE_BYTES_PER_MS
        return (
            self.server_fixed_ms[:, None]
            + layer[:, None] * splits
            + np.where(splits < shape.n_layer, encode, 0)
        )

    def browser_ms(self, shape: Shape) -> Array:
        """(requests, n_layer + 1): at each split."""
        splits = np.arange(shape.n_layer + 1)
        layer = browser_layer_ms(self.tokens, self.browser_at_100_ms)
        overhead = self.overhead_ms[:, None] * (splits < shape.n_layer)
        return overhead + layer[:, None] * splits[::-1]

    def network_ms(self, shape: Shape) -> Array:
        """(requests, n_layer + 1): both ways, at each split."""
        is_split = np.arange(shape.n_layer + 1) < shape.n_layer
        up = (text_bytes(self.tokens) + HEADERS_BYTES) / self.upload_bytes_per_ms
        hidden = self.download_ms(shape.hidden_bytes(self.tokens))
        rows = self.download_ms(np.full_like(self.tokens, shape.answer_bytes()))
        down = np.where(is_split, hidden[:, None], rows[:, None])
        return down + (self.round_trip_ms + up)[:, None]

    def download_ms(self, size: Array) -> Array:
        size = size + HEADERS_BYTES
        ms = size / self.download_bytes_per_ms
        if self.has_slow_start:
            # The window doubles each round trip until it covers the path's capacity.
            capacity = self.download_bytes_per_ms * self.round_trip_ms
            reach = np.minimum(size, np.maximum(capacity, FIRST_WINDOW_BYTES))
            rounds = np.floor(np.log2(1 + reach / FIRST_WINDOW_BYTES))
            ms = ms + rounds * self.round_trip_ms
        return ms


def waits(arrivals: Array, service: Array, free_at: float = 0.0) -> Array:
    """How long each waits for one server that takes them in order (Lindley, 1952)."""
    done = np.cumsum(service)
    earliest = np.maximum(arrivals, free_at) - (done - service)
    return np.maximum.accumulate(earliest) + (done - service) - arrivals


def within_5_percent(
    chosen: NDArray[np.int64],
    true_ms: Array,
    lowest: NDArray[np.int64],
    policy: str,
    factor: float,
    goal_ms: float,
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """(requests,): is the chosen split as good as the best in hindsight; the best.

    latency: its true time is at most 1.05 times the least. offload: its true time is at
    most 1.05 times the limit, and its work at most 1.05 times the least within that
    limit. One layer too many fails, so does a limit that is overrun.
    """
    n_layer = true_ms.shape[1] - 1
    rows = np.arange(len(chosen))
    possible = np.arange(n_layer + 1) >= lowest[:, None]
    took = true_ms[rows, chosen]
    if policy == "latency":
        best = np.where(possible, true_ms, np.inf).argmin(axis=1)
        return took <= 1.05 * true_ms[rows, best], best
    limit = np.maximum(factor * true_ms[:, n_layer], goal_ms)
    best = (possible & (true_ms <= limit[:, None])).argmax(axis=1)
    return (took <= 1.05 * limit) & (chosen <= 1.05 * best), best
