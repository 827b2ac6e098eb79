"""BERT encoders in plain PyTorch: embed, any range of layers, and finish.

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers", 2018. The
names are GPT-2's, so that both models' pieces read alike.
"""

from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor, nn

from layers import MLP, Attention, LayerNorm, at_positions, table
from ragged import Ragged, pool


@dataclass(frozen=True)
class BertConfig:
    n_layer: int
    n_embd: int
    n_head: int
    n_inner: int
    n_positions: int
    vocab_size: int
    type_vocab_size: int
    layer_norm_epsilon: float
    activation: str  # "gelu_new" | "gelu" | "relu"
    causal: bool = field(default=False, init=False)
    norm_first: bool = field(default=False, init=False)


class Bert(nn.Module):
    def __init__(self, config: BertConfig, pooling: str, normalize: bool) -> None:
        super().__init__()
        self.config = config
        self.pooling = pooling
        self.normalize = normalize
        self.wte = table(config.vocab_size, config.n_embd)
        self.wpe = table(config.n_positions, config.n_embd)
        self.wtt = table(config.type_vocab_size, config.n_embd)
        self.ln = LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))

    def embed(self, tokens: Ragged) -> Ragged:
        """Token ids (total_tokens,) -> hidden (total_tokens, n_embd)."""
        first_segment = self.wtt.weight[0]  # a text alone is all segment A
        hidden = self.wte.forward(tokens.values).add_(first_segment)
        hidden.add_(at_positions(self.wpe, tokens))
        return Ragged(self.ln.forward(hidden), tokens.lengths)

    def run_layers(self, hidden: Ragged, start: int, stop: int) -> Ragged:
        """Layers [start, stop), no more."""
        values = hidden.values
        for layer in range(start, stop):
            values = self.layers[layer].forward(values, hidden.lengths)
        return Ragged(values, hidden.lengths)

    def finish(self, hidden: Ragged, normalize: bool | None = None) -> Tensor:
        """Pooling and, if wanted, L2 norm -> (batch, n_embd) float32."""
        rows = pool(hidden, self.pooling)
        if normalize is None:
            normalize = self.normalize
        return F.normalize(rows, dim=-1) if normalize else rows


class Block(nn.Module):
    """One layer: attention and MLP, each added to its input and then normed."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attn = Attention(config.n_embd, config.n_head, config.causal)
        self.ln_1 = LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config.n_embd, config.n_inner, config.activation)
        self.ln_2 = LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)

    def forward(self, x: Tensor, lengths: tuple[int, ...]) -> Tensor:
        x = self.ln_1.forward(self.attn.forward(x, lengths, plus=x))
        return self.ln_2.forward(self.mlp.forward(x, plus=x))
