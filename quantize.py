"""How a weight is stored in a piece: f32, f16 or q8."""

from typing import Literal, get_args

import torch
from torch import Tensor

from safetensors_bytes import TensorSpec

WeightDtype = Literal["f32", "f16", "q8"]
WEIGHT_DTYPES: tuple[WeightDtype, ...] = get_args(WeightDtype)

GROUP = 32  # columns of a row that share a q8 scale
F16_MAX = 65504.0


def stored_as(
    name: str, shape: tuple[int, ...], dtype: WeightDtype
) -> dict[str, TensorSpec]:
    """The tensors that one becomes. Norms and biases stay f32: they are small."""
    if len(shape) != 2 or dtype == "f32":
        return {name: TensorSpec("F32", shape)}
    if dtype == "f16":
        return {name: TensorSpec("F16", shape)}
    if shape[1] % GROUP != 0:
        return {name: TensorSpec("F32", shape)}
    scale_shape = (shape[0], shape[1] // GROUP)
    return {
        name: TensorSpec("I8", shape),
        f"{name}_scale": TensorSpec("F16", scale_shape),
    }


def convert(name: str, tensor: Tensor, dtype: WeightDtype) -> dict[str, Tensor]:
    """The same tensors' contents. Takes the float32 tensor over and may change it."""
    specs = stored_as(name, tuple(tensor.shape), dtype)
    match specs[name].dtype:
        case "F32":
            return {name: tensor}
        case "F16":
            return {name: tensor.clamp_(-F16_MAX, F16_MAX).half()}
    quantized, scale = quantize(tensor)
    return {name: quantized, f"{name}_scale": scale}


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(out, in) float32 -> int8 (out, in) and float16 scales (out, in / 32).

    weight ~ int8 * scale. Works in place, since the largest matrix of gpt2-xl fills
    320 MB and a copy would double what cutting a piece needs.
    """
    groups = weight.view(weight.shape[0], -1, GROUP)  # (out, in / 32, 32)
    peak = torch.maximum(groups.amax(dim=2), -groups.amin(dim=2))
    scale = (peak / 127).clamp_(max=F16_MAX).half()
    # divided by the rounded scale, which is what a reader multiplies by
    divisor = scale.float()
    divisor[divisor == 0] = torch.inf  # a group too small for f16 becomes zeros
    groups.div_(divisor[:, :, None])
    steps = groups.round_().clamp_(-127, 127).to(torch.int8)
    return steps.view(weight.shape), scale
