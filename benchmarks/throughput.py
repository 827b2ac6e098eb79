"""Sentences a second, and one request's time, beside onnxruntime and transformers.

    .venv/bin/python -m pip install -r benchmarks/requirements.txt
    .venv/bin/python benchmarks/throughput.py
    .venv/bin/python benchmarks/throughput.py --device cuda --dtype bf16

All contenders run in one process with the same threads, in turns, so that a machine
that slows down slows all of them; the tables are medians. Tokens are random: nothing is
tokenised. On a GPU there is no onnxruntime; `transformers` does there what
sentence-transformers does: sort by length, pad batches of 32, pool, normalise.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import quiet_threads  # noqa: F401 - it must come before torch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_registry import resolve
from ragged import Ragged
from split_model import COMPUTE_DTYPES, SplitModel

BATCH = 32
LENGTHS = (16, 64, 128)
MIXED_TEXTS = 640
Ids = list[list[int]]
Embed = Callable[[Ids], Tensor]


class Pooled(nn.Module):
    """A Hugging Face model, then the mean over tokens, normalised."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        out = self.model(input_ids=input_ids, attention_mask=attention_mask)
        mask = attention_mask[:, :, None].float()
        mean = (out.last_hidden_state.float() * mask).sum(1) / mask.sum(1)
        return F.normalize(mean, dim=-1)


def padded(ids: Ids) -> tuple[Tensor, Tensor]:
    longest = max(map(len, ids))
    rows = [row + [0] * (longest - len(row)) for row in ids]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in ids]
    return torch.tensor(rows), torch.tensor(mask)


def in_batches(embed: Embed, ids: Ids, order: list[int]) -> Tensor:
    """Batches of 32 in that order -> rows in the order of ids."""
    rows = torch.cat(
        [
            embed([ids[n] for n in order[first : first + BATCH]])
            for first in range(0, len(order), BATCH)
        ]
    )
    return rows[torch.tensor(order).argsort()]


def splitcompute(model: SplitModel) -> Embed:
    def embed(ids: Ids) -> Tensor:
        values = torch.tensor([token for row in ids for token in row])
        return model.embed(Ragged(values, tuple(map(len, ids))), normalize=True)

    return embed


def transformers_model(folder: Path, attention: str) -> Any:
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder, attn_implementation=attention).eval()


def transformers(folder: Path, device: str, dtype: torch.dtype) -> Embed:
    model = Pooled(transformers_model(folder, "sdpa").to(device, dtype))

    def embed(ids: Ids) -> Tensor:
        with torch.inference_mode():
            return model(*(x.to(device) for x in padded(ids))).cpu()  # type: ignore[no-any-return]

    return embed


def onnxruntime(folder: Path, threads: int) -> Embed:
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads = threads
    # Its threads would otherwise spin on into the next contender's turn.
    settings.add_session_config_entry("session.force_spinning_stop", "1")
    with tempfile.TemporaryDirectory() as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = str(Path(temporary) / "model.onnx")
        axes = {0: "batch", 1: "tokens"}
        names = ["input_ids", "attention_mask"]
        torch.onnx.export(
            Pooled(transformers_model(folder, "eager")),
            (torch.ones(2, 8, dtype=torch.long), torch.ones(2, 8, dtype=torch.long)),
            path,
            input_names=names,
            output_names=["rows"],
            dynamic_axes=dict.fromkeys(names, axes),
            dynamo=False,
        )
        session = ort.InferenceSession(path, settings, ["CPUExecutionProvider"])

    def embed(ids: Ids) -> Tensor:
        asked = dict(zip(names, (x.numpy() for x in padded(ids)), strict=True))
        return torch.from_numpy(session.run(None, asked)[0])

    return embed


