"""The browser client in a page, driven from Python."""

from typing import Any

import torch
from playwright.sync_api import Page
from torch import Tensor

CONNECT = """async ({module, options}) => {
    const {connect} = await import(module);
    globalThis.progress = [];
    const onProgress = (report) => progress.push(report);
    globalThis.sc = await connect({...options, onProgress});
    return {models: sc.models, info: sc.info, device: sc.device};
}"""
EMBED = """async ({texts, options}) => {
    const result = await sc.embed(texts, options);
    return {...result, embeddings: result.embeddings.map((row) => [...row])};
}"""


class ClientPage:
    """One connection in one page; a second connect() ends the first."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def connect(
        self, module: str = "/static/splitcompute.js", **options: Any
    ) -> dict[str, Any]:
        self.page.evaluate("() => globalThis.sc?.close()")
        argument = {"module": module, "options": options}
        return dict(self.page.evaluate(CONNECT, argument))

    def embed(self, texts: str | list[str], **options: Any) -> dict[str, Any]:
        argument = {"texts": texts, "options": options}
        return dict(self.page.evaluate(EMBED, argument))

    def rows(self, texts: list[str], **options: Any) -> Tensor:
        """(texts, n_embd), and sure to be what was asked for: no note came."""
        result = self.embed(texts, **options)
        assert "note" not in result, result["note"]
        return torch.tensor(result["embeddings"])

    def progress(self) -> list[dict[str, Any]]:
        """What onProgress heard since it was last asked."""
        return list(self.page.evaluate("() => progress.splice(0)"))

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """script: an async function, in which `sc` is the connection."""
        return self.page.evaluate(script, argument)

    def rejection(self, script: str, argument: Any = None) -> str:
        """The message of the error that the script ends in."""
        caught = f"(argument) => ({script})(argument).then(() => '', String)"
        message = self.page.evaluate(caught, argument)
        assert message, "no error came"
        return str(message)
