"""Whatever fails while a request is under way, its embedding is the server's own."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import piece_faults
import pytest
import torch
from checkpoints import write_gpt2
from client_page import ClientPage
from headless import CHROMIUM_FLAGS, system_chromium
from held_request import HeldRequest
from hideable_tab import HideableTab
from live_server import LiveServer
from playwright.sync_api import Browser, Page, Playwright, expect
from test_page import embed, opened
from test_takeover import TakeoverPage
from tolerances import F32
from web_pages import open_webgpu_page

from options import Options

TEXTS = ["one text", "and another, longer one"]
SPLIT = 1
# What Chromium does against a GPU that crashes again and again: no WebGPU for the page.
NO_CRASH_LIMIT = "--disable-gpu-process-crash-limit"
NO_BLOCKING = "--disable-domain-blocking-for-3d-apis"
QUICKLY = """() => {
    const original = setTimeout;
    globalThis.setTimeout = (task, ms, ...rest) => original(task, ms / 100, ...rest);
}"""

# Not what waits for an answer.
RETRY_QUICKLY = """() => {
    const original = setTimeout;
    globalThis.setTimeout = (task, ms, ...rest) =>
        original(task, ms < 20_000 ? ms / 100 : ms, ...rest);
}"""

# The software adapter has no memory for a buffer of the size that it allows at most.
NO_MEMORY = """() => {
    const original = GPUDevice.prototype.createBuffer;
    GPUDevice.prototype.createBuffer = function (descriptor) {
        GPUDevice.prototype.createBuffer = original;
        return original.call(this, {...descriptor, size: this.limits.maxBufferSize});
    };
}"""


class Server:
    """A server that restarts at the same address, with the same model or another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.live = self._start(seed=1, port=0)
        self.url = self.live.url

    def _start(self, seed: int, port: int) -> LiveServer:
        folder = write_gpt2(self.folder / str(seed) / "model", seed, n_layer=2)
        cache = self.folder / "cache"
        return LiveServer(Options(model=(str(folder),), port=port, cache_dir=cache))

    def stop(self) -> None:
        self.live.stop()

    def start(self, seed: int = 1) -> None:
        self.live = self._start(seed, int(self.url.rpartition(":")[2]))


@pytest.fixture(scope="module")
def restarting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("restarting"))
    yield server
    server.stop()


@pytest.fixture
def client(browser: Browser, restarting: Server) -> Iterator[ClientPage]:
    """With its layers on the GPU, so that a request waits for none."""
    page = open_webgpu_page(browser, f"{restarting.url}/health")
    yield connected(page)
    page.context.close()


def connected(page: Page) -> ClientPage:
    client = ClientPage(page)
    client.connect(dtype="f32")
    assert "note" not in client.embed(TEXTS, split=SPLIT)
    return client


def assert_right(came: dict[str, Any], client: ClientPage) -> None:
    """As the server alone does it."""
    expected = client.embed(TEXTS)
    assert "note" not in expected
    rows = (torch.tensor(result["embeddings"]) for result in (came, expected))
    torch.testing.assert_close(*rows, atol=F32, rtol=0)


def assert_works_again(client: ClientPage) -> None:
    again = client.embed(TEXTS, split=SPLIT)
    assert "note" not in again, again["note"]
    assert again["finish"] == "browser"
    assert_right(again, client)


def test_the_network_breaks_and_returns_after_split(
    client: ClientPage, restarting: Server
) -> None:
    restarting.live.asked.clear()
    with HeldRequest(client, TEXTS, SPLIT, fails=True) as request:
        client.page.context.set_offline(True)
        request.go()
        # Between two tries, of 0.9 and 1.9 s: one under way would go on to /embed.
        client.page.wait_for_timeout(1400)
        client.page.context.set_offline(False)
    # From the hidden state that is here: the text is not run a second time.
    assert restarting.live.asked_paths() == ["POST /split", "POST /resume"]
    assert "did not answer at once" in request.result["note"]
    assert "The server ran all layers" in request.result["note"]
    assert_right(request.result, client)
    assert_works_again(client)


def test_a_takeover_outlasts_a_server_that_is_away_longer_than_a_download_waits(
    browser: Browser, restarting: Server
) -> None:
    page = open_webgpu_page(browser, f"{restarting.url}/health")
    client = TakeoverPage(page)
    client.connect(dtype="f32")
    page.workers[-1].evaluate(RETRY_QUICKLY)
    # finish and layer.1, and half of layer.0 before the server stops.
    restarting.live.faults = [piece_faults.none, piece_faults.none, piece_faults.stall]
    client.take_over()
    page.wait_for_function(
        "() => progress.some(({piece, loaded}) => piece === 'layer.0' && loaded > 0)"
    )
    restarting.stop()
    client.wait_for(kind="waiting", lowest=1)
    assert "cannot be reached" in client.state()["reason"]
    restarting.start()
    client.wait_for(kind="complete", lowest=0)
    asked = [(asked.path, asked.range) for asked in restarting.live.asked]
    half = next(range for path, range in asked if "layer.0" in path)
    assert half not in (None, "bytes=0-")
    client.assert_embeds_at(0)
    page.context.close()


