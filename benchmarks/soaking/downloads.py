"""Layer downloads that break in ten ways, and must end in the same bytes."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from benchmarks.soaking import proxy as P
from benchmarks.soaking.rig import Sample, ServerProcess

if TYPE_CHECKING:
    from playwright.sync_api import Page

# A stall is noticed after one second in place of 20; other timers are as they are.
HURRY = """() => {
    const original = globalThis.setTimeout;
    globalThis.setTimeout = (task, ms, ...rest) =>
        original(task, ms >= 20_000 ? ms / 20 : ms, ...rest);
}"""
LOAD = """async ({url, file}) => {
    const {PieceSource} = await import("/static/piece_source.js");
    for (const name of await caches.keys()) await (await caches.open(name)).delete(url);
    const source = new PieceSource({url: location.origin});
    const use = {take: async (bytes) => bytes, giveUp() {}};
    const signal = AbortSignal.timeout(120_000);
    // As a takeover does: what gave up is begun again, from the bytes that are here.
    let [bytes, begunAgain] = [undefined, 0];
    while (!bytes) {
        bytes = await source.load(url, file, use, () => {}, signal).catch((error) => {
            if (signal.aborted) throw error;
            begunAgain++;
            return new Promise((go) => setTimeout(go, 500));
        });
    }
    await source.settled();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0"));
    return [hex.join(""), begunAgain];
}"""

# What goes wrong in turn, answer by answer, after part of the file; a second part says
# where in the rest.
KINDS: dict[str, Callable[[float, float], list[P.Fault]]] = {
    "reset": lambda a, b: [P.cut(a, "reset"), P.cut(b, "reset")],
    "stall": lambda a, b: [P.cut(a, "stall")],
    "short body": lambda a, b: [P.short(a), P.short(b)],
    "200 for 206": lambda a, b: [P.cut(a, "reset"), P.whole],
    "416": lambda a, b: [P.cut(a, "reset"), P.status(416)],
    "changed ETag": lambda a, b: [P.cut(a, "reset"), P.header("ETag", '"another"')],
    "flipped byte": lambda a, b: [P.flipped(a)],
    "wrong Content-Range": lambda a, b: [
        P.cut(a, "reset"),
        P.header("Content-Range", "bytes 0-9/10"),
    ],
    "restart in mid-file": lambda a, b: [P.cut(a, "restart")],
    "encoding": lambda a, b: [P.encoded],
}


@dataclass
class Downloads:
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    traffic: Counter[str] = field(default_factory=Counter)  # times the files' size
    begun_again: int = 0  # after all the tries of one download

    @property
    def ratio(self) -> float:
        """Bytes of layer files that the proxy sent, to those that the files have."""
        return sum(self.traffic.values()) / max(sum(self.done.values()), 1)

    def __str__(self) -> str:
        kinds = ", ".join(
            f"{kind} {self.traffic[kind] / count:.2f}"
            for kind, count in self.done.items()
        )
        return (
            f"{sum(self.done.values())} broken downloads, {len(self.wrong)} wrong, "
            f"{self.begun_again} begun again later, "
            f"{self.ratio:.3f} times the traffic ({kinds})"
        )


def break_downloads(
    page: Page,
    sample: Sample,
    server: ServerProcess,
    count: int,
    rng: random.Random,
    seconds: float,
) -> Downloads:
    """One layer's file again and again, each kind in turn."""
    url, content, file = _layer_file(server, sample)
    digest = hashlib.sha256(content).hexdigest()
    proxy = P.Proxy(server.port, server.restart)
    found, end = Downloads(), monotonic() + seconds
    try:
        page.goto(f"{proxy.url}/health")
        page.evaluate(HURRY)
        for kind in [list(KINDS)[n % len(KINDS)] for n in range(count)]:
            if monotonic() > end:
                found.wrong.append("out of time")
                break
            faults = KINDS[kind](rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9))
            proxy.faults.extend(faults)
            proxy.sent = 0
            came, again = "", 0
            try:
                came, again = page.evaluate(
                    LOAD, {"url": proxy.url + url, "file": file}
                )
            except Exception as error:
                came = str(error)
            if came != digest or proxy.faults:
                found.wrong.append(f"{kind}: {came}, {len(proxy.faults)} unused")
                proxy.faults.clear()
            found.begun_again += again
            found.done[kind] += 1
            found.traffic[kind] += proxy.sent / len(content)
    finally:
        page.goto("about:blank")
        proxy.stop()
    return found


def _layer_file(
    server: ServerProcess, sample: Sample
) -> tuple[str, bytes, dict[str, Any]]:
    """The last layer's path, its bytes straight from the server, its manifest entry."""
    manifest = json.loads(_get(server, f"/models/{sample.name}/manifest.json"))
    piece = f"layer.{sample.n_layer - 1}"
    path = f"/models/{sample.name}/{manifest['revision']}/f32/{piece}.safetensors"
    return path, _get(server, path), manifest["pieces"][piece]["f32"]


def _get(server: ServerProcess, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", path)
    content = connection.getresponse().read()
    connection.close()
    return content
