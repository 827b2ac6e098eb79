"""Checkpoints in every form that the hub has load alike; the rest is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import write_json
from safetensors.torch import load_file, save_file
from torch import Tensor

from config_json import CheckpointError
from model_registry import ModelSource
from split_model import SplitModel

IDS = [[5, 9, 200, 31], [7]]


@pytest.fixture
def load(cache_dir: Path) -> Callable[[Path], SplitModel]:
    def load(folder: Path) -> SplitModel:
        return SplitModel(ModelSource("test", folder), cache_dir=cache_dir)

    return load


@pytest.fixture
def gpt2_copy(gpt2_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(gpt2_folder, tmp_path / "gpt2"))


@pytest.fixture
def bert_copy(bert_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bert_folder, tmp_path / "bert"))


def rewrite(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    """Change a checkpoint's tensors, all in memory of their own."""
    path = folder / "model.safetensors"
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    change(tensors)
    save_file({name: t.contiguous() for name, t in tensors.items()}, path)


def rename(tensors: dict[str, Tensor], new_name: Callable[[str], str]) -> None:
    for name in list(tensors):
        tensors[new_name(name)] = tensors.pop(name)


def same_embeddings(a: SplitModel, b: SplitModel) -> bool:
    results = [model.embed(model.tokens_from_ids(IDS)) for model in (a, b)]
    return torch.equal(*results)


