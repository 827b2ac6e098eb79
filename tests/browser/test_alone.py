"""With the embedding piece too, the browser answers alone; the way back is the same."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checkpoints import write_json
from held_request import BEGIN
from live_server import LiveServer
from playwright.sync_api import Browser, Page, Route
from test_client import BREAKS
from test_takeover import ALL, MODEL, TEXTS, TakeoverPage, assert_same
from test_way_back import NO_MEMORY

from options import Options

POLICIES = ["offload", "latency", "browser"]


@pytest.fixture
def client(page: Page, server: LiveServer) -> Iterator[TakeoverPage]:
    """Connected, with nothing kept of the model."""
    client = TakeoverPage(page)
    client.connect(**MODEL)
    client.evaluate("() => sc.clear()")
    server.asked.clear()
    yield client
    server.faults.clear()


@pytest.fixture
def whole(client: TakeoverPage, server: LiveServer) -> TakeoverPage:
    """With all pieces here."""
    client.take_over(embed=True)
    client.wait_for(kind="complete")
    server.asked.clear()
    return client


def test_the_takeover_goes_on_to_the_embedding_piece(
    client: TakeoverPage, server: LiveServer
) -> None:
    sizes = client.evaluate("async () => sc.info.bytes.f32")
    total = client.evaluate("async () => (await sc.bytes(0, {embed: true})).total")
    assert total == (
        4 * sizes["layer"] + sizes["finish"] + sizes["embed"] + sizes["tokenizer"]
    )
    client.take_over(embed=True, maxBytes=total - 1)
    client.wait_for(kind="complete")
    state = client.state()
    assert (state["lowest"], state["holdsEmbed"]) == (0, False)
    assert "More layers would weigh more than" in state["reason"]
    assert server.asked_for_pieces() == ALL
    client.take_over(embed=True, maxBytes=total)
    client.wait_for(kind="complete", holdsEmbed=True)
    assert "reason" not in client.state()
    assert server.asked_for_pieces() == [*ALL, "embed"]
    paths = [asked.path.rpartition("/")[2] for asked in server.asked]
    # The library is loaded only now.
    assert paths[-3:] == ["tokenizer.json", "tokenizers.js", "embed.safetensors"]


def test_a_library_that_does_not_come_is_tried_again_and_costs_no_layer(
    client: TakeoverPage, server: LiveServer
) -> None:
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=503, body="busy")

    client.page.context.route("**/tokenizers.js", refuse, times=1)
    client.take_over(embed=True)
    client.wait_for(holdsEmbed=True)
    assert len(refused) == 1
    assert client.cuts() == [4, 3, 2, 1, 0]
    assert server.asked_for_pieces() == [*ALL, "embed"]
    client.page.context.unroute("**/tokenizers.js")


ALONE: list[dict[str, Any]] = [
    {"split": 0},
    {"split": "auto", "policy": "browser"},
    {"split": "auto", "policy": "offload"},
]


@pytest.mark.parametrize("options", ALONE)
def test_then_the_server_is_asked_nothing(
    whole: TakeoverPage, server: LiveServer, options: dict[str, Any]
) -> None:
    """Under offload, where the browser knows that it takes less than 100 ms."""
    expected = whole.embed(TEXTS)
    for _ in range(5):  # at first it does not know itself, or is slowed by others
        server.asked.clear()
        result = whole.embed(TEXTS, **options)
        if server.asked_paths() == []:
            break
    assert server.asked_paths() == []
    assert "note" not in result
    where = (result["embed"], result["finish"], result["split"])
    assert where == ("browser", "browser", 0)
    assert result["tokens"] == expected["tokens"]
    assert result["layerTokens"]["server"] == 0
    assert result["bytes"] == {"up": 0, "down": 0}
    assert_same(result, expected)
    if options["split"] == "auto":
        assert result["reason"].startswith(options["policy"])


def test_where_the_servers_speed_matters_it_is_asked_without_the_text(
    whole: TakeoverPage, server: LiveServer
) -> None:
    whole.embed(TEXTS, split=0)
    server.asked.clear()
    with whole.page.expect_request("**/plan") as asked:
        result = whole.embed(TEXTS, split="auto", policy="latency")
    assert server.asked_paths()[0] == "POST /plan"
    assert result["reason"].startswith("latency: ")
    sizes = asked.value.post_data_json
    assert sizes["tokens"] == sum(result["tokens"])
    assert sizes["texts"] == len(TEXTS)
    assert not [text for text in TEXTS if text in (asked.value.post_data or "")]


def test_a_policy_or_a_number_still_sends_work_to_the_server(
    whole: TakeoverPage, server: LiveServer
) -> None:
    result = whole.embed(TEXTS, split="auto", policy="server")
    assert (result["split"], result["embed"]) == (4, "server")
    assert "server: 4 of 4 layers" in result["reason"]
    assert server.asked_paths() == ["POST /plan", "POST /embed"]
    result = whole.embed(TEXTS, split=2)
    assert (result["split"], result["embed"]) == (2, "server")


def test_a_plan_that_someone_else_answers_is_made_here(whole: TakeoverPage) -> None:
    """As a hotel's network does, with its own page."""
    expected = whole.embed(TEXTS)
    page = "<html>Sign in</html>"
    whole.page.route("**/plan", lambda route: route.fulfill(body=page))
    result = whole.embed(TEXTS, split="auto", policy="latency")
    whole.page.unroute("**/plan")
    assert "note" not in result
    assert result["reason"].startswith("the server cannot be reached")
    assert result["embed"] == "browser"
    assert_same(result, expected)