@pytest.mark.parametrize("split", [SPLIT, 2])
def test_the_network_breaks_before_the_server_is_asked(
    client: ClientPage, split: int
) -> None:
    client.page.context.set_offline(True)
    client.evaluate(
        """([texts, split]) => {
            globalThis.reasons = [];
            const onWait = (reason) => reasons.push(reason);
            globalThis.pending = sc.embed(texts, {split, onWait}).then((result) =>
                ({...result, embeddings: result.embeddings.map((row) => [...row])}));
        }""",
        [TEXTS, split],
    )
    client.page.wait_for_function("() => reasons.length === 2")
    client.page.context.set_offline(False)
    result = client.evaluate("() => pending")
    assert "cannot be reached" in client.evaluate("() => reasons[0]")
    assert "asked 2 times more" in result["note"]
    assert result["split"] == split
    assert_right(result, client)


def test_a_hidden_state_that_breaks_off_is_asked_for_again(
    client: ClientPage, restarting: Server
) -> None:
    restarting.live.split_faults = [piece_faults.reset, piece_faults.busy]
    result = client.embed(TEXTS, split=SPLIT)
    assert not restarting.live.split_faults
    assert "asked 2 times more" in result["note"]
    assert result["finish"] == "browser"
    assert_right(result, client)


def test_a_network_that_answers_in_the_servers_place_is_waited_out(
    client: ClientPage,
) -> None:
    """A hotel's sign-in page: 200, and HTML."""
    client.page.route(
        "**/split",
        lambda route: route.fulfill(status=200, body="<h1>Welcome</h1>"),
        times=2,
    )
    result = client.embed(TEXTS, split=SPLIT)
    assert "another server answered" in result["note"]
    assert result["finish"] == "browser"
    assert_right(result, client)


def test_a_crowded_server_is_given_the_time_it_asks_for(client: ClientPage) -> None:
    crowded = {"error": "Model is overloaded", "error_type": "Overloaded"}
    client.page.route(
        "**/embed",
        lambda route: route.fulfill(
            status=429, json=crowded, headers={"Retry-After": "1"}
        ),
        times=1,
    )
    started = time.monotonic()
    result = client.embed(TEXTS)
    assert time.monotonic() - started >= 1
    assert "overloaded" in result["note"]
    assert_right(result, client)


def test_a_server_is_not_waited_for_as_long_as_it_asks(client: ClientPage) -> None:
    """Half a minute at most, of which this test makes a third of a second."""
    client.evaluate("""() => {
        const original = setTimeout;
        globalThis.setTimeout = (task, ms, ...rest) =>
            original(task, ms >= 30_000 && ms < 40_000 ? ms / 100 : ms, ...rest);
    }""")
    crowded = {"error": "Model is overloaded", "error_type": "Overloaded"}
    client.page.route(
        "**/embed",
        lambda route: route.fulfill(
            status=429, json=crowded, headers={"Retry-After": "4239"}
        ),
        times=1,
    )
    assert_right(client.embed(TEXTS), client)


def test_a_server_that_is_gone_for_good_is_an_error(
    client: ClientPage, restarting: Server
) -> None:
    client.evaluate(QUICKLY)
    with HeldRequest(client, TEXTS, SPLIT, fails=True) as request:
        restarting.stop()
        request.go()
        message = client.rejection("() => pending")
        restarting.start()
        client.evaluate("() => { globalThis.pending = Promise.resolve([]); }")
    assert "/resume?model=model&normalize=true cannot be reached" in message
    assert_works_again(client)


def test_the_server_restarts_between_split_and_finish(
    client: ClientPage, restarting: Server
) -> None:
    with HeldRequest(client, TEXTS, SPLIT, fails=True) as request:
        restarting.stop()
        request.go()
        client.page.wait_for_timeout(600)
        restarting.start()
    assert restarting.live.asked_paths() == ["POST /resume"]
    assert restarting.live.layer_runs("model") == {0: 0, 1: 1}
    assert "did not answer at once" in request.result["note"]
    assert_right(request.result, client)
    assert_works_again(client)


def test_the_server_changes_its_revision_between_split_and_finish(
    client: ClientPage, restarting: Server
) -> None:
    with HeldRequest(client, TEXTS, SPLIT, fails=True) as request:
        restarting.stop()
        restarting.start(seed=2)
    asked = ["POST /resume", "POST /embed", "GET /models"]  # once the text is embedded
    assert restarting.live.asked_paths() == asked
    assert_right(request.result, client)
    assert_works_again(client)
    restarting.stop()
    restarting.start()