def test_a_language_models_checkpoint_gives_the_same_gpt2(
    gpt2: SplitModel, gpt2_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    """transformer. before each name, masks among the weights, a tied head."""

    def change(tensors: dict[str, Tensor]) -> None:
        rename(tensors, lambda name: f"transformer.{name}")
        for n in range(4):
            mask = torch.ones(1, 1, 8, 8, dtype=torch.uint8)
            tensors[f"transformer.h.{n}.attn.bias"] = mask
            tensors[f"transformer.h.{n}.attn.masked_bias"] = torch.tensor(-1e4)
        tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()

    rewrite(gpt2_copy, change)
    assert same_embeddings(load(gpt2_copy), gpt2)


def test_a_masked_language_models_checkpoint_gives_the_same_bert(
    bert: SplitModel, bert_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    """bert. before each name, TensorFlow's gamma and beta, position ids, two heads."""

    def old(name: str) -> str:
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        return "bert." + name.replace("LayerNorm.bias", "LayerNorm.beta")

    def change(tensors: dict[str, Tensor]) -> None:
        rename(tensors, old)
        tensors["bert.embeddings.position_ids"] = torch.arange(128)[None]
        tensors["cls.predictions.bias"] = torch.zeros(9)
        tensors["cls.predictions.transform.LayerNorm.gamma"] = torch.zeros(64)

    rewrite(bert_copy, change)
    assert same_embeddings(load(bert_copy), bert)


def test_a_checkpoint_without_pooler_loads(
    bert: SplitModel, bert_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    def change(tensors: dict[str, Tensor]) -> None:
        for name in [name for name in tensors if name.startswith("pooler.")]:
            del tensors[name]

    rewrite(bert_copy, change)
    assert same_embeddings(load(bert_copy), bert)


def test_shards_load(
    gpt2: SplitModel, gpt2_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    from transformers import GPT2Model

    model = GPT2Model.from_pretrained(gpt2_copy)
    (gpt2_copy / "model.safetensors").unlink()
    model.save_pretrained(gpt2_copy, max_shard_size="200KB")
    assert len(list(gpt2_copy.glob("model-*.safetensors"))) > 2
    assert same_embeddings(load(gpt2_copy), gpt2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision_load(
    gpt2_copy: Path, load: Callable[[Path], SplitModel], dtype: torch.dtype
) -> None:
    def change(tensors: dict[str, Tensor]) -> None:
        for name in tensors:
            tensors[name] = tensors[name].to(dtype)

    rewrite(gpt2_copy, change)
    stored = load_file(gpt2_copy / "model.safetensors")
    weights = load(gpt2_copy).weights
    assert torch.equal(
        weights.read("embed", "wte.weight"), stored["wte.weight"].float()
    )
    transposed = stored["h.2.mlp.c_fc.weight"].t().float()
    assert torch.equal(weights.read("layer.2", "mlp.c_fc.weight"), transposed)


def test_a_pickle_is_refused(
    gpt2_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    (gpt2_copy / "model.safetensors").rename(gpt2_copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"came the pickle pytorch_model\.bin"):
        load(gpt2_copy)


def test_an_index_that_points_elsewhere_is_refused(
    gpt2_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    (gpt2_copy / "model.safetensors").rename(gpt2_copy.parent / "model.safetensors")
    index = gpt2_copy / "model.safetensors.index.json"
    for file in ("../model.safetensors", "none.safetensors", ".."):
        write_json(index, {"weight_map": {"wte.weight": file}})
        with pytest.raises(CheckpointError, match="expected files beside it"):
            load(gpt2_copy)
    write_json(index, {})
    with pytest.raises(CheckpointError, match="expected a weight_map, came none"):
        load(gpt2_copy)


def test_a_missing_tensor_is_named(
    gpt2_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    rewrite(gpt2_copy, lambda tensors: tensors.pop("h.3.attn.c_attn.weight"))
    with pytest.raises(CheckpointError, match=r"h\.3\.attn\.c_attn\.weight, came no"):
        load(gpt2_copy)


def test_a_wrong_shape_or_dtype_is_named(
    gpt2_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    name = "h.3.attn.c_attn.weight"
    rewrite(gpt2_copy, lambda tensors: tensors.update({name: torch.zeros(192, 64)}))
    message = r"h.3.attn.c_attn.weight: shape \(192, 64\), expected \(64, 192\)"
    with pytest.raises(CheckpointError, match=message):
        load(gpt2_copy)
    integers = torch.zeros(64, 192, dtype=torch.int32)
    rewrite(gpt2_copy, lambda tensors: tensors.update({name: integers}))
    with pytest.raises(CheckpointError, match="dtype I32, expected one of F64, F32"):
        load(gpt2_copy)


def test_a_damaged_file_is_refused(
    gpt2_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    path = gpt2_copy / "model.safetensors"
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:100], b"", b"\xff" * 64):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"model.safetensors: .*expected"):
            load(gpt2_copy)


def test_weights_that_change_under_a_running_model_are_noticed(
    gpt2_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    weights = load(gpt2_copy).weights
    path = gpt2_copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(CheckpointError, match="changed since the model was loaded"):
        weights.read("embed", "wte.weight")
    (gpt2_copy / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="No such file"):
        weights.read("embed", "wte.weight")


CONFIGS: list[tuple[str, dict[str, Any], str]] = [
    ("gpt2", {"model_type": "llama"}, "model_type: expected one of gpt2, bert"),
    ("gpt2", {"model_type": None}, "model_type: expected one of gpt2, bert"),
    ("gpt2", {"n_embd": None}, "n_embd: expected an integer above 0, came None"),
    ("gpt2", {"n_layer": 0}, "n_layer: expected an integer above 0, came 0"),
    ("gpt2", {"n_head": "4"}, "n_head: expected an integer above 0, came '4'"),
    ("gpt2", {"n_head": 5}, "heads: expected a divisor of the width 64, came 5"),
    ("gpt2", {"activation_function": "silu"}, "activation_function: expected one of"),
    ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "expected False, came True"),
    ("gpt2", {"layer_norm_epsilon": "x"}, "layer_norm_epsilon: expected a number"),
    ("bert", {"position_embedding_type": "relative_key"}, "expected absolute, came"),
    ("bert", {"is_decoder": True}, "is_decoder: expected False, came True"),
    ("bert", {"hidden_act": "silu"}, "hidden_act: expected one of"),
    ("bert", {"vocab_size": True}, "vocab_size: expected an integer above 0"),
]


@pytest.mark.parametrize(("kind", "change", "message"), CONFIGS)
def test_a_config_that_we_do_not_compute_is_refused(
    gpt2_copy: Path,
    bert_copy: Path,
    load: Callable[[Path], SplitModel],
    kind: str,
    change: dict[str, Any],
    message: str,
) -> None:
    folder = {"gpt2": gpt2_copy, "bert": bert_copy}[kind]
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", {**config, **change})
    with pytest.raises(CheckpointError, match=f"config.json: .*{message}"):
        load(folder)


def test_what_a_config_leaves_out_is_what_hugging_face_assumes(
    gpt2: SplitModel,
    bert: SplitModel,
    gpt2_copy: Path,
    bert_copy: Path,
    load: Callable[[Path], SplitModel],
) -> None:
    """Their defaults are GPT-2's and BERT's own, as the fixtures' are."""
    needed = {"model_type", "vocab_size", "n_layer", "n_embd", "n_head"}
    needed |= {"num_hidden_layers", "hidden_size", "num_attention_heads"}
    needed |= {"intermediate_size", "max_position_embeddings"}
    for model, folder in ((gpt2, gpt2_copy), (bert, bert_copy)):
        config = json.loads((folder / "config.json").read_text())
        short = {name: value for name, value in config.items() if name in needed}
        write_json(folder / "config.json", short)
        assert load(folder).config == model.config


def test_a_folder_without_what_a_model_needs_is_refused(
    gpt2_copy: Path, load: Callable[[Path], SplitModel]
) -> None:
    for name, content in (("config.json", b"{"), ("tokenizer.json", b"{}")):
        whole = (gpt2_copy / name).read_bytes()
        (gpt2_copy / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=name):
            load(gpt2_copy)
        (gpt2_copy / name).unlink()
        with pytest.raises(CheckpointError, match=f"{name}.* came none"):
            load(gpt2_copy)
        (gpt2_copy / name).write_bytes(whole)
    load(gpt2_copy)
