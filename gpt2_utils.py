"""GPT-2 checkpoints to our names."""

from checkpoint import Piece, Source
from config_json import (
    ACTIVATIONS,
    Json,
    check_heads,
    choice,
    count,
    epsilon,
    refuse_other_values,
)
from gpt2_model import GPT2, GPT2Config
from model_loading import Architecture
from sentence_files import SentenceSettings

FIXED_OPTIONS = {
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
}


def read_config(raw: Json) -> GPT2Config:
    """config.json -> our config. Raises CheckpointError for what we do not compute."""
    refuse_other_values(raw, FIXED_OPTIONS)
    n_embd, n_head = count(raw, "n_embd"), count(raw, "n_head")
    check_heads(n_embd, n_head)
    return GPT2Config(
        n_layer=count(raw, "n_layer"),
        n_embd=n_embd,
        n_head=n_head,
        n_inner=count(raw, "n_inner", default=4 * n_embd),
        n_positions=count(raw, "n_positions", default=1024),
        vocab_size=count(raw, "vocab_size"),
        layer_norm_epsilon=epsilon(raw, "layer_norm_epsilon", default=1e-5),
        activation=choice(raw, "activation_function", ACTIVATIONS, default="gelu_new"),
    )


def canonical(name: str) -> str:
    """GPT2Model saves h.0.…, GPT2LMHeadModel transformer.h.0.…"""
    return name.removeprefix("transformer.")


def pieces(config: GPT2Config) -> dict[str, Piece]:
    """Our tensors and where they come from; the names are GPT-2's own.

    Not taken: attn.bias and attn.masked_bias (masks, not weights), and lm_head.weight
    (wte.weight once more, and no embedding needs it).
    """
    n_embd = config.n_embd
    embed = {
        "wte.weight": Source((config.vocab_size, n_embd), ("wte.weight",)),
        "wpe.weight": Source((config.n_positions, n_embd), ("wpe.weight",)),
    }
    finish = {name: Source((n_embd,), (name,)) for name in ("ln_f.weight", "ln_f.bias")}
    layers = {f"layer.{n}": _layer(config, n) for n in range(config.n_layer)}
    return {"embed": embed, **layers, "finish": finish}


def _layer(config: GPT2Config, n: int) -> Piece:
    return {
        name: Source(shape, (f"h.{n}.{name}",), transposed=len(shape) == 2)
        for name, shape in layer_shapes(config).items()
    }


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


ARCHITECTURE = Architecture(
    name="gpt2",
    model=GPT2,
    read_config=read_config,
    pieces=pieces,
    canonical=canonical,
    # OpenAI's folders hold no sentence-transformers files: this is our own choice
    settings=SentenceSettings(pooling="mean", normalize=True),
)
