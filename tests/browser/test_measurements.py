"""What the planner is told stays true: beside downloads, and while a tab is hidden."""

import json
from typing import Any

import piece_faults
import pytest
from hideable_tab import HideableTab
from live_server import LiveServer
from playwright.sync_api import Browser, Page, Playwright
from test_choice import ChoosingPage
from test_way_back import THROTTLED, own_browser

BEGIN = """import("/static/measurements.js").then(({Measurements}) => {
    localStorage.clear();
    globalThis.measurements = new Measurements("test");
    globalThis.layer = () => {
        const {layer_ms} = measurements.measured(100);
        return layer_ms && layer_ms.per_request + 100 * layer_ms.per_token;
    };
    globalThis.ran = (ms, times = 1) => {
        for (let i = 0; i < times; i++) {
            measurements.ran({tokens: 100, layers: 1, browserMs: ms, totalMs: ms + 1});
        }
        return layer();
    };
})"""
# As long as that, so that the times measured are of one side of a change of view.
WAIT = "new Promise((go) => setTimeout(go, 50))"


def exchange(down: int, ms: float) -> dict[str, float]:
    return {"up": 100, "askingMs": 1.0, "down": down, "answerMs": ms}


def test_a_hidden_tab_is_measured_by_itself(
    playwright: Playwright, server: LiveServer
) -> None:
    """Its own slow times are used while it is hidden, and forgotten when it is not."""
    with own_browser(playwright, ignore_default_args=[*THROTTLED]) as browser:
        tab = HideableTab(browser, f"{server.url}/health")
        tab.evaluate(BEGIN)
        tab.evaluate(WAIT)
        assert tab.evaluate("ran(10, 10)") == pytest.approx(10, rel=0.01)
        kept = tab.evaluate("JSON.stringify(localStorage)")

        tab.hide()
        assert tab.evaluate("document.visibilityState") == "hidden"
        assert tab.evaluate("layer()") == pytest.approx(10, rel=0.01)
        tab.evaluate("new Promise((go) => setTimeout(go, 600))")
        assert tab.evaluate("ran(500, 5)") == pytest.approx(500, rel=0.01)
        assert tab.evaluate("JSON.stringify(localStorage)") == kept

        tab.show()
        assert tab.evaluate("document.visibilityState") == "visible"
        assert tab.evaluate("layer()") == pytest.approx(10, rel=0.01)
        # It began while the tab was hidden.
        assert tab.evaluate("ran(5000)") == pytest.approx(10, rel=0.01)
        tab.hide()
        assert tab.evaluate("layer()") == pytest.approx(500, rel=0.01)


def test_a_hidden_tabs_requests_do_not_change_the_cut_of_those_after_it(
    playwright: Playwright, server: LiveServer
) -> None:
    """The same embedding all the while, from the client itself."""
    with own_browser(playwright, ignore_default_args=[*THROTTLED]) as browser:
        tab = HideableTab(browser, f"{server.url}/health")
        tab.evaluate(
            """(async () => {
                const [{connect}, {GpuWorker}] = await Promise.all(
                    [import("/static/splitcompute.js"), import("/static/gpu_worker.js")]
                );
                const ask = GpuWorker.prototype.ask;
                // A hidden tab's GPU work takes half a second longer, say.
                GpuWorker.prototype.ask = async function (type, ...args) {
                    const answer = await ask.call(this, type, ...args);
                    if (type !== "run" || !document.hidden) return answer;
                    await new Promise((go) => setTimeout(go, 500));
                    answer.timings.browser += 500;
                    return answer;
                };
                globalThis.sc = await connect({model: "small-gpt2", dtype: "f32"});
                await sc.load(0);
                globalThis.ask = async (texts, options) => {
                    const {embeddings, split, note} = await sc.embed(texts, options);
                    return {rows: embeddings.map((row) => [...row]), split, note};
                };
            })()"""
        )

        def ask(**options: Any) -> dict[str, Any]:
            texts = ["one text", "and another, longer one"]
            asked = f"ask({json.dumps(texts)}, {json.dumps(options)})"
            came: dict[str, Any] = tab.evaluate(asked)
            return came

        alone = ask()
        auto = {"split": "auto", "policy": "latency"}
        offload = {"split": "auto"}
        before = [ask(**offload) for _ in range(4)]
        tab.hide()
        hidden = [ask(**auto) for _ in range(8)]
        tab.show()
        after = ask(**offload)
    assert hidden[-1]["split"] == 4  # given back
    assert after["split"] == before[-1]["split"] < 4
    for came in (*before, *hidden, after):
        assert came.get("note") is None
        for row, expected in zip(came["rows"], alone["rows"], strict=True):
            assert row == pytest.approx(expected, abs=2e-5)


def test_a_piece_tells_how_fast_the_line_is(page: Page, server: LiveServer) -> None:
    page.evaluate("() => localStorage.clear()")
    client = ChoosingPage(page)
    client.connect(model="gpt2-mini", dtype="f32")
    client.evaluate("() => sc.clear()")
    bytes_per_s = 4e6
    server.faults = [piece_faults.none, piece_faults.Slowly(bytes_per_s)]
    client.evaluate("() => sc.load(11)")
    client.choose()
    told = client.asked[-1]["browser"]["download_bytes_per_s"]
    assert told == pytest.approx(bytes_per_s, rel=0.3)
    client.evaluate("() => sc.clear()")
    page.remove_listener("request", client._note)


@pytest.mark.parametrize("is_beside", [False, True])
def test_a_piece_that_came_beside_a_request_does_not_count(
    browser: Browser, server: LiveServer, is_beside: bool
) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/health")
    page.evaluate(f"() => {BEGIN}")
    page.evaluate(f"() => {WAIT}")
    before, after = page.evaluate(
        """({isBeside, exchanges}) => {
            const now = performance.now();
            const rate = () => measurements.measured(10).download_bytes_per_s;
            measurements.exchanged(exchanges, now);
            const before = rate();
            const end = measurements.begin();
            if (!isBeside) {
                end();
                while (performance.now() - now < 30);
            }
            measurements.came({bytes: 1e6, ms: 20});
            return [before, rate()];
        }""",
        {"isBeside": is_beside, "exchanges": [exchange(5000, 1.0)] * 5},
    )
    page.close()
    if is_beside:
        assert after == before
    else:
        assert after == pytest.approx(50e6, rel=0.2)


def test_small_answers_keep_their_own_time_beside_a_fast_line(
    browser: Browser, server: LiveServer
) -> None:
    """What an answer takes to begin is no matter of its bytes."""
    page = browser.new_page()
    page.goto(f"{server.url}/health")
    page.evaluate(f"() => {BEGIN}")
    told = page.evaluate(
        """async (exchanges) => {
            await new Promise((go) => setTimeout(go, 50));
            measurements.came({bytes: 5e6, ms: 50});
            measurements.exchanged(exchanges, performance.now());
            return measurements.measured(10);
        }""",
        [exchange(2000, 12.0)] * 10,
    )
    page.close()
    predicted = told["round_trip_ms"] + 2000 / told["download_bytes_per_s"] * 1000
    assert predicted == pytest.approx(13, rel=0.35)
    # 1 MB would take 10 ms more, not the seconds that 2 kB in 12 ms might suggest.
    assert told["download_bytes_per_s"] > 20e6
