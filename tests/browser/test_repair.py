"""Of a piece that is damaged, only the damaged blocks are fetched again."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import piece_faults as F
import pytest
from client_page import ClientPage
from live_server import LiveServer
from playwright.sync_api import Page

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from werkzeug.wrappers import Response

BLOCK = 10_000
# layer.0 of small-gpt2 as a file of many blocks, and a source of pieces.
PREPARE = """async (size) => {
    const {PieceSource} = await import("/static/piece_source.js");
    const api = await import("/static/api.js");
    const server = {url: location.origin};
    const manifest = await api.fetchManifest(server, "small-gpt2", "f32");
    const url = api.pieceUrl(server, {...manifest, dtype: "f32"}, "layer.0");
    const bytes = await (await fetch(url, {cache: "no-store"})).arrayBuffer();
    const hex = async (part) => {
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", part));
        return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    };
    const sha256 = [];
    for (let at = 0; at < bytes.byteLength; at += size) {
        sha256.push(await hex(bytes.slice(at, at + size)));
    }
    const file = {...manifest.pieces["layer.0"].f32, blocks: {bytes: size, sha256}};
    globalThis.piece = {url, file, right: await hex(bytes), hex};
    globalThis.source = new PieceSource(server);
    await (await caches.open("splitcompute")).delete(url);
    return file.bytes;
}"""
# Told how often the bytes were used, and how often what was made of them given up.
LOAD = """async () => {
    let [used, givenUp] = [0, 0];
    const take = async (bytes) => (used++, bytes);
    const use = {take, giveUp: () => givenUp++};
    const signal = AbortSignal.timeout(20_000);
    const bytes = await source.load(piece.url, piece.file, use, () => {}, signal);
    await source.settled();
    return {right: await piece.hex(bytes) === piece.right, used, givenUp};
}"""
DAMAGE = """async (places) => {
    const cache = await caches.open("splitcompute");
    const kept = await cache.match(piece.url);
    const bytes = new Uint8Array(await kept.arrayBuffer());
    for (const place of places) bytes[place] ^= 1;
    await cache.put(piece.url, new Response(bytes));
}"""
RIGHT = {"right": True, "used": 1, "givenUp": 0}
RIGHT_AT_THE_SECOND = {"right": True, "used": 2, "givenUp": 1}


def flipped_at(*places: int) -> F.Fault:
    def fault(app: "WSGIApplication", environ: "WSGIEnvironment") -> "Response":
        response = F.none(app, environ)
        data = bytearray(response.get_data())
        for place in places:
            data[place] ^= 1
        response.set_data(bytes(data))
        return response

    return fault


@pytest.fixture
def load(page: Page, server: LiveServer) -> Iterator[Callable[[], dict[str, Any]]]:
    """Loads the piece, of which nothing is kept before."""
    page.evaluate(PREPARE, BLOCK)
    server.asked.clear()
    yield lambda: dict(page.evaluate(LOAD))
    server.faults.clear()


def ranges(server: LiveServer) -> list[str | None]:
    return [asked.range for asked in server.asked if "layer.0" in asked.path]


def test_blocks_damaged_on_the_way_are_fetched_again_alone(
    load: Callable[[], dict[str, Any]], server: LiveServer
) -> None:
    server.faults = [flipped_at(0, 1, 35_000)]
    assert load() == RIGHT_AT_THE_SECOND
    assert ranges(server) == [None, "bytes=0-9999", "bytes=30000-39999"]
    server.asked.clear()
    assert load() == RIGHT  # kept as it was repaired
    assert ranges(server) == []


def test_a_repair_that_breaks_goes_on_where_it_stopped(
    load: Callable[[], dict[str, Any]], server: LiveServer
) -> None:
    server.faults = [flipped_at(35_000), F.reset]
    assert load() == RIGHT_AT_THE_SECOND
    assert ranges(server) == [None, "bytes=30000-39999", "bytes=35000-39999"]


def test_blocks_damaged_where_they_are_kept_are_fetched_again_alone(
    load: Callable[[], dict[str, Any]], page: Page, server: LiveServer
) -> None:
    load()
    page.evaluate(DAMAGE, [35_000])
    server.asked.clear()
    assert load() == RIGHT_AT_THE_SECOND
    assert ranges(server) == ["bytes=30000-39999"]
    assert load() == RIGHT
    assert ranges(server) == ["bytes=30000-39999"]


def test_what_stays_damaged_costs_its_own_block_at_the_next_try_too(
    load: Callable[[], dict[str, Any]], page: Page, server: LiveServer
) -> None:
    flipped_again = [flipped_at(0)] * 2
    server.faults = [flipped_at(35_000), *flipped_again]
    message = ClientPage(page).rejection(LOAD)
    assert "bytes 30000-39999 do not have the manifest's SHA-256" in message
    assert load() == RIGHT_AT_THE_SECOND
    assert ranges(server) == [None, *["bytes=30000-39999"] * 3]


def test_a_kept_piece_of_another_size_is_fetched_whole(
    load: Callable[[], dict[str, Any]], page: Page, server: LiveServer
) -> None:
    page.evaluate(
        """async () => {
            const cache = await caches.open("splitcompute");
            await cache.put(piece.url, new Response(new Uint8Array(1000)));
        }"""
    )
    assert load() == RIGHT
    assert ranges(server) == [None]
