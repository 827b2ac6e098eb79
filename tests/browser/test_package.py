"""webgpu-torch as npm packs it: typed, whole, and running without the repository."""

import json
import math
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from web_pages import ROOT, StaticFiles, open_webgpu_page

LIBRARY = ROOT / "webgpu-torch"

CONSUMER = """
import * as torch from "webgpu-torch";
import * as small from "webgpu-torch/torch.min.js";

await torch.init();
const x: torch.Tensor = torch.tensor([[1, 2], [3, 4.5]]);
const y: torch.Tensor = torch.nn.functional.linear(x, x).add(1, { alpha: 2 }).t();
const shape: readonly number[] = y.shape;
const { rows, clock }: torch.Profile = await torch.profile(() => y.numpy());
const names: string[] = rows.map((row) => row.name);
const add: typeof torch.add = small.add;
const index = torch.zeros({ size: [1, 2], dtype: "int32" });
const gathered: torch.Tensor[] = [
  torch.gather(x, { dim: 0, index }),
  x.gather(0, { index }),
];
const { values, indices } = x.max({ dim: 1 });
const places: torch.Tensor[] = await x.nonzero({ as_tuple: true });
const picked: torch.Tensor = x.T.index([places[0] ?? 0, [0, 1], "...", null]);
const layer = new torch.nn.Linear({ in_features: 2, out_features: 3, bias: false });
// @ts-expect-error: a dtype is a string
torch.zeros([2], { dtype: 32 });
// @ts-expect-error: there is no such method
y.addd(1);
// @ts-expect-error: dim is a number
y.sum("a");
// @ts-expect-error: there is no index
torch.gather(x, { dim: 0 });
// @ts-expect-error: an index is a tensor
x.gather({ dim: 0, index: 1 });
// @ts-expect-error: there is no such keyword
torch.gather(x, { dim: 0, index, axis: 1 });
export { add, clock, gathered, indices, layer, names, picked, shape, values };
"""


@pytest.fixture(scope="module")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has the package among its node_modules."""
    folder = tmp_path_factory.mktemp("consumer")
    pack = ["npm", "pack", "--silent", "--pack-destination", str(folder)]
    subprocess.run(pack, cwd=LIBRARY, check=True, capture_output=True)
    [archive] = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "node_modules", filter="data")
    (folder / "node_modules/package").rename(package_of(folder))
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    (folder / "use.ts").write_text(CONSUMER)
    return folder


def package_of(consumer: Path) -> Path:
    return consumer / "node_modules/webgpu-torch"


def test_it_holds_what_it_says_and_no_sources(consumer: Path) -> None:
    package = package_of(consumer)
    about = json.loads((package / "package.json").read_text())
    for entry in about["exports"].values():
        for file in [entry] if isinstance(entry, str) else entry.values():
            assert (package / file).is_file(), file
    top = {path.name for path in package.iterdir()}
    assert top == {"LICENSE", "README.md", "dist", "example", "package.json"}


# Only TypeScript 6 and later know WebGPU's names, among those of the browser.
@pytest.mark.parametrize("library", ["es2022,dom", "es2022"])
@pytest.mark.parametrize(
    ("module", "resolution"), [("nodenext", "nodenext"), ("esnext", "bundler")]
)
def test_its_types_are_right(
    consumer: Path, module: str, resolution: str, library: str
) -> None:
    options = ["--noEmit", "--strict", "--target", "es2022"]
    options += ["--module", module, "--moduleResolution", resolution]
    options += ["--lib", library]
    tsc = LIBRARY / "node_modules/.bin/tsc"
    check = subprocess.run(
        [str(tsc), *options, "use.ts"], cwd=consumer, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout


@pytest.fixture(scope="module")
def page(consumer: Path, browser: Browser) -> Iterator[Page]:
    handler = partial(StaticFiles, directory=str(package_of(consumer)))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    page = open_webgpu_page(browser, f"{url}/example/index.html")
    yield page
    page.close()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("file", ["torch.js", "torch.min.js"])
def test_each_build_is_one_file_that_runs(page: Page, file: str) -> None:
    values = page.evaluate(
        """async (url) => {
            const torch = await import(url);
            await torch.init();
            return torch.tensor([[1, 2], [3, 4.5]]).log().exp().tolist();
        }""",
        f"/dist/{file}",
    )
    assert values == [pytest.approx([1, 2]), pytest.approx([3, 4.5])]
    requests = page.evaluate(
        """() => performance.getEntriesByType("resource").map(({name}) => name)"""
    )
    assert not [name for name in requests if "/src/" in name]


def test_the_example_shows_tensors_a_model_and_a_profile(page: Page) -> None:
    page.wait_for_function("document.getElementById('clock').textContent !== ''")
    assert page.inner_text("#device").startswith("On ")
    shown = json.loads(page.inner_text("#tensors").splitlines()[-1])
    scores = [[1.4, 3.35], [3.35, 8.325]]  # x @ x.T / 10
    for row, (a, b) in zip(shown, scores, strict=True):
        total = math.exp(a) + math.exp(b)
        assert row == pytest.approx(
            [math.exp(a) / total, math.exp(b) / total], rel=1e-4
        )
    error = float(page.inner_text("#error").removesuffix(".").split()[-1])
    assert 0 < error < 1e-2
    calls = page.locator("#profile tr td:nth-child(2)").all_inner_texts()
    assert sum(map(int, calls)) == 3 * 20
