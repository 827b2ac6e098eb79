"""torch.profile: every kernel is counted and timed, and results stay what they are."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page
from web_pages import open_webgpu_page

CLOCKS = ["timestamp-query", "host"]

# Two matrix products and a softmax.
WORK = """
    const x = torch.tensor([[1, 2, 3, 4.5]]);
    const square = torch.tensor(Array(4).fill([1, 1, 1, 1]), {dtype: torch.float32});
    const of = (x) => F.softmax(F.linear(F.linear(x, square), square), {dim: -1});
    const step = () => of(x);
"""


@pytest.fixture(params=CLOCKS)
def clocked(
    request: pytest.FixtureRequest, browser: Browser, static_url: str
) -> Iterator[tuple[Page, str]]:
    """A page whose adapter has timestamp queries, or says that it has none."""
    page = open_webgpu_page(browser, f"{static_url}/blank.html")
    if request.param == "host":
        page.evaluate(
            """() => {
                const has = GPUSupportedFeatures.prototype.has;
                GPUSupportedFeatures.prototype.has = function (name) {
                    return name !== "timestamp-query" && has.call(this, name);
                };
            }"""
        )
    page.evaluate(
        """async () => {
            globalThis.torch = await import("/torch.js");
            await torch.init();
            globalThis.F = torch.nn.functional;
        }"""
    )
    yield page, request.param
    page.close()


def run(page: Page, body: str) -> Any:
    return page.evaluate(f"async () => {{ {WORK} {body} }}")


def test_each_kernel_is_counted_and_timed(clocked: tuple[Page, str]) -> None:
    page, clock = clocked
    profile = run(
        page,
        """return torch.profile(async () => {
            for (let n = 0; n < 3; n++) await step().numpy();
        });""",
    )
    assert profile["clock"] == clock
    calls = {row["name"]: row["calls"] for row in profile["rows"]}
    assert calls.pop("softmax") == 3
    [(name, count)] = calls.items()
    assert name.startswith("matmul")
    assert count == 6
    totals = [row["total"] for row in profile["rows"]]
    assert totals == sorted(totals, reverse=True)
    for row in profile["rows"]:
        assert row["mean"] == pytest.approx(row["total"] / row["calls"])
        assert 0 < row["total"] < 10_000


def test_a_profiled_result_is_the_same(clocked: tuple[Page, str]) -> None:
    page, _ = clocked
    plain, profiled, compiled, after = run(
        page,
        """const plain = await step().tolist();
        let profiled, compiled;
        await torch.profile(async () => {
            [profiled, compiled] = await Promise.all([
                step().tolist(),
                torch.compile(of)(x).tolist(),
            ]);
        });
        return [plain, profiled, compiled, await step().tolist()];""",
    )
    assert plain == profiled == compiled == after


def test_what_is_disposed_of_meanwhile_is_not_reused(clocked: tuple[Page, str]) -> None:
    page, _ = clocked
    first, second = run(
        page,
        """let rows;
        await torch.profile(async () => {
            const y = step();
            const first = y.tolist();
            y.dispose();
            x.dispose();
            const other = torch.tensor([[0, 0, 0, 9.5]]);
            rows = await Promise.all([first, F.linear(other, square).tolist()]);
        });
        return rows;""",
    )
    assert first == [[0.25] * 4]
    assert second == [[9.5] * 4]


def test_a_rejected_function_rejects_and_ends_the_profile(
    clocked: tuple[Page, str],
) -> None:
    page, _ = clocked
    with pytest.raises(Error, match="on purpose"):
        run(page, 'await torch.profile(() => { throw new Error("on purpose") })')
    again = run(page, "return torch.profile(() => step().numpy())")
    assert sum(row["calls"] for row in again["rows"]) == 3


def test_one_profile_at_a_time(clocked: tuple[Page, str]) -> None:
    page, _ = clocked
    with pytest.raises(Error, match="another profile of webgpu is under way"):
        run(page, "await torch.profile(() => torch.profile(() => step().numpy()))")


def test_many_kernels_outgrow_a_query_set(clocked: tuple[Page, str]) -> None:
    page, _ = clocked
    profile = run(
        page,
        """return torch.profile(async () => {
            for (let n = 0; n < 700; n++) await step().numpy();
        });""",
    )
    assert sum(row["calls"] for row in profile["rows"]) == 2100


def test_the_cpu_is_profiled_by_task(torch_page: Page) -> None:
    profile = torch_page.evaluate(
        """() => torch.profile(async () => {
            const x = torch.ones(2, 3, {device: "cpu"});
            await x.matmul(x.t()).numpy();
        }, {device: "cpu"})"""
    )
    assert profile["clock"] == "host"
    assert sum(row["calls"] for row in profile["rows"]) >= 1


def test_a_profiled_run_reads_its_large_arguments(torch_page: Page) -> None:
    """They come through shared buffers, which the next submit copies from."""
    values = torch_page.evaluate(
        """async () => {
            let values;
            await torch.profile(async () => {
                const x = torch.frombuffer(new Float32Array(50000).fill(3));
                values = await x.add(1).numpy();
            });
            return [values.length, values.every((value) => value === 4)];
        }"""
    )
    assert values == [50000, True]
