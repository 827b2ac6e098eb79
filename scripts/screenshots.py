"""Makes the README's pictures of the page and of the dashboard, from a real server."""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "static/images"
FLAGS = ("--enable-unsafe-webgpu", "--no-sandbox")
SOFTWARE_FLAGS = (
    "--use-webgpu-adapter=swiftshader",
    "--enable-dawn-features=disable_workgroup_init",
)
WIDTH = 1280
# How far down the page that element's section begins.
HEIGHT = """(id) => document.querySelector(id).closest("section")
    .getBoundingClientRect().top + scrollY"""
PRICES = ("--gpu-hour-price", "1", "--egress-price", "0.05")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default=os.environ.get("CHROMIUM"))
    parser.add_argument("--gpu", action="store_true", help="not the software adapter")
    parser.add_argument("--flag", action="append", default=[], help="of Chromium, more")
    options = parser.parse_args()
    flags = [*FLAGS, *(() if options.gpu else SOFTWARE_FLAGS), *options.flag]
    with served("all-MiniLM-L6-v2") as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=flags
        )
        page = opened(browser, url)
        use(page)
        top = page.evaluate(HEIGHT, "#vectors")
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": top}
        page.screenshot(path=IMAGES / "screenshot.png", full_page=True, clip=clip)
        dashboard = opened(browser, f"{url}/dashboard")
        end = time.monotonic() + 75
        while time.monotonic() < end:
            embed(page)
            dashboard.wait_for_timeout(200)
        dashboard.screenshot(path=IMAGES / "dashboard.png", full_page=True)
        browser.close()


@contextmanager
def served(model: str) -> Iterator[str]:
    """The server's URL, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as cache:
        asked = ["--model", model, "--port", str(port), "--cache-dir", cache, *PRICES]
        command = [sys.executable, str(ROOT / "server.py"), *asked]
        server = subprocess.Popen(command, cwd=ROOT)
        try:
            while not answers(f"{url}/health"):
                if server.poll() is not None:
                    raise SystemExit("the server has ended")
                time.sleep(0.2)
            yield url
        finally:
            server.terminate()
            server.wait()


def answers(url: str) -> bool:
    try:
        urlopen(url).close()
    except URLError:
        return False
    return True


def opened(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": WIDTH, "height": 900})
    page.goto(url)
    return page


def use(page: Page) -> None:
    """The cut in the middle, two requests, and the comparison with the server."""
    slider = page.get_by_role("slider")
    for key in ("End", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        slider.press(key)
    page.get_by_role("button", name=re.compile(r"^Download \(")).click()
    page.get_by_text("Your browser holds").wait_for()
    embed(page)
    embed(page)  # the first one of its length compiled shaders
    page.get_by_role("button", name="Compare with the server alone").click()
    page.locator("#check-words").get_by_text("The same vectors.").wait_for()
    slider.evaluate("(slider) => slider.blur()")


def embed(page: Page) -> None:
    page.locator("#embed").click()
    page.get_by_role("button", name=re.compile(r"^Embed \d+ texts")).wait_for()


if __name__ == "__main__":
    main()
