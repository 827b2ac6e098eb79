"""That the server knows its layers' time and what is under way."""

import pytest

from estimates import Affine
from server_load import ServerLoad


def test_measured_layers_replace_the_guess() -> None:
    load = ServerLoad(Affine(1, 0.1))
    load.ran(tokens=10, layers=4, ms=40)
    assert load.layer.ms(10) == pytest.approx(10)


def test_a_pass_without_layers_says_nothing_of_them() -> None:
    load = ServerLoad(Affine(1, 0.1))
    load.ran(tokens=10, layers=0, ms=40)
    assert load.layer.ms(10) == pytest.approx(2)


def test_what_is_under_way_is_the_queue_until_it_ends() -> None:
    load = ServerLoad(Affine(1, 0.1))
    assert load.queue_ms == 0
    with load.under_way(tokens=10, layers=3):
        assert load.queue_ms == pytest.approx(6)
        with load.under_way(tokens=90, layers=1):
            assert load.queue_ms == pytest.approx(16)
        load.ran(tokens=90, layers=1, ms=500)
        assert load.queue_ms == pytest.approx(6)
    assert load.queue_ms == 0


def test_a_failed_pass_leaves_the_queue() -> None:
    load = ServerLoad(Affine(1, 0.1))
    with pytest.raises(RuntimeError), load.under_way(tokens=10, layers=3):
        raise RuntimeError
    assert load.queue_ms == 0
