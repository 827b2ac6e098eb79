"""An hour of many browsers against one or several servers, a second at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.planning.many_choices import (
    BROWSER_SHAPE,
    SHAPE,
    Believed,
    Ints,
    check,
    choose,
)
from benchmarks.planning.world import Array, Requests, within_5_percent
from estimates import KEEP, SURPRISE
from planner import LATENCY_GOAL_MS, OFFLOAD_FACTOR

SERVER_AT_100_MS = 2.0  # a layer; about what two CPU cores do for all-MiniLM-L6-v2
SERVER_FIXED_MS = 0.3
LAYER_BYTES = 3_550_000  # f16
HOUR_MS = 3_600_000.0
STEP_MS = 1000.0
REQUESTS_A_MINUTE = 1.0  # of each browser
BURST = (1_800_000.0, 2_100_000.0)  # five minutes of twice as many
MAX_WAIT_MS = 5_000.0  # a request that would wait longer is refused
WITHOUT_GPU = 0.3
WITH_PIECES = 0.5  # of the others, from a visit before
THROTTLED_IN_AN_HOUR = 0.1
THROTTLE = 3.0
SERVER_NOISE = 0.03


@dataclass(frozen=True)
class Hour:
    """What came of it."""

    browsers: int
    servers: int
    policy: str
    requests: int
    refused: float  # share of requests
    avoided: float  # share of the layer runs of answered requests
    avoided_at_best: float  # the same for the best in hindsight
    good: float  # share of choices within 5% of that
    p50_ms: float
    p95_ms: float
    busy: float  # share of the servers' time
    hidden_gb: float
    pieces_gb: float


class Fleet:
    """Browsers as they are, and what each has measured of itself."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        draw = rng.lognormal
        self.browser_ms = np.clip(draw(np.log(2), 1.2, count), 0.1, 100)
        self.round_trip_ms = np.clip(draw(np.log(40), 0.8, count), 2, 300)
        self.rate = 125.0 * np.clip(draw(np.log(40), 1.2, count), 1, 1000)
        self.has_gpu = rng.random(count) >= WITHOUT_GPU
        self.is_loaded = self.has_gpu & (rng.random(count) < WITH_PIECES)
        self.joined = np.full(count, np.inf)
        self.throttles_at = rng.uniform(0, HOUR_MS / THROTTLED_IN_AN_HOUR, count)
        self.measured = np.zeros(count)  # ratio to BROWSER_SHAPE, times browser_ms
        self.weight = np.zeros(count)
        self.rate_error = draw(0, 0.05, count)
        self.round_trip_error = draw(0, 0.05, count)
        self.previous = np.full(count, -1)

    def lowest(self, who: Ints, now: Array) -> Ints:
        """The lowest split that the pieces allow that have arrived by now."""
        self.joined[who] = np.minimum(self.joined[who], now)
        arrived = (now - self.joined[who]) * self.rate[who] / LAYER_BYTES
        layers = np.where(self.is_loaded[who], SHAPE.n_layer, np.floor(arrived))
        layers = np.where(self.has_gpu[who], layers, 0)
        return SHAPE.n_layer - np.minimum(layers, SHAPE.n_layer).astype(np.int64)

    def measure(self, who: Ints, ratio: Array) -> None:
        """As Estimate does where sizes are alike: a mean that forgets."""
        old, weight = self.measured[who], self.weight[who]
        near = np.clip(ratio, old / SURPRISE, old * SURPRISE)
        ratio = np.where(weight > 0, near, ratio)
        weight = KEEP * weight + 1
        self.measured[who] = old + (ratio - old) / weight
        self.weight[who] = weight


def simulate(
    browsers: int,
    servers: int,
    policy: str,
    rng: np.random.Generator,
    hour_ms: float = HOUR_MS,
) -> Hour:
    fleet = Fleet(browsers, rng)
    free_at = np.zeros(servers)
    tallies: list[tuple[float, ...]] = []
    times: list[Array] = []
    mean = browsers * REQUESTS_A_MINUTE * STEP_MS / 60_000
    for start in np.arange(0, hour_ms, STEP_MS):
        is_burst = BURST[0] <= start < BURST[1]
        count = rng.poisson(mean * (2 if is_burst else 1))
        if count == 0:
            continue
        arrivals = start + rng.uniform(0, STEP_MS, count)
        who = rng.integers(0, browsers, count)
        # By server and then by time; a browser stays with its server.
        order = np.lexsort((arrivals, who % servers))
        arrivals, who = arrivals[order], who[order]
        took, tally = _step(fleet, free_at, arrivals, who, policy, rng)
        times.append(took)
        tallies.append(tally)
    total = np.sum(tallies, axis=0)
    requests, refused, layers, best, good, service, hidden = total
    answered = (requests - refused) * SHAPE.n_layer
    loading = fleet.has_gpu & ~fleet.is_loaded & np.isfinite(fleet.joined)
    arrived = (hour_ms - fleet.joined[loading]) * fleet.rate[loading] / LAYER_BYTES
    pieces = np.floor(np.minimum(arrived, SHAPE.n_layer)).sum() * LAYER_BYTES
    p50, p95 = map(float, np.percentile(np.concatenate(times), [50, 95]))
    return Hour(
        browsers,
        servers,
        policy,
        int(requests),
        refused / requests,
        1 - layers / answered,
        1 - best / answered,
        good / (requests - refused),
        p50,
        p95,
        service / (hour_ms * servers),
        hidden / 1e9,
        pieces / 1e9 if policy == "offload" else 0.0,
    )


