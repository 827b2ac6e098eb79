"""The browser starts, the server finishes, and no text leaves: a promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from client_page import ClientPage
from live_server import LiveServer
from playwright.sync_api import Browser, Page, Request
from test_client import BREAKS
from test_takeover import LIMIT_GPU, TEXTS, TakeoverPage, assert_same
from test_way_back import QUICKLY, Server
from tokenizers import Tokenizer
from tolerances import F32
from web_pages import open_webgpu_page

from layer_files import CuttingBusy, LayerFiles
from quantize import WeightDtype

MODEL = {"model": "small-gpt2", "dtype": "f32", "direction": "client-first"}
ORDER = ["embed", "layer.0", "layer.1", "layer.2", "layer.3", "finish"]
SECRET = "a text that is nobody's business, xyzzy"


DTYPES = (torch.int32, torch.int64, torch.int16)


class Listener:
    """What a page sends, whoever sends it."""

    def __init__(self, page: Page) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        page.context.on("request", self.hear)

    def hear(self, request: Request) -> None:
        path = "/" + request.url.split("/", 3)[3].partition("?")[0]
        query = request.url.partition("?")[2].encode()
        self.bodies.append((path, (request.post_data_buffer or b"") + query))

    def assert_no_text(self, tokens: list[int]) -> None:
        """Neither the text, nor words of it, nor its tokens' numbers."""
        numbers = b",".join(b"%d" % token for token in tokens)
        packed = [torch.tensor(tokens, dtype=d).numpy().tobytes() for d in DTYPES]
        for path, body in self.bodies:
            for secret in (b"business", b"xyzzy", numbers, *packed):
                assert secret not in body, path


@pytest.fixture
def expected(browser: Browser, server: LiveServer) -> Any:
    """As the server alone does it."""
    page = browser.new_page()
    page.goto(f"{server.url}/health")
    client = ClientPage(page)
    client.connect(model="small-gpt2")
    result = client.embed([SECRET])
    page.close()
    return result


