"""A stage of training between two steps: its start, its checkpoint, its export."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import Parameter
from transformers import GPT2LMHeadModel

from training.bpe import TOKENIZER_FILES
from training.corpus import Document, paragraphs, sentences
from training.recipe import Stage
from training.student import build, warm_start
from training.teacher import Teacher, principal_directions


@dataclass
class Run:
    """All that the next step needs, besides its batch."""

    stage: Stage
    seed: int
    step: int
    model: GPT2LMHeadModel
    common: Parameter  # see losses.batch_losses
    optimizer: torch.optim.Optimizer
    directions: Tensor  # see teacher.principal_directions


def begin(
    documents: list[Document],
    tokenizer: Tokenizer,
    stage: Stage,
    seed: int,
    teacher: Teacher,
    start: Path | None,
) -> Run:
    """The state before the first step, from the exported model `start` if given."""
    torch.manual_seed(seed)
    texts = [t for d in documents for t in (*sentences(d), *paragraphs(d))]
    sample = texts[:: max(1, len(texts) // stage.direction_texts)]
    directions = principal_directions(teacher.embed(sample), stage.n_embd)
    model = build(stage, teacher.device)
    if start is not None:
        before = GPT2LMHeadModel.from_pretrained(start, dtype=torch.float32)
        model.load_state_dict(before.state_dict())
    elif stage.direction_weight:
        warm_start(model, tokenizer, teacher, directions)
    common = Parameter(torch.zeros(stage.n_embd, device=teacher.device))
    optimizer = make_optimizer(model, common, stage)
    return Run(stage, seed, 0, model, common, optimizer, directions)


def make_optimizer(
    model: GPT2LMHeadModel, common: Parameter, stage: Stage
) -> torch.optim.Optimizer:
    """AdamW; only matrices decay."""
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in (*model.parameters(), common) if p.dim() != 2]
    groups = [
        {"params": matrices, "weight_decay": stage.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=stage.learning_rate, betas=(0.9, 0.95))


def save(run: Run, folder: Path) -> None:
    """Write the checkpoint by rename, so that a crash leaves the one before."""
    state = {
        "stage": run.stage,
        "seed": run.seed,
        "step": run.step,
        "model": run.model.state_dict(),
        "common": run.common.detach(),
        "optimizer": run.optimizer.state_dict(),
        "directions": run.directions,
    }
    fresh = folder / "checkpoint.pt.new"
    torch.save(state, fresh)
    os.replace(fresh, folder / "checkpoint.pt")


def resume(folder: Path, stage: Stage, seed: int, device: torch.device) -> Run | None:
    """The run that the folder's checkpoint holds, or None where there is none."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return None
    with torch.serialization.safe_globals([Stage]):
        state: dict[str, Any] = torch.load(path, map_location=device)
    if (state["stage"], state["seed"]) != (stage, seed):
        raise ValueError(f"{path}: another recipe or seed; choose another --run")
    model = build(stage, device)
    model.load_state_dict(state["model"])
    common = Parameter(state["common"])
    optimizer = make_optimizer(model, common, stage)
    optimizer.load_state_dict(state["optimizer"])
    return Run(
        stage, seed, state["step"], model, common, optimizer, state["directions"]
    )


def export(model: GPT2LMHeadModel, tokenizer_folder: Path, out: Path) -> None:
    """Write config.json, model.safetensors in float16, and the tokenizer.

    The model itself is rounded to float16, too: whoever goes on from it, here or from
    the files, has the same weights.
    """
    out.mkdir(parents=True, exist_ok=True)
    model.config.activation_function = "gelu_new"
    torch.nn.Module.half(model).save_pretrained(out)
    # How to sample is the caller's business.
    (out / "generation_config.json").unlink(missing_ok=True)
    for name in TOKENIZER_FILES:
        shutil.copyfile(tokenizer_folder / name, out / name)
