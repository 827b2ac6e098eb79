"""Trains gpt2-mini: one command, resumable, and on a CPU repeatable by seed.

    python -m training.train --corpus english.txt.xz --sources sources.json \
        --run runs/gpt2-mini --out models/gpt2-mini --seed 1

Stopped at any time, the same command goes on from the last checkpoint in --run.
"""

import argparse
import math
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional as F
from transformers import GPT2LMHeadModel

from training.batches import Batch, Batches
from training.bpe import TOKENIZER_FILES, save_tokenizer, train_bpe
from training.corpus import Document, read_documents, split_held_out
from training.losses import Losses, batch_losses
from training.recipe import RECIPES, Stage
from training.run import Run, begin, export, resume, save
from training.teacher import Teacher, default_folder

Report = Callable[[str], None]


def train(
    documents: list[Document],
    held_out: list[Document],
    folder: Path,
    recipe: tuple[Stage, ...],
    seed: int,
    teacher: Teacher,
    report: Report,
) -> Path:
    """Train through all stages; returns the folder of the finished model."""
    finished: Path | None = None
    for number, stage in enumerate(recipe, 1):
        report(f"stage {number} of {len(recipe)}")
        stage_folder = folder / f"stage-{number}"
        model = train_stage(
            documents,
            held_out,
            stage_folder,
            stage,
            seed + number - 1,
            teacher,
            report,
            finished,
        )
        finished = stage_folder / "model"
        export(model, stage_folder, finished)
    if finished is None:
        raise ValueError("a recipe without stages trains nothing")
    return finished


def train_stage(
    documents: list[Document],
    held_out: list[Document],
    folder: Path,
    stage: Stage,
    seed: int,
    teacher: Teacher,
    report: Report,
    start: Path | None = None,
    stop_at: int | None = None,
) -> GPT2LMHeadModel:
    """Train up to stage.steps (or stop_at), with a checkpoint now and then in folder.

    A new stage begins with the weights and the tokenizer of the exported model in
    `start`, if given. Every checkpoint reports the losses on one held-out batch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = provide_tokenizer(documents, folder, stage, start)
    batches = Batches(documents, tokenizer, stage, seed)
    exam = Batches(held_out, tokenizer, stage, seed).at(0)
    run = resume(folder, stage, seed, teacher.device)
    if run is None:
        run = begin(documents, tokenizer, stage, seed, teacher, start)
    report(f"{len(batches.stream)} tokens, {len(batches.groups)} groups of texts")
    stop = stage.steps if stop_at is None else min(stop_at, stage.steps)
    started, first = time.monotonic(), run.step
    for step, batch in prefetched(batches, run.step, stop):
        losses = take_step(run, batch, teacher)
        run.step = step + 1
        if run.step % 10 == 0 or run.step == stop:
            pace = (time.monotonic() - started) / (run.step - first)
            report(progress(run, losses, pace))
        if run.step % stage.checkpoint_steps == 0 or run.step == stop:
            save(run, folder)
            report(f"held out:  {shown(examine(run, exam, teacher))}")
    return run.model


def provide_tokenizer(
    documents: list[Document], folder: Path, stage: Stage, start: Path | None
) -> Tokenizer:
    """The folder's tokenizer; if there is none, that of start, or one learnt here."""
    path = folder / "tokenizer.json"
    if start is not None:
        for name in TOKENIZER_FILES:
            shutil.copyfile(start / name, folder / name)
    elif not path.exists():
        lines = (line for document in documents for line in document.lines)
        tokenizer = train_bpe(lines, stage.vocab_size)
        save_tokenizer(tokenizer, folder, stage.n_positions)
    return Tokenizer.from_file(str(path))


def prefetched(batches: Batches, start: int, stop: int) -> Iterator[tuple[int, Batch]]:
    """Steps and their batches, made in the background two steps ahead."""
    steps = range(start, stop)
    with ThreadPoolExecutor(1) as pool:
        coming = [pool.submit(batches.at, step) for step in steps[:2]]
        for step in steps:
            batch = coming.pop(0).result()
            if step + 2 < stop:
                coming.append(pool.submit(batches.at, step + 2))
            yield step, batch


def take_step(run: Run, batch: Batch, teacher: Teacher) -> Losses:
    """One optimizer step; run.step is not yet moved on."""
    stage = run.stage
    # Dropout draws from the step's own seed, so that a resumed run repeats exactly.
    torch.manual_seed(run.seed * 1_000_003 + run.step)
    run.model.train()
    losses = losses_of(run, batch, teacher)
    loss = losses.next_token + stage.direction_weight * losses.direction
    loss = loss + stage.similarity_weight * losses.similarity
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(stage, run.step)
    run.optimizer.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimizer.step()
    return losses


@torch.no_grad()
def examine(run: Run, batch: Batch, teacher: Teacher) -> Losses:
    """The losses without learning from them."""
    torch.nn.Module.eval(run.model)
    return losses_of(run, batch, teacher)


def losses_of(run: Run, batch: Batch, teacher: Teacher) -> Losses:
    """The batch's losses against what the teacher says of its texts."""
    target = None
    if run.stage.direction_weight:
        target = F.normalize(teacher.embed(batch.texts) @ run.directions, dim=-1)
    on_gpu = run.model.device.type == "cuda"
    with torch.autocast("cuda", torch.bfloat16, enabled=on_gpu):
        return batch_losses(run.model, batch, run.common, target)


def learning_rate(stage: Stage, step: int) -> float:
    """Linear warm-up under a cosine down to a twentieth."""
    warmth = min(1.0, (step + 1) / stage.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * step / stage.steps))
    return stage.learning_rate * warmth * (0.05 + 0.95 * cosine)


def progress(run: Run, losses: Losses, seconds_a_step: float) -> str:
    """One line: where the stage is, what it loses, when it ends."""
    left = (run.stage.steps - run.step) * seconds_a_step / 60
    return (
        f"step {run.step}/{run.stage.steps}  {shown(losses)}  "
        f"{seconds_a_step:.2f} s a step  {left:.0f} min left"
    )


def shown(losses: Losses) -> str:
    """The losses as a line shows them."""
    return (
        f"next token {losses.next_token.item():.3f}  "
        f"direction {losses.direction.item():.3f}  "
        f"similarity {losses.similarity.item():.3f}"
    )


def without_teacher(stage: Stage) -> Stage:
    """The stage that learns next tokens alone."""
    return replace(stage, direction_weight=0.0, similarity_weight=0.0)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="for checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="for the model")
    parser.add_argument("--recipe", choices=RECIPES, default="gpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--teacher", type=Path, default=None, help="folder")
    parser.add_argument(
        "--next-token-only",
        action="store_true",
        help="no teacher, first stage alone: the comparison model of the card",
    )
    args = parser.parse_args()
    recipe = RECIPES[args.recipe]
    if args.next_token_only:
        recipe = (without_teacher(recipe[0]),)
    torch.set_float32_matmul_precision("high")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    teacher = Teacher(args.teacher or default_folder(), device)
    documents, held_out = split_held_out(read_documents(args.corpus, args.sources))

    def report(line: str) -> None:
        print(line, flush=True)

    model = train(documents, held_out, args.run, recipe, args.seed, teacher, report)
    shutil.copytree(model, args.out, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
