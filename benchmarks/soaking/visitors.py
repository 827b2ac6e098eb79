"""A visitor of the mix: a browser of its own, whose GPU, storage and network fail."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from client_page import CONNECT
from headless import CHROMIUM_FLAGS, system_chromium
from playwright.async_api import Browser, Error, Page, async_playwright

from benchmarks.soaking import gpu
from benchmarks.soaking import proxy as P

if TYPE_CHECKING:
    from benchmarks.soaking.mixed import Mix

FAULT_SHARE = 0.08
# Many at a time, since each call of a page from here takes some ms.
MOST_AT_A_TIME = 12
DOWNLOAD_FAULTS = (
    lambda part: P.cut(part, "reset"),
    P.short,
    P.flipped,
    lambda part: P.header("ETag", '"another"'),
    lambda part: P.header("Content-Range", "bytes 0-9/10"),
    lambda part: P.status(416),
    lambda part: P.status(503),
    lambda part: P.encoded,
    lambda part: P.whole,
)
ASK = """async (requests) => {
    const results = [];
    for (const {texts, split} of requests) {
        const {embeddings, note} = await sc.embed(texts, {split});
        results.push({rows: embeddings.map((row) => [...row]), note: note ?? null});
    }
    return results;
}"""
HANG_UP = """async ({texts, split, ms}) => {
    const abort = new AbortController();
    const asked = sc.embed(texts, {split, signal: abort.signal}).catch(() => {});
    setTimeout(() => abort.abort(), ms);
    await asked;
}"""
EVICT = """() => caches.delete("splitcompute")"""


@asynccontextmanager
async def visiting(mix: Mix, rng: random.Random) -> AsyncIterator[Visitor]:
    """Connected through a network of its own."""
    proxy = P.Proxy(mix.server.port, restart=lambda: None)
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=system_chromium(),
                args=[*CHROMIUM_FLAGS, *gpu.NO_LIMIT],
            )
            page = await browser.new_page()
            await page.goto(f"{proxy.url}/health")
            visitor = Visitor(mix, browser, page, proxy, rng)
            await visitor.connect()
            yield visitor
            await browser.close()
    finally:
        proxy.stop()


class Visitor:
    def __init__(
        self, mix: Mix, browser: Browser, page: Page, proxy: P.Proxy, rng: random.Random
    ) -> None:
        self.mix, self.browser, self.page = mix, browser, page
        self.proxy, self.rng = proxy, rng
        self._faults = {
            "device.destroy()": self._destroy,
            "GPU process killed": self._kill,
            "Worker ended": self._end_worker,
            "broken downloads": self._break_downloads,
            "eviction": self._evict,
            "visitor's hang-up": self._hang_up,
            "network away": self._go_offline,
        }

    async def ask(self, count: int) -> None:
        while count > 0 and not self.mix.is_over:
            # As many in a row as come between two faults.
            some = min(
                count, MOST_AT_A_TIME, 1 + int(self.rng.expovariate(FAULT_SHARE))
            )
            await self._ask(some)
            count -= some
            fault = self.rng.choice(list(self._faults))
            self.mix.found.faults[fault] += 1
            try:
                await self._faults[fault]()
            except Error as error:
                self.mix.found.wrong.append(f"visitor, {fault}: {error}")

    async def connect(self) -> None:
        """A new connection has nothing on the GPU; what is kept stays."""
        await self.page.evaluate("() => globalThis.sc?.close()")
        options = {"model": self.mix.sample.name, "dtype": "f32"}
        asked = {"module": "/static/splitcompute.js", "options": options}
        while True:
            begun = monotonic()
            try:
                await self.page.evaluate(CONNECT, asked)
                # None where the server was away before its script had come.
                if self.page.workers:
                    break
            except Error:
                if not self.mix.was_away(begun):
                    raise
            await asyncio.sleep(0.2)
        await self.page.workers[-1].evaluate(gpu.REMEMBER)

    async def _ask(self, count: int) -> None:
        drawn = [self._request() for _ in range(count)]
        requests = [request for _, request in drawn]
        try:
            results = await self.page.evaluate(ASK, requests)
        except Exception as error:
            self.mix.found.wrong.append(f"visitor: {error}")
            return
        for (indices, _), result in zip(drawn, results, strict=True):
            self.mix.found.by_server += result["note"] is not None
            self.mix.compare("browsers", indices, result["rows"])

    def _request(self) -> tuple[list[int], dict[str, Any]]:
        indices = self.rng.choices(self.mix.sound, k=self.rng.randint(1, 3))
        n_layer = self.mix.sample.n_layer
        split = self.rng.choice(["auto", *range(n_layer + 1)])
        texts = [self.mix.sample.texts[index] for index in indices]
        return indices, {"texts": texts, "split": split}

    async def _destroy(self) -> None:
        """At the next request that the GPU runs."""
        await self._in_worker(gpu.DESTROY, self.rng.choice(gpu.MOMENTS))

    async def _kill(self) -> None:
        session = await self.browser.new_browser_cdp_session()
        info = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
        for process in info:
            if process["type"] == "GPU":
                os.kill(process["id"], signal.SIGKILL)
        await session.detach()

    async def _end_worker(self) -> None:
        await self._in_worker("() => self.close()")

    async def _in_worker(self, script: str, argument: str | None = None) -> None:
        """One that ended, and was not needed since, may be listed for a while yet."""
        if self.page.workers:
            try:
                await self.page.workers[-1].evaluate(script, argument)
            except Error:
                pass
            else:
                return
        await self.connect()
        await self.page.workers[-1].evaluate(script, argument)

    async def _break_downloads(self) -> None:
        await self.page.evaluate(EVICT)
        faults = self.rng.choices(DOWNLOAD_FAULTS, k=3)
        self.proxy.faults.extend(fault(self.rng.random()) for fault in faults)
        await self.connect()

    async def _evict(self) -> None:
        await self.page.evaluate(EVICT)
        await self.connect()

    async def _hang_up(self) -> None:
        _, request = self._request()
        await self.page.evaluate(HANG_UP, {**request, "ms": self.rng.uniform(0, 40)})

    async def _go_offline(self) -> None:
        """For some of the next requests' time."""
        await self.page.context.set_offline(True)
        later = f"() => setTimeout(() => 0, {self.rng.uniform(0, 300)})"
        await self.page.evaluate(later)
        await self.page.context.set_offline(False)
