"""Layers stream into the browser while the server answers, and each lowers the cut."""

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import piece_faults as F
import pytest
import torch
from checkpoints import write_gpt2
from client_page import ClientPage
from live_server import LiveServer
from playwright.sync_api import Browser, Page
from test_client import BREAKS
from tolerances import F32

from options import Options

MODEL = {"model": "small-gpt2", "dtype": "f32"}
TEXTS = ["one text", "and another, longer one"]
ALL = ["finish", "layer.3", "layer.2", "layer.1", "layer.0"]
NOTHING = {"highest": 0, "holdsEmbed": False}  # of what comes before the last layers

TAKE_OVER = """(options) => {
    globalThis.states = [];
    const onChange = (state) => states.push(state);
    globalThis.takeover = sc.takeOver({...options, onChange});
}"""
EVICT = """async () => {
    const cache = await caches.open("splitcompute");
    for (const key of await cache.keys()) await cache.delete(key);
}"""
# Each device has room for so many bytes: of weights, which are larger than what a text
# needs besides the workspace, or of all. For what is beyond, the software adapter has
# no memory indeed: it has none for a buffer of the size that it allows at most.
LIMIT_GPU = """({room, isForWeights}) => {
    const create = GPUDevice.prototype.createBuffer;
    const destroy = GPUBuffer.prototype.destroy;
    const taken = new WeakMap();
    const ends = new WeakMap();
    GPUDevice.prototype.createBuffer = function ({size, usage, label}) {
        const counts = size >= 2 ** 15 && usage & GPUBufferUsage.STORAGE
            && !(isForWeights && label?.startsWith("workspace"));
        const total = (taken.get(this) ?? 0) + (counts ? size : 0);
        const isFull = counts && total > room;
        const {maxBufferSize} = this.limits;
        const made = {label, usage, size: isFull ? maxBufferSize : size};
        const buffer = create.call(this, made);
        if (!isFull) taken.set(this, total);
        if (counts && !isFull) {
            ends.set(buffer, () => taken.set(this, taken.get(this) - size));
        }
        return buffer;
    };
    GPUBuffer.prototype.destroy = function () {
        ends.get(this)?.();
        ends.delete(this);
        return destroy.call(this);
    };
    globalThis.takenBy = (device) => taken.get(device);
}"""
# An error that is not of memory, once.
BREAK_UPLOAD = """() => {
    const create = GPUDevice.prototype.createBuffer;
    GPUDevice.prototype.createBuffer = function (descriptor) {
        GPUDevice.prototype.createBuffer = create;
        return create.call(this, {...descriptor, size: 2 ** 50});
    };
}"""

KEEP_DEVICE = """() => {
    const original = GPUDevice.prototype.createBuffer;
    GPUDevice.prototype.createBuffer = function (...args) {
        globalThis.device = this;
        return original.apply(this, args);
    };
}"""
LOSE_DEVICE = "async () => { device.destroy(); await device.lost; }"


class TakeoverPage(ClientPage):
    def take_over(self, **options: Any) -> None:
        self.page.evaluate(TAKE_OVER, options)

    def wait_for(self, **fields: Any) -> None:
        """Until the takeover's state has these fields."""
        self.page.wait_for_function(
            """(fields) => Object.entries(fields).every(
                ([name, value]) => takeover.state[name] === value)""",
            arg=fields,
            timeout=60_000,  # a busy machine compiles the first layer's shaders slowly
        )

    def state(self) -> dict[str, Any]:
        return dict(self.page.evaluate("() => takeover.state"))

    def cuts(self) -> list[int]:
        """The lowest splits that onChange heard of, in order."""
        states = self.page.evaluate("() => states")
        return [
            cut for cut, _ in itertools.groupby(state["lowest"] for state in states)
        ]

    def assert_embeds_at(self, split: int) -> None:
        """With all that is here, at this split, and as the server alone does."""
        came = self.embed(TEXTS, split="auto", policy="browser")
        assert "note" not in came, came["note"]
        assert came["split"] == split
        assert_same(came, self.embed(TEXTS))


