"""That the server knows its layers' time and how long a newcomer waits."""

import pytest

from batching import Ahead
from estimates import Affine
from jobs import Work
from server_load import ServerLoad

NOTHING = Ahead(Work(), Work(), 0)


def load_of(guess: Affine, ahead: Ahead = NOTHING) -> ServerLoad:
    return ServerLoad(guess, lambda: ahead)


def test_measured_layers_replace_the_guess() -> None:
    load = load_of(Affine(1, 0.1))
    load.ran(layers=4, layer_tokens=40, seconds=0.04)
    assert load.layer.ms(10) == pytest.approx(10)


def test_a_pass_that_shrinks_counts_with_the_tokens_of_each_layer() -> None:
    """One layer of 190 tokens, one of 10: (1 + 0.1 × 190) + (1 + 0.1 × 10) ms."""
    load = load_of(Affine(1, 0.1))
    load.ran(layers=2, layer_tokens=200, seconds=0.022)
    for tokens in (10, 190):
        assert load.layer.ms(tokens) == pytest.approx(1 + 0.1 * tokens)


def test_a_pass_without_layers_says_nothing_of_them() -> None:
    load = load_of(Affine(1, 0.1))
    load.ran(layers=0, layer_tokens=0, seconds=0.04)
    assert load.layer.ms(10) == pytest.approx(2)


def test_what_runs_and_what_waits_is_the_queue() -> None:
    """A layer is 1 ms and 0.1 ms a token: two left of a pass with 10 tokens, three
    layers of 20 waiting tokens that fill a fifth of a pass."""
    load = load_of(Affine(1, 0.1), Ahead(Work(2, 20), Work(0.6, 60), 0.2))
    assert load.queue_ms == pytest.approx(2 + 2 + 0.6 + 6)
    assert load_of(Affine(1, 0.1)).queue_ms == 0


def test_models_of_one_thread_have_their_turns_between() -> None:
    """One waits for nothing of its own, the other for two passes of 4 ms."""
    busy = load_of(Affine(0, 0.1), Ahead(Work(), Work(8, 80), 2))
    idle = load_of(Affine(1, 0.1))
    for load in (busy, idle):
        load.shares_its_thread_with([busy, idle])
    assert idle.queue_ms == pytest.approx(4)
    assert busy.queue_ms == pytest.approx(8)


def test_of_a_pass_under_way_elsewhere_only_the_rest_is_waited_for() -> None:
    busy = load_of(Affine(0, 0.1), Ahead(Work(3, 30), Work(8, 80), 2))
    one_pass = Ahead(Work(), Work(4, 10), 1)
    idle, behind = load_of(Affine(1, 0.1)), load_of(Affine(1, 0.1), one_pass)
    for load in (idle, behind):
        load.shares_its_thread_with([busy, load])
    assert idle.queue_ms == pytest.approx(3)
    assert behind.queue_ms == pytest.approx(5 + 3 + 4)
