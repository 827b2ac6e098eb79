"""What tests open in a browser: files of a folder, and pages that have WebGPU."""

from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]


class StaticFiles(SimpleHTTPRequestHandler):
    """Serves a folder, and at /blank.html an empty page of the modules' own origin."""

    def do_GET(self) -> None:
        if self.path != "/blank.html":
            return super().do_GET()
        body = b"<!doctype html><title>test</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the tests' output is the tests'."""


def open_webgpu_page(browser: Browser, url: str) -> Page:
    """A page with a WebGPU adapter; fails where none is: a skip would prove nothing."""
    page = browser.new_page()
    page.goto(url)
    if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
        pytest.fail(
            "Chromium has no WebGPU adapter here, not even its software one",
            pytrace=False,
        )
    return page
