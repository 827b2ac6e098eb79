"""A headless Chromium on its software WebGPU adapter, and servers for its pages."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from checkpoints import write_bert, write_gpt2, write_sentence_files
from headless import CHROMIUM_FLAGS, system_chromium
from live_server import LiveServer
from piece_faults import Gate
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from web_pages import ROOT, StaticFiles, open_webgpu_page

from options import Options

ENGINE_PAGE = Path(__file__).with_name("engine_page.js").read_text()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(
        executable_path=system_chromium(), args=CHROMIUM_FLAGS
    )
    yield browser
    browser.close()


@pytest.fixture
def errors() -> list[str]:
    """What the browser's console calls an error, a broken content policy among it."""
    return []


@pytest.fixture(scope="session")
def static_url() -> Iterator[str]:
    """The URL under which static/ is served on loopback."""
    handler = partial(StaticFiles, directory=str(ROOT / "static"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def torch_page(browser: Browser, static_url: str) -> Iterator[Page]:
    """A page with static/torch.js as `torch`, its device ready."""
    page = open_webgpu_page(browser, f"{static_url}/blank.html")
    page.evaluate(
        """async () => {
            globalThis.torch = await import("/torch.js");
            await torch.init({device: "webgpu"});
        }"""
    )
    yield page
    page.close()


@pytest.fixture
def engine(browser: Browser, static_url: str) -> Iterator[Page]:
    """A page of its own with the library as `torch`, a layer, and engine_page.js."""
    page = open_webgpu_page(browser, f"{static_url}/blank.html")
    page.evaluate(ENGINE_PAGE)
    page.evaluate(
        """async () => {
            globalThis.torch = await import("/torch.js");
            await torch.init();
            globalThis.layer = makeLayer(torch);
        }"""
    )
    yield page
    page.close()


@pytest.fixture(scope="session")
def pooled_folders(checkpoint_dir: Path) -> list[Path]:
    """One model for each pooling but the mean, which the others have."""
    gelu = {"num_hidden_layers": 1, "hidden_act": "gelu_new"}
    cls = write_bert(checkpoint_dir / "cls-bert", **gelu)
    last = write_gpt2(checkpoint_dir / "last-gpt2", n_layer=1)
    largest = write_gpt2(checkpoint_dir / "max-gpt2", n_layer=1)
    write_sentence_files(cls, {"pooling_mode_cls_token": True})
    write_sentence_files(last, {"pooling_mode_lasttoken": True})
    write_sentence_files(largest, {"pooling_mode_max_tokens": True}, normalize=False)
    return [cls, last, largest]


@pytest.fixture(scope="session")
def server(
    gpt2_folder: Path,
    odd_gpt2_folder: Path,
    bert_folder: Path,
    pooled_folders: list[Path],
    cache_dir: Path,
) -> Iterator[LiveServer]:
    """The real server with small random models and the two real ones."""
    folders = (gpt2_folder, odd_gpt2_folder, bert_folder, *pooled_folders)
    models = (*map(str, folders), "all-MiniLM-L6-v2", "gpt2-mini")
    server = LiveServer(Options(model=models, port=0, cache_dir=cache_dir))
    yield server
    server.stop()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A fault for one layer file; open by the end of the test."""
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture(scope="session")
def page(browser: Browser, server: LiveServer) -> Iterator[Page]:
    """A page of the server's own origin that does nothing by itself."""
    page = open_webgpu_page(browser, f"{server.url}/health")
    yield page
    page.close()
