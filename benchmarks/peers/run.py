"""Times GPT-2 layers in a browser: this library and its peers, in turn, in one run.

    python benchmarks/peers/run.py --tokens 16 --rounds 1  on the software adapter
    python benchmarks/peers/run.py --gpu                   on this machine's GPU
    python benchmarks/peers/run.py --serve                 for another browser

A step takes a hidden state (T, d) up, through the layers and the final norm, and one
row, the mean over tokens, back; with --whole the whole hidden state comes back. Weights
and input are random, from a seed, and every result is compared with Hugging Face's
GPT2Model in float64. The peers come from npm, once.

For a machine without npm, in two steps; the second needs torch and transformers:

    python benchmarks/peers/run.py --prepare FOLDER       the page and what it loads
    python benchmarks/peers/run.py --models FOLDER        there: the models
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks import chromium
from benchmarks.peers.folder import HERE, PAGE, prepare
from benchmarks.peers.layouts import CONFIGS
from benchmarks.peers.tables import print_tables


def main() -> None:
    arguments = parse_arguments()
    if arguments.table:
        print_tables(json.loads(arguments.table.read_text()))
    elif arguments.prepare:
        prepare(arguments.prepare)
    elif arguments.models:
        make_models(arguments.models / "models", arguments)
    else:
        measure(arguments)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configs", default="gpt2,gpt2-xl", help=", ".join(CONFIGS))
    parser.add_argument("--tokens", default="1,16,128,512")
    parser.add_argument("--peers", help='parts of names, as in "ours,onnxruntime q8"')
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=10, help="a length and round")
    parser.add_argument("--whole", action="store_true", help="no pooling")
    parser.add_argument("--seconds", type=int, default=120, help="longest step taken")
    parser.add_argument("--out", type=Path, help="write the numbers here as JSON")
    parser.add_argument("--serve", action="store_true", help="open no browser")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--prepare", type=Path, help="write page and peers, and end")
    only.add_argument("--models", type=Path, help="write models, and end")
    only.add_argument("--table", type=Path, help="print the table of an --out file")
    chromium.add_arguments(parser)
    return parser.parse_args()


def make_models(folder: Path, arguments: argparse.Namespace) -> None:
    from benchmarks.peers.models import is_made, make_model

    tokens = [int(T) for T in arguments.tokens.split(",")]
    for name in arguments.configs.split(","):
        if name not in CONFIGS:
            sys.exit(f"--configs: {name}, expected some of {', '.join(CONFIGS)}")
        if not is_made(CONFIGS[name], tokens, folder / name):
            print(f"making {folder / name}", file=sys.stderr)
            make_model(CONFIGS[name], tokens, folder / name)


def measure(arguments: argparse.Namespace) -> None:
    # Models are large and stay the same: they are made once.
    models = HERE / "build/models"
    make_models(models, arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder)
        link_models(models, folder / "models")
        server = chromium.Server(folder)
        url = f"{server.url}/{PAGE}?{query(arguments)}"
        if arguments.serve:
            print(f"open {url} (Ctrl-C ends)")
            results = json.loads(server.results.get())
        else:
            with chromium.opened(url, arguments):
                results = json.loads(server.results.get())
    if "failure" in results:
        sys.exit(results["failure"])
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1))
    print_tables(results)


def link_models(models: Path, folder: Path) -> None:
    """What is served: the graphs are in the folder, and the weights beside them."""
    for file in models.glob("*/*"):
        (folder / file.parent.name / file.name).symlink_to(file.resolve())


def query(arguments: argparse.Namespace) -> str:
    names = ["configs", "tokens", "peers", "rounds", "runs", "seconds"]
    values = {name: getattr(arguments, name) for name in names}
    values["pool"] = 0 if arguments.whole else 1
    return urlencode(
        {name: value for name, value in values.items() if value is not None}
    )


if __name__ == "__main__":
    main()
