"""Linear layers, whose weights a CPU takes in a layout of its own."""

import ctypes
import platform
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),  # GPT-2's approximation
    "gelu": F.gelu,
    "relu": F.relu,
}
FUSED = {  # the same to oneDNN: attribute, algorithm
    "none": ("none", ""),
    "gelu_new": ("gelu", "tanh"),
    "gelu": ("gelu", "none"),
    "relu": ("relu", ""),
}


class Linear(nn.Linear):
    """x W' + b, through an activation: "none", "gelu_new", "gelu" or "relu"."""

    def __init__(self, n_in: int, n_out: int, activation: str = "none") -> None:
        super().__init__(n_in, n_out)
        self.activation = activation
        self.packed: Tensor | None = None

    def pack(self) -> None:
        """Give up `weight` for a layout that oneDNN computes with, once and for all.

        F.linear lays it out anew in every call, copies the bias into the result first
        and leaves the activation to a pass of its own over what it made.
        """
        weight = self.weight.detach()
        del self.weight
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight, None)
        del weight
        _give_back_memory()

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """plus: of the result's shape, added to it; in the same pass where packed."""
        out: Tensor
        if self.packed is None:
            out = ACTIVATIONS[self.activation](F.linear(x, self.weight, self.bias))
            return out if plus is None else out + plus
        # Without a name for the overload, finding it takes as long as a small product.
        compute = torch.ops.mkldnn._linear_pointwise
        if plus is not None and self.activation == "none":
            out = compute.binary(x, plus, self.packed, self.bias, "add")
            return out
        attribute, algorithm = FUSED[self.activation]
        out = compute.default(x, self.packed, self.bias, attribute, [], algorithm)
        return out if plus is None else out + plus


def _give_back_memory() -> None:
    """glibc keeps the gaps that unpacked weights leave: as much again as the packed."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


def packs(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether Linear.pack() works here: oneDNN's layouts are for x86 and float32."""
    return (
        device.type == "cpu"
        and dtype == torch.float32
        and platform.machine() in ("x86_64", "AMD64")
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    )
