"""BERT checkpoints to our names."""

from typing import Any

from bert_model import BertConfig
from checkpoint import Checkpoint, CheckpointError, Piece, Source, Weights
from sentence_files import SentenceSettings

# What sentence-transformers does with a folder that has no files of its own
DEFAULT_SETTINGS = SentenceSettings(pooling="mean", normalize=False)
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "relu": "relu",
}
# Options that change the arithmetic, and the value that our model computes
FIXED_OPTIONS = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
# Ours -> BERT's, within encoder.layer.N
LAYER_NAMES = {
    "attn.c_attn": (
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
    ),
    "attn.c_proj": ("attention.output.dense",),
    "ln_1": ("attention.output.LayerNorm",),
    "mlp.c_fc": ("intermediate.dense",),
    "mlp.c_proj": ("output.dense",),
    "ln_2": ("output.LayerNorm",),
}


def read_config(raw: dict[str, Any]) -> BertConfig:
    """config.json -> our config. Raises CheckpointError for what we do not compute."""
    for option, value in FIXED_OPTIONS.items():
        if raw.get(option, value) != value:
            raise CheckpointError(f"{option}: {raw[option]}, expected {value}")
    activation = raw.get("hidden_act", "gelu")
    if activation not in ACTIVATIONS:
        expected = ", ".join(ACTIVATIONS)
        raise CheckpointError(f"hidden_act: {activation!r}, expected one of {expected}")
    return BertConfig(
        n_layer=int(raw["num_hidden_layers"]),
        n_embd=int(raw["hidden_size"]),
        n_head=int(raw["num_attention_heads"]),
        n_inner=int(raw["intermediate_size"]),
        n_positions=int(raw["max_position_embeddings"]),
        vocab_size=int(raw["vocab_size"]),
        type_vocab_size=int(raw.get("type_vocab_size", 2)),
        layer_norm_epsilon=float(raw.get("layer_norm_eps", 1e-12)),
        activation=ACTIVATIONS[activation],
    )


def open_weights(checkpoint: Checkpoint, config: BertConfig) -> Weights:
    return Weights(checkpoint, pieces(config), canonical)


def canonical(name: str) -> str:
    """BertModel saves encoder.…, others bert.encoder.…; TensorFlow said gamma, beta."""
    name = name.removeprefix("bert.")
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
    return name.replace("LayerNorm.beta", "LayerNorm.bias")


def pieces(config: BertConfig) -> dict[str, Piece]:
    """Our tensors and where they come from.

    Not taken: position_ids (0, 1, 2 …), pooler and cls (heads that no embedding needs).
    """
    n_embd = config.n_embd
    embed = {
        "wte.weight": Source(
            (config.vocab_size, n_embd), ("embeddings.word_embeddings.weight",)
        ),
        "wpe.weight": Source(
            (config.n_positions, n_embd), ("embeddings.position_embeddings.weight",)
        ),
        "wtt.weight": Source(
            (config.type_vocab_size, n_embd),
            ("embeddings.token_type_embeddings.weight",),
        ),
        "ln.weight": Source((n_embd,), ("embeddings.LayerNorm.weight",)),
        "ln.bias": Source((n_embd,), ("embeddings.LayerNorm.bias",)),
    }
    layers = {f"layer.{n}": _layer(config, n) for n in range(config.n_layer)}
    return {"embed": embed, **layers, "finish": {}}


def _layer(config: BertConfig, n: int) -> Piece:
    layer = {}
    for name, shape in layer_shapes(config).items():
        module, _, leaf = name.rpartition(".")
        names = (f"encoder.layer.{n}.{theirs}.{leaf}" for theirs in LAYER_NAMES[module])
        layer[name] = Source(shape, tuple(names))
    return layer


def layer_shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """A layer's tensors in the order of use; matrices (out, in)."""
    n_embd, n_inner = config.n_embd, config.n_inner
    return {
        "attn.c_attn.weight": (3 * n_embd, n_embd),
        "attn.c_attn.bias": (3 * n_embd,),
        "attn.c_proj.weight": (n_embd, n_embd),
        "attn.c_proj.bias": (n_embd,),
        "ln_1.weight": (n_embd,),
        "ln_1.bias": (n_embd,),
        "mlp.c_fc.weight": (n_inner, n_embd),
        "mlp.c_fc.bias": (n_inner,),
        "mlp.c_proj.weight": (n_embd, n_inner),
        "mlp.c_proj.bias": (n_embd,),
        "ln_2.weight": (n_embd,),
        "ln_2.bias": (n_embd,),
    }
