"""A tensor's shape is its own: no list that was given, or is given, changes it."""

from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page
from torch import Tensor
from torch.nn import functional

on_both_devices = pytest.mark.parametrize("device", ["cpu", "webgpu"])

# With the sizes [2, 2] in `sizes`.
GIVEN: dict[str, Callable[[Tensor], Tensor]] = {
    "torch.zeros(sizes, {device})": lambda x: torch.zeros(2, 2),
    "torch.ones(sizes, {device})": lambda x: torch.ones(2, 2),
    "torch.full(sizes, 2.5, {device})": lambda x: torch.full([2, 2], 2.5),
    "torch.rand(sizes, {device}).lt(2)": lambda x: torch.rand(2, 2) < 2,
    "x.reshape(sizes)": lambda x: x.reshape(2, 2),
    "x.mul(1).view(sizes)": lambda x: x.view(2, 2),
    "new torch.nn.LayerNorm(sizes, 1e-5, false)": lambda x: functional.layer_norm(
        x.view(2, 2), [2, 2]
    ),
}


@on_both_devices
@pytest.mark.parametrize("work", GIVEN)
def test_a_list_that_was_given_is_the_callers_again(
    torch_page: Page, device: str, work: str
) -> None:
    shape, values, after = torch_page.evaluate(
        """async ([work, device]) => {
            const x = torch.tensor([1, 2, 3, 4.5], {device});
            const sizes = [2, 2];
            const made = new Function("torch", "x", "sizes", "device",
                `return ${work}`)(torch, x, sizes, device);
            sizes[0] = 3;
            sizes.push(7);
            const y = made instanceof torch.Tensor ? made : made.forward(x.view(2, 2));
            return [y.shape, await y.tolist(), sizes];
        }""",
        [work, device],
    )
    expected = GIVEN[work](torch.tensor([1, 2, 3, 4.5]))
    assert shape == list(expected.shape)
    torch.testing.assert_close(
        torch.tensor(values), expected, atol=1e-5, rtol=1e-5, check_dtype=False
    )
    assert after == [3, 2, 7]


def test_a_shape_that_was_asked_for_changes_nothing(torch_page: Page) -> None:
    told = torch_page.evaluate(
        """async () => {
            "use strict";
            const sizes = [1, 3];
            const told = [];
            for (const x of [torch.tensor([[1, 2, 3.5]]), torch.ones(sizes),
                torch.ones(1, 3).add(1), torch.tensor([1, 2, 3.5]).reshape(1, 3)]) {
                let name = "";
                try {
                    x.shape.reverse();
                } catch (error) {
                    name = error.name;
                }
                told.push([name, x.shape, (await x.tolist()).length]);
            }
            return told;
        }"""
    )
    assert told == [["TypeError", [1, 3], 1]] * 4
