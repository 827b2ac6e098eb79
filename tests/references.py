"""What the Hugging Face classes make of the same folder and the same tokens."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quantize import WeightDtype, rounded


class Reference:
    """A Hugging Face model; each sequence runs alone, so padding cannot matter."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel

        self.model: Any = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()

    def round_layer(self, layer: int, dtype: WeightDtype) -> None:
        """Give a layer's matrices the values that a browser has of them."""
        blocks = self.model.h if hasattr(self.model, "h") else self.model.encoder.layer
        for module in blocks[layer].modules():
            weight = getattr(module, "weight", None)
            if weight is None or weight.ndim != 2:
                continue
            is_transposed = type(module).__name__ == "Conv1D"  # GPT-2's are (in, out)
            out_in = weight.data.T.contiguous() if is_transposed else weight.data
            values = rounded(out_in, dtype)
            weight.data = values.T if is_transposed else values

    def round_embed(self, dtype: WeightDtype) -> None:
        """The same of the embedding tables."""
        tables = (
            (self.model.wte, self.model.wpe)
            if hasattr(self.model, "wte")
            else [
                module
                for module in self.model.embeddings.modules()
                if isinstance(module, torch.nn.Embedding)
            ]
        )
        for table in tables:
            table.weight.data = rounded(table.weight.data, dtype)

    def hidden_states(self, ids: list[int]) -> list[Tensor]:
        """(tokens, n_embd) before each layer, and the last one's output.

        Hugging Face's last entry for GPT-2 has been through the final norm: it is
        what pooling reads, and not what leaves the last layer.
        """
        with torch.inference_mode():
            out = self.model(torch.tensor([ids]), output_hidden_states=True)
        return [hidden[0] for hidden in out.hidden_states]

    def embedding(self, ids: list[int], pooling: str, normalize: bool) -> Tensor:
        with torch.inference_mode():
            last = self.model(torch.tensor([ids])).last_hidden_state[0]
        row = {
            "mean": lambda: last.mean(dim=0),
            "cls": lambda: last[0],
            "max": lambda: last.amax(dim=0),
            "last": lambda: last[-1],
        }[pooling]()
        return row / row.norm() if normalize else row
