"""That estimates are sensible at once, come near the truth, and follow it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimates import SURPRISES_THAT_ARE_A_CHANGE, Affine, Estimate, first_guess

GUESS = Affine(1, 0.03)


def after(
    truth: Affine, count: int, start: Estimate, noise: float, seed: int = 0
) -> Estimate:
    """That many measurements of texts of 4 to 500 tokens."""
    draw = random.Random(seed)
    for _ in range(count):
        tokens = draw.randint(4, 500)
        start = start.seen(tokens, truth.ms(tokens) * draw.lognormvariate(0, noise))
    return start


def test_before_the_first_measurement_it_is_the_guess() -> None:
    got = Estimate(GUESS).affine()
    assert (got.per_request, got.per_unit) == pytest.approx((1, 0.03))


def test_the_guess_for_a_layer_is_of_the_right_order() -> None:
    """all-MiniLM-L6-v2 on two cores: about 2 ms a layer at 64 tokens."""
    assert 0.5 < first_guess(384).ms(64) < 8


def test_one_measurement_scales_the_guess() -> None:
    got = Estimate(GUESS).seen(100, 32).affine()
    assert got.ms(100) == pytest.approx(32)
    assert got.ms(10) == pytest.approx(32 * GUESS.ms(10) / GUESS.ms(100))


@pytest.mark.parametrize("truth", [Affine(5, 0.01), Affine(0.1, 0.3), Affine(0, 2)])
def test_it_finds_both_parts_from_exact_measurements(truth: Affine) -> None:
    got = after(truth, 60, Estimate(GUESS), noise=0).affine()
    for tokens in (16, 64, 256, 500):
        assert got.ms(tokens) == pytest.approx(truth.ms(tokens), rel=0.2)


@pytest.mark.parametrize("seed", range(5))
def test_noise_of_a_fifth_leaves_it_within_a_tenth(seed: int) -> None:
    truth = Affine(2, 0.05)
    got = after(truth, 60, Estimate(GUESS), 0.2, seed).affine()
    assert got.ms(200) == pytest.approx(truth.ms(200), rel=0.1)


@given(st.lists(st.tuples(st.integers(1, 16_384), st.floats(0, 1e6)), max_size=30))
def test_no_part_is_ever_negative(measurements: list[tuple[int, float]]) -> None:
    estimate = Estimate(GUESS)
    for tokens, ms in measurements:
        estimate = estimate.seen(tokens, ms)
        got = estimate.affine()
        assert got.per_request >= 0
        assert got.per_unit >= 0


@pytest.mark.parametrize("factor", [0.1, 0.3, 3, 10, 100])
def test_it_follows_a_change_within_a_few_measurements(factor: float) -> None:
    estimate = after(Affine(1, 0.02), 50, Estimate(GUESS), noise=0.1)
    changed = Affine(factor, 0.02 * factor)
    estimate = after(changed, SURPRISES_THAT_ARE_A_CHANGE + 3, estimate, noise=0.1)
    assert estimate.affine().ms(100) == pytest.approx(changed.ms(100), rel=0.25)


def test_it_drifts_along_with_small_changes() -> None:
    estimate = after(Affine(1, 0.02), 50, Estimate(GUESS), noise=0)
    changed = Affine(1.3, 0.026)
    estimate = after(changed, 30, estimate, noise=0)
    assert estimate.affine().ms(100) == pytest.approx(changed.ms(100), rel=0.05)


@pytest.mark.parametrize("outlier", [0.0, 0.01, 100.0])
def test_an_outlier_moves_it_little(outlier: float) -> None:
    estimate = after(Affine(1, 0.02), 50, Estimate(GUESS), noise=0)
    before = estimate.affine().ms(100)
    for _ in range(SURPRISES_THAT_ARE_A_CHANGE - 1):
        estimate = estimate.seen(100, before * outlier)
    assert estimate.affine().ms(100) == pytest.approx(before, rel=0.15)


def test_it_fits_a_plain_average_too() -> None:
    """A round trip has no units: the guess says so."""
    estimate = Estimate(Affine(50, 0))
    for ms in (80, 82, 78, 80):
        estimate = estimate.seen(1, ms)
    assert estimate.affine().per_request == pytest.approx(80, rel=0.01)
    assert estimate.affine().per_unit == 0
