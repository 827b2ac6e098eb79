"""The server chooses the cut from what the browser measures while it is used."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from client_page import ClientPage
from live_server import LiveServer
from playwright.sync_api import Page, Request
from tolerances import F32

from estimates import Affine, Estimate

MODEL = {"model": "small-gpt2", "dtype": "f32"}
TEXTS = ["one text", "and another, longer one"]

# Every read of the GPU takes so much longer, until ms is 0 again.
THROTTLE = """(ms) => {
    globalThis.throttledMs = ms;
    if (globalThis.mapAsync) return;
    globalThis.mapAsync = GPUBuffer.prototype.mapAsync;
    GPUBuffer.prototype.mapAsync = async function (...args) {
        await new Promise((resolve) => setTimeout(resolve, throttledMs));
        return mapAsync.apply(this, args);
    };
    const done = GPUQueue.prototype.onSubmittedWorkDone;
    GPUQueue.prototype.onSubmittedWorkDone = async function () {
        await new Promise((resolve) => setTimeout(resolve, throttledMs));
        return done.apply(this);
    };
}"""
ESTIMATE = """async ({guess, measurements}) => {
    const {estimate, seen, affine} = await import("/static/estimates.js");
    let now = estimate({perRequest: guess[0], perUnit: guess[1]});
    return measurements.map(([units, ms]) => {
        now = seen(now, units, ms);
        const {perRequest, perUnit} = affine(now);
        return [perRequest, perUnit];
    });
}"""


class ChoosingPage(ClientPage):
    """Keeps what was asked of /split."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.asked: list[dict[str, Any]] = []
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.url.endswith("/split"):
            self.asked.append(dict(request.post_data_json or {}))

    def choose(self, **options: Any) -> dict[str, Any]:
        came = self.embed(TEXTS, split="auto", **options)
        assert "note" not in came, came["note"]
        return came

    def throttle(self, ms: int) -> None:
        self.page.workers[-1].evaluate(THROTTLE, ms)


@pytest.fixture
def client(page: Page, server: LiveServer) -> Iterator[ChoosingPage]:
    page.evaluate("() => localStorage.clear()")
    client = ChoosingPage(page)
    client.connect(**MODEL)
    yield client
    page.remove_listener("request", client._note)


def test_nothing_is_asked_of_the_planner_before_a_layer_is_here(
    client: ChoosingPage,
) -> None:
    client.evaluate("() => sc.clear()")
    came = client.choose()
    assert came["split"] == 4
    assert "holds no layer" in came["reason"]
    assert client.asked == []


def test_a_new_browser_gets_one_layer_and_then_sends_what_that_took(
    client: ChoosingPage,
) -> None:
    client.evaluate("() => sc.load(1)")
    expected = client.embed(TEXTS)
    first, second = client.choose(), client.choose()
    assert first["split"] == 3
    assert "one layer to measure the browser" in first["reason"]
    asked, again = client.asked
    assert asked["held"] == [1, 2, 3]
    assert "layer_ms" not in asked["browser"]
    assert "previous" not in asked
    assert again["previous"] == 3
    assert again["browser"]["layer_ms"]["per_request"] > 0
    assert again["browser"]["overhead_ms"] > 0
    assert 0 < again["browser"]["round_trip_ms"] < 1000
    assert second["reason"].startswith("offload: ")
    for came in (first, second):
        rows = torch.tensor(came["embeddings"])
        torch.testing.assert_close(
            rows, torch.tensor(expected["embeddings"]), atol=F32, rtol=0
        )


@pytest.mark.parametrize(("policy", "split"), [("browser", 1), ("server", 4)])
def test_a_policy_is_followed(client: ChoosingPage, policy: str, split: int) -> None:
    client.evaluate("() => sc.load(1)")
    came = client.choose(policy=policy)
    assert came["split"] == split
    assert came["reason"].startswith(f"{policy}: ")
    assert len(client.asked) == 1


def test_a_throttled_gpu_gives_its_work_back_in_one_round_trip_and_is_tried_again(
    client: ChoosingPage, server: LiveServer
) -> None:
    client.evaluate("() => sc.load(1)")
    expected = client.embed(TEXTS)
    client.throttle(1000)
    for _ in range(4):
        came = client.choose()
        if came["split"] == 4:
            break
    assert came["split"] == 4
    assert came["finish"] == "server"
    assert "over the limit" in came["reason"]
    server.asked.clear()
    came = client.choose()
    assert server.asked_paths() == ["POST /split"]
    assert came["bytes"]["down"] < 4000  # rows, no hidden state after all layers
    rows = torch.tensor(came["embeddings"])
    torch.testing.assert_close(
        rows, torch.tensor(expected["embeddings"]), atol=1e-6, rtol=0
    )
    client.throttle(0)
    reasons = [client.choose()["reason"] for _ in range(30)]
    assert any("one layer to measure the browser" in reason for reason in reasons)


def test_measurements_are_remembered_for_this_device_and_model(
    client: ChoosingPage,
) -> None:
    client.evaluate("() => sc.load(3)")
    client.choose()
    client.page.reload()
    client.connect(**MODEL)
    client.evaluate("() => sc.load(3)")
    client.choose()
    assert "layer_ms" in client.asked[-1]["browser"]
    client.connect(**{**MODEL, "dtype": "f16"})
    client.evaluate("() => sc.load(3)")
    client.choose()
    assert "layer_ms" not in client.asked[-1]["browser"]


@pytest.mark.parametrize("kept", ["no JSON", "{}", '{"layer": {"u": "1"}}'])
def test_what_was_not_kept_by_us_is_not_believed(
    client: ChoosingPage, kept: str
) -> None:
    client.evaluate("() => sc.load(3)")
    client.choose()
    client.evaluate(
        """async (kept) => {
            for (const key of Object.keys(localStorage)) localStorage[key] = kept;
        }""",
        kept,
    )
    client.connect(**MODEL)
    client.evaluate("() => sc.load(3)")
    client.choose()
    assert "layer_ms" not in client.asked[-1]["browser"]


def test_a_policy_that_is_none_is_refused(client: ChoosingPage) -> None:
    message = client.rejection("async () => sc.embed('a', {policy: 'cheapest'})")
    assert 'policy "cheapest": expected one of offload, latency, serv' in message


def test_both_languages_learn_the_same(page: Page) -> None:
    guess = Affine(1, 0.02)
    measurements = [(16, 3), (64, 5.5), (64, 900), (128, 8), (3, 20), (3, 21), (3, 22)]
    came = page.evaluate(
        ESTIMATE,
        {"guess": [guess.per_request, guess.per_unit], "measurements": measurements},
    )
    estimate = Estimate(guess)
    for (units, ms), parts in zip(measurements, came, strict=True):
        estimate = estimate.seen(units, ms)
        expected = estimate.affine()
        assert parts == pytest.approx([expected.per_request, expected.per_unit])
