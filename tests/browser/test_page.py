"""The page as a visitor meets it: the real server, a real browser, its software GPU."""

# ruff: noqa: RUF001 - the page writes ranges with – and numbers with −

import contextlib
import csv
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import piece_faults
import pytest
from headless import system_chromium
from live_server import LiveServer
from playwright.sync_api import Browser, Page, Playwright, expect
from test_takeover import LIMIT_GPU
from tolerances import BY_DTYPE
from web_pages import ROOT

from options import Options

TEXTS = [
    "A cut through the model",
    "Each layer reads the hidden state",
    "Naïve, isn't it?",
]

CONTRAST = Path(__file__).with_name("contrast.js").read_text()


@pytest.fixture
def fresh(browser: Browser, server: LiveServer, errors: list[str]) -> Iterator[Page]:
    """The page, opened by a visitor who was never here, with three texts in it."""
    with opened(browser, server.url, errors) as page:
        page.get_by_role("textbox", name="Your text").fill("\n".join(TEXTS))
        server.asked.clear()
        yield page
    assert not errors


@pytest.fixture
def site(fresh: Page) -> Page:
    """With the cut set by hand, in the middle."""
    fresh.get_by_role("slider").press("End")
    fresh.get_by_role("slider").press("PageDown")
    expect(fresh.get_by_role("slider")).to_have_attribute("aria-valuenow", "2")
    return fresh