def assert_same(came: dict[str, Any], expected: dict[str, Any]) -> None:
    rows = (torch.tensor(result["embeddings"]) for result in (came, expected))
    torch.testing.assert_close(*rows, atol=F32, rtol=0)


@pytest.fixture
def client(page: Page, server: LiveServer) -> Iterator[TakeoverPage]:
    """Connected, with nothing kept of the model."""
    client = TakeoverPage(page)
    client.connect(**MODEL)
    client.evaluate("() => sc.clear()")
    server.asked.clear()
    yield client
    server.faults.clear()


def test_each_layer_that_arrives_lowers_the_cut(
    client: TakeoverPage, server: LiveServer
) -> None:
    client.take_over()
    client.wait_for(kind="complete")
    assert client.cuts() == [4, 3, 2, 1, 0]
    assert server.asked_for_pieces() == ALL
    before = server.layer_runs("small-gpt2")
    client.assert_embeds_at(0)
    # What ran is the comparison's own, on the server alone.
    assert server.layer_runs("small-gpt2") - before == dict.fromkeys(range(4), 1)


def test_requests_are_answered_during_a_download_at_the_cut_possible_then(
    client: TakeoverPage, server: LiveServer, gate: F.Gate
) -> None:
    nothing_yet = F.Gate()
    server.faults = [nothing_yet, F.none, F.none, gate]
    client.take_over()
    client.assert_embeds_at(4)
    assert client.state() == {**NOTHING, "kind": "streaming", "lowest": 4, "target": 0}
    nothing_yet.open()
    client.wait_for(lowest=2)
    for _ in range(3):
        client.assert_embeds_at(2)
    assert client.state()["lowest"] == 2
    gate.open()
    client.wait_for(kind="complete")
    client.assert_embeds_at(0)


def test_requests_without_pause_neither_fail_nor_hold_up_the_takeover(
    client: TakeoverPage,
) -> None:
    client.take_over()
    results = client.evaluate(
        """async (texts) => {
            const results = [];
            do {
                results.push(await sc.embed(texts, {split: "auto", policy: "browser"}));
            } while (takeover.state.kind === "streaming");
            return results.map(({split, note, embeddings}) =>
                ({split, note, embeddings: embeddings.map((row) => [...row])}));
        }""",
        TEXTS,
    )
    expected = client.embed(TEXTS)
    splits = [result["split"] for result in results]
    assert splits == sorted(splits, reverse=True)
    for result in results:
        assert result["note"] is None
        assert_same(result, expected)
    client.assert_embeds_at(0)


def test_a_pause_ends_the_download_and_resume_goes_on_where_it_stopped(
    client: TakeoverPage, server: LiveServer, gate: F.Gate
) -> None:
    server.faults = [F.none, F.none, gate]
    client.take_over()
    client.page.wait_for_function(
        "() => progress.some(({piece, loaded}) => piece === 'layer.2' && loaded > 0)"
    )
    client.evaluate("() => takeover.pause()")
    gate.open()
    client.page.wait_for_timeout(300)
    assert server.asked_for_pieces() == ALL[:3]
    assert client.state() == {**NOTHING, "kind": "paused", "lowest": 3, "target": 0}
    client.assert_embeds_at(3)

    client.evaluate("() => takeover.resume()")
    client.wait_for(kind="complete")
    ranges = [asked.range for asked in server.asked if "layer.2" in asked.path]
    half = client.evaluate("async () => sc.info.bytes.f32.layer") // 2
    assert ranges == [None, f"bytes={half}-"]
    assert server.asked_for_pieces() == [*ALL[:3], *ALL[2:]]
    client.assert_embeds_at(0)


