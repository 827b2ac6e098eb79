"""Times a piece of weights from loopback to ready on the GPU, beside a bare fetch().

    python benchmarks/loading.py          one gpt2-xl layer in f16, 61 MB

The layer has random weights, and comes from the real server through the page's own
modules: download, SHA-256, the browser's cache, upload. The two take turns. Prints
medians in milliseconds, and when each phase of the loading began.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import before_torch  # noqa: F401 - it must come before torch

from benchmarks import chromium
from http_server import HttpServer, bind
from options import Options
from server import create_app

# Both leave the bytes in memory; only the piece is checked, kept and uploaded.
PAGE = """async ({ model, dtype, rounds }) => {
    const [torch, api, { LayerCache }, { PieceSource }, { forgetModel }] =
        await Promise.all(["torch", "api", "layer_cache", "piece_source", "piece_store"]
            .map((name) => import(`/static/${name}.js`)));
    await torch.init();
    const server = { url: location.origin };
    const manifest = await api.fetchManifest(server, model, dtype);
    const url = api.pieceUrl(server, { ...manifest, dtype }, "layer.0");

    async function bare() {
        const start = performance.now();
        const response = await fetch(url, { cache: "no-store" });
        const { byteLength } = await response.arrayBuffer();
        return { ready: performance.now() - start, bytes: byteLength };
    }
    async function load() {
        await forgetModel(server, model);
        const phases = {};
        const start = performance.now();
        const layers = new LayerCache(manifest, dtype, {
            source: new PieceSource(server),
            takeTurn: (task) => task(),
            onProgress: ({ phase }) => {
                phases[phase] ??= performance.now() - start;
            },
            onChange: () => {},
        });
        await layers.load(["layer.0"]);
        layers.dispose();
        return phases;
    }

    const found = { bare: [], load: [] };
    for (let round = -1; round < rounds; round++) {
        const one = { bare: await bare(), load: await load() };
        if (round >= 0) for (const name in found) found[name].push(one[name]);
    }
    return found;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--width", type=int, default=1600, help="n_embd of the layer")
    parser.add_argument("--dtype", default="f16")
    parser.add_argument("--rounds", type=int, default=9)
    chromium.add_arguments(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_checkpoint(Path(temporary) / "layer", arguments.width)
        options = Options(model=(str(folder),), port=0, cache_dir=Path(temporary))
        with (
            serving(options) as url,
            chromium.opened(f"{url}/health", arguments) as page,
        ):
            wanted = {"model": folder.name, "dtype": arguments.dtype}
            found = page.evaluate(PAGE, {**wanted, "rounds": arguments.rounds})
    print_medians(found)


def write_checkpoint(folder: Path, width: int) -> Path:
    from transformers import GPT2Config, GPT2Model

    config = GPT2Config(
        vocab_size=1,
        bos_token_id=0,
        eos_token_id=0,
        n_embd=width,
        n_head=width // 64,
        n_layer=1,
    )
    GPT2Model(config).save_pretrained(folder)
    words = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    tokenizer = json.dumps({"version": "1.0", "model": words})
    (folder / "tokenizer.json").write_text(tokenizer)
    return folder


@contextmanager
def serving(options: Options) -> Iterator[str]:
    socket = bind("127.0.0.1", options.port)
    server = HttpServer(create_app(options), socket, threads=4, max_body=10**8)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://localhost:{server.port}"
    finally:
        server.stop()
        thread.join()


def print_medians(found: dict[str, list[dict[str, Any]]]) -> None:
    def median(name: str, key: str) -> float:
        return statistics.median(one[key] for one in found[name])

    bare, ready = median("bare", "ready"), median("load", "ready")
    print(f"{found['bare'][0]['bytes'] / 1e6:.1f} MB; median of {len(found['bare'])}")
    print(f"bare fetch to an ArrayBuffer: {bare:.0f} ms")
    print(f"ready on the GPU: {ready:.0f} ms, {ready / bare:.2f} of that")
    for phase in ("download", "verify", "upload"):
        print(f"  {phase} from {median('load', phase):.0f} ms on")


if __name__ == "__main__":
    main()
