"""GPT-2 checkpoints to our names."""

from typing import Any

from checkpoint import Checkpoint, CheckpointError, Piece, Source, Weights
from gpt2_model import GPT2Config
from sentence_files import SentenceSettings

# OpenAI's checkpoints hold no sentence-transformers files: this is what we give them.
DEFAULT_SETTINGS = SentenceSettings(pooling="mean", normalize=True)
ACTIVATIONS = {
    "gelu_new": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "gelu": "gelu",
    "relu": "relu",
}
# Options that change the arithmetic, and the value that our model computes
FIXED_OPTIONS = {
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
}


def read_config(raw: dict[str, Any]) -> GPT2Config:
    """config.json -> our config. Raises CheckpointError for what we do not compute."""
    for option, value in FIXED_OPTIONS.items():
        if raw.get(option, value) != value:
            raise CheckpointError(f"{option}: {raw[option]}, expected {value}")
    activation = raw.get("activation_function", "gelu_new")
    if activation not in ACTIVATIONS:
        expected = ", ".join(ACTIVATIONS)
        raise CheckpointError(
            f"activation_function: {activation!r}, expected one of {expected}"
        )
    n_embd = int(raw["n_embd"])
    return GPT2Config(
        n_layer=int(raw["n_layer"]),
        n_embd=n_embd,
        n_head=int(raw["n_head"]),
        n_inner=int(raw.get("n_inner") or 4 * n_embd),
        n_positions=int(raw.get("n_positions", 1024)),
        vocab_size=int(raw["vocab_size"]),
        layer_norm_epsilon=float(raw.get("layer_norm_epsilon", 1e-5)),
        activation=ACTIVATIONS[activation],
    )


def open_weights(checkpoint: Checkpoint, config: GPT2Config) -> Weights:
    return Weights(checkpoint, pieces(config), canonical)


def canonical(name: str) -> str:
    """GPT2Model saves h.0.…, GPT2LMHeadModel transformer.h.0.…"""
    return name.removeprefix("transformer.")


def pieces(config: GPT2Config) -> dict[str, Piece]:
    """Our tensors and where they come from. The names are GPT-2's own.

    Not taken: attn.bias and attn.masked_bias (masks, not weights), and lm_head.weight
    (the same as wte.weight, and no embedding needs it).
    """
    embed = {
        "wte.weight": Source((config.vocab_size, config.n_embd), ("wte.weight",)),
        "wpe.weight": Source((config.n_positions, config.n_embd), ("wpe.weight",)),
    }
    layers = {
        f"layer.{n}": {
            name: Source(shape, (f"h.{n}.{name}",), transposed=len(shape) == 2)
            for name, shape in layer_shapes(config).items()
        }
        for n in range(config.n_layer)
    }
    finish = {
        name: Source((config.n_embd,), (name,)) for name in ("ln_f.weight", "ln_f.bias")
    }
    return {"embed": embed, **layers, "finish": finish}


def layer_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    """A layer's tensors in the order of use; matrices (out, in)."""
    n_embd, n_inner = config.n_embd, config.n_inner
    return {
        "ln_1.weight": (n_embd,),
        "ln_1.bias": (n_embd,),
        "attn.c_attn.weight": (3 * n_embd, n_embd),
        "attn.c_attn.bias": (3 * n_embd,),
        "attn.c_proj.weight": (n_embd, n_embd),
        "attn.c_proj.bias": (n_embd,),
        "ln_2.weight": (n_embd,),
        "ln_2.bias": (n_embd,),
        "mlp.c_fc.weight": (n_inner, n_embd),
        "mlp.c_fc.bias": (n_inner,),
        "mlp.c_proj.weight": (n_embd, n_inner),
        "mlp.c_proj.bias": (n_embd,),
    }
