"""What tests share: small random checkpoints, real MiniLM weights, loaded models."""

from pathlib import Path

import pytest
import torch
from checkpoints import write_bert, write_gpt2, write_sentence_files

from model_registry import ModelSource, resolve
from split_model import SplitModel


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tests run beside a browser that renders on the same cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def checkpoint_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def gpt2_folder(checkpoint_dir: Path) -> Path:
    return write_gpt2(checkpoint_dir / "small-gpt2", n_positions=1024)


@pytest.fixture(scope="session")
def odd_gpt2_folder(checkpoint_dir: Path) -> Path:
    """Widths that are no multiple of 32 stay float32 in q8; n_inner is one, though."""
    return write_gpt2(
        checkpoint_dir / "odd-gpt2",
        n_embd=48,
        n_head=3,
        n_layer=2,
        n_inner=96,
        activation_function="relu",
    )


@pytest.fixture(scope="session")
def bert_folder(checkpoint_dir: Path) -> Path:
    """As sentence-transformers saves one: mean pooling, normalised, 100 tokens."""
    return write_sentence_files(
        write_bert(checkpoint_dir / "small-bert"),
        pooling={"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
        transformer={"max_seq_length": 100, "do_lower_case": False},
    )


@pytest.fixture(scope="session")
def plain_bert_folder(checkpoint_dir: Path) -> Path:
    return write_bert(
        checkpoint_dir / "plain-bert",
        hidden_size=48,
        num_attention_heads=3,
        num_hidden_layers=2,
        hidden_act="gelu_new",
    )


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """Real weights; a development requirement, so that no test is skipped."""
    return resolve("all-MiniLM-L6-v2").folder


@pytest.fixture(scope="session")
def gpt2(gpt2_folder: Path, cache_dir: Path) -> SplitModel:
    return _load(gpt2_folder, cache_dir)


@pytest.fixture(scope="session")
def odd_gpt2(odd_gpt2_folder: Path, cache_dir: Path) -> SplitModel:
    return _load(odd_gpt2_folder, cache_dir)


@pytest.fixture(scope="session")
def bert(bert_folder: Path, cache_dir: Path) -> SplitModel:
    return _load(bert_folder, cache_dir)


@pytest.fixture(scope="session")
def plain_bert(plain_bert_folder: Path, cache_dir: Path) -> SplitModel:
    return _load(plain_bert_folder, cache_dir)


@pytest.fixture(scope="session")
def minilm(cache_dir: Path) -> SplitModel:
    return SplitModel(resolve("all-MiniLM-L6-v2"), cache_dir=cache_dir)


def _load(folder: Path, cache_dir: Path) -> SplitModel:
    return SplitModel(ModelSource(folder.name, folder), cache_dir=cache_dir)
