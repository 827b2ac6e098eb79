"""A browser whose GPU gives wrong numbers is found out, and the server takes over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from client_page import ClientPage
from live_server import LiveServer
from playwright.sync_api import Browser, expect
from test_page import agree, embed, opened
from tolerances import F32
from web_pages import open_webgpu_page

from options import Options
from parity import TOLERANCES, WIRE_STEPS, tolerance_of
from quantize import WeightDtype
from wire import WireDtype

MODEL = "small-gpt2"
TEXTS = ["one text", "and another, longer one"]

KEEP_WEIGHTS = """() => {
    const original = GPUDevice.prototype.createBuffer;
    globalThis.weights = [];
    GPUDevice.prototype.createBuffer = function (descriptor) {
        const buffer = original.call(this, descriptor);
        const {size, usage} = descriptor;
        const isWeight = size >= 2 ** 14 && usage & GPUBufferUsage.STORAGE;
        if (isWeight) weights.push({device: this, buffer});
        return buffer;
    };
}"""
DAMAGE_WEIGHTS = """() => {
    for (const {device, buffer} of weights) {
        device.queue.writeBuffer(buffer, 0, new Float32Array(2 ** 11).fill(0.5));
    }
}"""


@pytest.fixture(scope="module")
def checked(
    gpt2_folder: Path, minilm_folder: Path, cache_dir: Path
) -> Iterator[LiveServer]:
    """Every result of a browser is checked."""
    models = (str(gpt2_folder), "all-MiniLM-L6-v2", "gpt2-mini")
    options = Options(model=models, port=0, cache_dir=cache_dir)
    server = LiveServer(options, parity_share=1.0)
    yield server
    server.stop()


@pytest.fixture
def client(browser: Browser, checked: LiveServer) -> Iterator[ClientPage]:
    page = open_webgpu_page(browser, f"{checked.url}/health")
    client = ClientPage(page)
    page.evaluate("() => { globalThis.reasons = []; }")
    client.connect(model=MODEL, dtype="f32")
    yield client
    page.close()


def checks(server: LiveServer, model: str = MODEL) -> dict[str, int]:
    return dict(server.work(model)["parity_checks"])


def wait_until(
    server: LiveServer, verdict: str, count: int, model: str = MODEL
) -> None:
    """So many checks have this verdict; the answers were not kept waiting for them."""
    for _ in range(100):
        if checks(server, model)[verdict] == count:
            return
        time.sleep(0.05)
    raise AssertionError(checks(server, model))


def assert_right(came: dict[str, Any], client: ClientPage) -> None:
    expected = client.embed(TEXTS)
    rows = (torch.tensor(result["embeddings"]) for result in (came, expected))
    torch.testing.assert_close(*rows, atol=F32, rtol=0)


def distance(came: dict[str, Any], expected: dict[str, Any]) -> float:
    rows = [torch.tensor(result["embeddings"]) for result in (came, expected)]
    return float((rows[0] - rows[1]).norm(dim=1).max())


def damaged(client: ClientPage) -> None:
    """With layers on the GPU that are no longer what was loaded."""
    client.page.workers[-1].evaluate(KEEP_WEIGHTS)
    client.evaluate("() => sc.load(1)")
    client.page.workers[-1].evaluate(DAMAGE_WEIGHTS)


def test_right_results_pass_and_the_browser_goes_on(
    client: ClientPage, checked: LiveServer
) -> None:
    before = checks(checked)
    for split in (1, 3, 0):
        result = client.embed(TEXTS, split=split)
        assert "note" not in result
    wait_until(checked, "same", before["same"] + 3)
    assert checks(checked)["different"] == before["different"]
    assert client.evaluate("async () => sc.distrusted") is None


@pytest.mark.parametrize("verdict", ["same", "different"])
@pytest.mark.parametrize(
    ("direction", "split"),
    [("server-first", 0), ("client-first", 4), ("client-first", 2)],
)
def test_where_texts_stay_here_a_text_of_nobodys_is_checked(
    client: ClientPage, checked: LiveServer, direction: str, split: int, verdict: str
) -> None:
    """Run the same way; the text itself is in none of the bodies."""
    client.connect(model=MODEL, dtype="f32", wire="q8", direction=direction)
    client.page.workers[-1].evaluate(KEEP_WEIGHTS)
    client.evaluate("(split) => sc.load(split, {embed: true})", split)
    bodies: list[str] = []
    client.page.on("request", lambda asked: bodies.append(str(asked.post_data_buffer)))
    if verdict == "different":
        client.page.workers[-1].evaluate(DAMAGE_WEIGHTS)
    with client.page.expect_response("**/parity?*") as answer:
        result = client.embed(TEXTS, split=split)
    assert result["embed"] == "browser"
    judged = answer.value.json()
    assert judged["verdict"] == verdict
    # No wire's rounding, which the server does at another cut, is taken for the GPU's.
    assert (judged["error"] < F32) == (verdict == "same")
    assert any("quick brown fox" in body for body in bodies)
    assert not any(text in body for text in TEXTS for body in bodies)
    if verdict == "different":
        client.page.wait_for_function("() => sc.distrusted !== null")


def test_wrong_numbers_are_found_out_and_further_results_are_right(
    client: ClientPage, checked: LiveServer
) -> None:
    before = checks(checked)["different"]
    damaged(client)
    client.evaluate("() => { globalThis.takeover = sc.takeOver({to: 1}); }")
    wrong = client.embed(TEXTS, split=1)
    assert "note" not in wrong
    assert distance(wrong, client.embed(TEXTS)) > 0.1
    wait_until(checked, "different", before + 1)
    client.page.wait_for_function("() => sc.distrusted !== null")
    for split in (1, 0):
        result = client.embed(TEXTS, split=split)
        assert "found this browser's numbers wrong" in result["note"]
        assert result["finish"] == "server"
        assert_right(result, client)
    # What may be damaged is gone, and nothing comes in its place by itself.
    state = client.evaluate("() => takeover.state")
    assert (state["kind"], state["lowest"]) == ("ended", 4)
    assert "numbers wrong" in state["reason"]
    sizes = client.evaluate("() => sc.bytes(0)")
    assert sizes["missing"] == sizes["total"]
    assert "numbers wrong" in client.rejection("() => sc.load(1)")
    # Until it is asked for: then the layers are fetched, and right.
    client.evaluate("async () => sc.trust()")
    again = client.embed(TEXTS, split=1)
    assert "note" not in again
    assert_right(again, client)


def test_what_is_under_way_then_goes_on_by_the_server(client: ClientPage) -> None:
    """A long list, of which no part was finished or checked yet."""
    damaged(client)
    texts = [f"{n}" + " the layer" * 90 for n in range(40)]
    result = client.evaluate(
        """async ([short, long]) => {
            const [, result] = await Promise.all(
                [short, long].map((texts) => sc.embed(texts, {split: 1})));
            return {...result, embeddings: result.embeddings.map((row) => [...row])};
        }""",
        [TEXTS, texts],
    )
    assert "found this browser's numbers wrong" in result["note"]
    assert distance(result, client.embed(texts)) < TOLERANCES["f32"]


@pytest.mark.parametrize(
    ("model", "dtype", "wire", "factor"),
    [
        ("all-MiniLM-L6-v2", "f32", "f32", 100),
        ("all-MiniLM-L6-v2", "f16", "f16", 10),
        ("all-MiniLM-L6-v2", "f32", "q8", 100),
        ("all-MiniLM-L6-v2", "q8", "q8", 2),
        ("gpt2-mini", "q8", "q8", 4),
        ("all-MiniLM-L6-v2", "q8", "f32", 1.5),
        ("all-MiniLM-L6-v2", "q4", "q8", 1.1),
        ("gpt2-mini", "q4", "q8", 5),
    ],
)
def test_rounding_is_far_from_what_counts_as_wrong(
    client: ClientPage,
    model: str,
    dtype: WeightDtype,
    wire: WireDtype,
    factor: float,
) -> None:
    client.connect(model=model, dtype=dtype, wire=wire)
    with client.page.expect_response("**/parity?*") as answer:
        came = client.embed(TEXTS, split=0)
    assert "note" not in came
    judged = answer.value.json()
    layers = tolerance_of(dtype, client.evaluate("async () => sc.info.n_layer"))
    assert judged["tolerance"] == max(layers, WIRE_STEPS[wire])
    assert judged["error"] * factor < judged["tolerance"]


def test_the_page_says_so_and_gives_the_gpu_another_chance(
    browser: Browser, checked: LiveServer
) -> None:
    errors: list[str] = []
    with opened(browser, checked.url, errors) as page:
        page.get_by_role("textbox", name="Your text").fill("\n".join(TEXTS))
        page.locator("#wire").get_by_text("f32").click()
        expect(page.get_by_role("button", name="Download (")).to_be_visible()
        page.workers[-1].evaluate(KEEP_WEIGHTS)
        agree(page)
        page.workers[-1].evaluate(DAMAGE_WEIGHTS)
        embed(page)
        panel = page.locator("#browser-panel")
        expect(panel).to_contain_text("numbers wrong", timeout=10_000)
        expect(page.locator("#status")).to_contain_text("numbers wrong")
        expect(page.get_by_label("Keep the text in this browser")).to_be_hidden()
        note = page.locator("#result-note")
        expect(note).to_contain_text("These vectors may be wrong too")
        embed(page)
        where = page.locator("#result-where")
        expect(where).to_have_text("The server ran everything.")
        # Another choice of layers does not bring the GPU back; the visitor does.
        expect(page.get_by_role("slider")).to_have_attribute("aria-disabled", "true")
        # Nor does a reload.
        checked.asked.clear()
        page.reload()
        expect(panel).to_contain_text("numbers wrong")
        embed(page)
        expect(where).to_have_text("The server ran everything.")
        assert checked.asked_for_pieces() == []
        panel.get_by_role("button", name="Use my GPU again").click()
        expect(page.get_by_text("Your browser holds")).to_be_visible(timeout=20_000)
        page.get_by_label("Who sets the cut").select_option("browser")
        embed(page)
        expect(where).to_contain_text("your browser ran")
        page.reload()
        expect(page.get_by_text("Your browser holds")).to_be_visible(timeout=20_000)
    assert not errors


def test_a_gpu_that_one_tab_finds_wrong_is_used_in_no_other(
    browser: Browser, checked: LiveServer
) -> None:
    errors: list[str] = []
    with opened(browser, checked.url, errors) as page:
        agree(page)
        page.get_by_label("Who sets the cut").select_option("browser")
        other = page.context.new_page()
        other.goto(checked.url)
        expect(other.get_by_text("Your browser holds")).to_be_visible(timeout=20_000)
        wrong = {"verdict": "different", "error": 1.5, "tolerance": 0.01}
        page.route("**/parity?*", lambda route: route.fulfill(json=wrong))
        embed(page)
        for tab in (page, other):
            panel = tab.locator("#browser-panel")
            expect(panel).to_contain_text("numbers wrong", timeout=10_000)
        embed(other)
        expect(other.locator("#result-where")).to_have_text(
            "The server ran everything."
        )
    assert not errors