REFUSALS: list[tuple[int, dict[str, str]]] = [
    (404, {"error": "no such model", "error_type": "NotFound"}),
    (429, {"error": "Model is overloaded", "error_type": "Overloaded"}),
    (500, {"error": "a bug", "error_type": "Internal"}),
    (503, {"message": "Service Unavailable"}),  # as a gateway before the server says it
]


@pytest.mark.parametrize(("status", "body"), REFUSALS)
def test_a_browser_that_has_no_plan_needs_nobody(
    whole: TakeoverPage, server: LiveServer, status: int, body: dict[str, str]
) -> None:
    expected = whole.embed(TEXTS)
    server.asked.clear()

    def refuse(route: Route) -> None:
        route.fulfill(status=status, json=body)

    whole.page.route("**/plan", refuse)
    result = whole.embed(TEXTS, split="auto", policy="latency")
    whole.page.unroute("**/plan")
    assert "note" not in result
    assert result["reason"].startswith("the server has no plan, and the browser")
    assert result["embed"] == result["finish"] == "browser"
    assert server.asked_paths() == []
    assert_same(result, expected)


@pytest.mark.parametrize("policy", POLICIES)
def test_with_the_cable_pulled_requests_go_on(whole: TakeoverPage, policy: str) -> None:
    expected = whole.embed(TEXTS)
    whole.page.context.set_offline(True)
    try:
        assert_same(whole.embed(TEXTS, split=0), expected)
        result = whole.embed(TEXTS, split="auto", policy=policy)
    finally:
        whole.page.context.set_offline(False)
    assert_same(result, expected)
    assert result["embed"] == "browser"
    if policy == "latency":
        assert "cannot be reached" in result["reason"]


@pytest.mark.parametrize("broken", BREAKS)
def test_what_fails_in_the_browser_the_server_runs(
    whole: TakeoverPage, server: LiveServer, broken: str
) -> None:
    expected = whole.embed(TEXTS)
    whole.page.workers[-1].evaluate(BREAKS[broken])
    result = whole.embed(TEXTS, split=0)
    assert "The server ran all layers" in result["note"]
    assert result["embed"] == "server"
    assert_same(result, expected)
    whole.wait_for(kind="complete", lowest=0, holdsEmbed=True)
    server.asked.clear()
    assert_same(whole.embed(TEXTS, split=0), expected)
    assert server.asked_paths() == []


