"""Graphs whose element-wise parts are too long for one kernel."""

import pytest
import torch
from playwright.sync_api import Page

on_both_devices = pytest.mark.parametrize("device", ["cpu", "webgpu"])

COUNT = 60

# Of the tensors xs, more than a kernel binds, and longer than a program is.
WORKS = {
    "torch.cat(xs)": lambda xs: torch.cat(xs),
    "torch.stack(xs, 1).exp()": lambda xs: torch.stack(xs, 1).exp(),
    "xs.reduce((a, b) => a.add(b))": lambda xs: sum(xs[1:], xs[0]),
    "xs.reduceRight((b, a) => a.sub(b))": lambda xs: alternating(xs),
    "torch.cat(xs.map((x) => x.mul(x).add(1).sqrt())).sum()": lambda xs: torch.cat(
        [(x * x + 1).sqrt() for x in xs]
    ).sum(),
}


def alternating(xs: list[torch.Tensor]) -> torch.Tensor:
    result = xs[-1]
    for x in reversed(xs[:-1]):
        result = x - result
    return result


@on_both_devices
@pytest.mark.parametrize("work", WORKS)
def test_a_graph_too_long_for_a_kernel_is_cut(
    torch_page: Page, device: str, work: str
) -> None:
    values = torch_page.evaluate(
        """([work, count, device]) => {
            const xs = Array.from({length: count}, (_, i) =>
                torch.tensor([i / 64, (i + 0.5) / 64], {device}));
            return new Function("torch", "xs", `return ${work}`)(torch, xs).tolist();
        }""",
        [work, COUNT, device],
    )
    xs = [torch.tensor([i / 64, (i + 0.5) / 64]) for i in range(COUNT)]
    torch.testing.assert_close(
        torch.tensor(values), WORKS[work](xs), rtol=1e-6, atol=1e-5
    )


def test_planning_takes_time_by_the_graphs_size(torch_page: Page) -> None:
    """Eight times as many tensors: 64 times the time, where it grows by the square."""
    few, many = torch_page.evaluate(
        """async () => {
            const time = async (count) => {
                const xs = Array.from({length: count}, (_, i) =>
                    torch.tensor([i, i + 0.5], {device: "cpu"}));
                const start = performance.now();
                await torch.cat(xs).sum().item();
                return performance.now() - start;
            };
            await time(240);
            return [await time(250), await time(2000)];
        }"""
    )
    assert many < 30 * few