def medians(
    contenders: dict[str, Callable[[], object]], rounds: int
) -> dict[str, float]:
    """Seconds; the first round warms up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, run in contenders.items():
            started = perf_counter()
            run()
            times[name].append(perf_counter() - started)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def random_ids(lengths: list[int], seed: int) -> Ids:
    dice = random.Random(seed)
    return [[dice.randrange(1000, 30000) for _ in range(n)] for n in lengths]


def mixed_lengths() -> list[int]:
    """Like sentences: log-normal, mean 29, at most 128."""
    dice = random.Random(0)
    return [
        min(128, max(3, int(dice.lognormvariate(3.1, 0.75))))
        for _ in range(MIXED_TEXTS)
    ]


def check(contenders: dict[str, Embed], tolerance: float) -> None:
    ids = random_ids([5, 16, 3], seed=1)
    rows = {name: embed(ids) for name, embed in contenders.items()}
    first = next(iter(rows.values()))
    for name, other in rows.items():
        worst = float((first - other).abs().max())
        if worst > tolerance:
            raise SystemExit(f"{name} differs by {worst}, expected {tolerance} at most")


def row(label: str, cells: list[str]) -> None:
    print(f"| {' | '.join([label, *cells])} |")


def table(title: str, contenders: dict[str, Embed], batch: int, rounds: int) -> None:
    row(title, list(contenders))
    row("---", ["---:"] * len(contenders))
    for length in LENGTHS:
        ids = random_ids([length] * batch, seed=length)
        seconds = medians(
            {name: partial(embed, ids) for name, embed in contenders.items()},
            rounds,
        )
        cells = [
            f"{s * 1000:.1f} ms" if batch == 1 else f"{batch / s:.0f}"
            for s in seconds.values()
        ]
        row(f"{length} tokens", cells)
    print()


def mixed_table(contenders: dict[str, Embed], rounds: int) -> None:
    lengths = mixed_lengths()
    ids = random_ids(lengths, seed=2)
    arrival = list(range(len(ids)))
    by_length = sorted(arrival, key=lengths.__getitem__)
    runs: dict[str, Callable[[], object]] = {}
    for name, embed in contenders.items():
        if name == "SplitCompute":
            runs[name] = partial(embed, ids)
            continue
        for how, order in (("as they come", arrival), ("sorted", by_length)):
            runs[f"{name}, {how}"] = partial(in_batches, embed, ids, order)
    mean = sum(lengths) / len(lengths)
    print(f"{len(ids)} texts of {mean:.0f} tokens on average, at most {max(lengths)}\n")
    row("who", ["texts/s"])
    row("---", ["---:"])
    for name, seconds in medians(runs, rounds).items():
        row(name, [f"{len(ids) / seconds:.0f}"])
    print()


def split_table(model: SplitModel, rounds: int) -> None:
    """What a split leaves to the server, against its share of the layers."""
    n_layer, length = model.config.n_layer, 64
    values = torch.randint(1000, 30000, (BATCH * length,))
    batch = Ragged(values, (length,) * BATCH)
    runs: dict[str, Callable[[], object]] = {"whole": lambda: model.embed(batch)}
    for split in range(1, n_layer):
        runs[str(split)] = partial(model.hidden_states, batch, split)
    seconds = medians(runs, rounds)
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
    parser.add_argument("--dtype", default="f32", choices=list(COMPUTE_DTYPES))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    source = resolve(args.model)
    model = SplitModel(source, args.device, args.dtype)
    contenders = {"SplitCompute": splitcompute(model)}
    if args.device == "cpu" and args.dtype == "f32":
        contenders["onnxruntime"] = onnxruntime(source.folder, args.threads)
    dtype = COMPUTE_DTYPES[args.dtype]
    contenders["transformers"] = transformers(source.folder, args.device, dtype)
    check(contenders, 2e-5 if args.dtype == "f32" else 0.03)
    where = platform.machine()
    if args.device == "cuda":
        where = torch.cuda.get_device_name()
    print(f"{model.name} in {args.dtype} on {args.device} ({where}), ", end="")
    print(f"{args.threads} threads, torch {torch.__version__}\n")
    table("one text", contenders, 1, 5 * args.rounds)
    table(f"texts/s in batches of {BATCH}", contenders, BATCH, args.rounds)
    mixed_table(contenders, max(args.rounds // 2, 1))
    split_table(model, args.rounds)


if __name__ == "__main__":
    main()