@contextlib.contextmanager
def opened(
    browser: Browser, url: str, errors: list[str], **options: Any
) -> Iterator[Page]:
    context = browser.new_context(**options)
    page = context.new_page()
    page.on(
        "console",
        lambda said: errors.append(said.text) if said.type == "error" else None,
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    yield page
    context.close()


def embed(page: Page) -> None:
    button = page.locator("#embed")
    expect(button).to_have_attribute("aria-disabled", "false")
    button.click()
    expect(button).to_have_text(re.compile(r"^Embed\b(?!ding)"), timeout=20_000)


def agree(page: Page) -> None:
    """To the download that the page asks about, and waits for its end."""
    size = page.locator("#dtype :checked + span small").inner_text()
    expect(page.locator("#browser-words")).to_contain_text(size)
    page.get_by_role("button", name=re.compile("^Download \\(")).click()
    expect(page.get_by_text("Your browser holds")).to_be_visible(timeout=20_000)


def downloaded(page: Page, button: str) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return download.value.path()


def embedded_by_server(server: LiveServer, texts: list[str]) -> np.ndarray:
    body = json.dumps({"inputs": texts}).encode()
    request = Request(f"{server.url}/embed", body, {"Content-Type": "application/json"})
    with urlopen(request) as reply:
        return np.array(json.load(reply), np.float32)


def test_the_server_answers_before_anything_is_downloaded(
    fresh: Page, server: LiveServer
) -> None:
    expect(
        fresh.get_by_text(re.compile(r"needs [\d.]+.[kM]B for these layers"))
    ).to_be_visible()
    embed(fresh)
    expect(fresh.locator("#result-where")).to_have_text("The server ran everything.")
    expect(fresh.locator("#result-note")).to_have_text(
        "Your browser’s layers are not here yet, so the server ran everything."
    )
    assert server.asked_for_pieces() == []


def test_the_planner_chooses_unless_the_visitor_takes_the_cut_in_hand(
    fresh: Page,
) -> None:
    who = fresh.get_by_label("Who sets the cut")
    cut = fresh.get_by_role("slider")
    expect(who).to_have_value("offload")
    # All layers, as far as nobody is asked for much.
    expect(cut).to_have_attribute("aria-valuenow", "0")
    expect(fresh.locator(".side.browser")).to_have_text(
        "Your browser runs at most layers 0–3 and the finish"
    )
    agree(fresh)
    embed(fresh)
    expect(fresh.locator("#result-reason")).to_contain_text("Why this cut: offload: ")
    cut.press("ArrowRight")
    expect(who).to_have_value("hand")
    expect(fresh.locator(".side.browser")).to_have_text(
        "Your browser runs layers 1–3 and the finish"
    )
    embed(fresh)
    expect(fresh.locator("#result-where")).to_contain_text(
        "your browser ran layers 1–3"
    )
    expect(fresh.locator("#result-reason")).to_be_hidden()


def test_q4_is_called_approximate_with_what_was_measured(fresh: Page) -> None:
    note = fresh.get_by_text("q4 is approximate")
    expect(note).to_be_hidden()
    fresh.locator("#dtype").get_by_text("q4", exact=True).click()
    expect(note).to_be_visible()
    figures = re.findall(r"([\d.]+) \(([^)]+)\)", note.inner_text())
    readme = (ROOT / "README.md").read_text()
    assert len(figures) == 2
    for mean, model in figures:
        measured = re.search(rf"^\| {model} \| q4 \| ([\d.]+) ", readme, re.M)
        assert measured
        assert f"{float(measured[1]):.3f}" == mean
    agree(fresh)
    fresh.get_by_label("Who sets the cut").select_option("Your browser runs all it can")
    embed(fresh)
    expect(fresh.locator("#result-where")).to_contain_text(
        "your browser ran layers 0–3"
    )
    fresh.get_by_role("button", name="Compare with the server alone").click()
    expect(fresh.locator("#check-words")).to_contain_text("Similar vectors.")


def test_the_visitor_may_leave_the_cut_to_the_planner(site: Page) -> None:
    agree(site)
    who = site.get_by_label("Who sets the cut")
    reason = site.locator("#result-reason")
    expect(who).to_have_value("hand")
    embed(site)
    expect(reason).to_be_hidden()
    who.select_option("Planner: least work for the server")
    expect(site.locator("#policy-words")).to_contain_text("up to the cut")
    embed(site)
    expect(reason).to_contain_text("Why this cut: offload: ")
    who.select_option("Your browser runs all it can")
    embed(site)
    expect(reason).to_contain_text("Why this cut: browser: 2 of 4 layers on the server")
    who.select_option("The server runs everything")
    embed(site)
    expect(reason).to_contain_text("Why this cut: server: 4 of 4 layers on the server")
    expect(site.locator("#result-where")).to_have_text("The server ran everything.")


def test_no_is_an_answer(site: Page, server: LiveServer) -> None:
    site.get_by_role("button", name="Not now").click()
    words = site.locator("#browser-words")
    expect(words).to_contain_text("Until your browser has its layers")
    expect(site.get_by_role("button", name="Not now")).to_be_hidden()
    expect(site.get_by_role("button", name=re.compile("^Download \\("))).to_be_focused()
    assert server.asked_for_pieces() == []


def test_the_cut_moves_by_keyboard_and_the_browser_runs_what_is_right_of_it(
    site: Page, server: LiveServer
) -> None:
    cut = site.get_by_role("slider")
    expect(cut).to_have_attribute(
        "aria-valuetext", "server runs layers 0–1, your browser runs 2–3 and the finish"
    )
    cut.press("End")
    expect(cut).to_have_attribute(
        "aria-valuetext", "server runs all 4 layers and the finish"
    )
    cut.press("Home")
    expect(cut).to_have_attribute("aria-valuenow", "-1")
    expect(cut).to_have_attribute(
        "aria-valuetext", "your browser runs everything, server runs nothing"
    )
    cut.press("ArrowRight")
    cut.press("ArrowRight")
    text = "server runs layer 0, your browser runs 1–3 and the finish"
    expect(cut).to_have_attribute("aria-valuetext", text)
    expect(cut).to_be_focused()
    agree(site)
    assert server.asked_for_pieces() == ["finish", "layer.3", "layer.2", "layer.1"]

    before = server.layer_runs("small-gpt2")
    embed(site)
    expect(site.locator("#result-where")).to_contain_text(
        "your browser ran layers 1–3 and the finish"
    )
    assert server.layer_runs("small-gpt2") - before == {0: 1}
    carried = site.locator("#carried")
    expect(carried).to_contain_text("carried 75% of the layers’ work of 1 request")
    ours = np.load(downloaded(site, ".npy"))
    assert ours.dtype == np.float32
    theirs = embedded_by_server(server, TEXTS)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=BY_DTYPE["f16"])

    site.get_by_role("button", name="Compare with the server alone").click()
    expect(site.locator("#check-words")).to_contain_text("The same vectors.")


