"""Lists larger than the server takes at once go in parts, whoever runs them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from client_page import ClientPage
from live_server import LiveServer
from playwright.sync_api import Browser, Page
from tolerances import F32
from web_pages import open_webgpu_page

from options import Options

MODEL = {"model": "small-gpt2", "dtype": "f32"}
N_LAYER = 4

LIMITS: dict[str, dict[str, Any]] = {
    "texts": {"max_client_batch_size": 3},
    "tokens": {"max_batch_tokens": 24},
    "bytes": {"payload_limit": 140},
}
# JSON needs more bytes for some of these than UTF-8 does: \u0007 and \".
TEXTS = [*(f"text {n}" for n in range(8)), "\a\a\a", '"""""', "é" * 9, "x"]

GPU_FAILS = {
    "once": """() => {
        const original = GPUQueue.prototype.submit;
        GPUQueue.prototype.submit = function () {
            GPUQueue.prototype.submit = original;
            throw new Error("a driver's whim");
        };
    }""",
    "always": """() => {
        GPUQueue.prototype.submit = () => { throw new Error("a driver's whim"); };
    }""",
}


@pytest.fixture(scope="module", params=LIMITS)
def strict(
    request: pytest.FixtureRequest, gpt2_folder: Path, cache_dir: Path
) -> Iterator[LiveServer]:
    """A server that takes little at once."""
    model = (str(gpt2_folder),)
    limits = LIMITS[request.param]
    server = LiveServer(Options(model=model, port=0, cache_dir=cache_dir, **limits))
    yield server
    server.stop()


@pytest.fixture
def client(browser: Browser, strict: LiveServer) -> Iterator[ClientPage]:
    page = open_webgpu_page(browser, f"{strict.url}/health")
    client = ClientPage(page)
    client.connect(**MODEL)
    yield client
    page.close()


@pytest.fixture(scope="module")
def expected(page: Page) -> dict[str, Any]:
    """Of a server that takes all at once."""
    client = ClientPage(page)
    client.connect(**MODEL)
    return client.embed(TEXTS)


def assert_same(came: dict[str, Any], expected: dict[str, Any]) -> None:
    assert came["tokens"] == expected["tokens"]
    rows = (torch.tensor(result["embeddings"]) for result in (came, expected))
    torch.testing.assert_close(*rows, atol=F32, rtol=0)


def test_a_list_over_the_servers_limits_goes_in_parts(
    client: ClientPage,
    strict: LiveServer,
    expected: dict[str, Any],
    request: pytest.FixtureRequest,
) -> None:
    limit = request.node.callspec.params["strict"]
    for split in (N_LAYER, 2):
        strict.asked.clear()
        result = client.embed(TEXTS, split=split)
        assert "note" not in result
        assert_same(result, expected)
        path = "POST /embed" if split == N_LAYER else "POST /split"
        asked = strict.asked_paths().count(path)
        # The limit on tokens is one of hidden states, and /embed sends none.
        assert asked == 1 if (limit, split) == ("tokens", N_LAYER) else asked > 1


@pytest.mark.parametrize("path", ["resume", "embed"])
def test_the_server_takes_a_list_over_its_limits_over(
    client: ClientPage, strict: LiveServer, expected: dict[str, Any], path: str
) -> None:
    client.embed("a", split=2)
    client.page.workers[-1].evaluate(GPU_FAILS["always"])
    if path == "embed":
        client.page.route("**/resume*", lambda route: route.abort())
    strict.asked.clear()
    result = client.embed(TEXTS, split=2)
    client.page.unroute_all()
    # After the first part that failed, loading the layers again finds the GPU failing.
    least = 1 if path == "resume" else 2
    assert strict.asked_paths().count(f"POST /{path}") >= least
    assert result["note"].endswith("The server ran all layers.")
    assert {layer["where"] for layer in result["layers"]} == {"server"}
    assert result["finish"] == "server"
    assert_same(result, expected)


def test_a_part_that_fell_back_is_told_from_the_others(
    client: ClientPage, expected: dict[str, Any]
) -> None:
    client.embed("a", split=2)
    client.page.workers[-1].evaluate(GPU_FAILS["once"])
    result = client.embed(TEXTS, split=2)
    assert " for " in result["note"]
    assert result["note"].endswith(f" of {len(TEXTS)} texts.")
    where = [layer["where"] for layer in result["layers"]]
    assert where == ["server", "server", "both", "both"]
    assert (result["split"], result["finish"]) == (2, "both")
    assert all(layer["ms"] > 0 for layer in result["layers"])
    assert_same(result, expected)


@pytest.mark.parametrize("strict", ["tokens"], indirect=True)
def test_a_text_over_the_limit_of_a_hidden_state_is_the_servers(
    client: ClientPage,
) -> None:
    text = "~" * 40
    result = client.embed([text, "a"], split=2)
    assert "more tokens than the server sends" in result["note"]
    assert result["finish"] == "both"
    assert_same(result, client.embed([text, "a"]))


def test_a_split_left_open_leaves_less_room_for_texts(
    browser: Browser, gpt2_folder: Path, cache_dir: Path
) -> None:
    folder = str(gpt2_folder)
    server = LiveServer(
        Options(model=(folder,), port=0, cache_dir=cache_dir, payload_limit=700)
    )
    client = ClientPage(open_webgpu_page(browser, f"{server.url}/health"))
    client.connect(**MODEL)
    client.evaluate("() => sc.load(3)")
    texts = [f"text {n:02}" for n in range(60)]
    expected = client.embed(texts)
    result = client.embed(texts, split="auto", policy="browser")
    client.page.close()
    server.stop()
    assert "note" not in result
    assert result["finish"] == "browser"
    assert_same(result, expected)


def test_thousands_of_short_texts_are_no_matter(page: Page) -> None:
    client = ClientPage(page)
    client.connect(**MODEL)
    texts = [chr(ord("a") + n % 26) for n in range(3000)]
    result = client.embed(texts, split=3)
    assert "note" not in result
    assert len(result["embeddings"]) == 3000
    assert_same(result, client.embed(texts))
