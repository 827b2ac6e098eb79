"""Small random checkpoints, saved by the Hugging Face classes as any folder is."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

import gpt2_utils
from safetensors_bytes import TensorSpec, header_bytes, plan

TEXTS = [
    "A cut through the model: the server runs the first layers, the browser the rest.",
    "Each layer reads the hidden state, adds what it knows, and hands it on.",
    "Paste a text, move the slider, and compare the two embeddings — naïve, isn't it?",
    "Les modèles de langue; 言語モデル; языковые модели; 1,024 tokens at most!",
]


def write_gpt2(folder: Path, seed: int = 0, **config: Any) -> Path:
    from transformers import GPT2Config, GPT2Model

    tokenizer = _byte_level_bpe()
    settings = {"n_embd": 64, "n_head": 4, "n_layer": 4, "n_positions": 128}
    model = GPT2Model(
        GPT2Config(vocab_size=tokenizer.get_vocab_size(), **{**settings, **config})
    )
    _randomize(model, seed)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def write_bert(folder: Path, seed: int = 0, **config: Any) -> Path:
    from transformers import BertConfig, BertModel

    tokenizer = _word_piece()
    settings = {
        "hidden_size": 64,
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "intermediate_size": 128,
        "max_position_embeddings": 128,
    }
    model = BertModel(
        BertConfig(vocab_size=tokenizer.get_vocab_size(), **{**settings, **config})
    )
    _randomize(model, seed)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def write_empty_gpt2(folder: Path, **config: int) -> Path:
    """Weights that are all zeros: a file with a hole, of any size at no cost."""
    raw = {"model_type": "gpt2", "vocab_size": 4096, "n_positions": 64, **config}
    write_json(folder / "config.json", raw)
    model = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    write_json(folder / "tokenizer.json", {"version": "1.0", "model": model})
    sources = [
        source
        for piece in gpt2_utils.pieces(gpt2_utils.read_config(raw)).values()
        for source in piece.values()
    ]
    layout = plan({s.names[0]: TensorSpec("F32", s.stored_shape) for s in sources})
    header = header_bytes(layout)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(header)
        file.truncate(len(header) + layout.data_bytes)
    return folder


def write_sentence_files(
    folder: Path,
    pooling: dict[str, Any],
    normalize: bool = True,
    transformer: dict[str, Any] | None = None,
) -> Path:
    """The files that sentence-transformers saves beside a model."""
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    if normalize:
        kinds["2_Normalize"] = "Normalize"
    modules = [
        {"name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(kinds.items())
    ]
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling" / "config.json", pooling)
    if transformer is not None:
        write_json(folder / "sentence_bert_config.json", transformer)
    return folder


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def _randomize(model: torch.nn.Module, seed: int) -> None:
    """Weights far from the usual 0.02, under which attention is almost uniform.

    A model whose heads look at nothing would agree with the reference even if they
    were wired wrongly.
    """
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.15 if parameter.ndim == 2 else 0.1
            mean = 1.0 if "ln_" in name or "LayerNorm" in name else 0.0
            mean = mean if name.endswith("weight") and parameter.ndim == 1 else 0.0
            noise = torch.randn(parameter.shape, generator=random)
            parameter.copy_(mean + spread * noise)


def _byte_level_bpe() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|endoftext|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def _word_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", special.index("[SEP]")), ("[CLS]", special.index("[CLS]"))
    )
    return tokenizer
