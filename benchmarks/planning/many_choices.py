"""planner.choose_cut's offload for many requests at once, and a check against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.planning.world import Array, Shape, text_bytes
from estimates import Affine
from planner import (
    LATENCY_GOAL_MS,
    OFFLOAD_FACTOR,
    STAY,
    Browser,
    Cut,
    Network,
    Server,
    Situation,
    Task,
    choose_cut,
)

Ints = NDArray[np.int64]

SHAPE = Shape(n_layer=6, n_embd=384)
# What browser and server take a layer's time to depend on, as measured elsewhere.
BROWSER_SHAPE = Affine(0.35, 0.0065)
SERVER_SHAPE = Affine(0.08, 0.0092)


@dataclass(frozen=True)
class Believed:
    """What the planner is told of each request."""

    tokens: Array
    queue_ms: Array
    server: Array  # ratio to SERVER_SHAPE
    browser: Array  # ratio to BROWSER_SHAPE; 0: not measured
    overhead_ms: float
    round_trip_ms: Array
    rate: Array
    lowest: Ints
    previous: Ints  # -1: none

    def hidden_bytes(self) -> Array:
        return self.tokens * SHAPE.n_embd * SHAPE.bytes_a_number


def choose(told: Believed) -> Ints:
    """planner.choose_cut's offload for many requests at once; check() compares them."""
    n_layer = SHAPE.n_layer
    splits = np.arange(n_layer + 1)
    server = told.server * SERVER_SHAPE.ms(told.tokens)
    browser = told.browser * BROWSER_SHAPE.ms(told.tokens)
    is_split = splits < n_layer
    down = np.where(is_split, told.hidden_bytes()[:, None], 21 * SHAPE.n_embd)
    ms = (
        (told.round_trip_ms + told.queue_ms)[:, None]
        + text_bytes(told.tokens)[:, None] / (told.rate[:, None] / 4)
        + splits * server[:, None]
        + down / told.rate[:, None]
        + is_split * (told.overhead_ms + splits[::-1] * browser[:, None])
    )
    limit = np.maximum(OFFLOAD_FACTOR * ms[:, n_layer], LATENCY_GOAL_MS)[:, None]
    possible = splits >= told.lowest[:, None]
    stay = np.where(splits == told.previous[:, None], STAY, 1)
    best = (possible & (ms <= limit * stay)).argmax(axis=1)
    can_try = (possible & is_split & (ms <= limit)).any(axis=1)
    trial = np.where(can_try, n_layer - 1, n_layer)
    return np.where((told.browser > 0) | (told.lowest == n_layer), best, trial)


def check(told: Believed, chosen: Ints, index: int) -> None:
    """That the planner itself chooses the same. Raises SystemExit."""
    tokens, ratio = told.tokens[index], told.browser[index]
    layer = Affine(ratio * BROWSER_SHAPE.per_request, ratio * BROWSER_SHAPE.per_unit)
    scale = told.server[index]
    situation = Situation(
        Task(
            SHAPE.n_layer,
            tokens,
            text_bytes(tokens),
            told.hidden_bytes()[index],
            21 * SHAPE.n_embd,
        ),
        Server(
            Affine(scale * SERVER_SHAPE.per_request, scale * SERVER_SHAPE.per_unit),
            told.queue_ms[index],
        ),
        Browser(
            range(told.lowest[index], SHAPE.n_layer),
            layer if ratio > 0 else None,
            told.overhead_ms,
        ),
        Network(told.round_trip_ms[index], told.rate[index], told.rate[index] / 4),
    )
    previous = Cut(int(told.previous[index]))
    expected = choose_cut(situation, "offload", previous=previous)
    if expected.cut.at != chosen[index]:
        raise SystemExit(f"split {chosen[index]} here, {expected} by the planner")
