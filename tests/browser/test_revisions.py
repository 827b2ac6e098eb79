"""Requests under way while the server changes its revision mix up no vectors."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import torch
from checkpoints import write_gpt2
from held_request import BEGIN
from live_server import LiveServer
from model_page import ModelPage
from piece_faults import Gate, Silence
from playwright.sync_api import Browser, expect
from test_page import agree, downloaded, embed, opened
from test_takeover import TakeoverPage
from tolerances import F32
from web_pages import open_webgpu_page

from options import Options

TEXTS = ["one text", "and another, longer one"]


class ChangingServer(LiveServer):
    """Of one model, whose weights a seed makes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(self._options(seed=1))

    def _options(self, seed: int) -> Options:
        folder = write_gpt2(self.folder / str(seed) / "changing", seed, n_layer=2)
        cache = self.folder / "cache"
        return Options(model=(str(folder),), port=0, cache_dir=cache)

    def change(self) -> None:
        self.serve(self._options(seed=2))


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[ChangingServer]:
    server = ChangingServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def client(browser: Browser, changing: ChangingServer) -> Iterator[TakeoverPage]:
    client = TakeoverPage(open_webgpu_page(browser, f"{changing.url}/health"))
    client.connect(dtype="f32")
    yield client
    client.page.close()


def assert_same(came: dict[str, Any], expected: dict[str, Any]) -> None:
    rows = (torch.tensor(result["embeddings"]) for result in (came, expected))
    torch.testing.assert_close(*rows, atol=F32, rtol=0)


def begin(client: TakeoverPage, split: int | str) -> None:
    """A request, whose result end() waits for."""
    client.page.evaluate(BEGIN, {"texts": TEXTS, "options": {"split": split}})


def end(client: TakeoverPage) -> dict[str, Any]:
    return dict(client.page.evaluate("() => pending"))


def test_a_hidden_state_runs_through_no_other_revisions_layers(
    client: TakeoverPage, changing: ChangingServer, gate: Gate
) -> None:
    """It comes late, when another request has brought the new revision's layers."""
    assert "note" not in client.embed(TEXTS, split=1)
    changing.split_faults = [gate]
    begin(client, split=1)
    gate.wait()
    changing.change()
    new = client.embed(TEXTS, split=1)
    assert new["finish"] == "browser"
    gate.open()
    late = end(client)
    assert late["finish"] == "server"
    assert "could not run its layers" in late["note"]
    assert_same(late, new)


def test_who_hears_late_of_a_new_revision_takes_nothing_from_it(
    client: TakeoverPage, changing: ChangingServer
) -> None:
    client.take_over()
    client.wait_for(kind="complete", lowest=0)
    silence = Silence()
    changing.split_faults = [silence]
    begin(client, split=1)
    changing.change()
    client.embed(TEXTS, split="auto", policy="browser")
    client.wait_for(kind="complete", lowest=0)
    silence.end()
    assert_same(end(client), client.embed(TEXTS))
    assert client.state()["lowest"] == 0
    client.assert_embeds_at(0)


def test_a_hidden_state_says_whose_layers_it_may_go_through(
    browser: Browser, changing: ChangingServer
) -> None:
    page = ModelPage(open_webgpu_page(browser, f"{changing.url}/health"), "changing")
    message = page.evaluate(
        """async () => {
            const foreign = (body) => {
                const bytes = new Uint8Array(body);
                const at = new TextDecoder("latin1").decode(bytes).indexOf(revision);
                bytes.set(new TextEncoder().encode("f".repeat(revision.length)), at);
                return body;
            };
            return run(["a text"], 1, foreign).then(() => "it ran", String);
        }"""
    )
    assert "hidden state of revision ffff" in message
    page.page.close()


def test_the_page_follows_a_new_revision(
    browser: Browser, changing: ChangingServer
) -> None:
    with opened(browser, changing.url, []) as page:
        page.get_by_role("textbox", name="Your text").fill("\n".join(TEXTS))
        page.get_by_label("Who sets the cut").select_option(
            "Your browser runs all it can"
        )
        agree(page)
        embed(page)
        compare = page.get_by_role("button", name="Compare with the server alone")
        words = page.locator("#check-words")
        compare.click()
        expect(words).to_contain_text("The same vectors.")
        before = json.loads(downloaded(page, "Download JSON").read_text())
        changing.change()
        compare.click()
        expect(page.locator("#check-problem")).to_contain_text("another revision")
        embed(page)
        expect(page.get_by_text("Your browser holds")).to_be_visible(timeout=20_000)
        embed(page)
        compare.click()
        expect(words).to_contain_text("The same vectors.")
        after = json.loads(downloaded(page, "Download JSON").read_text())
    with urlopen(f"{changing.url}/models") as reply:
        [model] = json.load(reply)["models"]
    assert after["revision"] == model["revision"] != before["revision"]
