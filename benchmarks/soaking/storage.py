"""A browser's storage that is full, or loses what it kept."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from client_page import ClientPage

from benchmarks.soaking.gpu import Embedding
from benchmarks.soaking.rig import Sample

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession

EVICT = """() => caches.delete("splitcompute")"""
# In the middle of a load: between the first piece kept and the last.
LOAD_AND_EVICT = """async () => {
    const loading = sc.load(0);
    await new Promise((go) => setTimeout(go, 30));
    await caches.delete("splitcompute");
    await loading;
}"""
KEPT = """async () => (await (await caches.open("splitcompute")).keys()).length"""
FAULTS = ("full", "evicted", "evicted while loading", "damaged")
DAMAGE = """async () => {
    const cache = await caches.open("splitcompute");
    for (const key of await cache.keys()) {
        const bytes = new Uint8Array(await (await cache.match(key)).arrayBuffer());
        bytes[bytes.length >> 1] ^= 1;
        await cache.put(key, new Response(bytes));
    }
}"""


@dataclass
class Storage:
    faults: int = 0
    kept_nothing: int = 0  # of the full ones: the browser really refused
    full: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.faults} faults, {self.full} of them a quota ({self.kept_nothing} "
            f"with nothing kept), {len(self.wrong)} wrong"
        )


def spoil_storage(
    client: ClientPage, sample: Sample, count: int, rng: random.Random, seconds: float
) -> Storage:
    """Each kind in turn, before a new connection loads all layers and is asked."""
    session = client.page.context.new_cdp_session(client.page)
    origin = client.page.evaluate("() => location.origin")
    found, end = Storage(), monotonic() + seconds
    embedding = Embedding(client, sample, found)
    for n in range(count):
        if monotonic() > end:
            break
        kind = FAULTS[n % len(FAULTS)]
        label = f"fault {n}, {kind}"
        _spoil(client, session, origin, kind)
        client.connect(model=sample.name, dtype="f32")
        load = LOAD_AND_EVICT if kind == "evicted while loading" else "() => sc.load(0)"
        try:
            client.evaluate(load)
        except Exception as error:
            found.wrong.append(f"{label}: {error}")
        indices = rng.sample(range(len(sample.texts)), 2)
        result = embedding.ask(n % sample.n_layer, indices, label)
        if "note" in result:
            found.wrong.append(f"{label}: {result['note']}")
        found.faults += 1
        if kind == "full":
            found.full += 1
            found.kept_nothing += client.evaluate(KEPT) == 0
            _set_quota(session, origin, None)
    return found


def _spoil(client: ClientPage, session: CDPSession, origin: str, kind: str) -> None:
    if kind == "damaged":
        client.evaluate(DAMAGE)
    else:
        client.evaluate(EVICT)
    if kind == "full":
        _set_quota(session, origin, 1)


def _set_quota(session: CDPSession, origin: str, quota: int | None) -> None:
    arguments: dict[str, Any] = {"origin": origin}
    if quota is not None:
        arguments["quotaSize"] = quota
    session.send("Storage.overrideQuotaForOrigin", arguments)
