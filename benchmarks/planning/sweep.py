"""One browser after another, over devices, networks and loads, measured with noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Literal

import numpy as np

from benchmarks.planning.world import (
    Requests,
    Shape,
    browser_layer_ms,
    server_layer_ms,
    text_bytes,
    waits,
    within_5_percent,
)
from estimates import Affine, Estimate, first_guess
from planner import (
    OFFLOAD_FACTOR,
    Browser,
    Cut,
    Network,
    Server,
    Situation,
    Task,
    choose_cut,
)

SHAPE = Shape(n_layer=12, n_embd=768)
LAYER_NOISE = 0.15  # standard deviation of a measurement's logarithm
OUTLIERS = 0.02  # measurements that took five times as long
NETWORK_NOISE = 0.2
MBIT_PER_S = 125.0  # bytes per ms

DEVICES_MS = (0.1, 0.3, 1, 3, 10, 30, 100)
ROUND_TRIPS_MS = (2, 10, 30, 100, 300)
MBITS = (1, 10, 100, 1000)
LOADS = (0.0, 0.5, 0.9)
SERVERS_MS = (1, 10)


@dataclass(frozen=True)
class Case:
    """A browser and a server. Layer times are at 100 tokens."""

    browser_ms: float
    round_trip_ms: float
    mbit_per_s: float
    load: float  # share of the server's time that others take
    server_ms: float
    has_slow_start: bool = False


@dataclass(frozen=True)
class Judged:
    """One request after the first ones, from which the estimates learn."""

    case: Case
    policy: str
    split: int
    best: int
    is_good: bool


@dataclass
class Client:
    """What one browser and its server have measured."""

    layer: Estimate = field(default_factory=lambda: Estimate(Affine(0.3, 0.01)))
    round_trip: Estimate = field(default_factory=lambda: Estimate(Affine(50, 0)))
    ms_per_byte: Estimate = field(default_factory=lambda: Estimate(Affine(1e-3, 0)))
    server: Estimate = field(default_factory=lambda: Estimate(first_guess(768)))
    previous: Cut | None = None


def all_cases() -> Iterator[Case]:
    for parts in product(DEVICES_MS, ROUND_TRIPS_MS, MBITS, LOADS, SERVERS_MS):
        yield Case(*parts)


def follow(
    case: Case,
    policy: Literal["offload", "latency"],
    rng: np.random.Generator,
    learning: int = 30,
    judged: int = 10,
    goal_ms: float = 0.0,
) -> list[Judged]:
    """One browser's requests in turn, each planned from the ones before."""
    count = learning + judged
    requests = _requests(case, rng, count)
    waited, seen_queue = _queue(case, rng, count)
    true_ms = (
        waited[:, None]
        + requests.service_ms(SHAPE)
        + requests.network_ms(SHAPE)
        + requests.browser_ms(SHAPE)
    )
    hidden_ms = requests.download_ms(SHAPE.hidden_bytes(requests.tokens))
    client = Client()
    # The pieces came first.
    client.ms_per_byte = client.ms_per_byte.seen(1, 1 / (case.mbit_per_s * MBIT_PER_S))
    _measure_what_is_common(case, client, rng)
    splits = []
    for index, tokens in enumerate(requests.tokens):
        task = _task(tokens)
        choice = choose_cut(
            _situation(case, client, task, seen_queue[index]),
            policy,
            goal_ms,
            client.previous,
        )
        client.previous, split = choice.cut, choice.cut.at
        splits.append(split)
        if split < SHAPE.n_layer:
            true = browser_layer_ms(tokens, np.float64(case.browser_ms))
            client.layer = client.layer.seen(tokens, _noisy(true, rng))
            slowness = hidden_ms[index] / task.hidden_bytes
            slowness *= rng.lognormal(0, NETWORK_NOISE)
            client.ms_per_byte = client.ms_per_byte.seen(1, slowness)
        _measure_what_is_common(case, client, rng)
    is_good, best = within_5_percent(
        np.array(splits),
        true_ms,
        np.zeros(count, dtype=np.int64),
        policy,
        OFFLOAD_FACTOR,
        goal_ms,
    )
    return [
        Judged(case, policy, splits[i], int(best[i]), bool(is_good[i]))
        for i in range(learning, count)
    ]


def with_slow_start(case: Case) -> Case:
    return replace(case, has_slow_start=True)


def _requests(case: Case, rng: np.random.Generator, count: int) -> Requests:
    tokens = np.clip(np.round(rng.lognormal(np.log(64), 0.8, count)), 4, 1000)
    rate = np.full(count, case.mbit_per_s * MBIT_PER_S)
    return Requests(
        tokens,
        server_at_100_ms=np.full(count, float(case.server_ms)),
        server_fixed_ms=np.full(count, 0.5),
        browser_at_100_ms=np.full(count, float(case.browser_ms)),
        overhead_ms=np.full(count, 2.0),
        round_trip_ms=np.full(count, float(case.round_trip_ms)),
        download_bytes_per_ms=rate,
        upload_bytes_per_ms=rate / 4,
        has_slow_start=case.has_slow_start,
    )


def _queue(
    case: Case, rng: np.random.Generator, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """(true waits, what the server believes them to be) behind others' requests.

    It believes a little too much: of the layer that runs now it does not know what is
    done.
    """
    if case.load == 0:
        return np.zeros(count), np.zeros(count)
    others = 4000
    service = rng.exponential(SHAPE.n_layer * case.server_ms, others)
    arrivals = np.cumsum(rng.exponential(service.mean() / case.load, others))
    sampled = rng.choice(np.arange(others // 2, others), count)
    waited = waits(arrivals, service)[sampled]
    layer = service[sampled - 1] / SHAPE.n_layer
    running = rng.uniform(0, layer) * (waited > 0)
    return waited, (waited + running) * rng.lognormal(0, 0.1, count)


def _task(tokens: float) -> Task:
    hidden = int(tokens) * SHAPE.n_embd * SHAPE.bytes_a_number
    return Task(
        SHAPE.n_layer, int(tokens), int(text_bytes(tokens)), hidden, 21 * SHAPE.n_embd
    )


def _situation(case: Case, client: Client, task: Task, queue_ms: float) -> Situation:
    rate = 1 / client.ms_per_byte.affine().per_request
    is_measured = client.layer.weight > 0
    return Situation(
        task,
        Server(client.server.affine(), float(queue_ms)),
        Browser(
            range(SHAPE.n_layer),
            client.layer.affine() if is_measured else None,
            overhead_ms=2.0,
        ),
        Network(client.round_trip.affine().per_request, rate, rate / 4),
    )


def _measure_what_is_common(
    case: Case, client: Client, rng: np.random.Generator
) -> None:
    """Every request shows the round trip; the server times everyone's requests."""
    round_trip_ms = case.round_trip_ms * rng.lognormal(0, NETWORK_NOISE)
    client.round_trip = client.round_trip.seen(1, round_trip_ms)
    tokens = np.float64(rng.integers(4, 500))
    true = server_layer_ms(tokens, np.float64(case.server_ms))
    client.server = client.server.seen(tokens, _noisy(true, rng))


def _noisy(ms: float, rng: np.random.Generator) -> float:
    slow = 5.0 if rng.random() < OUTLIERS else 1.0
    return float(ms * slow * rng.lognormal(0, LAYER_NOISE))
