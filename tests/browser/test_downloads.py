"""A layer file arrives whole, however its download breaks."""

from typing import TYPE_CHECKING

import piece_faults as F
import pytest
from client_page import ClientPage
from live_server import LiveServer
from piece_faults import Fault
from playwright.sync_api import Page

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from werkzeug.wrappers import Response

# Downloads layer.0 of small-gpt2 by itself, impatiently.
DOWNLOAD = """async (options) => {
    const {download, emptyFile, rangeOf} = await import("/static/piece_download.js");
    const api = await import("/static/api.js");
    const server = {url: location.origin};
    const manifest = await api.fetchManifest(server, "small-gpt2", "f32");
    const file = manifest.pieces["layer.0"].f32;
    const url = api.pieceUrl(server, {...manifest, dtype: "f32"}, "layer.0");
    const seen = [];
    const {range, ...settings} = options;
    const bytes = new Uint8Array(file.bytes);
    if (range) {
        // All but the range is here.
        const whole = await fetch(url, {cache: "no-store"});
        bytes.set(new Uint8Array(await whole.arrayBuffer()));
        bytes.fill(0, range.begin, range.end);
    }
    const partial = range ? rangeOf(bytes, range) : emptyFile(file.bytes);
    await download(url, {
        partial,
        headers: {},
        onProgress: (loaded) => seen.push(loaded),
        backoffMs: 1,
        stallMs: 400,
        ...settings,
    });
    const {PieceCheck} = await import("/static/piece_check.js");
    const damaged = await new PieceCheck(partial.bytes, file).damaged();
    return {damaged, seen, size: file.bytes};
}"""


# A file of 10 bytes in blocks of 4, told of `loads` bytes one after the other.
CHECK = """async ({loads, damaged, change}) => {
    const {PieceCheck} = await import("/static/piece_check.js");
    const hex = async (bytes) => {
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
        return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    };
    const bytes = Uint8Array.from({length: 10}, (_, i) => i);
    const parts = [bytes.slice(0, 4), bytes.slice(4, 8), bytes.slice(8)];
    const blocks = {bytes: 4, sha256: await Promise.all(parts.map(hex))};
    const file = {bytes: 10, sha256: await hex(bytes), blocks, ...change};
    const there = new Uint8Array(10);
    const check = new PieceCheck(there, file);
    for (const loaded of loads) {
        there.set(bytes.subarray(0, loaded));
        check.advance(loaded);
    }
    there.set(bytes);
    if (damaged !== undefined) there[damaged] ^= 1;
    return check.damaged();
}"""


@pytest.mark.parametrize("loads", [[], [10], [3, 4, 9, 10], [9, 2, 5, 10], [8, 0, 4]])
def test_a_piece_is_right_however_it_came(page: Page, loads: list[int]) -> None:
    assert page.evaluate(CHECK, {"loads": loads}) == []


@pytest.mark.parametrize(
    ("damaged", "block"), [(0, (0, 4)), (3, (0, 4)), (4, (4, 8)), (9, (8, 10))]
)
def test_one_wrong_bit_condemns_its_block_alone(
    page: Page, damaged: int, block: tuple[int, int]
) -> None:
    begin, end = block
    found = page.evaluate(CHECK, {"loads": [], "damaged": damaged})
    assert found == [{"begin": begin, "end": end}]


@pytest.mark.parametrize(
    "change", [{"bytes": 9}, {"bytes": 13}, {"blocks": {"bytes": 4, "sha256": []}}]
)
def test_hashes_that_do_not_cover_a_file_are_refused(
    page: Page, change: dict[str, object]
) -> None:
    asked = {"loads": [], "change": change}
    assert "for a file of 10" in ClientPage(page).rejection(CHECK, asked)


@pytest.mark.parametrize(
    "faults",
    [[], [F.reset], [F.short], [F.busy], [F.whole], [F.encoded], [F.reset, F.whole]],
    ids=lambda faults: "-".join(fault.__name__ for fault in faults),
)
def test_a_range_is_fetched_into_a_file_whose_rest_is_here(
    page: Page, server: LiveServer, faults: list[Fault]
) -> None:
    server.asked.clear()
    server.faults = [F.none, *faults]  # the first brings the rest
    result = page.evaluate(DOWNLOAD, {"range": {"begin": 1000, "end": 3000}})
    assert not server.faults
    assert result["damaged"] == []
    assert result["seen"][-1] == 3000
    asked = [asked.range for asked in server.asked if "layer.0" in asked.path]
    assert asked[1] == "bytes=1000-2999"


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
    assert result["damaged"] == []
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


@pytest.mark.parametrize(
    "fault", [F.unsatisfiable, F.changed_etag, F.wrong_range, F.whole]
)
def test_one_odd_answer_does_not_cost_what_is_here(
    page: Page, server: LiveServer, fault: Fault
) -> None:
    server.asked.clear()
    server.faults = [F.reset, fault]
    result = page.evaluate(DOWNLOAD, {})
    assert result["damaged"] == []
    ranges = [asked.range for asked in server.asked if "layer.0" in asked.path]
    rest = f"bytes={result['size'] // 2}-"
    assert ranges == [None, rest, rest]


@pytest.mark.parametrize(
    "fault", [F.unsatisfiable, F.changed_etag, F.wrong_range, F.whole]
)
def test_two_odd_answers_begin_the_file_anew(
    page: Page, server: LiveServer, fault: Fault
) -> None:
    server.asked.clear()
    server.faults = [F.reset, fault, fault]
    result = page.evaluate(DOWNLOAD, {})
    assert result["damaged"] == []
    ranges = [asked.range for asked in server.asked if "layer.0" in asked.path]
    rest = f"bytes={result['size'] // 2}-"
    # The second whole answer is the file; after the others it is asked for.
    assert ranges == [None, rest, rest] + [None] * (fault is not F.whole)


def test_a_whole_answer_that_breaks_off_costs_nothing_that_is_here(
    page: Page, server: LiveServer
) -> None:
    server.asked.clear()
    server.faults = [F.reset, F.whole, whole_and_soon_over]
    result = page.evaluate(DOWNLOAD, {})
    assert result["damaged"] == []
    assert result["seen"] == sorted(result["seen"])
    ranges = [asked.range for asked in server.asked if "layer.0" in asked.path]
    rest = f"bytes={result['size'] // 2}-"
    assert ranges == [None, rest, rest, rest]


def whole_and_soon_over(
    app: "WSGIApplication", environ: "WSGIEnvironment"
) -> "Response":
    response = F.whole(app, environ)
    response.set_data(response.get_data()[:1000])
    return response
