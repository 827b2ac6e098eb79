"""f16, q8 and q4 lose half a step at most, whatever the weights are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize import (
    GROUP,
    QUANTIZED_DTYPES,
    QuantizedDtype,
    convert,
    dequantize,
    quantize,
    stored_as,
)

# The scale is rounded to float16 (11 bits), and what is clamped at 127 steps loses that
# much; below float16's normal numbers a step is 2**-24, and a scale may be off by half.
SCALE_ERROR = 2.0**-11

WEIGHTS = {
    "rows": st.integers(1, 8),
    "groups": st.integers(1, 4),
    "size": st.sampled_from([1e-3, 0.02, 1.0, 1e3, 1e5]),
    "seed": st.integers(0, 2**31),
}


def random_weight(rows: int, groups: int, size: float, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(rows, groups * GROUP, generator=random) * size


@settings(max_examples=50, deadline=None)
@given(**WEIGHTS)
def test_q8_is_off_by_half_a_step_at_most(
    rows: int, groups: int, size: float, seed: int
) -> None:
    weight = random_weight(rows, groups, size, seed)
    values, scale = quantize(weight, "q8")
    assert values.dtype == torch.int8
    assert scale.dtype == torch.float16
    steps = scale.float().repeat_interleave(GROUP, dim=1)
    error = (values.float() * steps - weight).abs()
    assert (error <= steps * (0.5 + 127 * SCALE_ERROR) + 2.0**-24 * 64).all()
    assert values.abs().max() == 127


@settings(max_examples=50, deadline=None)
@given(**WEIGHTS)
def test_q4_loses_no_more_than_plain_scales_do(
    rows: int, groups: int, size: float, seed: int
) -> None:
    weight = random_weight(rows, groups, size, seed)
    values, scale = quantize(weight, "q4")
    assert (values.dtype, values.shape) == (torch.uint32, (rows, groups * GROUP // 8))
    assert (scale.dtype, scale.shape) == (torch.float16, (rows, groups))
    error = (dequantize(values, scale) - weight).double().view(-1, GROUP)
    for group, lost in zip(weight.double().view(-1, GROUP), error, strict=True):
        largest = group[group.abs().argmax()]
        for peak in (-7, -8, -9):
            plain = (largest / peak).half().double()
            back = (group / plain).round().clamp(-8, 7) * plain
            bound = (back - group).square().sum()
            assert lost.square().sum() <= bound * (1 + 1e-5)


def test_q4_packs_eight_columns_from_the_lowest_bits_up() -> None:
    weight = torch.zeros(1, 64)
    weight[0, :8] = torch.tensor([-8.0, 1.0, 2.0, 3.0, -1.0, -2.0, 7.0, 0.0])
    weight[0, 32 + 7] = 16.0
    values, scale = quantize(weight, "q4")
    assert scale.tolist() == [[1.0, -2.0]]
    assert [hex(number) for number in values[0].tolist()] == [
        "0x7ef3218",
        *["0x0"] * 3,
        "0x80000000",
        *["0x0"] * 3,
    ]
    # as the bytes of a file: an even column is the low half
    assert values.view(torch.uint8)[0, :4].tolist() == [0x18, 0x32, 0xEF, 0x07]
    assert torch.equal(dequantize(values, scale), weight)


def test_scales_are_of_a_row_and_32_columns() -> None:
    weight = torch.zeros(2, 64)
    weight[0, 31], weight[0, 32], weight[1, 0] = 127.0, -254.0, 12.7
    quantized, scale = quantize(weight, "q8")
    assert scale.tolist() == [[1.0, 2.0], [pytest.approx(0.1, rel=SCALE_ERROR), 0.0]]
    assert quantized[0, 31] == 127
    assert quantized[0, 32] == -127


@pytest.mark.parametrize("dtype", QUANTIZED_DTYPES)
@pytest.mark.parametrize("value", [0.0, 1e-7, -1e-7, 6e-8, 65504.0 * 127, -1e9, 1e30])
def test_extreme_weights_stay_numbers(value: float, dtype: QuantizedDtype) -> None:
    weight = torch.full((3, 32), value)
    back = dequantize(*quantize(weight, dtype))
    assert back.isfinite().all()
    assert (back.abs() <= abs(value) * 2 + 1e-5).all()
    assert (back * value >= 0).all()


@pytest.mark.parametrize("dtype", QUANTIZED_DTYPES)
def test_a_large_matrix_is_quantised_as_its_rows_alone(dtype: QuantizedDtype) -> None:
    weight = torch.randn(5, 2**18, generator=torch.Generator().manual_seed(0))
    whole = dequantize(*quantize(weight, dtype))
    alone = [dequantize(*quantize(row, dtype)) for row in weight.split(1)]
    assert torch.equal(whole, torch.cat(alone))


def test_what_stays_float32() -> None:
    """Norms and biases in any dtype, and a matrix whose rows are no whole groups."""
    assert stored_as("b", (64,), "f16")["b"].dtype == "F32"
    for dtype in QUANTIZED_DTYPES:
        assert stored_as("b", (64,), dtype)["b"].dtype == "F32"
        assert stored_as("w", (64, 48), dtype) == stored_as("w", (64, 48), "f32")
        assert stored_as("w", (48, 64), dtype)["w_scale"].shape == (48, 2)
        odd = torch.randn(4, 48)
        assert torch.equal(convert("w", odd.clone(), dtype)["w"], odd)


def test_f16_clamps_rather_than_store_infinity() -> None:
    weight = torch.tensor([[1e6, -1e6, 1.0]])
    assert convert("w", weight, "f16")["w"].tolist() == [[65504.0, -65504.0, 1.0]]
