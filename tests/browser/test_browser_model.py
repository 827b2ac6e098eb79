"""The browser's share gives back what it takes, and ends what it gives up."""

from collections.abc import Iterator
from typing import Any

import pytest
from live_server import LiveServer
from model_page import ModelPage
from playwright.sync_api import Browser, Page
from web_pages import open_webgpu_page

# Of each five requests one has a hidden state that is no number, and one a GPU that
# refuses; then the layers go and come back.
FIFTY_REQUESTS = """async () => {
    const original = GPUQueue.prototype.submit;
    const refuse = (body) => {
        GPUQueue.prototype.submit = function (...args) {
            if (args[0].length === 0) return original.apply(this, args);
            GPUQueue.prototype.submit = original;
            throw new Error("a driver's whim");
        };
        return body;
    };
    const spoil = (body) => {
        new Uint8Array(body).fill(0xff, body.byteLength - 64);
        return body;
    };
    const faults = [undefined, undefined, undefined, spoil, refuse];
    let failed = 0;
    for (let n = 0; n < 50; n++) {
        const text = "text ".repeat(1 + n % 7);
        const texts = [text, text, "a"].slice(n % 3);
        await run(texts, 0, faults[n % 5]).catch(() => failed++);
    }
    await run(["a text"], 0);
    return failed;
}"""

# The GPU refuses while other layers are on their way here.
FAIL_WHILE_LOADING = """async () => {
    await run(["a text"], 3);
    const before = torch.memory_allocated();
    const realFetch = globalThis.fetch;
    let begun, goOn;
    const isUnderWay = new Promise((resolve) => { begun = resolve; });
    const mayGoOn = new Promise((resolve) => { goOn = resolve; });
    globalThis.fetch = async (url, ...rest) => {
        if (String(url).endsWith("layer.1.safetensors")) {
            begun();
            await mayGoOn;
        }
        return realFetch(url, ...rest);
    };
    const pieces = piecesFrom(1, n_layer);
    const loading = share.load({revision, pieces}).then(() => "loaded", String);
    await isUnderWay;
    const original = GPUQueue.prototype.submit;
    GPUQueue.prototype.submit = () => { throw new Error("a driver's whim"); };
    const failure = await run(["a text"], 3).then(() => "it ran", String);
    GPUQueue.prototype.submit = original;
    const dropped = torch.memory_allocated();
    goOn();
    const outcome = await loading;
    globalThis.fetch = realFetch;
    const after = torch.memory_allocated();
    await run(["a text"], 3);
    return {failure, outcome, before, dropped, after, again: torch.memory_allocated()};
}"""


@pytest.fixture
def own_page(browser: Browser, server: LiveServer) -> Iterator[Page]:
    page = open_webgpu_page(browser, f"{server.url}/health")
    yield page
    page.close()


@pytest.mark.parametrize("model", ["small-gpt2", "last-gpt2", "cls-bert"])
def test_requests_leave_no_memory_behind_however_they_end(
    own_page: Page, model: str
) -> None:
    page = ModelPage(own_page, model)
    page.rows(["a text"], split=0)
    before = page.evaluate("() => torch.memory_allocated()")
    assert page.evaluate(FIFTY_REQUESTS) == 20
    assert page.evaluate("() => torch.memory_allocated()") == before > 0


def test_layers_that_are_given_up_are_loaded_no_further(own_page: Page) -> None:
    page = ModelPage(own_page, "small-gpt2")
    came: dict[str, Any] = page.evaluate(FAIL_WHILE_LOADING)
    assert "a driver's whim" in came["failure"]
    assert "The layers on the GPU were given up" in came["outcome"]
    assert came["dropped"] == came["after"] == 0
    assert came["again"] == came["before"] > 0


def test_a_page_without_memory_for_a_file_keeps_what_is_on_the_gpu(
    own_page: Page,
) -> None:
    page = ModelPage(own_page, "small-gpt2")
    came: dict[str, Any] = page.evaluate(
        """async () => {
            await share.clear();
            await run(["a text"], 3);
            const before = torch.memory_allocated();
            const original = globalThis.Uint8Array;
            globalThis.Uint8Array = class extends original {
                constructor(...args) {
                    if (args[0] > 10_000) {
                        throw new RangeError("Array buffer allocation failed");
                    }
                    super(...args);
                }
            };
            const pieces = piecesFrom(1, n_layer);
            const message = await share.load({revision, pieces}).then(() => "", String);
            globalThis.Uint8Array = original;
            return {message, before, after: torch.memory_allocated()};
        }"""
    )
    assert "Array buffer allocation failed" in came["message"]
    assert came["after"] == came["before"] > 0


def test_layers_that_are_cleared_leave_the_pages_memory(own_page: Page) -> None:
    """With the embedding table and the tokeniser, which are there alone."""
    page = ModelPage(own_page, "small-gpt2")
    page.evaluate(
        """async () => {
            const pieces = ["embed", "tokenizer", ...piecesFrom(0, n_layer)];
            globalThis.kept = new WeakRef(await share.load({revision, pieces}));
            await share.clear();
        }"""
    )
    collector = own_page.context.new_cdp_session(own_page)
    for _ in range(3):
        collector.send("HeapProfiler.collectGarbage")
    assert page.evaluate("() => kept.deref() === undefined")


def test_kernels_are_chosen_by_measuring_with_the_first_layer(own_page: Page) -> None:
    """What is found is told once, and a later visit begins with it."""
    page = ModelPage(own_page, "small-gpt2", caps={"software": False})
    found: dict[str, Any] = page.evaluate(
        """async () => {
            const told = [];
            const first = new Promise((resolve) => {
                share.listeners.onTuned = (found) => resolve(told.push(found));
            });
            await run(["a text"], 0);
            await first;
            torch.close();
            await torch.init({caps: {software: false}, autotuned: told[0]});
            const one = torch.frombuffer(Float32Array.of(1)).reshape([1, 1]);
            const again = await torch.autotune([one], {milliseconds: 0});
            return {told, again, next: share.settings.autotuned};
        }"""
    )
    [first] = found["told"]
    assert first["tiles"]
    assert found["next"] == first  # where the device is lost
    assert first["tiles"].items() <= found["again"]["tiles"].items()


def test_what_was_measured_is_kept_from_visit_to_visit(own_page: Page) -> None:
    found = own_page.evaluate(
        """async () => {
            const {keepTuning, keptTuning} = await import("/static/tuning.js");
            const before = keptTuning();
            const spoilt = [];
            for (const text of ["{", "null", '{"adapter": 1, "tiles": {}}', '"a"']) {
                localStorage.setItem("splitcompute.autotuned", text);
                spoilt.push(keptTuning());
            }
            keepTuning({adapter: "a GPU", tiles: {"128 2x2 f32": "8,4,8,4,4,8"}});
            return {before, spoilt, kept: keptTuning()};
        }"""
    )
    assert found["before"] is None
    assert found["spoilt"] == [None] * 4
    tiles = {"128 2x2 f32": "8,4,8,4,4,8"}
    assert found["kept"] == {"adapter": "a GPU", "tiles": tiles}
