"""Times what JavaScript itself takes of a step of gpt2's layers, without any GPU.

    python benchmarks/javascript/run.py                 of static/
    python benchmarks/javascript/run.py --also OTHER    and of that folder, in turn

WebGPU is a stub that computes nothing, so that what is left is this library: from a
step's arguments to its submit, and from the mapped result on. Every visit is a Worker
of its own, whose code the browser has not run before, as a visitor's is. It meets one
length after another for the first time, then one again and again. Prints medians over
the visits, in milliseconds.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks import chromium

HERE = Path(__file__).resolve().parent
STATIC = HERE.parents[1] / "static"
# static/gpt2.js and what it imports.
MODULES = ("gpt2.js", "layers.js", "errors.js", "torch.js")


def main() -> None:
    arguments = parse_arguments()
    builds = [STATIC, *arguments.also]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_page(folder, builds)
        server = chromium.Server(folder)
        with chromium.opened(f"{server.url}/?{query(arguments, builds)}", arguments):
            results = json.loads(server.results.get())
    if "failure" in results:
        sys.exit(results["failure"])
    print_table(results, builds, arguments.lengths.split(","))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--also", type=Path, action="append", default=[])
    parser.add_argument("--layers", default="2,12")
    parser.add_argument("--lengths", default="8,16,15,128,127,31,33,100")
    parser.add_argument("--visits", type=int, default=15)
    chromium.add_arguments(parser)
    return parser.parse_args()


def write_page(folder: Path, builds: list[Path]) -> None:
    """The page, and a folder for each build."""
    for file in HERE.glob("*.*"):
        shutil.copy(file, folder)
    for i, build in enumerate(builds):
        (folder / str(i)).mkdir()
        for module in MODULES:
            shutil.copy(build / module, folder / str(i))


def query(arguments: argparse.Namespace, builds: list[Path]) -> str:
    return urlencode(
        {
            "builds": ",".join(str(i) for i in range(len(builds))),
            "layers": arguments.layers,
            "lengths": arguments.lengths,
            "visits": arguments.visits,
        }
    )


def print_table(
    results: list[dict[str, Any]], builds: list[Path], lengths: list[str]
) -> None:
    first = " ".join(f"{'T=' + length:>7}" for length in lengths)
    print(f"layers  {first}    T=16 again")
    for row in results:
        times = " ".join(f"{ms:7.2f}" for ms in row["unseen"])
        name = builds[int(row["build"])]
        print(f"{row['layers']:6}  {times}    {row['steady']:.3f}  {name}")


if __name__ == "__main__":
    main()
