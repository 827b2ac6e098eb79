"""The command dumps a hidden state at any split, and finishes from such a file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tolerances import BY_DTYPE

import gpt2_utils
from split_model import SplitModel
from wire import WIRE_DTYPES, decode_hidden

TEXTS = ["The first text.", "and another, a longer one"]


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, cache_dir: Path) -> None:
    monkeypatch.setattr(gpt2_utils, "default_cache_dir", lambda: cache_dir)


def dump(folder: Path, file: Path, split: int, wire: str = "f32") -> None:
    options = ["--model", str(folder), "--split", str(split), "--output", str(file)]
    gpt2_utils.main(["dump", *TEXTS, *options, "--wire", wire])


@pytest.mark.parametrize("wire", WIRE_DTYPES)
@pytest.mark.parametrize("split", range(5))
def test_a_dump_at_any_split_finishes_as_the_whole_model(
    gpt2: SplitModel,
    gpt2_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    split: int,
    wire: str,
) -> None:
    file = tmp_path / "hidden.safetensors"
    dump(gpt2_folder, file, split, wire)
    gpt2_utils.main(["resume", str(file), "--model", str(gpt2_folder)])
    came = json.loads(capsys.readouterr().out)
    tokens = gpt2.tokenize(TEXTS)
    assert came["start"] == split
    assert came["model"] == gpt2.name
    assert came["revision"] == gpt2.revision
    assert came["lengths"] == list(tokens.lengths)
    embeddings = torch.tensor(came["embeddings"])
    tolerance = BY_DTYPE[wire]
    torch.testing.assert_close(embeddings, gpt2.embed(tokens), atol=tolerance, rtol=0)


def test_a_dump_is_what_the_server_sends(
    gpt2: SplitModel, gpt2_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "hidden.safetensors"
    dump(gpt2_folder, file, split=3)
    hidden, metadata = decode_hidden(file.read_bytes(), 64, gpt2.max_tokens)
    assert (metadata.revision, metadata.start) == (gpt2.revision, 3)
    expected = gpt2.hidden_states(gpt2.tokenize(TEXTS), 3)
    assert torch.equal(hidden.values, expected.values)


@pytest.mark.parametrize("split", [-1, 5])
def test_a_split_outside_the_model_is_one_line(
    gpt2_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], split: int
) -> None:
    with pytest.raises(SystemExit) as stopped:
        dump(gpt2_folder, tmp_path / "x", split)
    assert stopped.value.code == 1
    assert capsys.readouterr().err == f"--split: expected 0 to 4, came {split}\n"


def test_a_file_of_another_checkpoint_is_refused(
    gpt2_folder: Path,
    odd_gpt2_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "hidden.safetensors"
    dump(gpt2_folder, file, 1)
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"revision":"', b'"revision":"0', 1)[:-1])
    for folder in (odd_gpt2_folder, gpt2_folder):
        with pytest.raises(SystemExit):
            gpt2_utils.main(["resume", str(file), "--model", str(folder)])
        assert "expected" in capsys.readouterr().err


def test_a_model_of_another_kind_is_refused(
    bert_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        dump(bert_folder, tmp_path / "x", 1)
    said = capsys.readouterr().err
    assert "config.json: model_type: expected gpt2, came bert" in said


def test_without_a_model_it_is_the_servers_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hidden.safetensors"
    gpt2_utils.main(["dump", TEXTS[0], "--split", "12", "--output", str(file)])
    gpt2_utils.main(["resume", str(file)])
    assert json.loads(capsys.readouterr().out)["model"] == "gpt2-mini"


def test_help_is_said_by_the_file_itself() -> None:
    root = Path(gpt2_utils.__file__).parent
    result = subprocess.run(
        [sys.executable, "gpt2_utils.py", "--help"],
        capture_output=True,
        text=True,
        cwd=root,
    )
    assert result.returncode == 0
    assert "usage: gpt2_utils.py" in result.stdout
