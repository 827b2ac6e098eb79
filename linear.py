"""Linear layers, whose weights a CPU takes in a layout of its own."""

import ctypes
import sys
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

gelu_ = torch._C._nn.gelu_  # type: ignore[attr-defined]
# In place, of tensors nobody else has.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor] | None] = {
    "none": None,
    "gelu_new": partial(gelu_, approximate="tanh"),  # GPT-2's approximation
    "gelu": gelu_,
    "relu": torch.relu_,
}
# Rows that MKL is told of when it packs a weight. Its layout serves any number of rows
# as fast, so that nothing is prepared or kept for each length of text.
PACKED_FOR = 64


class Linear(nn.Linear):
    """x W' + b, through an activation: "none", "gelu_new", "gelu" or "relu"."""

    def __init__(self, n_in: int, n_out: int, activation: str = "none") -> None:
        super().__init__(n_in, n_out)
        self.activation = ACTIVATIONS[activation]
        self.packed: Tensor | None = None

    def pack(self) -> None:
        """Give up `weight` for the layout that MKL computes with, once and for all.

        F.linear lays it out anew in every call. Ends the process's use of oneDNN, whose
        GELU would keep a program for each number of rows, and gaps in the heap by them.
        """
        torch.backends.mkldnn.set_flags(False)  # type: ignore[no-untyped-call]
        weight = self.weight.detach()
        del self.weight
        # Without a name for the overload, finding it takes as long as a small product.
        self.product = torch.ops.mkl._mkl_linear.default
        self.packed = torch.ops.mkl._mkl_reorder_linear_weight(weight, PACKED_FOR)
        # The kernel asks for the weight as it was, but only looks at the shape.
        self.unpacked = torch.empty(1).expand(weight.shape)
        del weight
        _give_back_memory()

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """(rows, n_in) -> (rows, n_out). plus: of that shape, added to it."""
        if self.packed is None:
            out = F.linear(x, self.weight, self.bias)
        else:
            # Given the bias, it would copy it into each row and add to that.
            out = self.product(x, self.packed, self.unpacked, None, len(x))
            out.add_(self.bias)
        if self.activation is not None:
            self.activation(out)
        return out if plus is None else out.add_(plus)


def _give_back_memory() -> None:
    """glibc keeps the gaps that unpacked weights leave: as much again as the packed."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


def packs(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether Linear.pack() works here: in builds of PyTorch for x86, and float32."""
    return (
        device.type == "cpu"
        and dtype == torch.float32
        and hasattr(torch.ops.mkl, "_mkl_reorder_linear_weight")
    )