def test_the_gpus_memory_is_full(client: ClientPage) -> None:
    client.page.workers[-1].evaluate(NO_MEMORY)
    # Buffers are kept for the next request, which a longer text has no use for.
    result = client.embed("a longer text " * 10, split=SPLIT)
    assert "The GPU's memory was full. The server ran all layers" in result["note"]
    expected = client.embed("a longer text " * 10)
    rows = (torch.tensor(each["embeddings"]) for each in (result, expected))
    torch.testing.assert_close(*rows, atol=F32, rtol=0)
    assert_works_again(client)


@contextmanager
def own_browser(
    playwright: Playwright, *flags: str, **options: Any
) -> Iterator[Browser]:
    args = [*CHROMIUM_FLAGS, *flags]
    browser = playwright.chromium.launch(
        executable_path=system_chromium(), args=args, **options
    )
    yield browser
    browser.close()


def kill_gpu_process(browser: Browser) -> None:
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    (number,) = [each["id"] for each in processes if each["type"] == "GPU"]
    os.kill(number, signal.SIGKILL)
    session.detach()


def test_the_gpu_process_is_killed(playwright: Playwright, restarting: Server) -> None:
    with own_browser(playwright, NO_CRASH_LIMIT, NO_BLOCKING) as browser:
        page = open_webgpu_page(browser, f"{restarting.url}/health")
        client = connected(page)
        for _ in range(3):
            with HeldRequest(client, TEXTS, SPLIT, fails=False) as request:
                kill_gpu_process(browser)
            assert "The server ran all layers" in request.result["note"]
            assert_right(request.result, client)
            assert_works_again(client)


def test_a_page_that_may_use_its_gpu_no_more_goes_on_by_the_server(
    playwright: Playwright, restarting: Server
) -> None:
    """Chromium's limit: no WebGPU for a page whose GPU crashed twice in two minutes."""
    with own_browser(playwright, NO_CRASH_LIMIT) as browser:
        page = open_webgpu_page(browser, f"{restarting.url}/health")
        client = connected(page)
        for _ in range(2):
            with HeldRequest(client, TEXTS, SPLIT, fails=False) as request:
                kill_gpu_process(browser)
            assert_right(request.result, client)
            result = client.embed(TEXTS, split=SPLIT)
            assert_right(result, client)
        assert "could not load its layers" in result["note"]
        assert_right(client.embed(TEXTS, split=SPLIT), client)


# The page's own timers end at most once a second there, as its Worker's may.
THROTTLED = (
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)


def test_a_hidden_tab_goes_on(playwright: Playwright, restarting: Server) -> None:
    with own_browser(playwright, ignore_default_args=[*THROTTLED]) as browser:
        tab = HideableTab(browser, f"{restarting.url}/health")
        tab.evaluate(
            """(async () => {
                const {connect} = await import("/static/splitcompute.js");
                globalThis.sc = await connect({dtype: "f32"});
                await sc.load(0);
            })()"""
        )
        tab.hide()
        assert tab.evaluate("document.visibilityState") == "hidden"
        paused = """(async () => {
            const begun = performance.now();
            await new Promise((go) => setTimeout(go, 10));
            return performance.now() - begun;
        })()"""
        tab.evaluate(paused)
        assert tab.evaluate(paused) > 500
        restarting.live.split_faults = [piece_faults.reset]
        came = tab.evaluate(
            f"""(async (texts) => {{
                const plain = (result) => ({{...result,
                    embeddings: result.embeddings.map((row) => [...row])}});
                return [
                    plain(await sc.embed(texts, {{split: 1}})),
                    plain(await sc.embed(texts, {{split: 1}})),
                    plain(await sc.embed(texts)),
                ];
            }})({json.dumps(TEXTS)})"""
        )
    interrupted, undisturbed, expected = came
    assert "asked once more" in interrupted["note"]
    assert "note" not in undisturbed
    for result in (interrupted, undisturbed):
        assert result["finish"] == "browser"
        rows = (torch.tensor(each["embeddings"]) for each in (result, expected))
        torch.testing.assert_close(*rows, atol=F32, rtol=0)


def test_the_page_says_that_it_waits_and_what_happened(
    browser: Browser, restarting: Server
) -> None:
    with opened(browser, restarting.url, []) as page:
        page.get_by_role("textbox", name="Your text").fill("\n".join(TEXTS))
        embed(page)
        expect(page.locator("#result-where")).to_have_text("The server ran everything.")
        page.context.set_offline(True)
        page.locator("#embed").click()
        expect(page.locator("#text-wait")).to_contain_text("Waiting for the server")
        page.context.set_offline(False)
        note = page.locator("#result-note")
        expect(note).to_contain_text("did not answer at once", timeout=10_000)
        expect(page.locator("#text-wait")).to_be_hidden()