def test_a_budget_takes_the_layers_that_fit(
    client: TakeoverPage, server: LiveServer
) -> None:
    sizes = client.evaluate("async () => sc.info.bytes.f32")
    client.take_over(maxBytes=sizes["finish"] + 3 * sizes["layer"] - 1)
    client.wait_for(kind="complete")
    state = client.state()
    assert (state["lowest"], state["target"]) == (2, 2)
    assert "More layers would weigh more than" in state["reason"]
    assert server.asked_for_pieces() == ALL[:3]
    client.take_over(to=1)
    client.wait_for(kind="complete", lowest=1)
    assert server.asked_for_pieces() == ALL[:4]


def test_a_reload_goes_on_with_what_is_kept(
    client: TakeoverPage, server: LiveServer
) -> None:
    client.take_over(to=2)
    client.wait_for(kind="complete")
    client.page.reload()
    client.connect(**MODEL)
    client.assert_embeds_at(4)
    client.take_over()
    client.wait_for(kind="complete")
    assert server.asked_for_pieces() == ALL


LARGE = {"model": "gpt2-mini", "dtype": "f32"}
PARTS = """async () => {
    const keys = await (await caches.open("splitcompute")).keys();
    return keys.filter(({url}) => url.includes("?part=")).map(({url}) => url);
}"""


@pytest.mark.parametrize("is_evicted", [False, True])
def test_a_reload_resumes_the_file_that_was_under_way(
    client: TakeoverPage, server: LiveServer, gate: F.Gate, is_evicted: bool
) -> None:
    client.connect(**LARGE)
    client.evaluate("() => sc.clear()")
    server.asked.clear()
    server.faults = [F.none, gate]
    client.take_over(to=11)
    client.page.wait_for_function(
        "() => progress.some(({piece, loaded}) => piece === 'layer.11' && loaded > 1e6)"
    )
    client.evaluate(f"async () => {{ while ((await ({PARTS})()).length < 1); }}")
    client.page.reload()
    gate.open()
    if is_evicted:
        client.evaluate(EVICT)
    client.connect(**LARGE)
    client.take_over(to=11)
    client.wait_for(kind="complete", lowest=11)
    ranges = [asked.range for asked in server.asked if "layer.11" in asked.path]
    assert ranges == [None, None if is_evicted else f"bytes={2**20}-"]
    assert client.evaluate(PARTS) == []
    client.assert_embeds_at(11)
    client.evaluate("() => sc.clear()")


def test_evicted_layers_work_until_the_reload_and_are_fetched_after_it(
    client: TakeoverPage, server: LiveServer
) -> None:
    client.take_over()
    client.wait_for(kind="complete")
    client.evaluate(EVICT)
    client.assert_embeds_at(0)
    assert server.asked_for_pieces() == ALL
    client.page.reload()
    client.connect(**MODEL)
    client.take_over(to=3)
    client.wait_for(kind="complete")
    assert server.asked_for_pieces() == [*ALL, *ALL[:2]]


def test_two_tabs_fetch_each_layer_once(browser: Browser, server: LiveServer) -> None:
    context = browser.new_context()
    tabs = [TakeoverPage(context.new_page()) for _ in range(2)]
    for tab in tabs:
        tab.page.goto(f"{server.url}/health")
        tab.connect(**MODEL)
    server.asked.clear()
    for tab in tabs:
        tab.take_over()
    for tab in tabs:
        tab.wait_for(kind="complete")
        tab.assert_embeds_at(0)
    assert Counter(server.asked_for_pieces()) == Counter(ALL)
    context.close()


@pytest.mark.parametrize(
    ("faults", "reason"),
    [([F.missing], "answered 404: gone"), ([F.flipped] * 3, "SHA-256")],
    ids=["unfetchable", "damaged"],
)
def test_a_layer_that_does_not_come_is_tried_again_later(
    client: TakeoverPage,
    server: LiveServer,
    gate: F.Gate,
    faults: list[F.Fault],
    reason: str,
) -> None:
    server.faults = [F.none, F.none, *faults, gate]
    client.take_over()
    client.wait_for(kind="waiting")
    assert reason in client.evaluate("() => states.at(-1).reason")
    client.assert_embeds_at(3)
    gate.open()
    client.wait_for(kind="complete")
    client.assert_embeds_at(0)


