from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from linear import Linear, packs

CPU = torch.device("cpu")
REFERENCE = {
    "none": nn.Identity(),
    "gelu_new": nn.GELU(approximate="tanh"),
    "gelu": nn.GELU(),
    "relu": nn.ReLU(),
}
needs_packing = pytest.mark.skipif(
    not packs(CPU, torch.float32), reason="a build of PyTorch without MKL"
)


def packed(n_in: int, n_out: int, activation: str = "none") -> tuple[Linear, Tensor]:
    """And the weight that it had."""
    linear = Linear(n_in, n_out, activation).requires_grad_(False)
    weight = linear.weight.detach().clone()
    linear.pack()
    return linear, weight


@needs_packing
@pytest.mark.parametrize("activation", REFERENCE)
@torch.inference_mode()
def test_a_packed_weight_computes_the_same_for_any_number_of_rows(
    activation: str,
) -> None:
    linear, weight = packed(96, 160, activation)
    for rows in (*range(1, 80), 128, 511, 512, 513, 2048):
        x, plus = torch.randn(rows, 96), torch.randn(rows, 160)
        expected = REFERENCE[activation](F.linear(x, weight, linear.bias))
        torch.testing.assert_close(linear(x), expected, rtol=1e-5, atol=1e-5)
        both = linear(x, plus)
        torch.testing.assert_close(both, expected + plus, rtol=1e-5, atol=1e-5)


@needs_packing
@torch.inference_mode()
def test_no_number_of_rows_leaves_memory_behind() -> None:
    """Layouts and programs for each one were a GiB together; what other tests left of
    the heap may take some tens of MiB anew.
    """
    linear, _ = packed(384, 1536, "gelu")
    linear(torch.randn(600, 384))
    before = anonymous_mib()
    for rows in range(1, 600):
        linear(torch.randn(rows, 384))
    assert anonymous_mib() - before < 100


def anonymous_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("RssAnon: expected in /proc/self/status, came nothing")
