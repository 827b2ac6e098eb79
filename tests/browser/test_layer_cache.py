"""Layers are fetched once, kept over reloads, and never used damaged."""

from collections.abc import Iterator
from typing import Any

import piece_faults as F
import pytest
from client_page import ClientPage
from live_server import LiveServer
from playwright.sync_api import Page

MODEL = {"model": "small-gpt2", "dtype": "f16"}
FROM_SPLIT_2 = ["finish", "layer.3", "layer.2"]

# Changes one byte of a kept piece, as a failing disk may.
DAMAGE = """async (piece) => {
    const cache = await caches.open("splitcompute");
    const isIt = ({url}) => url.endsWith(`/${piece}.safetensors`);
    const key = (await cache.keys()).find(isIt);
    const bytes = new Uint8Array(await (await cache.match(key)).arrayBuffer());
    bytes[bytes.length - 1] ^= 1;
    await cache.put(key, new Response(bytes));
}"""

# What is put beside parts of the same file finds no room.
ROOM_FOR_ONE = """() => {
    const original = Cache.prototype.put;
    Cache.prototype.put = async function (url, response) {
        if (!String(url).includes("?part=") && await this.match(`${url}?part=0`)) {
            throw new DOMException("no room", "QuotaExceededError");
        }
        return original.call(this, url, response);
    };
}"""


@pytest.fixture
def client(page: Page, server: LiveServer) -> ClientPage:
    """Connected, with nothing kept of the model."""
    client = ClientPage(page)
    client.connect(**MODEL)
    client.evaluate("() => sc.clear()")
    server.asked.clear()
    return client


@pytest.fixture
def quota_of_1_kb(page: Page, server: LiveServer) -> Iterator[None]:
    devtools = page.context.new_cdp_session(page)
    origin = {"origin": server.url}
    devtools.send("Storage.overrideQuotaForOrigin", {**origin, "quotaSize": 1000})
    yield
    devtools.send("Storage.overrideQuotaForOrigin", origin)


def load(client: ClientPage, split: int) -> None:
    client.evaluate("(split) => sc.load(split)", split)


def bytes_of(client: ClientPage, split: int) -> Any:
    return client.evaluate("(split) => sc.bytes(split)", split)


def reconnect(client: ClientPage) -> None:
    client.page.reload()
    client.connect(**MODEL)


def test_a_whole_file_leaves_no_part_of_it_behind(client: ClientPage) -> None:
    """Nor where the first ones are gone: another tab cleared the model meanwhile."""
    kept = client.evaluate(
        """async () => {
            const {forgetPartial} = await import("/static/partial_store.js");
            const cache = await caches.open("splitcompute");
            const folder = `${location.origin}/models/small-gpt2/revision/f16/`;
            const parts = ["layer.0?part=2", "layer.0?part=4", "layer.1?part=0"];
            for (const name of ["layer.0", ...parts]) {
                await cache.put(folder + name, new Response("a"));
            }
            await forgetPartial(`${folder}layer.0`);
            const urls = (await cache.keys()).map(({url}) => url);
            return urls.map((url) => url.slice(folder.length));
        }"""
    )
    assert kept == ["layer.0", "layer.1?part=0"]


def test_layers_are_fetched_once_and_kept_over_reloads(
    client: ClientPage, server: LiveServer
) -> None:
    sizes = client.evaluate("async () => sc.info.bytes.f16")
    total = 2 * sizes["layer"] + sizes["finish"]
    assert bytes_of(client, 2) == {"total": total, "missing": total}
    assert server.asked_for_pieces() == []
    assert "GET /models/small-gpt2/manifest.json" not in server.asked_paths()

    load(client, 2)
    assert server.asked_for_pieces() == FROM_SPLIT_2
    assert bytes_of(client, 2) == {"total": total, "missing": 0}

    reconnect(client)
    assert bytes_of(client, 2) == {"total": total, "missing": 0}
    load(client, 2)
    assert server.asked_for_pieces() == FROM_SPLIT_2
    load(client, 1)
    assert server.asked_for_pieces() == [*FROM_SPLIT_2, "layer.1"]


