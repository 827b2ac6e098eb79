"""What all models are made of: attention, MLP, and the tables of embeddings.

The mirror of static/layers.js. Attribute names are the names inside a piece. Modules
call each other's forward(): nn.Module's own call looks for hooks first, which takes as
long as a short text's norm.
"""

import torch
from torch import Tensor, nn

from linear import Linear
from ragged import Ragged, ragged_attention


class Attention(nn.Module):
    def __init__(self, n_embd: int, n_head: int, causal: bool) -> None:
        super().__init__()
        self.n_head = n_head
        self.causal = causal
        self.c_attn = Linear(n_embd, 3 * n_embd)
        self.c_proj = Linear(n_embd, n_embd)

    def forward(self, x: Tensor, lengths: tuple[int, ...], plus: Tensor) -> Tensor:
        """plus: of x's shape, added to the result."""
        qkv = self.c_attn.forward(x)
        out = ragged_attention(qkv, lengths, self.n_head, self.causal)
        return self.c_proj.forward(out, plus)


class MLP(nn.Module):
    def __init__(self, n_embd: int, n_inner: int, activation: str) -> None:
        super().__init__()
        self.c_fc = Linear(n_embd, n_inner, activation)
        self.c_proj = Linear(n_inner, n_embd)

    def forward(self, x: Tensor, plus: Tensor) -> Tensor:
        """plus: of x's shape, added to the result."""
        return self.c_proj.forward(self.c_fc.forward(x), plus)


class LayerNorm(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        """Without what F.layer_norm looks for first: subclasses of Tensor."""
        return torch.layer_norm(
            x, self.normalized_shape, self.weight, self.bias, self.eps
        )


def table(rows: int, n_embd: int) -> nn.Embedding:
    """Left empty: drawing random numbers on the meta device would cost a start 2 s."""
    return nn.Embedding(rows, n_embd, _weight=torch.empty(rows, n_embd))


def at_positions(wpe: nn.Embedding, tokens: Ragged) -> Tensor:
    """The rows of each token's place in its text, (total_tokens, n_embd)."""
    if len(tokens.lengths) == 1:
        return wpe.weight[: len(tokens.values)]
    return wpe.forward(tokens.positions())
