"""GPT-2 in plain PyTorch: embed, any range of layers, and finish.

Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
"""

from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor, nn

from layers import MLP, Attention, LayerNorm, at_positions, table
from ragged import Ragged, pool


@dataclass(frozen=True)
class GPT2Config:
    n_layer: int
    n_embd: int
    n_head: int
    n_inner: int
    n_positions: int
    vocab_size: int
    layer_norm_epsilon: float
    activation: str  # "gelu_new" | "gelu" | "relu"
    causal: bool = field(default=True, init=False)
    norm_first: bool = field(default=True, init=False)


class GPT2(nn.Module):
    def __init__(self, config: GPT2Config, pooling: str, normalize: bool) -> None:
        super().__init__()
        self.config = config
        self.pooling = pooling
        self.normalize = normalize
        self.wte = table(config.vocab_size, config.n_embd)
        self.wpe = table(config.n_positions, config.n_embd)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)

    def embed(self, tokens: Ragged) -> Ragged:
        """Token ids (total_tokens,) -> hidden (total_tokens, n_embd)."""
        hidden = self.wte(tokens.values) + at_positions(self.wpe, tokens)
        return Ragged(hidden, tokens.lengths)

    def run_layers(self, hidden: Ragged, start: int, stop: int) -> Ragged:
        """Layers [start, stop), no more."""
        values = hidden.values
        for layer in range(start, stop):
            values = self.layers[layer].forward(values, hidden.lengths)
        return Ragged(values, hidden.lengths)

    def finish(self, hidden: Ragged, normalize: bool | None = None) -> Tensor:
        """Final norm, pooling, L2 norm -> (batch, n_embd) float32."""
        rows = pool(Ragged(self.ln_f(hidden.values), hidden.lengths), self.pooling)
        if normalize is None:
            normalize = self.normalize
        return F.normalize(rows, dim=-1) if normalize else rows


class Block(nn.Module):
    """One layer: attention and MLP, each behind a norm and added to its input."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = Attention(config.n_embd, config.n_head, config.causal)
        self.ln_2 = LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config.n_embd, config.n_inner, config.activation)

    def forward(self, x: Tensor, lengths: tuple[int, ...]) -> Tensor:
        x = self.attn.forward(self.ln_1.forward(x), lengths, plus=x)
        return self.mlp.forward(self.ln_2.forward(x), plus=x)