def test_a_lost_device_is_replaced_and_the_takeover_goes_on_there(
    client: TakeoverPage, server: LiveServer, gate: F.Gate
) -> None:
    server.faults = [F.none, F.none, F.none, gate]
    client.take_over()
    client.page.wait_for_function(
        "() => progress.some(({piece, loaded}) => piece === 'layer.1' && loaded > 0)"
    )
    expected = client.embed(TEXTS)
    client.page.workers[-1].evaluate(BREAKS["the device is lost"])
    result = client.embed(TEXTS, split="auto", policy="browser")
    assert "The server ran all layers" in result["note"]
    assert_same(result, expected)
    gate.open()
    client.wait_for(kind="complete")
    assert client.cuts() == [4, 3, 2, 4, 3, 2, 1, 0]
    client.assert_embeds_at(0)
    # Those that were here are kept; the one under way goes on where it stopped.
    assert server.asked_for_pieces() == [*ALL[:4], *ALL[3:]]
    assert [asked.range for asked in server.asked if "layer.1" in asked.path][1]


def test_a_complete_takeover_starts_again_when_the_worker_dies(
    client: TakeoverPage, server: LiveServer
) -> None:
    client.take_over(to=2)
    client.wait_for(kind="complete")
    client.page.workers[-1].evaluate("() => self.close()")
    client.wait_for(lowest=4)
    client.wait_for(kind="complete", lowest=2)
    client.assert_embeds_at(2)
    assert server.asked_for_pieces() == ALL[:3]


def test_a_server_with_another_revision_is_taken_over_from_the_start(
    browser: Browser, tmp_path: Path
) -> None:
    def start(seed: int, port: int) -> LiveServer:
        folder = write_gpt2(tmp_path / str(seed) / "changing", seed, n_layer=2)
        return LiveServer(Options(model=(str(folder),), port=port, cache_dir=tmp_path))

    server = start(seed=1, port=0)
    client = TakeoverPage(browser.new_page())
    client.page.goto(f"{server.url}/health")
    client.connect(dtype="f32")
    client.take_over()
    client.wait_for(kind="complete")
    server.stop()
    server = start(seed=2, port=int(server.url.rpartition(":")[2]))
    result = client.embed(TEXTS, split="auto", policy="browser")
    assert "another revision" in result["note"]
    assert_same(result, client.embed(TEXTS))
    client.wait_for(kind="complete", lowest=0)
    client.assert_embeds_at(0)
    client.page.close()
    server.stop()


def test_a_device_lost_before_an_upload_is_not_taken_for_a_full_one(
    client: TakeoverPage, server: LiveServer, gate: F.Gate
) -> None:
    worker = client.page.workers[-1]
    worker.evaluate(KEEP_DEVICE)
    server.faults = [F.none, F.none, F.none, gate]
    client.take_over()
    client.wait_for(lowest=2)
    worker.evaluate(LOSE_DEVICE)
    gate.open()
    client.wait_for(kind="complete")
    assert client.cuts() == [4, 3, 2, 4, 3, 2, 1, 0]
    client.assert_embeds_at(0)
    assert server.asked_for_pieces() == ALL


def test_a_gpu_without_room_is_filled_again_with_what_fits(
    client: TakeoverPage, server: LiveServer
) -> None:
    layer = client.evaluate("async () => sc.info.bytes.f32.layer")
    client.page.workers[-1].evaluate(
        LIMIT_GPU, {"room": 2.5 * layer, "isForWeights": True}
    )
    client.take_over()
    client.wait_for(kind="complete")
    assert client.cuts() == [4, 3, 2, 4, 3, 2]
    assert server.asked_for_pieces() == ALL[:4]
    state = client.state()
    assert (state["lowest"], state["target"]) == (2, 2)
    assert "memory has no room" in state["reason"]
    client.assert_embeds_at(2)
    # A number asks for no more either: to try would cost what is on the GPU.
    asked = client.embed(TEXTS, split=0)
    assert "memory has no room for so many. The server ran all" in asked["note"]
    assert_same(asked, client.embed(TEXTS))
    assert client.cuts() == [4, 3, 2, 4, 3, 2]
    assert "note" not in client.embed(TEXTS, split=2)
    client.evaluate("() => sessionStorage.clear()")


