"""GPT-2 checkpoints to our names, and a command that dumps hidden states."""

import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

import torch

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
from disk_cache import default_cache_dir
from gpt2_model import GPT2, GPT2Config
from input_errors import check_layer
from model_loading import Architecture, LoadedModel, load
from model_registry import DEFAULT, ModelSource, resolve
from sentence_files import SentenceSettings
from wire import WIRE_DTYPES, HiddenMetadata, WireError, decode_hidden, encode_hidden

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


def main(arguments: list[str] | None = None) -> None:
    """Dump GPT-2's hidden states at a split to a file, and finish from such a file;
    of GPT-2 only."""
    parser = ArgumentParser(prog="gpt2_utils.py", description=main.__doc__)
    commands = parser.add_subparsers(required=True, metavar="dump | resume")
    dump = commands.add_parser("dump", help="run texts through layers [0, split)")
    dump.add_argument("texts", nargs="+", metavar="TEXT")
    dump.add_argument("--split", type=int, required=True, help="how many layers to run")
    dump.add_argument("--output", type=Path, required=True, metavar="FILE")
    dump.add_argument(
        "--wire", choices=WIRE_DTYPES, default="f32", help="number format"
    )
    dump.set_defaults(run=_dump)
    resume = commands.add_parser("resume", help="run the rest; embeddings as JSON")
    resume.add_argument("file", type=Path, metavar="FILE")
    resume.set_defaults(run=_resume)
    for command in (dump, resume):
        command.add_argument(
            "--model",
            default=DEFAULT,
            help="name, folder or hub id of a GPT-2 (default: %(default)s)",
        )
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, LookupError, RuntimeError, OSError) as error:
        parser.exit(1, f"{error}\n")


def _dump(options: Namespace) -> None:
    source, loaded = _load(options.model)
    tokens = loaded.tokenizer.encode(options.texts)
    check_layer("--split", options.split, loaded.model.config.n_layer)
    with torch.inference_mode():
        hidden = loaded.model.embed(tokens)
        hidden = loaded.model.run_layers(hidden, 0, options.split)
    metadata = HiddenMetadata(source.name, loaded.revision, options.split)
    options.output.write_bytes(encode_hidden(hidden, options.wire, metadata))


def _resume(options: Namespace) -> None:
    _, loaded = _load(options.model)
    model = loaded.model
    hidden, metadata = decode_hidden(
        options.file.read_bytes(), model.config.n_embd, loaded.tokenizer.max_tokens
    )
    if metadata.revision != loaded.revision:
        raise WireError(
            f"revision: expected {loaded.revision}, came {metadata.revision}, which is "
            f"another checkpoint of {metadata.model}"
        )
    check_layer("start", metadata.start, model.config.n_layer)
    with torch.inference_mode():
        hidden = model.run_layers(hidden, metadata.start, model.config.n_layer)
        embeddings = model.finish(hidden).tolist()
    facts = {**asdict(metadata), "lengths": hidden.lengths, "embeddings": embeddings}
    sys.stdout.write(json.dumps(facts) + "\n")


def _load(name: str) -> tuple[ModelSource, LoadedModel[GPT2]]:
    source = resolve(name)
    cpu = torch.device("cpu")
    cache_dir = default_cache_dir()
    return source, load(
        ARCHITECTURE, source.folder, cpu, torch.float32, None, cache_dir
    )


if __name__ == "__main__":
    main()
