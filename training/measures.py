"""What is measured on held-out text, from similarities and from next-token losses."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from transformers import GPT2LMHeadModel

from training.batches import token_stream
from training.corpus import Document, paragraphs, sentences

Embed = Callable[[list[str]], Tensor]  # texts to unit vectors (len(texts), n_embd)


@dataclass(frozen=True)
class Pairs:
    """Texts and which of them are compared."""

    texts: list[str]
    random: NDArray[np.int64]  # (n, 2) any two texts
    near: NDArray[np.int64]  # (n, 2) neighbours, one or two texts apart

    @staticmethod
    def draw(documents: list[Document], n_texts: int, seed: int) -> "Pairs":
        """About n_texts texts in runs of four neighbours, half of them paragraphs."""
        runs: list[list[list[str]]] = [[], []]
        for document in documents:
            both = (sentences(document), paragraphs(document))
            for kind, found in zip(runs, both, strict=True):
                kind += [found[i : i + 4] for i in range(0, len(found) - 3, 4)]
        rng = np.random.default_rng(seed)
        chosen = [
            kind[i] for kind in runs for i in rng.permutation(len(kind))[: n_texts // 8]
        ]
        texts = [text for run in chosen for text in run]
        starts = np.arange(0, len(texts), 4)
        near = [
            np.stack([starts + a, starts + b], 1)
            for a, b in ((0, 1), (1, 2), (2, 3), (0, 2), (1, 3))
        ]
        anyone = rng.integers(0, len(texts), (20 * len(texts), 2))
        apart = anyone[:, 0] // 4 != anyone[:, 1] // 4
        return Pairs(texts, anyone[apart], np.concatenate(near))


def similarities(embeddings: Tensor, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosines of the pairs, (n,)."""
    left, right = embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]
    cosines: NDArray[np.float64] = (left * right).sum(-1).double().cpu().numpy()
    return cosines


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Rank correlation; equal values, which real cosines hardly have, keep order."""
    ranks = [np.argsort(np.argsort(x, kind="stable")) for x in (a, b)]
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def next_paragraphs(documents: list[Document], n: int) -> tuple[list[str], list[str]]:
    """n paragraphs and, for each, the one that follows it; none is used twice."""
    pairs = [
        (found[i], found[i + 1])
        for found in map(paragraphs, documents)
        for i in range(0, len(found) - 1, 2)
    ]
    if len(pairs) < n:
        raise ValueError(f"{len(pairs)} pairs of paragraphs, expected at least {n}")
    step = len(pairs) / n
    chosen = [pairs[int(i * step)] for i in range(n)]
    return [query for query, _ in chosen], [follower for _, follower in chosen]


@dataclass(frozen=True)
class Retrieval:
    """How well scores find the one right answer of each query."""

    first: float  # share of queries whose answer ranks first
    top_ten: float
    reciprocal_rank: float

    @staticmethod
    def of(scores: NDArray[np.float64]) -> "Retrieval":
        """From scores (n, n) whose diagonal is right. A tie counts against."""
        right = np.diag(scores)[:, None]
        ranks = (scores >= right).sum(1)
        return Retrieval(
            float((ranks == 1).mean()),
            float((ranks <= 10).mean()),
            float((1 / ranks).mean()),
        )


@torch.inference_mode()
def bits(
    model: GPT2LMHeadModel, tokenizer: Tokenizer, documents: list[Document]
) -> tuple[float, float]:
    """(perplexity a token, bits a byte) over all of the documents.

    Windows of n_positions that do not overlap, so early tokens have little context.
    The first token of a window is not predicted, and its bytes are not counted.
    """
    size = model.config.n_positions
    stream = torch.from_numpy(token_stream(documents, tokenizer).astype(np.int64))
    nats, n_tokens, n_bytes = 0.0, 0, 0
    for window in stream[: len(stream) // size * size].view(-1, size):
        tokens = window.to(model.device)
        logits = model(tokens[None]).logits[0, :-1]
        nats += F.cross_entropy(logits.float(), tokens[1:], reduction="sum").item()
        n_tokens += size - 1
        n_bytes += len(tokenizer.decode(window[1:].tolist()).encode())
    return math.exp(nats / n_tokens), nats / math.log(2) / n_bytes
