"""Times the kernels of webgpu-torch in a browser, each by itself.

    python benchmarks/kernels/run.py          as the library runs them
    python benchmarks/kernels/run.py --tiles  every tile in turn, to choose defaults by
    python benchmarks/kernels/run.py --serve  an address to open in another browser

Times are medians of dispatches that wait for one another, as a model's do, from
timestamp queries where the browser has them. Weights take turns, so that they come
from memory and not from a cache.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks import chromium

HERE = Path(__file__).resolve().parent
ESBUILD = HERE.parents[1] / "webgpu-torch/node_modules/.bin/esbuild"


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        if arguments.build:
            shutil.copytree(folder, arguments.build, dirs_exist_ok=True)
            return
        url = f"{chromium.Server(Path(folder)).url}/?{query(arguments)}"
        if arguments.serve:
            print(f"open {url} (Ctrl-C ends)")
            while True:
                time.sleep(1)
        results = measure(url, arguments)
    print_table(results)
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="gpt2,gpt2-xl")
    parser.add_argument("--tokens", default="1,16,128,512")
    parser.add_argument("--dtypes", default="f32,f16,q8,q4")
    parser.add_argument("--tiles", action="store_true", help="try every tile")
    parser.add_argument("--seconds", type=int, help="start no kernel after so long")
    parser.add_argument("--out", type=Path, help="write the numbers here as JSON")
    parser.add_argument("--serve", action="store_true", help="only serve the page")
    parser.add_argument("--build", type=Path, help="only build the page, to a folder")
    chromium.add_arguments(parser)
    return parser.parse_args()


def build(folder: Path) -> None:
    if not ESBUILD.exists():
        sys.exit(f"{ESBUILD} is missing: run `npm ci` in webgpu-torch")
    shutil.copy(HERE / "index.html", folder)
    outfile = f"--outfile={folder / 'bench.js'}"
    options = ["--bundle", "--format=esm", "--log-level=warning", outfile]
    subprocess.run([str(ESBUILD), str(HERE / "bench.ts"), *options], check=True)


def query(arguments: argparse.Namespace) -> str:
    names = ["models", "tokens", "dtypes"]
    values = {name: getattr(arguments, name) for name in names}
    if arguments.tiles:
        values["tiles"] = ""
    if arguments.seconds is not None:
        values["seconds"] = arguments.seconds
    return urlencode(values)


def measure(url: str, arguments: argparse.Namespace) -> dict[str, Any]:
    with chromium.opened(url, arguments) as page:
        page.wait_for_function("globalThis.finished", timeout=0)
        failure = page.evaluate("globalThis.failure")
        results = page.evaluate("globalThis.results")
    if failure:
        sys.exit(failure)
    return dict(results)


def print_table(results: dict[str, Any]) -> None:
    print(results["info"])
    print(f"{'work':44} {'variant':32} {'µs':>9} {'GFLOP/s':>9} {'GB/s':>7}")
    for row in results["rows"]:
        print(
            f"{row['work']:44} {row['variant']:32} {row['microseconds']:9.1f}"
            f" {row['gflops']:9.1f} {row['gigabytes']:7.1f}"
        )


if __name__ == "__main__":
    main()