def test_left_of_the_embedding_step_the_server_is_not_asked(
    site: Page, server: LiveServer
) -> None:
    site.get_by_role("slider").press("Home")
    agree(site)
    expect(site.locator(".block.ready")).to_have_count(6)
    expect(site.locator("#browser-words")).to_contain_text("holds everything")
    expect(site.locator(".side.server")).to_have_text("Server runs nothing")
    server.asked.clear()
    site.context.set_offline(True)
    embed(site)
    expect(site.locator("#result-where")).to_have_text(
        "Your browser ran everything: the text did not leave it, and the server was "
        "not asked."
    )
    site.context.set_offline(False)
    assert server.asked_paths() == []
    ours = np.load(downloaded(site, ".npy"))
    theirs = embedded_by_server(server, TEXTS)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=BY_DTYPE["f16"])
    # Agreed to, so it holds over a reload.
    site.reload()
    expect(site.get_by_text("holds everything")).to_be_visible(timeout=20_000)


def test_a_text_can_be_kept_in_this_browser(fresh: Page, server: LiveServer) -> None:
    sent: list[str] = []
    fresh.context.on(
        "request", lambda asked: sent.append(str(asked.post_data_buffer or b""))
    )
    keep = fresh.get_by_label("Keep the text in this browser")
    expect(fresh.locator("#keep-text-words")).to_contain_text("goes to the server")
    keep.check()
    expect(fresh.locator("#keep-text-words")).to_contain_text("this is no guarantee")
    expect(fresh.locator("#browser-words")).to_contain_text("For texts that stay here")
    fresh.locator("#embed").click()
    expect(fresh.locator("#text-problem")).to_contain_text("agree to the download")
    cut = fresh.get_by_role("slider")
    cut.press("Home")
    cut.press("ArrowRight")
    expect(cut).to_have_attribute(
        "aria-valuetext",
        "your browser runs the embedding step and layers 0–1, server runs layers 2–3 "
        "and the finish",
    )
    agree(fresh)
    assert server.asked_for_pieces() == ["embed", "layer.0", "layer.1"]
    embed(fresh)
    expect(fresh.locator("#result-where")).to_have_text(
        "Your browser ran the embedding step and layers 0–1: the text did not leave "
        "it. The server ran layers 2–3 and the finish."
    )
    expect(fresh.locator("#check-words")).to_contain_text("would have to see it")
    expect(fresh.locator("#check-start")).to_be_hidden()
    ours = np.load(downloaded(fresh, ".npy"))
    fresh.reload()
    expect(keep).to_be_checked()
    expect(fresh.get_by_text("Your browser holds")).to_be_visible(timeout=20_000)
    assert not [body for body in sent if any(text in body for text in TEXTS)]
    theirs = embedded_by_server(server, TEXTS)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=BY_DTYPE["f16"])
    keep.uncheck()
    embed(fresh)
    expect(fresh.locator("#result-where")).to_contain_text("server")


def test_the_cut_moves_by_pointer(site: Page) -> None:
    site.get_by_title("Layer 0").click(position={"x": 2, "y": 10})
    expect(site.get_by_role("slider")).to_have_attribute("aria-valuenow", "0")
    site.get_by_title("The finish").click()
    expect(site.get_by_role("slider")).to_have_attribute("aria-valuenow", "4")


def test_an_agreement_holds_over_a_reload_and_nothing_is_fetched_twice(
    site: Page, server: LiveServer
) -> None:
    """In the formats that were chosen."""
    for name, dtype in (("wire", "f16"), ("dtype", "q8")):
        site.locator(f"#{name}").get_by_text(dtype, exact=True).click()
    agree(site)
    server.asked.clear()
    site.reload()
    expect(site.get_by_text("Your browser holds")).to_be_visible(timeout=20_000)
    expect(site.locator("#dtype :checked + span b")).to_have_text("q8")
    expect(site.locator("#wire :checked + span b")).to_have_text("f16")
    assert server.asked_for_pieces() == []
    expect(site.get_by_role("slider")).to_have_attribute("aria-valuenow", "2")
    site.get_by_role("button", name="Remove").click()
    expect(site.get_by_text("for these layers")).to_be_visible()


