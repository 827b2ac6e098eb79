"""A browser's share of a model in the page itself, where its memory can be counted."""

from typing import Any

from playwright.sync_api import Page

OPEN = """async ({model, caps}) => {
    const torch = await import("/static/torch.js");
    await torch.init({device: "webgpu", ...(caps && {caps})});
    const {BrowserModel} = await import("/static/browser_model.js");
    const {fetchModels, postSplit} = await import("/static/api.js");
    const {findModel} = await import("/static/model_info.js");
    const server = {url: location.origin};
    const {piecesFrom} = await import("/static/pieces.js");
    const {revision, n_layer} = findModel(await fetchModels(server), model);
    const listeners = {onProgress: () => {}, onHeld: () => {}};
    const share = new BrowserModel({server, model, dtype: "f32"}, listeners);
    const run = async (inputs, split, change = (body) => body) => {
        const asked = {model, inputs, split, dtype: "f32"};
        const {body} = await postSplit(server, asked);
        await share.load({revision, pieces: piecesFrom(split, n_layer)});
        const run = {start: split, stop: n_layer, embeds: false};
        return share.run({revision, run, body: change(body)});
    };
    Object.assign(globalThis, {torch, share, revision, piecesFrom, n_layer, run});
}"""


class ModelPage:
    """caps: what the adapter is taken for, in place of what it says."""

    def __init__(
        self, page: Page, model: str, caps: dict[str, bool] | None = None
    ) -> None:
        self.page = page
        page.evaluate(OPEN, {"model": model, "caps": caps})

    def rows(self, texts: list[str], split: int) -> list[float]:
        """Of all texts, one after another."""
        script = "async ([texts, split]) => [...(await run(texts, split)).rows]"
        return list(self.page.evaluate(script, [texts, split]))

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """`share` is the BrowserModel, run(texts, split, change) a request."""
        return self.page.evaluate(script, argument)
