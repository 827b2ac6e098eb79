"""A short run of benchmarks/planner.py: its cuts are near the best in hindsight."""

from itertools import islice

import numpy as np
import pytest

from benchmarks.planning.fleet import queues, simulate
from benchmarks.planning.many_choices import Believed, check, choose
from benchmarks.planning.sweep import all_cases, follow
from benchmarks.planning.world import waits, within_5_percent


@pytest.mark.parametrize("policy", ["offload", "latency"])
def test_19_of_20_cuts_are_within_5_percent_of_the_best_in_hindsight(
    policy: str,
) -> None:
    rng = np.random.default_rng(1)
    judged = [
        one
        for case in islice(all_cases(), 0, None, 17)
        for one in follow(case, policy, rng)
    ]
    assert len({one.split for one in judged}) > 1
    assert np.mean([one.is_good for one in judged]) >= 0.95


def test_the_judge_tells_good_from_bad() -> None:
    # Splits 0 to 2; the limit of offload is 1.2 x 100 ms.
    true_ms = np.array([[130.0, 110, 100]] * 3)
    chosen, lowest = np.array([0, 1, 2]), np.zeros(3, dtype=np.int64)
    offload, best = within_5_percent(chosen, true_ms, lowest, "offload", 1.2, 0)
    assert (offload.tolist(), best.tolist()) == ([False, True, False], [1] * 3)
    latency, best = within_5_percent(chosen, true_ms, lowest, "latency", 1.2, 0)
    assert (latency.tolist(), best.tolist()) == ([False, False, True], [2] * 3)


def test_waits_are_those_of_one_server_after_another() -> None:
    arrivals, service = np.array([0.0, 1, 2, 30]), np.array([5.0, 5, 5, 5])
    assert waits(arrivals, service).tolist() == [0, 4, 8, 0]
    server = np.array([0, 0, 1, 1])
    waited, is_answered = queues(arrivals, service, server, np.array([3.0, 0]))
    assert waited.tolist() == [3, 7, 0, 0]
    assert is_answered.all()


def test_who_would_wait_too_long_is_refused_and_delays_nobody() -> None:
    arrivals, service = np.array([0.0, 1, 2]), np.array([5_002.0, 9, 9])
    waited, is_answered = queues(arrivals, service, np.zeros(3, int), np.zeros(1))
    assert is_answered.tolist() == [True, False, True]
    assert waited[2] == 5_000


def test_the_fleet_chooses_as_the_planner_does() -> None:
    rng, count = np.random.default_rng(2), 400
    told = Believed(
        tokens=rng.integers(4, 512, count).astype(float),
        queue_ms=rng.exponential(100, count),
        server=rng.lognormal(0, 1, count),
        browser=rng.lognormal(0, 1, count) * (rng.random(count) < 0.8),
        overhead_ms=2.0,
        round_trip_ms=rng.exponential(50, count),
        rate=rng.lognormal(6, 2, count),
        lowest=rng.integers(0, 7, count),
        previous=rng.integers(-1, 7, count),
    )
    chosen = choose(told)
    assert len(set(chosen.tolist())) == 7
    for index in range(count):
        check(told, chosen, index)


def test_a_fleet_on_a_busy_server_is_served_where_it_was_refused() -> None:
    alone, shared = (
        simulate(8_000, 1, policy, np.random.default_rng(3), hour_ms=240_000)
        for policy in ("server", "offload")
    )
    assert alone.refused > 2 * shared.refused
    assert shared.avoided > 0.3