def test_blocks_fill_from_the_right_and_requests_use_what_is_here(
    site: Page, server: LiveServer, gate: piece_faults.Gate
) -> None:
    server.faults = [piece_faults.none, piece_faults.none, gate]
    site.get_by_role("slider").press("Home")
    site.get_by_role("slider").press("ArrowRight")
    site.get_by_role("button", name=re.compile("^Download \\(")).click()
    blocks = [site.get_by_title(f"Layer {n}") for n in range(4)]
    # The first layer's shaders are compiled before.
    expect(blocks[2]).to_have_class(re.compile("arriving"), timeout=20_000)
    expect(blocks[3]).to_have_class(re.compile("ready"))
    expect(blocks[1]).not_to_have_class(re.compile("ready|arriving"))
    expect(site.locator("#status")).to_have_text(
        "Layers are on their way to your browser."
    )
    expect(site.locator(".side.server")).to_contain_text("layers 0–2 for now")
    embed(site)
    expect(site.locator("#result-where")).to_contain_text(
        "your browser ran layer 3 and the finish"
    )
    expect(site.locator("#result-note")).to_contain_text("still on their way")

    site.get_by_role("button", name="Pause").click()
    expect(site.locator("#browser-words")).to_contain_text("Paused at")
    assert server.asked_for_pieces() == ["finish", "layer.3", "layer.2"]
    site.get_by_role("button", name="Resume").click()
    expect(site.get_by_text("Your browser holds layers 0–3")).to_be_visible()
    expect(site.locator(".block.ready")).to_have_count(5)
    expect(site.locator("#status")).to_have_text("Your browser has its layers.")
    embed(site)
    expect(site.locator("#result-where")).to_contain_text("your browser ran layers 0–3")
    expect(site.locator("#result-note")).to_be_hidden()


def test_a_paused_download_can_be_removed(
    site: Page, server: LiveServer, gate: piece_faults.Gate
) -> None:
    server.faults = [piece_faults.none, piece_faults.none, gate]
    site.get_by_role("button", name=re.compile("^Download \\(")).click()
    expect(site.locator(".block.ready")).to_have_count(2)
    site.get_by_role("button", name="Pause").click()
    site.locator("#browser-panel").get_by_role("button", name="Remove").click()
    expect(site.get_by_text("for these layers")).to_be_visible()
    expect(site.locator(".block.ready")).to_have_count(0)
    expect(site.locator("#kept-words")).to_contain_text("No layers are kept")


def test_a_layer_that_does_not_come_is_tried_again_and_the_page_says_so(
    site: Page, server: LiveServer, gate: piece_faults.Gate
) -> None:
    none, missing = piece_faults.none, piece_faults.missing
    server.faults = [none, none, missing, gate]
    site.get_by_role("button", name=re.compile("^Download \\(")).click()
    expect(site.locator("#browser-panel .reason")).to_contain_text("answered 404")
    embed(site)
    expect(site.locator("#result-where")).to_contain_text("your browser ran layer 3")
    gate.open()
    expect(site.get_by_text("Your browser holds")).to_be_visible()


def test_a_gpu_without_room_for_all_layers_runs_those_that_fit(fresh: Page) -> None:
    """Nothing fails, and the page says why it is not more."""
    fresh.get_by_label("Who sets the cut").select_option("Your browser runs all it can")
    # In f16 three buffers a layer are counted, of 32 KiB each.
    fresh.workers[-1].evaluate(LIMIT_GPU, {"room": 7 * 2**15, "isForWeights": True})
    fresh.get_by_role("button", name=re.compile("^Download \\(")).click()
    expect(fresh.locator("#browser-words")).to_have_text(
        "The GPU's memory has no room for more layers. "
        "Your browser runs layers 2–3 and the finish.",
        timeout=20_000,
    )
    embed(fresh)
    expect(fresh.locator("#result-where")).to_contain_text(
        "your browser ran layers 2–3"
    )
    expect(fresh.locator("#result-note")).to_have_text(
        "The GPU's memory has no room for more layers, "
        "so the server ran layers 0–1 too."
    )
    expect(fresh.locator("#text-problem")).to_be_empty()


def test_a_larger_download_than_agreed_to_is_asked_about_again(site: Page) -> None:
    agree(site)
    site.get_by_role("slider").press("Home")
    expect(
        site.get_by_text(re.compile("The other .* are here already"))
    ).to_be_visible()


