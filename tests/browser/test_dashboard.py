"""The dashboard as an operator meets it: the real server's figures, live."""

# ruff: noqa: RUF001 - the page writes − for minus

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, Page, Route, expect
from test_page import opened

from options import Options

MODEL = "odd-gpt2"


@pytest.fixture(scope="module")
def options(odd_gpt2_folder: Path, cache_dir: Path) -> Options:
    return Options(model=(str(odd_gpt2_folder),), port=0, cache_dir=cache_dir)


@pytest.fixture(scope="module")
def priced(options: Options) -> Iterator[LiveServer]:
    """Where traffic is dear."""
    server = LiveServer(replace(options, gpu_hour_price=1.0, egress_price=50.0))
    yield server
    server.stop()


@pytest.fixture
def dashboard(
    browser: Browser, priced: LiveServer, errors: list[str]
) -> Iterator[Page]:
    with opened(browser, f"{priced.url}/dashboard", errors) as page:
        expect(page.locator("#standing")).to_have_text("Live")
        yield page
    assert not errors


def post(server: LiveServer, path: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    urlopen(Request(server.url + path, json.dumps(body).encode(), headers)).close()


def test_the_dashboard_follows_what_happens(
    dashboard: Page, priced: LiveServer
) -> None:
    expect(dashboard.locator("#share")).to_have_text("Nothing yet")
    expect(dashboard.locator("#money-words")).to_contain_text("Nothing saved")
    post(priced, "/split", {"inputs": "some text", "split": 1})
    report = {"model": MODEL, "layer_tokens": [0, 6], "fallbacks": {"gpu": 2}}
    post(priced, "/report", report)
    share = dashboard.locator("#share")
    expect(share).to_have_text(re.compile(r"^\d+% by browsers$"), timeout=10_000)
    assert priced.work(MODEL)["layer_tokens"]["browser"] == [0, 6]
    facts = dashboard.locator("#share-facts")
    expect(facts).to_contain_text("By browsers, as they report6 layer-tokens")
    expect(dashboard.locator("#fallback")).to_have_text("2 requests")
    expect(dashboard.locator("#fallback-facts")).to_contain_text("The GPU failed")
    model = dashboard.locator("#models .card")
    expect(model).to_contain_text("Layer 1: server 0, browsers 6")
    expect(model).to_contain_text("Split 1: 1 request")
    expect(dashboard.locator(".area.browser")).to_have_attribute(
        "d", re.compile("^M.*Z$")
    )


def test_a_split_that_costs_more_than_it_saves_is_called_that(
    dashboard: Page, priced: LiveServer
) -> None:
    post(priced, "/split", {"inputs": "some text " * 5, "split": 1})
    post(priced, "/report", {"model": MODEL, "layer_tokens": [0, 40]})
    words = dashboard.locator("#money-words")
    expect(words).to_contain_text("The split costs more than it saves", timeout=10_000)
    expect(dashboard.locator("#money")).to_have_class(re.compile("loss"))
    expect(dashboard.locator("#money")).to_contain_text("−")
    expect(dashboard.locator("#money-facts")).to_contain_text("Traffic, at 50 a GB−")


def test_what_nobody_knows_is_not_called_a_loss(
    browser: Browser, options: Options
) -> None:
    """A server that has run nothing yet cannot say what browsers' work is worth."""
    server = LiveServer(replace(options, gpu_hour_price=3600.0, egress_price=1.0))
    with opened(browser, f"{server.url}/dashboard", []) as page:
        expect(page.locator("#money")).to_have_text("0")
        post(server, "/report", {"model": MODEL, "layer_tokens": [10**6] * 2})
        post(server, "/split", {"inputs": "some text", "split": 0})
        words = page.locator("#money-words")
        expect(words).to_contain_text("cannot be told yet", timeout=10_000)
        expect(page.locator("#money")).to_have_text("Not known yet")
        # No gap beside a side that ran nothing.
        expect(page.locator("#share-bar .server")).to_be_hidden()
        expect(page.locator("#share-bar .browser")).to_be_visible()
        expect(page.locator("#share-facts")).to_contain_text("avoidedNot known yet")
        expect(page.locator("#money-facts")).to_have_text(re.compile("^Traffic"))
        post(server, "/embed", {"inputs": "some text"})
        expect(words).to_contain_text("is worth more than", timeout=10_000)
    server.stop()


def test_the_last_figures_stay_while_the_server_is_away(
    browser: Browser, priced: LiveServer
) -> None:
    with opened(browser, f"{priced.url}/dashboard", []) as page:
        pill = page.locator("#standing")
        expect(pill).to_have_text("Live")
        figures = page.locator("#figures")
        before = figures.bounding_box()
        page.context.set_offline(True)
        expect(pill).to_have_text("Not connected", timeout=10_000)
        expect(page.locator("#notice-words")).to_have_text(
            re.compile(r"^The server cannot be reached\. .* asked again by itself\.$")
        )
        assert figures.bounding_box() == before, "what is being read has moved"
        page.context.set_offline(False)
        expect(pill).to_have_text("Live", timeout=10_000)


def test_the_figures_need_the_key_and_prices_are_asked_for(
    browser: Browser, options: Options
) -> None:
    server = LiveServer(replace(options, api_key="sesame"))
    with opened(browser, f"{server.url}/dashboard", []) as page:
        expect(page.locator("#standing")).to_have_text("API key needed")
        expect(page.locator("#figures")).to_be_hidden()
        # A link carries no key.
        expect(page.get_by_role("link", name="Metrics")).to_have_count(0)
        page.get_by_label("API key").fill("sesame")
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator("#standing")).to_have_text("Live")
        expect(page.locator("#money")).to_have_text("No prices given")
        expect(page.locator("#money-words")).to_contain_text("--egress-price")
    server.stop()


def test_a_key_given_while_the_server_is_asked_is_used_at_once(
    browser: Browser, options: Options
) -> None:
    server = LiveServer(replace(options, api_key="sesame"))
    with opened(browser, f"{server.url}/dashboard", []) as page:
        pill = page.locator("#standing")
        expect(pill).to_have_text("API key needed")
        asked: list[Route] = []
        page.route("**/savings", lambda route: asked.append(route), times=1)
        with page.expect_request("**/savings", timeout=10_000):
            pass
        page.get_by_label("API key").fill("sesame")
        page.get_by_role("button", name="Use this key").click()
        asked[0].continue_()
        # After the next failure it would rest for 8 s.
        expect(pill).to_have_text("Live", timeout=5_000)
    server.stop()


def test_what_a_layer_takes_is_shown_in_a_unit_that_fits(dashboard: Page) -> None:
    shown = dashboard.evaluate(
        """import("/static/dashboard/words.js").then(({formatShort}) =>
            [1.234e-6, 999.4e-6, 999.6e-6, 2.18e-3].map(formatShort))"""
    )
    assert shown == ["1.23\u00a0µs", "999\u00a0µs", "1.00\u00a0ms", "2.2\u00a0ms"]


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(dashboard: Page, width: int) -> None:
    dashboard.set_viewport_size({"width": width, "height": 800})
    wide = "() => document.documentElement.scrollWidth > innerWidth"
    assert not dashboard.evaluate(wide)
