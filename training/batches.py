"""What each step trains on, as a function of the seed and the step alone."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from training.bpe import END_OF_TEXT
from training.corpus import Document, paragraphs, sentences
from training.recipe import Stage

# Texts of similar length are padded together, in this many lots: more of them waste
# less arithmetic, fewer keep a large GPU busier.
TEXT_LOTS = 2


@dataclass(frozen=True)
class Rows:
    """Token rows padded to a common length; padding comes last and is id 0."""

    tokens: Tensor  # (B, T) int64
    lengths: Tensor  # (B,)


@dataclass(frozen=True)
class Batch:
    """One step's rows; `texts` are those of `text_rows`, in their order."""

    windows: Rows
    text_rows: list[Rows]
    texts: list[str]


class Batches:
    """Draws windows and groups of neighbouring texts, each once before any twice."""

    def __init__(
        self, documents: list[Document], tokenizer: Tokenizer, stage: Stage, seed: int
    ) -> None:
        self.tokenizer, self.stage, self.seed = tokenizer, stage, seed
        self.stream = token_stream(documents, tokenizer)
        self.groups = [
            texts[start : start + stage.group_size]
            for document in documents
            for texts in (sentences(document), paragraphs(document))
            for start in range(0, len(texts) - stage.group_size + 1, stage.group_size)
        ]

    def at(self, step: int) -> Batch:
        """The batch of a step; asking again gives the same."""
        size = self.stage.n_positions
        starts = self._drawn(len(self.stream) // size, step, self.stage.windows)
        windows = np.stack([self.stream[i * size : (i + 1) * size] for i in starts])
        groups = self._drawn(len(self.groups), step, self.stage.groups)
        texts = [text for i in groups for text in self.groups[i]]
        rows, texts = self._text_rows(texts)
        full = torch.full((len(windows),), size)
        return Batch(Rows(torch.from_numpy(windows).long(), full), rows, texts)

    def _drawn(self, n: int, step: int, count: int) -> list[int]:
        """The step's `count` of n items, from a new shuffle for each pass over them."""
        positions = range(step * count, (step + 1) * count)
        orders = {
            epoch: np.random.default_rng((self.seed, n, epoch)).permutation(n)
            for epoch in {position // n for position in positions}
        }
        return [int(orders[position // n][position % n]) for position in positions]

    def _text_rows(self, texts: list[str]) -> tuple[list[Rows], list[str]]:
        """Texts in rows of similar length, so that little is spent on padding."""
        encoded = self.tokenizer.encode_batch(texts)
        limit = self.stage.max_text_tokens
        ids = [encoding.ids[:limit] for encoding in encoded]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        lot = -(-len(order) // TEXT_LOTS)
        rows = [
            pad([ids[i] for i in order[start : start + lot]])
            for start in range(0, len(order), lot)
        ]
        return rows, [texts[i] for i in order]


def pad(ids: list[list[int]]) -> Rows:
    """Rows of token ids, filled up at the end."""
    lengths = torch.tensor([len(row) for row in ids])
    tokens = torch.zeros(len(ids), int(lengths.max()), dtype=torch.int64)
    for row, values in zip(tokens, ids, strict=True):
        row[: len(values)] = torch.tensor(values)
    return Rows(tokens, lengths)


def token_stream(documents: list[Document], tokenizer: Tokenizer) -> NDArray[np.uint16]:
    """All documents end to end, each followed by END_OF_TEXT."""
    end = tokenizer.token_to_id(END_OF_TEXT)
    ids: list[NDArray[np.uint16]] = []
    for document in documents:
        lines = [line + "\n" for line in document.lines]
        for encoding in tokenizer.encode_batch(lines):
            ids.append(np.array(encoding.ids, dtype=np.uint16))
        ids.append(np.array([end], dtype=np.uint16))
    return np.concatenate(ids)
