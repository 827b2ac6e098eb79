"""The page where something is in a visitor's way: blocked storage, a path, a click."""

import re
from collections.abc import Iterator
from pathlib import Path

import piece_faults
import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, Page, Route, expect
from test_page import embed, opened

from options import Options

# As where a visitor blocks what sites may store.
BLOCK_STORAGE = """() => {
    for (const name of ["localStorage", "sessionStorage"]) {
        const get = () => { throw new DOMException("no storage", "SecurityError"); };
        Object.defineProperty(globalThis, name, {get});
    }
}"""


@pytest.fixture
def site(browser: Browser, server: LiveServer, errors: list[str]) -> Iterator[Page]:
    with opened(browser, server.url, errors) as page:
        yield page
    server.faults.clear()
    assert not errors


def test_a_paused_download_is_resumed_by_no_button_that_is_greyed_out(
    site: Page, server: LiveServer, gate: piece_faults.Gate
) -> None:
    server.faults = [piece_faults.none, piece_faults.none, gate]
    site.get_by_role("button", name=re.compile("^Download \\(")).click()
    expect(site.locator(".block.ready")).to_have_count(2)
    site.get_by_role("button", name="Pause").click()
    words = site.locator("#browser-words")
    expect(words).to_contain_text("Paused at")
    measure = site.get_by_role("button", name="Measure this device")
    expect(measure).to_have_attribute("aria-disabled", "true")
    measure.dispatch_event("click")
    site.wait_for_timeout(600)  # a cut that rests is fetched for after 250 ms
    expect(words).to_contain_text("Paused at")


@pytest.mark.parametrize("change", ["cut", "wire", "reload"])
def test_a_pause_lasts_until_the_visitor_ends_it(
    site: Page, server: LiveServer, gate: piece_faults.Gate, change: str
) -> None:
    """What has come is used again, and nothing else is fetched."""
    server.faults = [piece_faults.none, piece_faults.none, gate]
    site.get_by_role("button", name=re.compile("^Download \\(")).click()
    expect(site.locator(".block.arriving")).to_have_count(1, timeout=20_000)
    expect(site.locator(".block.ready")).to_have_count(2)
    site.get_by_role("button", name="Pause").click()
    words = site.locator("#browser-words")
    expect(words).to_contain_text("Paused at")
    gate.open()
    server.asked.clear()
    if change == "cut":
        site.get_by_role("slider").press("ArrowRight")
        site.wait_for_timeout(600)  # a cut that rests is fetched for after 250 ms
    elif change == "wire":
        site.locator("#wire").get_by_text("f16").click()
        expect(site.locator("#wire :checked + span b")).to_have_text("f16")
    else:
        site.reload()
    expect(words).to_contain_text("Your browser runs layer 3 and the finish so far.")
    expect(words).to_contain_text("Paused at")
    assert server.asked_for_pieces() == []
    site.get_by_role("button", name="Resume").click()
    expect(site.get_by_text("Your browser holds")).to_be_visible(timeout=20_000)
    rest = ["layer.2", "layer.1", "layer.0"]
    assert server.asked_for_pieces() == rest[: 2 if change == "cut" else 3]


def test_a_paused_page_that_keeps_the_text_asks_for_its_layers_first(
    site: Page, server: LiveServer, gate: piece_faults.Gate
) -> None:
    """To embed would fetch them."""
    site.get_by_label("Keep the text in this browser").check()
    expect(site.locator("#browser-words")).to_contain_text("For texts that stay here")
    server.faults = [gate]
    site.get_by_role("button", name=re.compile("^Download \\(")).click()
    expect(site.locator("#browser-words")).to_contain_text("Downloading embed")
    site.get_by_role("button", name="Pause").click()
    gate.open()
    server.asked.clear()
    embed(site)
    expect(site.locator("#text-problem")).to_contain_text("resume the download above")
    assert server.asked_for_pieces() == []


def test_a_copy_button_says_what_it_does_again_and_a_screen_reader_hears(
    site: Page,
) -> None:
    site.context.grant_permissions(["clipboard-read", "clipboard-write"])
    # The page's last news after opening, which would take the place of the copy's.
    expect(site.locator("#status")).to_have_text(re.compile("^Your browser asks"))
    copy = site.locator("#code-copy")
    copy.click()
    expect(copy).to_have_text("Copied")
    copy.click()
    expect(site.locator("#status")).to_have_text("Copied")
    code = site.locator("#code").inner_text()
    assert site.evaluate("() => navigator.clipboard.readText()") == code
    expect(copy).to_have_text("Copy")
    expect(site.locator("#status")).to_have_text("")


def test_an_api_key_holds_for_the_visit_where_storage_is_blocked(
    browser: Browser, gpt2_folder: Path, cache_dir: Path
) -> None:
    folder = str(gpt2_folder)
    server = LiveServer(
        Options(model=(folder,), port=0, cache_dir=cache_dir, api_key="sesame")
    )
    with opened(browser, f"{server.url}/health", []) as page:
        page.add_init_script(f"({BLOCK_STORAGE})()")
        page.goto(server.url)
        page.get_by_role("textbox", name="API key").fill("sesame")
        page.get_by_role("button", name="Use this key").click()
        embed(page)
    server.stop()


def test_an_agreement_that_cannot_be_stored_replaces_one_that_was(site: Page) -> None:
    agreed = site.evaluate(
        """async () => {
            const consent = await import("/static/page/consent.js");
            const { agreedBytes, rememberAgreement } = consent;
            rememberAgreement("a model", "f16", 10);
            const original = Storage.prototype.setItem;
            Storage.prototype.setItem = () => { throw new Error("full"); };
            rememberAgreement("a model", "f16", 20);
            const unstored = agreedBytes("a model", "f16");
            Storage.prototype.setItem = original;
            rememberAgreement("a model", "f16", 30);
            return [unstored, agreedBytes("a model", "f16")];
        }"""
    )
    assert agreed == [20, 30]


def test_what_the_page_remembers_holds_for_the_visit_where_storage_is_blocked(
    site: Page,
) -> None:
    site.evaluate(BLOCK_STORAGE)
    remembered = site.evaluate(
        """async () => {
            const memory = await import("/static/page/memory.js");
            const names = ["kept", "forgotten", "group:1", "group:2"];
            for (const name of names) memory.remember(name, name);
            memory.forget("forgotten");
            memory.forgetAll("group:");
            return names.map(memory.recall);
        }"""
    )
    assert remembered == ["kept", None, None, None]


def test_code_to_copy_names_the_server_behind_a_path(
    site: Page, server: LiveServer
) -> None:
    """Which a proxy takes off, and puts before the page's own addresses."""

    def forward(route: Route) -> None:
        answer = route.fetch(url=route.request.url.replace("/path/", "/", 1))
        if "html" not in answer.headers["content-type"]:
            return route.fulfill(response=answer)
        body = answer.text().replace('"/static/', '"/path/static/')
        return route.fulfill(response=answer, body=body)

    site.route("**/path/**", forward)
    site.goto(f"{server.url}/path/")
    expect(site.locator("#code")).to_contain_text(f"curl {server.url}/path/embed")
