"""GPT-2 in plain PyTorch: embed, any range of layers, and finish.

Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ragged import Ragged, pool, ragged_attention


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
        self.wte = _table(config.vocab_size, config.n_embd)
        self.wpe = _table(config.n_positions, config.n_embd)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)

    def embed(self, tokens: Ragged) -> Ragged:
        """Token ids (total_tokens,) -> hidden (total_tokens, n_embd)."""
        hidden = self.wte(tokens.values) + self.wpe(tokens.positions())
        return Ragged(hidden, tokens.lengths)

    def run_layers(self, hidden: Ragged, start: int, stop: int) -> Ragged:
        """Layers [start, stop), no more."""
        values = hidden.values
        for layer in range(start, stop):
            values = self.layers[layer](values, hidden.lengths)
        return Ragged(values, hidden.lengths)

    def finish(self, hidden: Ragged, normalize: bool | None = None) -> Tensor:
        """Final norm, pooling, L2 norm -> (batch, n_embd) float32."""
        rows = pool(Ragged(self.ln_f(hidden.values), hidden.lengths), self.pooling)
        if normalize is None:
            normalize = self.normalize
        return F.normalize(rows, dim=-1) if normalize else rows


def _table(rows: int, n_embd: int) -> nn.Embedding:
    """Left empty: drawing random numbers on the meta device would cost a start 2 s."""
    return nn.Embedding(rows, n_embd, _weight=torch.empty(rows, n_embd))


class Block(nn.Module):
    """One layer: attention and MLP, each behind a norm and added to its input."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, lengths: tuple[int, ...]) -> Tensor:
        x = x + self.attn(self.ln_1(x), lengths)
        return x + self.mlp(self.ln_2(x))  # type: ignore[no-any-return]


class Attention(nn.Module):
    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x: Tensor, lengths: tuple[int, ...]) -> Tensor:
        total, n_embd = x.shape
        D = n_embd // self.n_head
        qkv = self.c_attn(x).view(total, 3, self.n_head, D)
        q, k, v = qkv.unbind(1)  # (total, n_head, D) each
        out = ragged_attention(q, k, v, lengths, causal=True)
        return self.c_proj(out.view(total, n_embd))  # type: ignore[no-any-return]


class MLP(nn.Module):
    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.activation = config.activation
        self.c_fc = nn.Linear(config.n_embd, config.n_inner)
        self.c_proj = nn.Linear(config.n_inner, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c_fc(x)
        match self.activation:
            case "gelu_new":
                x = F.gelu(x, approximate="tanh")
            case "gelu":
                x = F.gelu(x)
            case "relu":
                x = F.relu(x)
        return self.c_proj(x)  # type: ignore[no-any-return]
