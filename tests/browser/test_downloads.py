"""A layer file arrives whole, however its download breaks."""

import piece_faults as F
import pytest
from client_page import ClientPage
from live_server import LiveServer
from piece_faults import Fault
from playwright.sync_api import Page

# Downloads layer.0 of small-gpt2 by itself, impatiently.
DOWNLOAD = """async (options) => {
    const {download, emptyFile} = await import("/static/piece_download.js");
    const api = await import("/static/api.js");
    const server = {url: location.origin};
    const manifest = await api.fetchManifest(server, "small-gpt2", "f32");
    const file = manifest.pieces["layer.0"].f32;
    const url = api.pieceUrl(server, {...manifest, dtype: "f32"}, "layer.0");
    const seen = [];
    const bytes = await download(url, {
        partial: emptyFile(file.bytes),
        headers: {},
        onProgress: (loaded) => seen.push(loaded),
        backoffMs: 1,
        stallMs: 400,
        ...options,
    });
    const {isIntact} = await import("/static/piece_source.js");
    return {intact: await isIntact(bytes, file), seen, size: file.bytes};
}"""


@pytest.mark.parametrize(
    "faults",
    [
        [F.reset],
        [F.stall],
        [F.short],
        [F.busy],
        [F.encoded],
        [F.reset, F.reset, F.reset],
        [F.reset, F.whole],
        [F.reset, F.busy],
        [F.reset, F.unsatisfiable],
        [F.reset, F.changed_etag],
        [F.reset, F.wrong_range],
    ],
    ids=lambda faults: "-".join(fault.__name__ for fault in faults),
)
def test_a_broken_download_ends_in_the_same_bytes(
    page: Page, server: LiveServer, faults: list[Fault]
) -> None:
    server.faults = list(faults)
    result = page.evaluate(DOWNLOAD, {})
    assert not server.faults
    assert result["intact"]
    assert result["seen"][-1] == result["size"]


def test_a_broken_download_goes_on_where_it_stopped(
    page: Page, server: LiveServer
) -> None:
    server.asked.clear()
    server.faults = [F.reset, F.stall]
    result = page.evaluate(DOWNLOAD, {})
    ranges = [asked.range for asked in server.asked if "layer.0" in asked.path]
    half = result["size"] // 2
    assert ranges[0] is None
    assert ranges[1] == f"bytes={half}-"
    assert ranges[2] == f"bytes={half + (result['size'] - half) // 2}-"
    assert result["seen"] == sorted(result["seen"])


def test_a_download_that_stays_broken_says_how_far_it_came(
    page: Page, server: LiveServer
) -> None:
    server.faults = [F.reset, F.busy, F.busy]
    message = ClientPage(page).rejection(DOWNLOAD, {"tries": 3})
    assert "layer.0.safetensors: " in message
    assert "answered 503" in message
    assert not server.faults


def test_a_refused_download_is_not_tried_again(page: Page, server: LiveServer) -> None:
    server.faults = [F.missing, F.none]
    message = ClientPage(page).rejection(DOWNLOAD, {})
    assert "answered 404: gone" in message
    assert server.faults.pop() is F.none