def test_downloads_hold_texts_and_vectors(site: Page, server: LiveServer) -> None:
    embed(site)
    theirs = embedded_by_server(server, TEXTS)
    as_json = json.loads(downloaded(site, "Download JSON").read_text("utf-8"))
    assert as_json["texts"] == TEXTS
    assert (as_json["model"], as_json["dimensions"]) == ("small-gpt2", 64)
    with downloaded(site, "CSV").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:2] == ["text", "d0"]
    assert [row[0] for row in rows] == TEXTS
    for vectors in (
        as_json["embeddings"],
        [row[1:] for row in rows],
        np.load(downloaded(site, ".npy")),
    ):
        np.testing.assert_array_equal(np.array(vectors, np.float32), theirs)


def test_several_texts_are_compared_in_a_table(site: Page, server: LiveServer) -> None:
    embed(site)
    theirs = embedded_by_server(server, TEXTS)
    table = site.get_by_role("table", name="Cosine similarity")
    cells = table.get_by_role("cell").filter(has_text=".").all_inner_texts()
    shown = [float(cell.replace("−", "-")) for cell in cells]
    np.testing.assert_allclose(shown, (theirs @ theirs.T).ravel(), atol=0.0051)


def test_a_thousand_lines_are_embedded_and_a_few_compared(site: Page) -> None:
    site.get_by_role("textbox", name="Your text").fill(
        "\n".join(f"line {i}" for i in range(1000))
    )
    embed(site)
    expect(site.locator("#result-summary")).to_contain_text(
        "1,000 vectors of 64 numbers"
    )
    expect(site.get_by_text("The first 24 of 1,000 texts are shown")).to_be_visible()
    expect(site.locator(".vectors li")).to_have_count(6)


def test_wrong_texts_are_explained_and_the_next_request_works(
    site: Page, errors: list[str]
) -> None:
    area = site.get_by_role("textbox", name="Your text")
    area.fill(" \n ")
    embed(site)
    expect(site.get_by_role("alert").filter(has_text="no text yet")).to_be_visible()
    area.fill("word " * 2000)
    embed(site)
    expect(site.locator("#text-problem")).to_have_text(
        "A text is too long: the model takes up to 1,024 tokens of each, and this one "
        "has 9,999. Shorten it, or put it on several lines, each a text of its own."
    )
    expect(area).to_have_attribute("aria-invalid", "true")
    assert area.input_value() == "word " * 2000
    errors.clear()  # the refusal itself
    area.fill("one text")
    expect(site.locator("#text-problem")).to_be_empty()
    embed(site)
    expect(site.locator("#result-summary")).to_contain_text("One vector of 64 numbers")
    site.route("**/embed", lambda route: route.fulfill(status=500, body="{}"))
    site.get_by_role("slider").press("End")
    embed(site)
    expect(site.locator("#text-problem")).not_to_be_empty()
    expect(area).to_have_attribute("aria-invalid", "false")  # it was not the text
    errors.clear()


def test_another_model_and_precision_can_be_chosen(
    site: Page, server: LiveServer
) -> None:
    site.get_by_label("Model", exact=True).select_option("small-bert")
    expect(site.get_by_role("slider")).to_have_attribute("aria-valuemax", "3")
    site.get_by_text("q8", exact=True).first.click()
    agree(site)
    finish = next(asked.path for asked in server.asked if "/finish." in asked.path)
    assert re.fullmatch(r"/models/small-bert/\w+/q8/finish.safetensors", finish)
    embed(site)
    expect(site.locator("#result-facts")).to_contain_text("small-bert")
    site.get_by_role("button", name="Compare with the server alone").click()
    expect(site.locator("#check-words")).to_contain_text("The same vectors.")


def test_the_snippets_do_what_was_done(site: Page, server: LiveServer) -> None:
    embed(site)
    theirs = embedded_by_server(server, TEXTS)
    body = json.loads(shlex.split(site.locator("#code").inner_text())[-1])
    assert body == {"model": "small-gpt2", "inputs": TEXTS}
    site.get_by_role("tab", name="curl").press("ArrowRight")
    expect(site.get_by_role("tab", name="Python")).to_be_focused()
    names: dict[str, Any] = {}
    exec(site.locator("#code").inner_text(), names)
    np.testing.assert_array_equal(np.array(names["embeddings"], np.float32), theirs)


