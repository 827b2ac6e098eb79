"""One request of a client's page, stopped between /split and its end."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from client_page import ClientPage

BEGIN = """({texts, options}) => {
    globalThis.pending = sc.embed(texts, options).then((result) =>
        ({...result, embeddings: result.embeddings.map((row) => [...row])}));
    pending.catch(() => {});
}"""
# The GPU has computed and the Worker reads the result: there it waits to be told.
HOLD = """() => {
    const original = GPUBuffer.prototype.mapAsync;
    globalThis.held = new Promise((isHeld) => {
        GPUBuffer.prototype.mapAsync = async function (...args) {
            GPUBuffer.prototype.mapAsync = original;
            isHeld();
            const fails = await new Promise((go) => (globalThis.go = go));
            if (fails) throw new Error("a driver's whim");
            return original.apply(this, args);
        };
    });
}"""


class HeldRequest:
    """Held from the block's beginning to its end; then `result` is there.

    fails: whether the browser's layers fail then, so that the server must finish.
    """

    def __init__(
        self, client: ClientPage, texts: list[str], split: int, fails: bool
    ) -> None:
        self.client = client
        self.asked = {"texts": texts, "options": {"split": split}}
        self.fails = fails
        self.result: dict[str, Any] = {}

    def __enter__(self) -> HeldRequest:
        page = self.client.page
        self._worker = page.workers[-1]
        self._worker.evaluate(HOLD)
        page.evaluate(BEGIN, self.asked)
        self._worker.evaluate("() => held")
        return self

    def go(self) -> None:
        """Let go before the block's end."""
        self._worker.evaluate("(fails) => go(fails)", self.fails)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.go()
            self.result = dict(self.client.page.evaluate("() => pending"))
