"""BERT checkpoints to our names."""

from bert_model import Bert, BertConfig
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
from model_loading import Architecture
from sentence_files import SentenceSettings

FIXED_OPTIONS = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
# Ours -> theirs
EMBED_NAMES = {
    "wte": "embeddings.word_embeddings",
    "wpe": "embeddings.position_embeddings",
    "wtt": "embeddings.token_type_embeddings",
    "ln": "embeddings.LayerNorm",
}
# Ours -> theirs within encoder.layer.N; q, k and v are stacked into one matrix
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


def read_config(raw: Json) -> BertConfig:
    """config.json -> our config. Raises CheckpointError for what we do not compute."""
    refuse_other_values(raw, FIXED_OPTIONS)
    n_embd, n_head = count(raw, "hidden_size"), count(raw, "num_attention_heads")
    check_heads(n_embd, n_head)
    return BertConfig(
        n_layer=count(raw, "num_hidden_layers"),
        n_embd=n_embd,
        n_head=n_head,
        n_inner=count(raw, "intermediate_size"),
        n_positions=count(raw, "max_position_embeddings"),
        vocab_size=count(raw, "vocab_size"),
        type_vocab_size=count(raw, "type_vocab_size", default=2),
        layer_norm_epsilon=epsilon(raw, "layer_norm_eps", default=1e-12),
        activation=choice(raw, "hidden_act", ACTIVATIONS, default="gelu"),
    )


def canonical(name: str) -> str:
    """BertModel saves encoder.…, others bert.encoder.…; TensorFlow said gamma, beta."""
    name = name.removeprefix("bert.")
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
    return name.replace("LayerNorm.beta", "LayerNorm.bias")


def pieces(config: BertConfig) -> dict[str, Piece]:
    """Our tensors and where they come from.

    Not taken: position_ids (0, 1, 2 …), pooler and cls (heads that no embedding needs).
    """
    layers = {f"layer.{n}": _layer(config, n) for n in range(config.n_layer)}
    return {"embed": _embed(config), **layers, "finish": {}}


def _embed(config: BertConfig) -> Piece:
    shapes = {
        "wte.weight": (config.vocab_size, config.n_embd),
        "wpe.weight": (config.n_positions, config.n_embd),
        "wtt.weight": (config.type_vocab_size, config.n_embd),
        "ln.weight": (config.n_embd,),
        "ln.bias": (config.n_embd,),
    }
    piece = {}
    for name, shape in shapes.items():
        module, _, leaf = name.rpartition(".")
        piece[name] = Source(shape, (f"{EMBED_NAMES[module]}.{leaf}",))
    return piece


def _layer(config: BertConfig, n: int) -> Piece:
    piece = {}
    for name, shape in layer_shapes(config).items():
        module, _, leaf = name.rpartition(".")
        names = (f"encoder.layer.{n}.{theirs}.{leaf}" for theirs in LAYER_NAMES[module])
        piece[name] = Source(shape, tuple(names))
    return piece


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


ARCHITECTURE = Architecture(
    name="bert",
    model=Bert,
    read_config=read_config,
    pieces=pieces,
    canonical=canonical,
    # what sentence-transformers does with a folder that has no files of its own
    settings=SentenceSettings(pooling="mean", normalize=False),
)