@pytest.fixture
def client(browser: Browser, server: LiveServer) -> Iterator[TakeoverPage]:
    """In a browser context of its own, so that all it sends is heard, and none else."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.url}/health")
    client = TakeoverPage(page)
    client.connect(**MODEL)
    server.asked.clear()
    yield client
    page.evaluate("() => sc.close()")
    context.close()


@pytest.fixture(scope="module")
def tokens(gpt2_folder: Path) -> list[int]:
    tokenizer = Tokenizer.from_file(str(gpt2_folder / "tokenizer.json"))
    return list(tokenizer.encode(SECRET).ids)


@pytest.mark.parametrize(
    "options",
    [
        {"split": 1},
        {"split": 3},
        {"split": 4},
        *({"policy": p} for p in ("offload", "latency", "server", "browser")),
    ],
)
def test_the_text_never_leaves(
    client: TakeoverPage, tokens: list[int], expected: Any, options: dict[str, Any]
) -> None:
    listener = Listener(client.page)
    client.take_over()
    client.wait_for(kind="complete")
    result = client.embed([SECRET], **options)
    client.evaluate("async () => sc.close()")  # tells what it counted
    client.page.wait_for_timeout(300)
    assert_same(result, expected)
    assert result["embed"] == "browser"
    assert result["tokens"] == expected["tokens"]
    listener.assert_no_text(tokens)
    sent = {path for path, body in listener.bodies if body}
    files = {path for path in sent if path.startswith("/models/")}
    assert "/report" in sent
    assert sent - files <= {"/plan", "/resume", "/report"}


def test_pieces_come_first_layer_first(
    client: TakeoverPage, server: LiveServer, expected: Any
) -> None:
    client.take_over()
    client.wait_for(kind="complete")
    assert server.asked_for_pieces() == ORDER
    state = client.state()
    assert (state["highest"], state["holdsEmbed"], state["target"]) == (4, True, 4)
    heard = client.evaluate("() => states.map(({highest}) => highest)")
    assert list(dict.fromkeys(heard)) == [0, 1, 2, 3, 4]
    result = client.embed([SECRET], policy="browser")
    assert result["layerTokens"]["server"] == 0
    assert_same(result, expected)


def test_a_takeover_goes_as_far_as_is_asked_and_may_weigh(
    client: TakeoverPage, server: LiveServer
) -> None:
    total = client.evaluate("async () => (await sc.bytes(2)).total")
    client.take_over(to=2)
    client.wait_for(kind="complete", highest=2, target=2)
    assert server.asked_for_pieces() == ORDER[:3]
    sizes = client.evaluate("async () => sc.info.bytes.f32")
    assert total == sizes["embed"] + sizes["tokenizer"] + 2 * sizes["layer"]
    client.take_over(maxBytes=total + sizes["layer"])
    client.wait_for(kind="complete", highest=3, target=3)
    assert "More layers would weigh more" in client.state()["reason"]


def test_without_a_takeover_it_waits_for_the_first_layer(
    client: TakeoverPage, server: LiveServer, expected: Any
) -> None:
    result = client.embed([SECRET])
    assert result["split"] == 1
    assert_same(result, expected)
    assert server.asked_for_pieces() == ORDER[:2]


@pytest.mark.parametrize("broken", BREAKS)
def test_what_fails_here_is_tried_again_here(
    client: TakeoverPage, tokens: list[int], expected: Any, broken: str
) -> None:
    client.embed([SECRET], split=2)
    listener = Listener(client.page)
    client.page.workers[-1].evaluate(BREAKS[broken])
    result = client.embed([SECRET], split=2)
    assert_same(result, expected)
    assert result["embed"] == "browser"
    listener.assert_no_text(tokens)


def test_what_fails_again_is_an_error_and_no_text_is_sent(
    client: TakeoverPage, tokens: list[int], expected: Any
) -> None:
    client.embed([SECRET], split=2)
    listener = Listener(client.page)
    always = """() => {
        globalThis.original = GPUQueue.prototype.submit;
        GPUQueue.prototype.submit = () => { throw new Error("a driver's whim"); };
    }"""
    client.page.workers[-1].evaluate(always)
    message = client.rejection("(text) => sc.embed([text], {split: 2})", SECRET)
    assert "a driver's whim" in message
    assert "The text stays in this browser" in message
    listener.assert_no_text(tokens)
    assert "/embed" not in {path for path, _ in listener.bodies}
    client.page.workers[-1].evaluate("() => { GPUQueue.prototype.submit = original; }")
    assert_same(client.embed([SECRET], split=2), expected)


def test_a_full_gpu_keeps_its_layers_and_goes_on_with_them(
    client: TakeoverPage, server: LiveServer, tokens: list[int], expected: Any
) -> None:
    listener = Listener(client.page)
    layer = client.evaluate("async () => sc.info.bytes.f32.layer")
    client.page.workers[-1].evaluate(
        LIMIT_GPU, {"room": 2.5 * layer, "isForWeights": True}
    )
    client.take_over()
    client.wait_for(kind="complete", highest=2, target=2)
    assert "memory has no room" in client.state()["reason"]
    states = client.evaluate("() => states.length")
    # A number that asks for more is an error at once: to try would cost what is here.
    for split in (3, 4):
        asked = f"(text) => sc.embed([text], {{split: {split}}})"
        message = client.rejection(asked, SECRET)
        assert "memory has no room for so many. The text stays in" in message
    for options in ({"split": 1}, {"split": 2}, {"policy": "browser"}):
        result = client.embed([SECRET], **options)
        assert result["split"] == options.get("split", 2)
        assert_same(result, expected)
    assert client.evaluate("() => states.length") == states  # nothing came or went
    assert client.state()["highest"] == 2
    assert server.asked_for_pieces() == ORDER[:4]

    # With nothing on it that could be lost, what had no room is tried anew.
    client.page.reload()
    client.connect(**MODEL)
    result = client.embed([SECRET], split=4)
    assert result["split"] == 4
    assert_same(result, expected)
    assert "/embed" not in {path for path, _ in listener.bodies}
    listener.assert_no_text(tokens)


def test_texts_and_splits_are_refused_in_clear_words(client: TakeoverPage) -> None:
    message = client.rejection("() => sc.embed([''], {split: 1})")
    assert message == "SplitComputeError: `inputs` cannot be empty (inputs[0])"
    assert "expected a whole number from 0 to 4" in client.rejection(
        "() => sc.embed(['a'], {split: 5})"
    )
    module = "/static/splitcompute.js"
    message = client.rejection(
        f"async () => (await import('{module}')).connect({{direction: 'sideways'}})"
    )
    assert "expected one of server-first, client-first" in message


def test_layers_are_counted_where_they_ran(
    client: TakeoverPage, server: LiveServer
) -> None:
    before, avoided = server.work("small-gpt2"), server.replies_avoided()
    runs = server.layer_runs("small-gpt2")
    result = client.embed([SECRET, "b"], split=3)
    ran = server.layer_runs("small-gpt2") - runs
    assert ran == {3: 1}
    with client.page.expect_response("**/report"):
        client.evaluate("async () => sc.close()")
    tokens = sum(result["tokens"])
    after = server.work("small-gpt2")
    counts = zip(
        after["layer_tokens"]["browser"], before["layer_tokens"]["browser"], strict=True
    )
    assert [now - then for now, then in counts] == [tokens] * 3 + [0]
    by_split = zip(after["requests_by_split"], before["requests_by_split"], strict=True)
    assert [now - then for now, then in by_split] == [0, 1, 0, 0, 0]
    assert after["fallbacks"] == before["fallbacks"]
    assert server.replies_avoided() == avoided  # the server finished


@pytest.fixture
def restarting(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.stop()


def test_the_server_comes_back_or_changes_and_the_request_goes_on(
    browser: Browser, restarting: Server
) -> None:
    client = ClientPage(open_webgpu_page(browser, f"{restarting.url}/health"))
    client.connect(dtype="f32", direction="client-first")
    client.embed(TEXTS, split=1)
    begin = """(texts) => {
        globalThis.pending = sc.embed(texts, {split: 1}).then((result) =>
            ({...result, embeddings: result.embeddings.map((row) => [...row])}));
    }"""
    restarting.stop()
    client.evaluate(begin, TEXTS)
    client.page.wait_for_timeout(500)
    restarting.start()
    result = client.evaluate("() => pending")
    assert "did not answer at once" in result["note"]
    assert restarting.live.asked_paths()[-1] == "POST /resume"
    restarting.stop()
    restarting.start(seed=2)
    result = client.embed(TEXTS, split=1)
    alone = ClientPage(client.page)
    alone.connect(dtype="f32")
    rows = (torch.tensor(each["embeddings"]) for each in (result, alone.embed(TEXTS)))
    torch.testing.assert_close(*rows, atol=F32, rtol=0)
    client.page.close()


def test_files_that_are_being_cut_are_waited_for(
    client: TakeoverPage, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = LayerFiles.manifest

    def busy_once(files: LayerFiles, dtype: WeightDtype | None = None) -> Any:
        monkeypatch.setattr(LayerFiles, "manifest", manifest)
        raise CuttingBusy

    monkeypatch.setattr(LayerFiles, "manifest", busy_once)
    result = client.embed([SECRET], split=1)
    assert "are being cut" in result["note"]
    rows = (torch.tensor(each["embeddings"]) for each in (result, expected))
    torch.testing.assert_close(*rows, atol=F32, rtol=0)


def test_a_plan_that_is_not_needed_is_not_waited_for(
    client: TakeoverPage, expected: Any
) -> None:
    client.take_over()
    client.wait_for(kind="complete")
    busy = {"error": "Model is overloaded", "error_type": "Overloaded"}
    client.page.route("**/plan", lambda route: route.fulfill(status=429, json=busy))
    result = client.embed([SECRET], policy="latency")
    assert "note" not in result
    assert result["layerTokens"]["server"] == 0
    assert_same(result, expected)


def test_a_server_that_is_gone_is_an_error_unless_all_is_here(
    browser: Browser, restarting: Server
) -> None:
    client = TakeoverPage(open_webgpu_page(browser, f"{restarting.url}/health"))
    client.connect(dtype="f32", direction="client-first")
    expected = client.embed(TEXTS, split=1)
    client.evaluate(QUICKLY)
    restarting.stop()
    message = client.rejection("(texts) => sc.embed(texts, {split: 1})", TEXTS)
    assert "/resume" in message
    assert "cannot be reached" in message
    restarting.start()
    client.take_over()
    client.wait_for(kind="complete")
    restarting.stop()
    for policy in ("offload", "latency", "browser"):
        assert_same(client.embed(TEXTS, policy=policy), expected)
    client.page.close()
    restarting.start()
