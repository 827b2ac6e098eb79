"""That the server knows its layers' time and what is under way."""

import pytest

from estimates import Affine
from server_load import ServerLoad


def load_of(guess: Affine) -> ServerLoad:
    return ServerLoad(guess, pass_tokens=100)


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


def test_what_is_under_way_is_the_queue_until_it_ends() -> None:
    load = load_of(Affine(1, 0.1))
    assert load.queue_ms == 0
    with load.under_way(tokens=10, layers=3):
        assert load.queue_ms == pytest.approx(3 * (1 + 0.1 * 10))
        with load.under_way(tokens=10, layers=3):
            assert load.queue_ms == pytest.approx(3 * (1 + 0.1 * 20))
        assert load.queue_ms == pytest.approx(6)
    assert load.queue_ms == 0


def test_what_fills_two_passes_pays_two_passes_own_part() -> None:
    load = load_of(Affine(1, 0.1))
    with load.under_way(tokens=150, layers=3):
        assert load.queue_ms == pytest.approx(2 * 3 * 1 + 3 * 0.1 * 150)


def test_a_failed_pass_leaves_the_queue() -> None:
    load = load_of(Affine(1, 0.1))
    with pytest.raises(RuntimeError), load.under_way(tokens=10, layers=3):
        raise RuntimeError
    assert load.queue_ms == 0
