"""What a choice of the cut promises, whatever was measured."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimates import Affine, Estimate
from planner import (
    LATENCY_GOAL_MS,
    OFFLOAD_FACTOR,
    STAY,
    Browser,
    Cut,
    Direction,
    Network,
    NoCut,
    Policy,
    Server,
    Situation,
    Task,
    choose_cut,
    lowest_split,
    possible_cuts,
    predicted_ms,
)

N_LAYER = 6
POLICIES: tuple[Policy, ...] = ("offload", "latency", "server", "browser")

TASK = Task(N_LAYER, 100, text_bytes=400, hidden_bytes=153_600, answer_bytes=8_000)
SITUATION = Situation(
    TASK,
    Server(Affine(1, 0.09), queue_ms=0),  # 10 ms a layer
    Browser(range(N_LAYER), Affine(1, 0.04)),  # 5 ms a layer
    Network(round_trip_ms=20, download_bytes_per_ms=12_500, upload_bytes_per_ms=2_500),
)

milliseconds = st.floats(0, 1e4)
rates = st.floats(1e-3, 1e6)
affines = st.builds(Affine, milliseconds, st.floats(0, 100))
sizes = st.integers(1, 10**7)
situations = st.builds(
    Situation,
    st.builds(Task, st.just(N_LAYER), st.integers(1, 16_384), sizes, sizes, sizes),
    st.builds(Server, affines, milliseconds),
    st.builds(
        Browser,
        st.sets(st.integers(-1, N_LAYER)),
        st.none() | affines,
        milliseconds,
        st.booleans(),
    ),
    st.builds(Network, milliseconds, rates, rates),
)
policies = st.sampled_from(POLICIES)
directions: st.SearchStrategy[Direction]
directions = st.sampled_from(["server-first", "client-first"])
cuts = st.builds(Cut, st.integers(0, N_LAYER), st.sampled_from(["server", "browser"]))


def with_browser(situation: Situation, **changes: object) -> Situation:
    return replace(situation, browser=replace(situation.browser, **changes))


def with_server(situation: Situation, **changes: object) -> Situation:
    return replace(situation, server=replace(situation.server, **changes))


def with_network(situation: Situation, **changes: object) -> Situation:
    return replace(situation, network=replace(situation.network, **changes))


def chosen_split(situation: Situation, *args: object, **kwargs: object) -> int:
    cut = choose_cut(situation, *args, **kwargs).cut
    assert cut.first == "server"
    return cut.at


@pytest.mark.parametrize(
    ("held", "split"),
    [
        ([], 6),
        ([5], 5),
        ([5, 4, 3], 3),
        ([0, 1, 2, 3, 4, 5], 0),
        ([0, 4, 5], 4),
        ([0, 1, 2], 6),
        ([-1, 6, 7], 6),
    ],
)
def test_the_lowest_split_is_what_the_held_layers_allow(
    held: list[int], split: int
) -> None:
    assert lowest_split(N_LAYER, held) == split


@given(situations, policies, milliseconds, st.none() | cuts, directions)
def test_a_cut_needs_only_pieces_that_the_browser_holds(
    situation: Situation,
    policy: Policy,
    goal: float,
    previous: Cut | None,
    direction: Direction,
) -> None:
    browser = situation.browser
    if not possible_cuts(N_LAYER, browser, direction):
        assert direction == "client-first"
        assert not browser.embeds or 0 not in browser.held
        with pytest.raises(NoCut):
            choose_cut(situation, policy, goal, previous, direction)
        return
    choice = choose_cut(situation, policy, goal, previous, direction)
    cut = choice.cut
    assert 0 <= cut.at <= N_LAYER
    if cut.first == "server":
        assert direction == "server-first"
        assert set(range(cut.at, N_LAYER)) <= set(browser.held)
    else:
        assert direction == "client-first" or cut.at == N_LAYER
        assert cut.at > 0
        assert browser.embeds
        assert set(range(cut.at)) <= set(browser.held)
    assert choice.predicted_ms == predicted_ms(situation, cut)
    assert choice.reason.isascii()
    assert choice.reason.isprintable()


@given(situations, milliseconds, st.none() | cuts)
def test_offload_takes_the_least_work_within_its_limit(
    situation: Situation, goal: float, previous: Cut | None
) -> None:
    if situation.browser.layer is None:
        return
    cut = choose_cut(situation, "offload", goal, previous).cut
    all_server_ms = predicted_ms(situation, Cut(N_LAYER))
    limit = max(OFFLOAD_FACTOR * all_server_ms, goal)
    assert predicted_ms(situation, cut) <= STAY * limit
    for other in possible_cuts(N_LAYER, situation.browser):
        if predicted_ms(situation, other) <= limit:
            assert cut.server_layers(N_LAYER) <= other.server_layers(N_LAYER)


@given(situations, st.none() | cuts)
def test_latency_is_within_the_hysteresis_of_the_fastest(
    situation: Situation, previous: Cut | None
) -> None:
    if situation.browser.layer is None:
        return
    choice = choose_cut(situation, "latency", previous=previous)
    possible = possible_cuts(N_LAYER, situation.browser)
    fastest = min(predicted_ms(situation, cut) for cut in possible)
    assert choice.predicted_ms <= STAY * fastest


@given(situations, st.floats(0, 1e4))
def test_a_longer_queue_never_gives_the_server_more_layers(
    situation: Situation, more: float
) -> None:
    busier = with_server(situation, queue_ms=situation.server.queue_ms + more)
    quiet = choose_cut(situation).cut.server_layers(N_LAYER)
    # 1.2 times a sum and the sum itself round differently; a tenth of a ms is no queue.
    assert more < 0.1 or choose_cut(busier).cut.server_layers(N_LAYER) <= quiet


@pytest.mark.parametrize("policy", ["offload", "latency"])
def test_a_slower_browser_never_gets_more_layers(policy: Policy) -> None:
    splits = [
        chosen_split(with_browser(SITUATION, layer=Affine(0, ms / 100)), policy, 0)
        for ms in (0.1, 1, 5, 10, 12, 14, 20, 100)
    ]
    assert splits == sorted(splits)
    assert (splits[0], splits[-1]) == (0, N_LAYER)


@pytest.mark.parametrize("policy", ["offload", "latency"])
def test_a_slower_network_never_gets_a_hidden_state_across(policy: Policy) -> None:
    splits = [
        chosen_split(with_network(SITUATION, download_bytes_per_ms=rate), policy, 0)
        for rate in (125_000, 12_500, 1_250, 125)
    ]
    assert splits == sorted(splits)
    assert splits[-1] == N_LAYER


def test_at_n_layer_rows_come_back_and_no_hidden_state() -> None:
    expected = 20 + 400 / 2_500 + 6 * 10 + 8_000 / 12_500
    assert predicted_ms(SITUATION, Cut(N_LAYER)) == pytest.approx(expected)
    overhead = with_browser(SITUATION, overhead_ms=50)
    assert predicted_ms(overhead, Cut(N_LAYER)) == pytest.approx(expected)


def test_below_n_layer_the_hidden_state_and_both_sides_count() -> None:
    situation = with_server(with_browser(SITUATION, overhead_ms=3), queue_ms=7)
    expected = 20 + 400 / 2_500 + 7 + 4 * 10 + 153_600 / 12_500 + 2 * 5 + 3
    assert predicted_ms(situation, Cut(4)) == pytest.approx(expected)


def client_first(
    situation: Situation, policy: Policy, goal: float = LATENCY_GOAL_MS
) -> int:
    cut = choose_cut(situation, policy, goal, direction="client-first").cut
    assert cut.first == "browser"
    return cut.at


def test_client_first_the_browser_starts_with_what_it_holds() -> None:
    some = with_browser(SITUATION, held={0, 1, 2, 4}, embeds=True)
    uphill = 20 + 153_600 / 2_500 + 3 * 10 + 8_000 / 12_500 + 3 * 5
    assert predicted_ms(some, Cut(3, "browser")) == pytest.approx(uphill)
    assert client_first(some, "browser") == 3
    assert client_first(some, "server") == 1
    assert client_first(some, "latency") == 3
    slow = with_browser(some, layer=Affine(30, 0))
    assert client_first(slow, "latency") == 1
    # All on the server takes 80.8 ms and is no choice: two layers fit into 200 ms.
    assert client_first(slow, "offload", 200) == 2
    # None fits into 100 ms: then the fastest.
    assert client_first(slow, "offload") == 1
    crowded = with_server(slow, crowded=True)
    assert client_first(crowded, "offload") == 3
    assert client_first(with_browser(some, layer=None), "offload") == 1


def test_client_first_without_the_first_layer_has_no_cut() -> None:
    for browser in ({"held": {1, 2, 3, 4, 5}, "embeds": True}, {"embeds": False}):
        with pytest.raises(NoCut, match="embed and layer 0"):
            client_first(with_browser(SITUATION, **browser), "offload")


def test_server_first_the_browser_never_starts_unless_it_ends_too() -> None:
    some = with_browser(SITUATION, held={0, 1, 2}, embeds=True)
    assert choose_cut(some, "browser").cut == Cut(N_LAYER)


def test_a_browser_that_can_do_it_all_asks_nobody() -> None:
    alone = with_browser(with_server(SITUATION, queue_ms=1e6), embeds=True)
    choice = choose_cut(alone)
    assert choice.cut == Cut(N_LAYER, first="browser")
    assert choice.predicted_ms == pytest.approx(6 * 5)


def test_offload_gives_up_to_a_fifth_of_time_for_less_work() -> None:
    slow = with_browser(SITUATION, layer=Affine(11, 0))
    assert chosen_split(slow, "latency") == N_LAYER
    # All here: 80.8 ms, limit 96.96. With the 12.3 ms of the hidden state, each layer
    # moved costs 1 ms more, so that four of them fit: 96.5.
    assert chosen_split(slow, "offload", 0) == 2
    assert chosen_split(slow, "offload", 200) == 0


def test_offload_uses_the_latency_goal_where_that_is_larger() -> None:
    quick = with_server(SITUATION, layer=Affine(1, 0))
    assert predicted_ms(quick, Cut(0)) < LATENCY_GOAL_MS
    assert chosen_split(quick) == 0
    assert chosen_split(quick, "offload", 0) == N_LAYER


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_held_is_all_on_the_server(policy: Policy) -> None:
    choice = choose_cut(with_browser(SITUATION, held=()), policy)
    assert choice.cut == Cut(N_LAYER)


@pytest.mark.parametrize("policy", ["offload", "latency"])
def test_an_unmeasured_browser_starts_with_one_layer(policy: Policy) -> None:
    unknown = with_browser(SITUATION, layer=None)
    assert chosen_split(unknown, policy) == N_LAYER - 1
    # Not where the hidden state alone would take 154 s, however fast the browser.
    assert (
        chosen_split(with_network(unknown, download_bytes_per_ms=1), policy) == N_LAYER
    )


@pytest.mark.parametrize(("policy", "overhead"), [("offload", 16), ("latency", 0)])
def test_the_cut_does_not_flap_where_two_are_alike(
    policy: Policy, overhead: float
) -> None:
    """All here or all there costs the same; measurements of one side waver by 1%."""
    edge = with_network(SITUATION, download_bytes_per_ms=1e9, upload_bytes_per_ms=1e9)
    noisy = [
        with_browser(edge, layer=Affine(10 * noise, 0), overhead_ms=overhead)
        for noise in (0.99, 1.01) * 20
    ]
    forgetful = [choose_cut(situation, policy, 0).cut for situation in noisy]
    cut, steady = None, []
    for situation in noisy:
        cut = choose_cut(situation, policy, 0, cut).cut
        steady.append(cut)
    assert changes(forgetful) == len(noisy) - 1
    assert changes(steady) == 0


def test_a_browser_whose_times_scatter_seldom_moves_the_cut() -> None:
    """By 15%, around times at which several cuts are near the limit."""
    near = with_network(
        SITUATION,
        round_trip_ms=5,
        download_bytes_per_ms=20_000,
        upload_bytes_per_ms=20_000,
    )
    dice, moved = random.Random(0), 0
    for layer_ms in (11, 12, 13, 14):
        measured, cut, chosen = Estimate(Affine(1, 0.04)), None, []
        for _ in range(300):
            measured = measured.seen(100, layer_ms * dice.lognormvariate(0, 0.15))
            situation = with_browser(near, layer=measured.affine())
            cut = choose_cut(situation, "offload", 0, cut).cut
            chosen.append(cut)
        moved += changes(chosen[20:])
    assert moved <= 20  # of 1,116


def changes(cuts: list[Cut]) -> int:
    return sum(a != b for a, b in pairwise(cuts))


def test_a_change_that_matters_moves_the_cut_in_spite_of_the_previous_one() -> None:
    assert chosen_split(SITUATION, "latency", previous=Cut(N_LAYER)) == 0
    throttled = with_browser(SITUATION, layer=Affine(50, 0))
    assert chosen_split(throttled, "latency", previous=Cut(0)) == N_LAYER
    assert chosen_split(throttled, "offload", 0, previous=Cut(0)) == N_LAYER


def test_a_previous_cut_whose_pieces_are_gone_is_not_kept() -> None:
    evicted = with_browser(SITUATION, held={2, 3, 4, 5})
    assert chosen_split(evicted, "latency", previous=Cut(0)) == 2


@pytest.mark.parametrize(
    ("situation", "policy", "reason"),
    [
        (SITUATION, "server", "server: 6 of 6 layers on the server, 80.8 ms"),
        (SITUATION, "browser", "browser: 0 of 6 layers on the server, 62.4 ms"),
        (SITUATION, "latency", "the fastest; all on the server would take 80.8 ms"),
        (SITUATION, "offload", "the fewest it can take over, within the limit of 100"),
        (with_browser(SITUATION, held=()), "offload", "holds no layer to take over"),
        (with_browser(SITUATION, layer=None), "offload", "to measure the browser"),
        (
            with_browser(SITUATION, layer=Affine(30, 0)),
            "offload",
            "5 of 6 layers on the server would take 112 ms, over the limit of 100 ms",
        ),
        (
            with_browser(SITUATION, embeds=True),
            "browser",
            "browser: all in the browser, 30 ms predicted",
        ),
    ],
)
def test_the_reason_says_why(situation: Situation, policy: Policy, reason: str) -> None:
    assert reason in choose_cut(situation, policy).reason


@pytest.mark.parametrize("policy", ["offload", "latency"])
def test_a_crowded_server_gets_the_least_work_whatever_that_takes(
    policy: Policy,
) -> None:
    slow = with_browser(SITUATION, layer=Affine(1000, 0), held=[2, 3, 4, 5])
    assert chosen_split(slow, policy) == N_LAYER
    for browser in (slow, with_browser(slow, layer=None)):
        choice = choose_cut(with_server(browser, crowded=True), policy)
        assert choice.cut == Cut(2)
        assert "before anybody is refused" in choice.reason


def test_more_waits_so_more_layers_go_to_browsers() -> None:
    """Under offload, step by step, and long before the queue is full."""
    slow = with_browser(SITUATION, layer=Affine(100, 0))
    splits = [
        chosen_split(with_server(slow, queue_ms=ms)) for ms in (0, 1000, 2000, 4000)
    ]
    assert splits == sorted(splits, reverse=True)
    assert splits[0] > splits[-1] == 0