def _step(
    fleet: Fleet,
    free_at: Array,
    arrivals: Array,
    who: Ints,
    policy: str,
    rng: np.random.Generator,
) -> tuple[Array, tuple[float, ...]]:
    """(times of the answered, sums for Hour). Moves free_at and the fleet on."""
    count = len(who)
    rows, server = np.arange(count), who % len(free_at)
    tokens = np.clip(np.round(rng.lognormal(np.log(48), 0.7, count)), 4, 512)
    throttled = np.where(arrivals > fleet.throttles_at[who], THROTTLE, 1.0)
    truth = Requests(
        tokens,
        np.full(count, SERVER_AT_100_MS),
        np.full(count, SERVER_FIXED_MS),
        fleet.browser_ms[who] * throttled,
        np.full(count, 2.0),
        fleet.round_trip_ms[who],
        fleet.rate[who],
        fleet.rate[who] / 4,
    )
    service = truth.service_ms(SHAPE)
    lowest = fleet.lowest(who, arrivals)
    chosen = np.full(count, SHAPE.n_layer)
    told = None
    if policy == "offload":
        # What each finds ahead of it follows from what those before it chose: begin
        # with their last choices, then take the queue which those would make.
        before = fleet.previous[who]
        chosen = np.where(before < 0, SHAPE.n_layer, np.maximum(before, lowest))
        queue, _ = queues(arrivals, service[rows, chosen], server, free_at)
        told = Believed(
            tokens,
            queue * rng.lognormal(0, 0.1, count),
            SERVER_AT_100_MS * rng.lognormal(0, SERVER_NOISE, count),
            fleet.measured[who],
            2.0,
            fleet.round_trip_ms[who] * fleet.round_trip_error[who],
            fleet.rate[who] * fleet.rate_error[who],
            lowest,
            before,
        )
        chosen = choose(told)
    waited, is_answered = queues(arrivals, service[rows, chosen], server, free_at)
    if told is not None and rng.random() < 0.2:
        check(told, chosen, int(rng.integers(count)))
    did = np.where(is_answered, service[rows, chosen], 0.0)
    done = arrivals + waited + did
    np.maximum.at(free_at, server[is_answered], done[is_answered])
    true_ms = waited[:, None] + service + truth.network_ms(SHAPE)
    true_ms += truth.browser_ms(SHAPE)
    good, best = within_5_percent(
        chosen, true_ms, lowest, "offload", OFFLOAD_FACTOR, LATENCY_GOAL_MS
    )
    ran = is_answered & (chosen < SHAPE.n_layer)
    noise = rng.lognormal(0, 0.15, count) * np.where(rng.random(count) < 0.02, 5, 1)
    layer = truth.browser_ms(SHAPE)[:, 0] - truth.overhead_ms
    ratio = layer / SHAPE.n_layer / BROWSER_SHAPE.ms(tokens) * noise
    fleet.measure(who[ran], ratio[ran])
    fleet.previous[who[is_answered]] = chosen[is_answered]
    hidden = SHAPE.hidden_bytes(tokens)[ran].sum()
    sums = (
        count,
        count - is_answered.sum(),
        chosen[is_answered].sum(),
        best[is_answered].sum(),
        good[is_answered].sum(),
        did.sum(),
        hidden,
    )
    return true_ms[rows, chosen][is_answered], sums


def queues(
    arrivals: Array, service: Array, server: Ints, free_at: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """(waits, is it answered) for requests sorted by server and then time.

    As world.waits, for all servers at once: a span longer than any wait keeps one
    server's times above those of the servers before it.
    """
    span = 1e9 * server
    before = np.cumsum(service) - service
    earliest = np.maximum(arrivals, free_at[server]) - before + span
    waited = np.maximum.accumulate(earliest) + before - span - arrivals
    if (waited <= MAX_WAIT_MS).all():
        return waited, np.ones(len(service), dtype=np.bool_)
    return _with_refusals(arrivals, service, server, free_at)


def _with_refusals(
    arrivals: Array, service: Array, server: Ints, free_at: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """One after another: each refusal shortens the queue for those that follow."""
    free = free_at.tolist()
    waited = []
    for at, ms, which in zip(
        arrivals.tolist(), service.tolist(), server.tolist(), strict=True
    ):
        wait = max(free[which] - at, 0.0)
        waited.append(wait)
        if wait <= MAX_WAIT_MS:
            free[which] = at + wait + ms
    result = np.array(waited)
    return result, result <= MAX_WAIT_MS
