"""What loading costs: the weights' memory and a tenth, and the hash only once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints import write_empty_gpt2

from model_registry import ModelSource
from split_model import SplitModel

LOADING_PEAK = Path(__file__).with_name("loading_peak.py")


def test_loading_needs_the_weights_and_a_tenth(tmp_path: Path) -> None:
    """In a process of its own, so that the peak is nobody else's.

    With pages of 4 KiB, since those of 2 MiB, which before_torch asks for, round up
    what each of these small matrices takes.
    """
    folder = write_empty_gpt2(tmp_path / "wide", n_layer=14, n_embd=512, n_head=8)
    result = subprocess.run(
        [sys.executable, str(LOADING_PEAK), str(folder), str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "THP_MEM_ALLOC_ENABLE": "0"},
    )
    peak, weights = json.loads(result.stdout)
    assert weights > 180e6
    assert weights < peak < 1.1 * weights


def test_a_second_start_hashes_nothing(
    gpt2_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ModelSource("gpt2", gpt2_folder)
    first = SplitModel(source, cache_dir=tmp_path)

    def hash_again(file: Path) -> str:
        raise AssertionError(f"{file}: hashed again")

    monkeypatch.setattr("disk_cache.sha256", hash_again)
    assert SplitModel(source, cache_dir=tmp_path).revision == first.revision


def test_a_cache_that_cannot_be_written_costs_only_time(
    gpt2: SplitModel, gpt2_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    source = ModelSource("gpt2", gpt2_folder)
    model = SplitModel(source, cache_dir=tmp_path / "file")
    assert model.revision == gpt2.revision


def test_loading_imports_no_hugging_face_library() -> None:
    """transformers alone would add seconds to each start."""
    script = (
        "import sys, split_model, layer_files, model_registry, wire;"
        "print({'transformers', 'huggingface_hub'} & set(sys.modules))"
    )
    root = Path(__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root
    )
    assert result.stdout == "set()\n", result.stderr


@pytest.mark.parametrize("pooling", ["median", ""])
def test_an_unknown_pooling_is_refused(
    gpt2_folder: Path, cache_dir: Path, pooling: str
) -> None:
    source = ModelSource("gpt2", gpt2_folder)
    with pytest.raises(ValueError, match="pooling: expected one of mean, cls, max"):
        SplitModel(source, pooling=pooling, cache_dir=cache_dir)


def test_lowercasing_is_part_of_the_revision(bert_folder: Path, tmp_path: Path) -> None:
    """It decides a text's tokens, and with them its vector."""
    revisions = set()
    for lowercase in (False, True):
        folder = tmp_path / str(lowercase) / "bert"
        shutil.copytree(bert_folder, folder)
        settings = {"max_seq_length": 100, "do_lower_case": lowercase}
        (folder / "sentence_bert_config.json").write_text(json.dumps(settings))
        revisions.add(revision_of(folder, tmp_path))
    assert len(revisions) == 2


@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
@pytest.mark.parametrize("whole", [False, True])
def test_what_a_vocabulary_is_read_with_is_part_of_the_revision(
    plain_bert_folder: Path, tmp_path: Path, name: str, whole: bool
) -> None:
    """And where tokenizer.json says it all, it is not."""
    folder = tmp_path / "bert"
    shutil.copytree(plain_bert_folder, folder)
    if not whole:
        vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]
        (folder / "vocab.txt").write_text("\n".join(vocabulary["vocab"]) + "\n")
        (folder / "tokenizer.json").unlink()
    before = revision_of(folder, tmp_path)
    (folder / name).write_text(json.dumps({"unk_token": "[UNK]"}))
    assert (revision_of(folder, tmp_path) == before) is whole


def revision_of(folder: Path, cache_dir: Path) -> str:
    return SplitModel(ModelSource("m", folder), cache_dir=cache_dir).revision
