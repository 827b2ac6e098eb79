"""A scripted client of the mix: plain HTTP, sometimes slow, sometimes gone."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from time import monotonic
from typing import TYPE_CHECKING

import torch

from benchmarks.soaking.sockets import BYTES, Broken, Reply, hang_up, post

if TYPE_CHECKING:
    from benchmarks.soaking.mixed import Mix

FAULT_SHARE = 0.1
FAULTS = ("hang-up", "slow client", "layer failure")
SLOW_SECONDS = 0.02  # between chunks
PATIENCE_SECONDS = 60


class Script:
    def __init__(self, mix: Mix, rng: random.Random) -> None:
        self.mix, self.rng = mix, rng
        self._kinds = (self._embed, self._embed_many, self._openai, self._split)

    async def ask(self, count: int) -> None:
        for _ in range(count):
            if self.mix.is_over:
                return
            fault = ""
            if self.rng.random() < FAULT_SHARE:
                fault = self.rng.choice(FAULTS)
                self.mix.found.faults[fault] += 1
            try:
                await self._ask_with(fault)
            except Broken as error:
                self.mix.found.wrong.append(f"script, {fault}: {error}")

    async def _ask_with(self, fault: str) -> None:
        if fault == "layer failure":
            return await self._fail()
        if fault == "hang-up":  # and a request that is answered after it
            path = self.rng.choice(("/embed", "/split"))
            body = {"inputs": self._texts(self._draw(16)), "split": 2}
            await hang_up(self.mix.server.port, path, body, self.rng)
        await self.rng.choice(self._kinds)(SLOW_SECONDS * (fault == "slow client"))

    async def _embed(self, pause: float) -> None:
        [index] = self._draw(1)
        reply = await self._post("/embed", {"inputs": self._texts([index])[0]}, pause)
        self._compare("/embed", [index], reply)

    async def _embed_many(self, pause: float) -> None:
        indices = self._draw(self.rng.randint(2, 16))
        reply = await self._post("/embed", {"inputs": self._texts(indices)}, pause)
        self._compare("/embed of many", indices, reply)

    async def _openai(self, pause: float) -> None:
        indices = self._draw(self.rng.randint(1, 4))
        encoding = self.rng.choice(("float", "base64"))
        body = {"input": self._texts(indices), "encoding_format": encoding}
        reply = await self._post("/v1/embeddings", body, pause)
        if not self._is_ok("/v1/embeddings", reply):
            return
        found = [entry["embedding"] for entry in json.loads(reply.body)["data"]]
        rows = [_from_base64(row) if encoding == "base64" else row for row in found]
        self.mix.compare("/v1/embeddings", indices, rows)

    async def _split(self, pause: float) -> None:
        """And /resume with what came."""
        indices = self._draw(self.rng.randint(1, 16))
        split = self.rng.randint(0, self.mix.sample.n_layer)
        body = {"inputs": self._texts(indices), "split": split}
        half = await self._post("/split", body, pause)
        if not self._is_ok("/split", half):
            return
        reply = await self._post("/resume", half.body, pause, BYTES)
        self._compare("/split and /resume", indices, reply)

    async def _fail(self) -> None:
        """A text that fails in a layer is refused, whoever asks beside it."""
        index = self.rng.choice(self.mix.broken)
        reply = await self._post("/embed", {"inputs": self._texts([index])}, 0)
        if reply.status != 424:
            self.mix.found.wrong.append(f"layer failure: {reply}")
        self.mix.found.answered["refused for a layer's failure"] += 1

    async def _post(
        self, path: str, body: object, pause: float, kind: str = "application/json"
    ) -> Reply:
        """Asks again what was refused for overload, or met the server's restart."""
        mix, end = self.mix, monotonic() + PATIENCE_SECONDS
        while True:
            begun = monotonic()
            try:
                reply = await post(mix.server.port, path, body, pause, kind)
                if reply.status != 429:
                    return reply
                mix.found.overloaded += 1
                await asyncio.sleep(float(reply.headers["retry-after"]))
            except Broken:
                if not mix.was_away(begun) or monotonic() > end:
                    raise
                await asyncio.sleep(0.05)

    def _compare(self, label: str, indices: list[int], reply: Reply) -> None:
        if self._is_ok(label, reply):
            self.mix.compare(label, indices, json.loads(reply.body))

    def _is_ok(self, label: str, reply: Reply) -> bool:
        if reply.status == 200:
            return True
        self.mix.found.wrong.append(f"{label}: {reply}")
        return False

    def _draw(self, count: int) -> list[int]:
        return self.rng.choices(self.mix.sound, k=count)

    def _texts(self, indices: list[int]) -> list[str]:
        return [self.mix.sample.texts[index] for index in indices]


def _from_base64(text: str) -> list[float]:
    data = bytearray(base64.b64decode(text))
    return list(torch.frombuffer(data, dtype=torch.float32).tolist())