def test_a_gpu_full_during_a_request_is_filled_with_fewer_layers_from_then_on(
    client: TakeoverPage, server: LiveServer
) -> None:
    layer = client.evaluate("async () => sc.info.bytes.f32.layer")
    long_text = "a longer text " * 12
    expected = client.embed(long_text)
    worker = client.page.workers[-1]
    worker.evaluate(LIMIT_GPU, {"room": 5 * layer, "isForWeights": False})
    client.take_over()
    client.wait_for(kind="complete", lowest=0)
    client.assert_embeds_at(0)
    # Its activations have no room beside four layers, but beside three.
    result = client.embed(long_text, split="auto", policy="browser")
    assert "The GPU's memory was full. The server ran all layers" in result["note"]
    assert_same(result, expected)
    client.wait_for(kind="complete", lowest=1)
    state = client.state()
    assert state["target"] == 1
    assert "memory has no room" in state["reason"]
    assert client.cuts() == [4, 3, 2, 1, 0, 4, 3, 2, 1]
    again = client.embed(long_text, split="auto", policy="browser")
    assert "note" not in again
    assert again["split"] == 1
    assert_same(again, expected)
    assert server.asked_for_pieces() == ALL

    # Also in the tab's next visit.
    client.page.reload()
    client.connect(**MODEL)
    client.take_over()
    client.wait_for(kind="complete", lowest=1)
    client.evaluate("() => sessionStorage.clear()")


def test_an_upload_that_fails_is_not_taken_for_a_full_gpu(
    client: TakeoverPage, server: LiveServer, gate: F.Gate
) -> None:
    server.faults = [F.none, F.none, F.none, gate]
    client.take_over()
    client.wait_for(lowest=2)
    client.page.workers[-1].evaluate(BREAK_UPLOAD)
    gate.open()
    client.wait_for(kind="waiting")
    assert "closed after an error" in client.evaluate("() => states.at(-1).reason")
    client.wait_for(kind="complete")
    client.assert_embeds_at(0)
    assert client.cuts() == [4, 3, 2, 4, 3, 2, 1, 0]
    assert server.asked_for_pieces() == ALL


def test_a_listener_that_throws_keeps_no_layer_away(client: TakeoverPage) -> None:
    client.evaluate(
        """() => {
            globalThis.heard = [];
            globalThis.onerror = (message) => heard.push(message);
            const onChange = () => { throw new Error("of the page"); };
            globalThis.takeover = sc.takeOver({onChange});
        }"""
    )
    is_complete = "() => takeover.state.kind === 'complete'"
    client.page.wait_for_function(is_complete, timeout=15_000)
    heard = client.evaluate("() => { globalThis.onerror = null; return heard; }")
    assert client.state()["lowest"] == 0
    assert {message.rpartition(": ")[2] for message in heard} == {"of the page"}


def test_clear_and_close_end_the_takeover(
    client: TakeoverPage, server: LiveServer
) -> None:
    for end in ("sc.clear()", "sc.close()"):
        client.connect(**MODEL)
        client.take_over(to=3)
        client.wait_for(kind="complete")
        client.evaluate(f"async () => {end}")
        assert client.state() == {**NOTHING, "kind": "ended", "lowest": 4, "target": 3}


def test_after_close_a_takeover_ends_at_once(client: TakeoverPage) -> None:
    client.evaluate("async () => sc.close()")
    client.take_over()
    client.wait_for(kind="ended")
    assert client.state()["reason"] == "The connection was closed."


def test_a_split_out_of_range_is_refused(client: TakeoverPage) -> None:
    message = client.rejection("async () => sc.takeOver({to: 5})")
    assert "RangeError: split 5: expected a whole number from 0 to 4" in message
