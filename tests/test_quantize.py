"""q8 and f16 lose half a step at most, whatever the weights are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize import GROUP, convert, quantize, stored_as

# The scale is rounded to float16 (11 bits), and what is clamped at 127 steps loses that
# much; below float16's normal numbers a step is 2**-24, and a scale may be off by half.
SCALE_ERROR = 2.0**-11


@settings(max_examples=50, deadline=None)
@given(
    rows=st.integers(1, 8),
    groups=st.integers(1, 4),
    size=st.sampled_from([1e-3, 0.02, 1.0, 1e3, 1e6]),
    seed=st.integers(0, 2**31),
)
def test_every_weight_is_off_by_half_a_step_at_most(
    rows: int, groups: int, size: float, seed: int
) -> None:
    random = torch.Generator().manual_seed(seed)
    weight = torch.randn(rows, groups * GROUP, generator=random) * size
    quantized, scale = quantize(weight.clone())
    assert quantized.dtype == torch.int8
    assert scale.dtype == torch.float16
    steps = scale.float().repeat_interleave(GROUP, dim=1)
    error = (quantized.float() * steps - weight).abs()
    assert (error <= steps * (0.5 + 127 * SCALE_ERROR) + 2.0**-24 * 64).all()
    assert quantized.abs().max() == 127


def test_scales_are_of_a_row_and_32_columns() -> None:
    weight = torch.zeros(2, 64)
    weight[0, 31], weight[0, 32], weight[1, 0] = 127.0, -254.0, 12.7
    quantized, scale = quantize(weight.clone())
    assert scale.tolist() == [[1.0, 2.0], [pytest.approx(0.1, rel=SCALE_ERROR), 0.0]]
    assert quantized[0, 31] == 127
    assert quantized[0, 32] == -127


@pytest.mark.parametrize("value", [0.0, 1e-7, -1e-7, 6e-8, 65504.0 * 127, -1e9])
def test_extreme_weights_stay_numbers(value: float) -> None:
    weight = torch.full((3, 32), value)
    quantized, scale = quantize(weight.clone())
    back = quantized.float() * scale.float()
    assert back.isfinite().all()
    assert (back.abs() <= abs(value) * 2 + 1e-5).all()


def test_what_stays_float32() -> None:
    """Norms and biases in any dtype; in q8 also a matrix whose rows do not divide."""
    assert stored_as("b", (64,), "q8")["b"].dtype == "F32"
    assert stored_as("b", (64,), "f16")["b"].dtype == "F32"
    assert stored_as("w", (64, 48), "q8") == stored_as("w", (64, 48), "f32")
    assert stored_as("w", (48, 64), "q8")["w_scale"].shape == (48, 2)
    odd = torch.randn(4, 48)
    assert torch.equal(convert("w", odd.clone(), "q8")["w"], odd)


def test_f16_clamps_rather_than_store_infinity() -> None:
    weight = torch.tensor([[1e6, -1e6, 1.0]])
    assert convert("w", weight, "f16")["w"].tolist() == [[65504.0, -65504.0, 1.0]]
