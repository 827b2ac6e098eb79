"""Numbers whose bytes are kept in tests/fixtures, for readers in both languages.

`PYTHONPATH=. python tests/golden.py` writes them anew, when the format has changed on
purpose (then raise PIECE_FORMAT in model_loading.py too).
"""

import tempfile
from pathlib import Path

import torch
from checkpoints import write_json
from torch import Tensor

from layer_files import LayerFiles
from model_registry import ModelSource
from ragged import Ragged
from safetensors_bytes import TensorSpec, header_bytes, plan
from split_model import SplitModel
from wire import WIRE_DTYPES, HiddenMetadata, encode_hidden

FIXTURES = Path(__file__).parent / "fixtures"
METADATA = HiddenMetadata("golden", "0123456789abcdef", 1)
N_EMBD = 32
PIECES = (
    ("f32", "finish"),
    ("f16", "layer.0"),
    ("q8", "layer.0"),
    ("q8", "embed"),
    ("q4", "layer.0"),
)


def numbers(count: int, seed: int) -> Tensor:
    """float32, -1.001 to 1.001. Number i is, in JavaScript,

    Math.fround(((i * 7919 + seed * 104729) % 2003 - 1001) / 1000)
    """
    steps = (torch.arange(count) * 7919 + seed * 104729) % 2003 - 1001
    return (steps.double() / 1000).float()


def hidden() -> Ragged:
    """Three texts. Rows 0 to 2 hold what is hard: zeros, tiny and huge numbers."""
    values = numbers(6 * N_EMBD, seed=0).view(6, N_EMBD)
    values[0] = 0.0
    values[1] *= 1e-6
    values[2, 0] = 70000.0  # over what float16 can hold
    return Ragged(values, (1, 2, 3))


def write_checkpoint(folder: Path) -> None:
    """A GPT-2 of one layer: tensor number n of its file is numbers(…, seed=n)."""
    sizes = {"n_layer": 1, "n_embd": N_EMBD, "n_head": 2, "n_inner": 64}
    write_json(
        folder / "config.json",
        {"model_type": "gpt2", "n_positions": 16, "vocab_size": 24, **sizes},
    )
    tokenizer = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    write_json(folder / "tokenizer.json", {"version": "1.0", "model": tokenizer})
    shapes = {
        "wte.weight": (24, 32),
        "wpe.weight": (16, 32),
        "h.0.ln_1.weight": (32,),
        "h.0.ln_1.bias": (32,),
        "h.0.attn.c_attn.weight": (32, 96),
        "h.0.attn.c_attn.bias": (96,),
        "h.0.attn.c_proj.weight": (32, 32),
        "h.0.attn.c_proj.bias": (32,),
        "h.0.ln_2.weight": (32,),
        "h.0.ln_2.bias": (32,),
        "h.0.mlp.c_fc.weight": (32, 64),
        "h.0.mlp.c_fc.bias": (64,),
        "h.0.mlp.c_proj.weight": (64, 32),
        "h.0.mlp.c_proj.bias": (32,),
        "ln_f.weight": (32,),
        "ln_f.bias": (32,),
    }
    layout = plan({name: TensorSpec("F32", shape) for name, shape in shapes.items()})
    data = [
        numbers(spec.nbytes // 4, seed).numpy().tobytes()
        for seed, spec in enumerate(layout.tensors.values())
    ]
    (folder / "model.safetensors").write_bytes(b"".join([header_bytes(layout), *data]))


def golden_files(folder: Path) -> dict[str, bytes]:
    """Name in tests/fixtures -> the bytes that the code makes now."""
    files = {
        f"hidden_{dtype}.safetensors": encode_hidden(hidden(), dtype, METADATA)
        for dtype in WIRE_DTYPES
    }
    write_checkpoint(folder)
    model = SplitModel(ModelSource("golden", folder), cache_dir=folder / "cache")
    layer_files = LayerFiles(model, folder / "cache")
    for dtype, piece in PIECES:
        path = layer_files.file(dtype, piece).path
        files[f"{piece}_{dtype}.safetensors"] = path.read_bytes()
    return files


if __name__ == "__main__":
    FIXTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, content in golden_files(Path(scratch)).items():
            (FIXTURES / name).write_bytes(content)
