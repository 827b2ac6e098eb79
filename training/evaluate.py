"""Measures models on the held-out documents and writes the numbers as JSON.

    python -m training.evaluate --corpus english.txt.xz --sources sources.json \
        --model gpt2-mini=models/gpt2-mini --model next-token=runs/next-token-model \
        --out evaluation.json
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import GPT2LMHeadModel

from training.batches import pad
from training.bm25 import bm25_scores
from training.corpus import Document, paragraphs, read_documents, split_held_out
from training.measures import (
    Embed,
    Pairs,
    Retrieval,
    bits,
    next_paragraphs,
    similarities,
    spearman,
)
from training.student import mean_pool, on_device, random_gpt2
from training.teacher import Teacher, default_folder

SEED = 7
N_TEXTS = 2000
N_PARAGRAPHS = 1000
BATCH = 32
PROMPT_WORDS = 8
SAMPLE_TOKENS = 60

Row = dict[str, Any]


class Student:
    """A GPT-2 folder, run by transformers."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32)
        self.model = on_device(model, device)

    @torch.inference_mode()
    def embed(self, texts: list[str]) -> Tensor:
        """Mean-pooled final norm, unit length, (len(texts), n_embd)."""
        limit = self.model.config.n_positions
        ids = [encoding.ids[:limit] for encoding in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        found: list[Tensor] = [torch.empty(0)] * len(ids)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            rows = pad([ids[i] for i in chosen])
            tokens = rows.tokens.to(self.model.device)
            hidden = self.model.transformer(tokens).last_hidden_state
            pooled = mean_pool(hidden, rows.lengths.to(hidden.device))
            for i, row in zip(chosen, pooled, strict=True):
                found[i] = row
        return torch.stack(found)

    def forget(self, seed: int) -> None:
        """Go back to GPT-2's random start: the untrained model."""
        torch.manual_seed(seed)
        self.model = random_gpt2(self.model.config, self.model.device)

    @torch.inference_mode()
    def continue_text(self, prompt: str, seed: int) -> str:
        """What the model writes next, at temperature 0.8 from the top 40."""
        torch.manual_seed(seed)
        tokens = torch.tensor([self.tokenizer.encode(prompt).ids])
        room = self.model.config.n_positions - tokens.shape[1]
        model: Any = self.model  # the types of generate() refuse this very class
        written = model.generate(
            tokens.to(self.model.device),
            attention_mask=torch.ones_like(tokens).to(self.model.device),
            max_new_tokens=min(SAMPLE_TOKENS, room),
            do_sample=True,
            temperature=0.8,
            top_k=40,
            pad_token_id=0,
        )
        return str(self.tokenizer.decode(written[0, tokens.shape[1] :].tolist()))


class Evaluation:
    """The held-out texts and how similar the teacher finds them."""

    def __init__(
        self,
        documents: list[Document],
        teacher: Embed,
        n_texts: int = N_TEXTS,
        n_paragraphs: int = N_PARAGRAPHS,
    ) -> None:
        self.documents = documents
        self.pairs = Pairs.draw(documents, n_texts, SEED)
        self.queries, self.followers = next_paragraphs(documents, n_paragraphs)
        seen = teacher(self.pairs.texts)
        self.random = similarities(seen, self.pairs.random)
        self.near = similarities(seen, self.pairs.near)

    def embeddings(self, embed: Embed) -> Row:
        """Agreement with the teacher, and retrieval of the next paragraph."""
        seen = embed(self.pairs.texts)
        scores = embed(self.queries) @ embed(self.followers).T
        return {
            "spearman_random": spearman(
                similarities(seen, self.pairs.random), self.random
            ),
            "spearman_near": spearman(similarities(seen, self.pairs.near), self.near),
            **asdict(Retrieval.of(scores.double().cpu().numpy())),
        }

    def bm25(self) -> Row:
        """Retrieval of the next paragraph by raw token overlap."""
        return asdict(Retrieval.of(bm25_scores(self.queries, self.followers)))

    def student(self, student: Student) -> Row:
        """Everything about one GPT-2."""
        perplexity, per_byte = bits(student.model, student.tokenizer, self.documents)
        row = {"perplexity": perplexity, "bits_per_byte": per_byte}
        return {**row, **self.embeddings(student.embed)}

    def samples(self, student: Student, n: int) -> list[dict[str, str]]:
        """Continuations of the openings of n evenly spaced held-out paragraphs."""
        found = [text for document in self.documents for text in paragraphs(document)]
        chosen = np.linspace(0, len(found) - 1, n).astype(int)
        prompts = [" ".join(found[i].split()[:PROMPT_WORDS]) for i in chosen]
        return [
            {"prompt": prompt, "text": student.continue_text(prompt, SEED + i)}
            for i, prompt in enumerate(prompts)
        ]


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="NAME=FOLDER",
        help="the first also gives the untrained row and the samples",
    )
    parser.add_argument("--teacher", type=Path, default=None, help="folder")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    _, held_out = split_held_out(read_documents(args.corpus, args.sources))
    teacher = Teacher(args.teacher or default_folder(), device)
    evaluation = Evaluation(held_out, teacher.embed)
    rows: dict[str, Row] = {"BM25": evaluation.bm25()}
    rows["teacher"] = evaluation.embeddings(teacher.embed)
    students = {
        name: Student(Path(folder), device)
        for name, _, folder in (given.partition("=") for given in args.model)
    }
    first = next(iter(students.values()))
    for name, student in students.items():
        rows[name] = evaluation.student(student)
        print(name, json.dumps(rows[name]), flush=True)
    samples = evaluation.samples(first, 10)
    first.forget(SEED)
    rows["untrained"] = evaluation.student(first)
    result = {"rows": rows, "samples": samples}
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    args.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
