"""The two objectives: the next token, and the teacher's similarities."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import GPT2LMHeadModel

from training.batches import Batch, Rows
from training.student import mean_pool


@dataclass(frozen=True)
class Losses:
    """Means over the batch: nats a token, 1 - cosine, 1 - correlation."""

    next_token: Tensor
    direction: Tensor
    similarity: Tensor


def batch_losses(
    model: GPT2LMHeadModel, batch: Batch, common: Tensor, target: Tensor | None
) -> Losses:
    """Losses of one batch. `target`: unit vectors (texts, n_embd) from the teacher.

    Every row serves the next-token loss. Without a target (the comparison run that
    learns next tokens alone) the embedding losses are zero.

    GPT-2's tied head has no bias, so every hidden state carries one direction that
    says how frequent each token is. Both embedding losses let it be: `common`,
    (n_embd,) and learnt, is taken off before directions are compared, and the
    similarities have to be the teacher's up to scale and offset, which ranks ignore.
    """
    nats = torch.zeros((), device=model.device)
    n_predicted = 0
    embeddings: list[Tensor] = []
    for rows in [batch.windows, *batch.text_rows]:
        hidden, sums, count = _forward(model, rows)
        nats = nats + sums
        n_predicted += count
        if rows is not batch.windows:
            embeddings.append(mean_pool(hidden, rows.lengths.to(hidden.device)))
    next_token = nats / n_predicted
    if target is None:
        return Losses(next_token, torch.zeros_like(nats), torch.zeros_like(nats))
    student = torch.cat(embeddings)
    direction = 1 - F.cosine_similarity(student - common, target).mean()
    return Losses(next_token, direction, 1 - _correlation(student, target))


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's, between the similarities of all pairs in a and those in b."""
    i, j = torch.triu_indices(len(a), len(a), 1, device=a.device)
    pairs = torch.stack([(x[i] * x[j]).sum(-1) for x in (a, b)])  # (2, pairs)
    return torch.corrcoef(pairs)[0, 1]


def _forward(model: GPT2LMHeadModel, rows: Rows) -> tuple[Tensor, Tensor, int]:
    """Hidden states (B, T, C), the sum of nats and how many tokens were predicted."""
    tokens = rows.tokens.to(model.device)
    # No mask for the padding: it comes last, and attention looks back only.
    hidden = model.transformer(tokens).last_hidden_state
    lengths = rows.lengths.to(model.device)
    inside = torch.arange(1, tokens.shape[1], device=model.device) < lengths[:, None]
    logits = model.lm_head(hidden[:, :-1][inside])  # (predicted, vocab)
    targets = tokens[:, 1:][inside]
    nats = F.cross_entropy(logits.float(), targets, reduction="sum")
    return hidden, nats, len(targets)
