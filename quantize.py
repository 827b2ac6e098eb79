"""How a weight is stored in a piece: f32, f16, q8 or q4."""

from typing import Literal, get_args

import torch
from torch import Tensor

from safetensors_bytes import TensorSpec

QuantizedDtype = Literal["q8", "q4"]
WeightDtype = Literal["f32", "f16"] | QuantizedDtype
QUANTIZED_DTYPES: tuple[QuantizedDtype, ...] = get_args(QuantizedDtype)
WEIGHT_DTYPES: tuple[WeightDtype, ...] = ("f32", "f16", *QUANTIZED_DTYPES)

GROUP = 32  # columns of a row that share a scale
F16_MAX = 65504.0
NUMBERS_AT_ONCE = 2**20  # bounds the copies: gpt2-xl's largest matrix fills 320 MB

STEPS: dict[QuantizedDtype, tuple[int, int]] = {"q8": (-127, 127), "q4": (-8, 7)}
# What a group's largest number may become, in q4's steps: each group takes the scale
# that leaves the least squared error. A scale has a sign, so that the largest number
# lies on the longer side of zero.
Q4_PEAKS = (-7.0, -7.25, -7.5, -7.75, -8.0, -8.25, -8.5, -8.75, -9.0)


def stored_as(
    name: str, shape: tuple[int, ...], dtype: WeightDtype
) -> dict[str, TensorSpec]:
    """The tensors that one becomes. Norms and biases stay f32: they are small."""
    if len(shape) != 2 or dtype == "f32":
        return {name: TensorSpec("F32", shape)}
    if dtype == "f16":
        return {name: TensorSpec("F16", shape)}
    rows, columns = shape
    if columns % GROUP != 0:
        return {name: TensorSpec("F32", shape)}
    values = {
        "q8": TensorSpec("I8", shape),
        "q4": TensorSpec("U32", (rows, columns // 8)),
    }
    scale = TensorSpec("F16", (rows, columns // GROUP))
    return {name: values[dtype], f"{name}_scale": scale}


def convert(name: str, tensor: Tensor, dtype: WeightDtype) -> dict[str, Tensor]:
    """The same tensors' contents. Takes the float32 tensor over and may change it."""
    match stored_as(name, tuple(tensor.shape), dtype)[name].dtype:
        case "F32":
            return {name: tensor}
        case "F16":
            return {name: tensor.clamp_(-F16_MAX, F16_MAX).half()}
        case stored:
            values, scale = quantize(tensor, "q8" if stored == "I8" else "q4")
            return {name: values, f"{name}_scale": scale}


def quantize(weight: Tensor, dtype: QuantizedDtype) -> tuple[Tensor, Tensor]:
    """(out, in) float32 -> integers, and float16 scales (out, in / 32).

    weight ~ integer * scale. q8: int8 (out, in), -127 to 127. q4: -8 to 7, packed into
    uint32 (out, in / 8).
    """
    at_once = max(1, NUMBERS_AT_ONCE // weight.shape[1])
    values, scales = [], []
    for some in torch.split(weight, at_once):
        groups = some.view(-1, GROUP)
        scale = _best_scale(groups, dtype)
        steps = _rounded(groups, scale, dtype).to(torch.int8).view(some.shape)
        values.append(steps if dtype == "q8" else _pack(steps))
        scales.append(scale.view(len(some), -1))
    return torch.cat(values), torch.cat(scales)


def dequantize(values: Tensor, scale: Tensor) -> Tensor:
    """What quantize gave -> (out, in) float32."""
    steps = values if values.dtype == torch.int8 else _unpack(values)
    groups = steps.float().view(*scale.shape, GROUP)
    return (groups * scale.float()[:, :, None]).view(steps.shape)


def rounded(tensor: Tensor, dtype: WeightDtype) -> Tensor:
    """A float32 tensor as a reader of its piece gets it."""
    parts = convert("tensor", tensor.clone(), dtype)
    scale = parts.get("tensor_scale")
    values = parts["tensor"]
    return values.float() if scale is None else dequantize(values, scale)


def _best_scale(groups: Tensor, dtype: QuantizedDtype) -> Tensor:
    """(groups, 32) float32 -> float16 (groups, 1): for q4 the one that loses least."""
    high, low = groups.amax(dim=1, keepdim=True), groups.amin(dim=1, keepdim=True)
    if dtype == "q8":
        return _half(torch.maximum(high, -low) / 127)
    scales = _half(torch.where(high > -low, high, low) / torch.tensor(Q4_PEAKS))
    tried = (scale[:, None] for scale in scales.unbind(dim=1))
    errors = [_squared_error(groups, scale, dtype) for scale in tried]
    return scales.gather(1, torch.cat(errors, dim=1).argmin(dim=1, keepdim=True))


def _half(scale: Tensor) -> Tensor:
    return scale.clamp_(-F16_MAX, F16_MAX).half()


def _squared_error(groups: Tensor, scale: Tensor, dtype: QuantizedDtype) -> Tensor:
    back = _rounded(groups, scale, dtype).mul_(scale.float())
    return back.sub_(groups).square_().sum(dim=1, keepdim=True)


def _rounded(groups: Tensor, scale: Tensor, dtype: QuantizedDtype) -> Tensor:
    """(groups, 32) in steps of the rounded scale, which a reader multiplies by."""
    divisor = scale.float()
    divisor[divisor == 0] = torch.inf  # a group too small for f16 becomes zeros
    return (groups / divisor).round_().clamp_(*STEPS[dtype])


def _pack(steps: Tensor) -> Tensor:
    """int8 (out, in), -8 to 7 -> uint32 (out, in / 8).

    Column 8j + i is bits 4i to 4i + 3 of number j, two's complement; so in the bytes
    of a file, which are little-endian, an even column is the low half of its byte.
    """
    low, high = steps.view(torch.uint8).view(len(steps), -1, 2).unbind(2)
    return (low & 15 | high << 4).view(torch.uint32)


def _unpack(packed: Tensor) -> Tensor:
    """The reverse: uint32 (out, in / 8) -> int8 (out, in)."""
    pairs = packed.view(torch.int8)
    return torch.stack((pairs << 4 >> 4, pairs >> 4), dim=2).flatten(1)
