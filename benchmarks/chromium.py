"""Serves a benchmark's page and opens it in a Chromium."""

import argparse
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

FLAGS = (
    "--enable-unsafe-webgpu",
    # timestamps in nanoseconds instead of steps of 100 microseconds
    "--enable-webgpu-developer-features",
    "--no-sandbox",
)
SOFTWARE_FLAGS = (
    "--use-webgpu-adapter=swiftshader",
    # it compiles a store for each word of workgroup memory that it clears
    "--enable-dawn-features=disable_workgroup_init",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument(
        "--flag", action="append", default=[], help="a Chromium flag more"
    )
    parser.add_argument("--gpu", action="store_true", help="not the software adapter")


class Handler(SimpleHTTPRequestHandler):
    """Files; lines that the page posts to /log are shown, what it posts to /result
    ends the run."""

    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        # Isolated pages get threads, and clocks of 5 µs instead of 100.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.send_response(204)
        self.end_headers()
        if self.path == "/log":
            sys.stderr.write(f"{body}\n")
        else:
            assert isinstance(self.server, Server)
            self.server.results.put(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the table is the output."""


class Server(ThreadingHTTPServer):
    """One folder on loopback."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.results: Queue[str] = Queue()
        self.url = f"http://localhost:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@contextmanager
def opened(url: str, arguments: argparse.Namespace) -> Iterator["Page"]:
    """The page, in a Chromium as the arguments ask for it."""
    from playwright.sync_api import sync_playwright

    flags = [*FLAGS, *arguments.flag, *(() if arguments.gpu else SOFTWARE_FLAGS)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=arguments.chromium, args=flags
        )
        page = browser.new_page()
        page.goto(url)
        yield page
        browser.close()