def test_the_benchmark_makes_a_row_of_markdown(site: Page) -> None:
    agree(site)
    site.get_by_role("button", name="Measure this device").click()
    row = site.get_by_label("Markdown row")
    expect(row).to_have_text(
        re.compile(r"^\| .+ \| small-gpt2 \| f16 (\| [\d.]+ ){4}\|$"), timeout=40_000
    )
    expect(site.get_by_text("Your browser holds")).to_be_visible()


def test_without_webgpu_the_page_says_so_and_the_server_runs_everything(
    playwright: Playwright, server: LiveServer, errors: list[str]
) -> None:
    browser = playwright.chromium.launch(
        executable_path=system_chromium(), args=["--no-sandbox", "--disable-gpu"]
    )
    with opened(browser, server.url, errors) as page:
        expect(page.locator("#connection")).to_have_text(
            "No WebGPU: the server runs everything"
        )
        expect(page.locator("#browser-words")).to_contain_text(
            "The server runs everything, with the same result."
        )
        embed(page)
        expect(page.locator("#result-where")).to_have_text("The server ran everything.")
        page.get_by_role("tab", name="JavaScript").click()
        expect(page.locator("#code")).to_contain_text("sc.takeOver({ to: 0 });")
        expect(page.locator("#code-about")).to_contain_text("--allow-origin")
    browser.close()
    assert not errors


def test_an_api_key_is_asked_for_and_kept_for_the_tab(
    browser: Browser, gpt2_folder: Path, cache_dir: Path, errors: list[str]
) -> None:
    server = LiveServer(
        Options(
            model=(str(gpt2_folder),), port=0, cache_dir=cache_dir, api_key="sesame"
        )
    )
    with opened(browser, server.url, errors) as page:
        for key in ("wrong", "sesame"):
            page.get_by_role("textbox", name="API key").fill(key)
            page.get_by_role("button", name="Use this key").click()
            expected = "did not accept" if key == "wrong" else ""
            expect(page.locator("#notice-words")).to_contain_text(expected)
        embed(page)
        page.reload()
        embed(page)
        expect(page.locator("#code")).to_contain_text("Bearer $SPLITCOMPUTE_API_KEY")
    server.stop()


def test_nothing_is_wider_than_the_window(site: Page) -> None:
    embed(site)
    for width in (390, 768, 1040, 1280, 1600):
        site.set_viewport_size({"width": width, "height": 844})
        assert site.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(
    browser: Browser, server: LiveServer, scheme: str
) -> None:
    """At every stage that a visitor sees, by the figures of WCAG's level AA."""
    errors: list[str] = []
    options = {"color_scheme": scheme, "reduced_motion": "reduce"}
    with opened(browser, server.url, errors, **options) as page:
        page.evaluate(CONTRAST)

        def look(least: int) -> None:
            seen = page.evaluate("() => findFaintText()")
            assert seen["looked"] > least
            assert seen["faint"] == []

        page.get_by_role("textbox", name="Your text").fill("\n".join(TEXTS))
        embed(page)
        look(100)
        agree(page)
        page.get_by_label("Who sets the cut").select_option("browser")
        embed(page)
        page.get_by_role("button", name="Compare with the server alone").click()
        expect(page.locator("#check-words")).to_contain_text("The same vectors.")
        look(100)
        page.goto(f"{server.url}/dashboard")
        expect(page.locator("#standing")).to_have_text("Live")
        page.evaluate(CONTRAST)
        look(50)
    assert not errors


def test_every_control_has_a_name(site: Page) -> None:
    embed(site)
    session = site.context.new_cdp_session(site)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    controls = {
        "button",
        "checkbox",
        "combobox",
        "link",
        "radio",
        "slider",
        "tab",
        "textbox",
        "image",
        "table",
    }
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in controls
    ]
    assert {role for role, _ in named} >= {
        "button",
        "combobox",
        "radio",
        "slider",
        "tab",
        "textbox",
    }
    assert [role for role, name in named if not name.strip()] == []
