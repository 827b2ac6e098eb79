"""Requests under way while the server changes its revision mix up no vectors."""

import json
import re
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
from piece_faults import Gate, Silence, none
from playwright.sync_api import Browser, Request, expect
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

    def _options(self, seed: int, n_layer: int = 3) -> Options:
        name = self.folder / f"{seed}-{n_layer}" / "changing"
        folder = write_gpt2(name, seed, n_layer=n_layer)
        cache = self.folder / "cache"
        return Options(model=(str(folder),), port=0, cache_dir=cache)

    def change(self, n_layer: int = 3) -> None:
        self.serve(self._options(seed=2, n_layer=n_layer))


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


def tells_of_fallbacks(request: Request) -> bool:
    told = request.url.endswith("/report") and request.post_data_json["fallbacks"]
    return bool(told)


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
    with client.page.expect_request(tells_of_fallbacks, timeout=10_000) as told:
        late = end(client)
    assert late["finish"] == "server"
    assert "could not run its layers" in late["note"]
    # They were gone: nothing is wrong with the GPU.
    assert told.value.post_data_json["fallbacks"] == {"load": 1}
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


@pytest.mark.parametrize("options", [{}, {"split": "auto"}])
def test_a_revision_with_more_layers_is_taken_over_too(
    client: TakeoverPage, changing: ChangingServer, options: dict[str, Any]
) -> None:
    """Although the server runs all meanwhile, so that it is asked for no cut."""
    client.take_over()
    client.wait_for(kind="complete", lowest=0)
    client.embed(TEXTS, split=1)  # to be told, layer by layer
    changing.change(n_layer=4)
    came = client.embed(TEXTS, **options)
    assert len(came["layers"]) == came["split"] == 4
    assert came["layerTokens"] == {"server": 4 * sum(came["tokens"]), "browser": 0}
    assert ("another revision" in came.get("note", "")) == bool(options)
    client.wait_for(kind="complete", lowest=0, highest=4)
    client.assert_embeds_at(0)
    with client.page.expect_response("**/report") as told:
        client.evaluate("async () => sc.close()")
    assert told.value.ok


@pytest.mark.parametrize("is_here", [True, False])
def test_a_split_that_a_new_revision_has_no_more_means_all_its_layers(
    client: TakeoverPage, changing: ChangingServer, is_here: bool
) -> None:
    if is_here:
        client.embed(TEXTS, split=1)
    changing.change(n_layer=1)
    came = client.embed(TEXTS, split=2)
    assert ("another revision" in came.get("note", "")) == is_here
    again = client.embed(TEXTS, split=2)
    assert "note" not in again
    expected = client.embed(TEXTS)
    for result in (came, again):
        assert len(result["layers"]) == result["split"] == 1
        assert_same(result, expected)
    client.take_over(to=2)
    client.wait_for(kind="complete", target=1)
    client.evaluate("() => sc.load(2)")


def test_client_first_follows_a_revision_with_more_layers_or_fewer(
    client: TakeoverPage, changing: ChangingServer
) -> None:
    client.connect(dtype="f32", direction="client-first")
    client.take_over()
    client.wait_for(kind="complete", highest=3)
    for n_layer, split, possible in ((4, 1, 1), (1, 2, 1)):
        changing.change(n_layer)
        came = client.embed(TEXTS, split=split)
        assert (came["split"], len(came["layers"])) == (possible, n_layer)
        client.wait_for(kind="complete", highest=n_layer, target=n_layer)
        alone = client.embed(TEXTS, split=n_layer)
        assert alone["layerTokens"]["server"] == 0
        assert_same(came, alone)


def test_all_layers_are_all_of_a_new_revision_too(
    client: TakeoverPage, changing: ChangingServer
) -> None:
    """So that no hidden state leaves a browser that was to run them all."""
    client.connect(dtype="f32", direction="client-first")
    changing.change(n_layer=4)
    changing.asked.clear()
    came = client.embed(TEXTS, split=3)
    assert (came["split"], came["layerTokens"]["server"]) == (4, 0)
    assert "POST /resume" not in changing.asked_paths()


def test_a_hidden_state_that_comes_late_runs_through_all_its_layers(
    client: TakeoverPage, changing: ChangingServer, gate: Gate
) -> None:
    """When it is known already that the next revision has fewer."""
    expected = client.embed(TEXTS, split=1)
    changing.split_faults = [gate]
    begin(client, split=1)
    gate.wait()
    changing.change(n_layer=2)
    client.embed(TEXTS)
    assert client.evaluate("() => sc.info.n_layer") == 2
    gate.open()
    late = end(client)
    assert late["layerTokens"] == expected["layerTokens"]
    assert late["revision"] == expected["revision"]
    assert_same(late, expected)


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


def test_a_paused_page_fetches_no_layer_of_a_new_revision(
    browser: Browser, changing: ChangingServer, gate: Gate, errors: list[str]
) -> None:
    with opened(browser, changing.url, errors) as page:
        changing.faults = [none, none, gate]
        page.get_by_role("button", name=re.compile("^Download \\(")).click()
        expect(page.locator(".block.ready")).to_have_count(2, timeout=20_000)
        page.get_by_role("button", name="Pause").click()
        gate.open()
        page.reload()
        expect(page.locator(".block.ready")).to_have_count(2)
        changing.asked.clear()
        changing.change()
        page.get_by_label("Who sets the cut").select_option("browser")
        embed(page)
        words = page.locator("#browser-words")
        expect(words).to_contain_text("Your browser runs nothing so far.")
        page.wait_for_timeout(300)  # a download would have begun
        expect(words).to_contain_text("Paused at 0")
        assert changing.asked_for_pieces() == []
    assert not errors


@pytest.mark.parametrize("direction", ["server-first", "client-first"])
def test_a_plan_tells_who_needs_nobody_of_a_new_revision(
    client: TakeoverPage, changing: ChangingServer, direction: str
) -> None:
    client.connect(dtype="f32", direction=direction)
    client.take_over(embed=True)
    client.wait_for(kind="complete", holdsEmbed=True)
    asked = {"split": "auto", "policy": "latency"}
    old = client.embed(TEXTS, **asked)["revision"]
    changing.change()
    came = client.embed(TEXTS, **asked)
    assert came["revision"] != old
    assert ("another revision" in came.get("note", "")) == (direction == "server-first")
    assert_same(came, client.embed(TEXTS, split=3))
