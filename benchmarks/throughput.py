"""Sentences a second, and one request's time, beside other libraries.

    .venv/bin/python -m pip install -r benchmarks/requirements.txt
    .venv/bin/python benchmarks/throughput.py
    .venv/bin/python benchmarks/throughput.py --device cuda --dtype bf16

onnxruntime on a CPU, transformers, and sentence-transformers, as far as they are
installed. Each has a process of its own and as many threads; they take turns of several
runs, so that a machine that slows down slows all of them, and none runs beside another.
The tables are medians. Tokens are random, and nothing is tokenised but in the table
"from text".
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
from functools import partial
from pathlib import Path
from typing import Any

from contenders import (
    Contender,
    Ids,
    Lists,
    Onnxruntime,
    Runner,
    SentenceTransformers,
    Setting,
    SplitCompute,
    Transformers,
    Work,
    is_installed,
)

BATCH = 32
GPU_BATCH = 256
LENGTHS = (16, 64, 128)
MIXED_TEXTS = 640
TURN = 5  # runs, since the first after another library's finds its caches cold
SENTENCES = Path(__file__).with_name("sentences.txt")


def embed(ids: Ids, runner: Any) -> None:
    runner.embed(ids)


def embed_in_batches(ids: Ids, order: list[int], size: int, runner: Any) -> None:
    for first in range(0, len(order), size):
        runner.embed([ids[n] for n in order[first : first + size]])


def embed_texts(texts: list[str], runner: Any) -> None:
    runner.embed_texts(texts)


def split_at(ids: Ids, split: int, runner: Any) -> None:
    runner.split(ids, split)


def rows_of(ids: Ids, runner: Any) -> Lists:
    rows: Lists = runner.embed(ids).tolist()
    return rows


def facts(runner: Any) -> tuple[int, int, str]:
    """The number of layers and of tokens that there are, and the GPU's name where there
    is one."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    config = runner.model.config
    return config.n_layer, config.vocab_size, gpu