def test_a_gpu_lost_without_a_server_is_filled_again_from_what_is_kept(
    whole: TakeoverPage,
) -> None:
    expected = whole.embed(TEXTS)
    whole.page.workers[-1].evaluate(BREAKS["the device is lost"])
    whole.page.context.set_offline(True)
    try:
        # The server is asked, in vain for now.
        whole.page.evaluate(BEGIN, {"texts": TEXTS, "options": {"split": 0}})
        whole.wait_for(lowest=4)
        whole.wait_for(kind="complete", lowest=0, holdsEmbed=True)
        assert_same(whole.embed(TEXTS, split=0), expected)
    finally:
        whole.page.context.set_offline(False)
    whole.page.evaluate("() => pending")


def test_why_layers_do_not_fit_is_no_matter_of_the_network(
    whole: TakeoverPage,
) -> None:
    whole.evaluate("() => takeover.end()")
    whole.page.workers[-1].evaluate(BREAKS["the device is lost"])
    whole.embed(TEXTS, split=0)
    whole.page.workers[-1].evaluate(NO_MEMORY)
    whole.page.context.set_offline(True)
    try:
        message = whole.rejection("() => sc.load(3)")
    finally:
        whole.page.context.set_offline(False)
        # A tab remembers how much had room: the tests after this one share it.
        whole.page.evaluate("() => sessionStorage.clear()")
    assert "The GPU's memory has no room for" in message


def test_what_was_answered_alone_is_told_and_counted(
    whole: TakeoverPage, server: LiveServer
) -> None:
    before, avoided = server.work("small-gpt2"), server.replies_avoided()
    result = whole.embed(TEXTS, split=0)
    with whole.page.expect_response("**/report"):
        pass
    work = server.work("small-gpt2")
    assert work["requests_alone"] - before["requests_alone"] == 1
    ran = [
        now - then
        for now, then in zip(
            work["layer_tokens"]["browser"],
            before["layer_tokens"]["browser"],
            strict=True,
        )
    ]
    assert ran == [sum(result["tokens"])] * 4
    row = 21 * whole.evaluate("async () => sc.info.n_embd")
    assert server.replies_avoided() - avoided == len(TEXTS) * row


def test_a_text_that_is_none_is_refused_in_the_servers_words(
    whole: TakeoverPage, server: LiveServer
) -> None:
    for texts in (["fine", ""], ["a\0b"], ["ab " * 3000]):
        alone = whole.rejection("(texts) => sc.embed(texts, {split: 0})", texts)
        asked = whole.rejection("(texts) => sc.embed(texts)", texts)
        status, words = asked.partition(" answered ")[2].split(": ", 1)
        assert alone == f"SplitComputeError: {words}"
        assert status in ("400", "413", "422")
    assert_same(whole.embed(TEXTS, split=0), whole.embed(TEXTS))


def test_a_tokenizer_that_only_the_server_has_stays_there(
    browser: Browser, gpt2_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(gpt2_folder, tmp_path / "odd"))
    file: dict[str, Any] = json.loads((folder / "tokenizer.json").read_text())
    write_json(folder / "tokenizer.json", {**file, "normalizer": {"type": "NFKC"}})
    server = LiveServer(Options(model=(str(folder),), port=0, cache_dir=tmp_path))
    client = TakeoverPage(browser.new_page())
    client.page.goto(f"{server.url}/health")
    client.connect(dtype="f32")
    client.take_over(embed=True)
    client.wait_for(kind="complete")
    state = client.state()
    assert (state["lowest"], state["holdsEmbed"]) == (0, False)
    assert state["reason"] == "Only the server has this model's tokenizer: NFKC"
    client.assert_embeds_at(0)
    client.page.close()
    server.stop()