def test_progress_counts_every_byte(client: ClientPage) -> None:
    total = bytes_of(client, 2)["total"]
    load(client, 2)
    reports = client.progress()
    counted = [report["totalLoaded"] for report in reports]
    assert counted == sorted(counted)
    assert {report["total"] for report in reports} == {total}
    assert reports[-1] == {
        "phase": "ready",
        "piece": "layer.2",
        "loaded": reports[-1]["size"],
        "size": reports[-1]["size"],
        "totalLoaded": total,
        "total": total,
    }
    phases = [report["phase"] for report in reports if report["piece"] == "layer.3"]
    assert list(dict.fromkeys(phases)) == ["download", "verify", "upload", "ready"]
    reconnect(client)
    load(client, 2)
    assert "download" not in {report["phase"] for report in client.progress()}


def test_a_damaged_layer_in_the_cache_is_fetched_again(
    client: ClientPage, server: LiveServer
) -> None:
    expected = client.embed("a text", split=2)["embeddings"]
    client.evaluate(DAMAGE, "layer.3")
    server.asked.clear()
    reconnect(client)
    result = client.embed("a text", split=2)
    assert result["embeddings"] == expected
    assert "note" not in result
    assert server.asked_for_pieces() == ["layer.3"]


def test_a_layer_damaged_on_the_way_is_fetched_again(
    client: ClientPage, server: LiveServer
) -> None:
    server.faults = [F.none, F.flipped]
    load(client, 3)
    assert server.asked_for_pieces() == ["finish", "layer.3", "layer.3"]


def test_a_layer_that_stays_damaged_is_not_used(
    client: ClientPage, server: LiveServer
) -> None:
    server.faults = [F.none, F.flipped, F.flipped, F.flipped]
    message = client.rejection("() => sc.load(3)")
    assert "layer.3" in message
    assert "SHA-256" in message
    # Only what is damaged is asked for, and that in vain again.
    server.faults = [F.flipped, F.flipped]
    result = client.embed("a text", split=3)
    assert result["finish"] == "server"
    assert "SHA-256" in result["note"]
    assert "note" not in client.embed("a text", split=3)


def test_other_revisions_are_forgotten_and_other_models_are_not(
    client: ClientPage,
) -> None:
    paths = [
        "/models/small-gpt2/0123456789abcdef/f16/layer.0.safetensors",
        "/models/small-bert/0123456789abcdef/f16/layer.0.safetensors",
    ]
    client.evaluate(
        """async (paths) => {
            const cache = await caches.open("splitcompute");
            for (const path of paths) await cache.put(path, new Response("old"));
        }""",
        paths,
    )
    load(client, 3)
    kept = client.evaluate("async (url) => Boolean(await caches.match(url))", paths[0])
    other = client.evaluate("async (url) => Boolean(await caches.match(url))", paths[1])
    assert (kept, other) == (False, True)


def test_clear_forgets_layers(client: ClientPage, server: LiveServer) -> None:
    load(client, 3)
    client.evaluate("() => sc.clear()")
    assert bytes_of(client, 3)["missing"] == bytes_of(client, 3)["total"]
    server.asked.clear()
    load(client, 3)
    assert server.asked_for_pieces() == ["finish", "layer.3"]


def test_a_full_disk_costs_only_another_download(
    client: ClientPage, server: LiveServer, quota_of_1_kb: None
) -> None:
    assert "note" not in client.embed("a text", split=2)
    assert bytes_of(client, 2)["missing"] == 0
    reconnect(client)
    server.asked.clear()
    assert "note" not in client.embed("a text", split=2)
    assert "layer.3" in server.asked_for_pieces()


def test_a_layer_takes_the_room_of_its_own_parts(client: ClientPage) -> None:
    """Where the disk has none for both."""
    revision = client.evaluate("() => sc.info.revision")
    folder = f"/models/small-gpt2/{revision}/f16"
    client.page.workers[-1].evaluate(ROOM_FOR_ONE)
    client.evaluate(
        """async (url) => {
            const cache = await caches.open("splitcompute");
            await cache.put(url, new Response("a part", {headers: {ETag: '"1"'}}));
        }""",
        f"{folder}/layer.3.safetensors?part=0",
    )
    load(client, 3)
    reconnect(client)
    assert bytes_of(client, 3)["missing"] == 0


def test_an_aborted_download_stops_and_leaves_the_next_one_alone(
    client: ClientPage, server: LiveServer
) -> None:
    server.faults = [F.none, F.stall]
    message = client.rejection(
        """async () => {
            const abort = new AbortController();
            const loading = sc.load(2, {signal: abort.signal});
            while (!progress.some(({piece}) => piece === "layer.3"))
                await new Promise((resolve) => setTimeout(resolve, 10));
            abort.abort();
            await loading;
        }"""
    )
    assert message.startswith("AbortError")
    assert "note" not in client.embed("a text", split=2)