def medians(
    runs: dict[str, tuple[Contender, Work]], rounds: int, repeats: int = 1
) -> dict[str, float]:
    """Seconds; the first round warms up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for round in range(rounds + 1):
        for name, (contender, work) in runs.items():
            seconds = contender.seconds(work, repeats)
            times[name] += seconds if round else []
    return {name: statistics.median(found) for name, found in times.items()}


def random_ids(lengths: list[int], seed: int, vocab_size: int) -> Ids:
    """No special tokens, which are the first thousand of BERT's."""
    dice = random.Random(seed)
    most = min(30000, vocab_size)
    least = min(1000, most // 2)
    return [[dice.randrange(least, most) for _ in range(n)] for n in lengths]


def mixed_lengths() -> list[int]:
    """Like sentences: log-normal, mean 29, at most 128."""
    dice = random.Random(0)
    return [
        min(128, max(3, int(dice.lognormvariate(3.1, 0.75))))
        for _ in range(MIXED_TEXTS)
    ]


def check(contenders: list[Contender], vocab_size: int, tolerance: float) -> None:
    work = partial(rows_of, random_ids([5, 16, 3], 1, vocab_size))
    first, *others = [contender.result(work) for contender in contenders]
    for contender, rows in zip(contenders[1:], others, strict=True):
        worst = max(
            abs(a - b)
            for row, other in zip(first, rows, strict=True)
            for a, b in zip(row, other, strict=True)
        )
        if not worst <= tolerance:
            raise SystemExit(
                f"{contender.name} differs by {worst}, expected {tolerance} at most"
            )


def row(label: str, cells: list[str]) -> None:
    print(f"| {' | '.join([label, *cells])} |")


def table(
    title: str, contenders: list[Contender], vocab_size: int, batch: int, rounds: int
) -> None:
    row(title, [contender.name for contender in contenders])
    row("---", ["---:"] * len(contenders))
    for length in LENGTHS:
        work = partial(embed, random_ids([length] * batch, length, vocab_size))
        runs = {each.name: (each, work) for each in contenders}
        seconds = medians(runs, rounds, TURN)
        cells = [
            f"{s * 1000:.1f} ms" if batch == 1 else f"{batch / s:.0f}"
            for s in seconds.values()
        ]
        row(f"{length} tokens", cells)
    print()


def mixed_table(
    contenders: list[Contender], vocab_size: int, sizes: list[int], rounds: int
) -> None:
    lengths = mixed_lengths()
    ids = random_ids(lengths, 2, vocab_size)
    arrival = list(range(len(ids)))
    by_length = sorted(arrival, key=lengths.__getitem__)
    ours, *others = contenders
    runs: dict[str, tuple[Contender, Work]] = {ours.name: (ours, partial(embed, ids))}
    for other in others:
        for size in sizes:
            for how, order in (("as they come", arrival), ("sorted", by_length)):
                name = f"{other.name}, {how}, batches of {size}"
                runs[name] = other, partial(embed_in_batches, ids, order, size)
    mean = sum(lengths) / len(lengths)
    print(f"{len(ids)} texts of {mean:.0f} tokens on average, at most {max(lengths)}\n")
    rates(len(ids), medians(runs, rounds))


def text_table(contenders: list[Contender], rounds: int) -> None:
    """With the tokeniser's time, as each library is called."""
    texts = SENTENCES.read_text().splitlines()
    names = (SplitCompute.name, SentenceTransformers.name)
    able = [contender for contender in contenders if contender.name in names]
    runs = {each.name: (each, partial(embed_texts, texts)) for each in able}
    print(f"{len(texts)} sentences of books, from text\n")
    rates(len(texts), medians(runs, rounds))


def rates(texts: int, seconds: dict[str, float]) -> None:
    row("who", ["texts/s"])
    row("---", ["---:"])
    for name, took in seconds.items():
        row(name, [f"{texts / took:.0f}"])
    print()


def split_table(ours: Contender, n_layer: int, vocab_size: int, rounds: int) -> None:
    """What a split leaves to the server, against its share of the layers."""
    ids = random_ids([64] * BATCH, 64, vocab_size)
    runs = {"whole": (ours, partial(embed, ids))}
    for split in range(1, n_layer):
        runs[str(split)] = ours, partial(split_at, ids, split)
    seconds = medians(runs, rounds, TURN)
    row("split", ["texts/s", "of n_layer / split times the whole model's"])
    row("---", ["---:", "---:"])
    whole = seconds.pop("whole")
    row("whole model", [f"{BATCH / whole:.0f}", ""])
    for name, took in seconds.items():
        share = (whole / took) / (n_layer / int(name))
        row(name, [f"{BATCH / took:.0f}", f"{share:.0%}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="all-MiniLM-L6-v2", help="of mean pooling")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda", "mps"))
    parser.add_argument("--dtype", default="f32", choices=("f32", "bf16", "f16"))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    setting = Setting(args.model, args.device, args.dtype, args.threads)
    kinds: list[type[Runner]] = [SplitCompute, Transformers, SentenceTransformers]
    if args.device == "cpu" and args.dtype == "f32":
        kinds.insert(1, Onnxruntime)
    contenders = [Contender(kind, setting) for kind in kinds if is_installed(kind)]
    n_layer, vocab_size, gpu = contenders[0].result(facts)
    check(contenders, vocab_size, 2e-5 if args.dtype == "f32" else 0.03)
    where = platform.machine() if args.device == "cpu" else gpu
    print(f"{args.model} in {args.dtype} on {args.device} ({where}), ", end="")
    print(f"{args.threads} threads")
    for kind in kinds:
        if not is_installed(kind):
            print(f"Not compared with {kind.name}, which is not installed.")
    print()
    table("one text", contenders, vocab_size, 1, args.rounds)
    title = f"texts/s in batches of {BATCH}"
    table(title, contenders, vocab_size, BATCH, args.rounds)
    sizes = [BATCH] if args.device == "cpu" else [BATCH, GPU_BATCH]
    few = max(args.rounds // 2, 1)
    mixed_table(contenders, vocab_size, sizes, few)
    text_table(contenders, few)
    split_table(contenders[0], n_layer, vocab_size, args.rounds)
    for contender in contenders:
        contender.close()


if __name__ == "__main__":
    main()
