"""Pieces hold the model's weights, are cut once and whole, and never the wrong ones."""

import hashlib
import json
import os
import threading
import time
from pathlib import Path
from unittest.mock import patch

import pytest
import safetensors.torch
import torch
from golden import FIXTURES, golden_files
from tolerances import BY_DTYPE
from torch import Tensor

from disk_cache import CacheError, sha256_of_blocks
from layer_files import LayerFiles, UnknownPiece
from model_registry import ModelSource
from quantize import WEIGHT_DTYPES, WeightDtype, dequantize
from split_model import SplitModel

MODELS = ["gpt2", "odd_gpt2", "bert", "plain_bert"]


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> SplitModel:
    loaded = request.getfixturevalue(request.param)
    assert isinstance(loaded, SplitModel)
    return loaded


@pytest.fixture
def files(model: SplitModel, tmp_path: Path) -> LayerFiles:
    return LayerFiles(model, tmp_path)


def unpacked(path: Path) -> dict[str, Tensor]:
    """A piece's weights as float32, as a browser unpacks them."""
    tensors = safetensors.torch.load_file(path)
    scales = {name: tensors.pop(f"{name}_scale", None) for name in list(tensors)}
    return {
        name: tensor.float() if scale is None else dequantize(tensor, scale)
        for name, tensor in tensors.items()
        for scale in [scales[name]]
    }


def model_from_pieces(
    model: SplitModel, files: LayerFiles, dtype: WeightDtype, cache_dir: Path
) -> SplitModel:
    folder = model.weights.checkpoint.folder
    # Weights that MKL has laid out for itself cannot be exchanged.
    with patch("model_loading.packs", return_value=False):
        copy = SplitModel(ModelSource("copy", folder), cache_dir=cache_dir)
    for piece in files.pieces:
        prefix = piece.replace("layer.", "layers.") + "."
        prefix = prefix if piece.startswith("layer.") else ""
        weights = unpacked(files.file(dtype, piece).path)
        state = {prefix + name: weight for name, weight in weights.items()}
        result = copy.model.load_state_dict(state, strict=False)
        assert not result.unexpected_keys
    return copy


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
def test_a_model_made_of_its_pieces_gives_the_same_embeddings(
    model: SplitModel, files: LayerFiles, dtype: WeightDtype, cache_dir: Path
) -> None:
    copy = model_from_pieces(model, files, dtype, cache_dir)
    tokens = model.tokens_from_ids([[5, 6, 7, 8], [9], list(range(40))])
    for split in (0, 1, model.config.n_layer):
        hidden = model.hidden_states(tokens, split)
        result = copy.resume(hidden, split, normalize=True)
        expected = model.resume(hidden, split, normalize=True)
        torch.testing.assert_close(result, expected, atol=BY_DTYPE[dtype], rtol=0)


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
def test_real_weights_survive_every_dtype(
    minilm: SplitModel, cache_dir: Path, dtype: WeightDtype
) -> None:
    copy = model_from_pieces(minilm, LayerFiles(minilm, cache_dir), dtype, cache_dir)
    texts = ["One model, cut anywhere.", "word " * 200, "ein kurzer Satz"]
    tokens = minilm.tokenize(texts)
    expected = minilm.embed(tokens)
    for split in range(minilm.config.n_layer + 1):
        result = copy.resume(minilm.hidden_states(tokens, split), split)
        torch.testing.assert_close(result, expected, atol=BY_DTYPE[dtype], rtol=0)


def test_pieces_hold_all_weights_under_names_of_their_own(files: LayerFiles) -> None:
    manifest = files.manifest()
    assert list(manifest["pieces"]) == list(files.pieces)
    layers = [piece for piece in files.pieces if piece.startswith("layer.")]
    assert layers == [f"layer.{n}" for n in range(manifest["config"]["n_layer"])]
    names = {
        f"{module}.{leaf}"
        for module in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc")
        for leaf in ("weight", "bias")
    } | {"mlp.c_proj.weight", "mlp.c_proj.bias"}
    for layer in layers:
        assert set(unpacked(files.file("f32", layer).path)) == names


def test_the_manifest_tells_the_truth_and_is_json(
    model: SplitModel, files: LayerFiles
) -> None:
    manifest = files.manifest()
    assert json.loads(json.dumps(manifest)) == manifest
    assert manifest["model"] == model.name
    assert manifest["revision"] == model.revision
    sizes = files.sizes()
    for piece, dtypes in manifest["pieces"].items():
        assert list(dtypes) == list(WEIGHT_DTYPES)
        for dtype, entry in dtypes.items():
            path = files.file(dtype, piece).path
            content = path.read_bytes()
            assert entry["bytes"] == len(content) == sizes[dtype][piece]
            assert entry["sha256"] == hashlib.sha256(content).hexdigest()
            size = entry["blocks"]["bytes"]
            blocks = [content[at : at + size] for at in range(0, len(content), size)]
            expected = [hashlib.sha256(block).hexdigest() for block in blocks]
            assert entry["blocks"]["sha256"] == expected
            tensors = safetensors.torch.load(content)
            assert {name: list(t.shape) for name, t in tensors.items()} == {
                name: tensor["shape"] for name, tensor in entry["tensors"].items()
            }


def test_sizes_and_one_dtype_cut_nothing_else(gpt2: SplitModel, tmp_path: Path) -> None:
    files = LayerFiles(gpt2, tmp_path)
    files.sizes()
    assert not list(tmp_path.rglob("*.safetensors"))
    pieces = files.manifest("f16")["pieces"]
    assert all(list(dtypes) == ["f16"] for dtypes in pieces.values())
    assert {path.parent.name for path in tmp_path.rglob("*.safetensors")} == {"f16"}


def test_data_starts_at_a_multiple_of_eight_and_floats_at_one_of_four(
    files: LayerFiles,
) -> None:
    files.manifest()
    for dtype in WEIGHT_DTYPES:
        for piece in files.pieces:
            content = files.file(dtype, piece).path.read_bytes()
            start = 8 + int.from_bytes(content[:8], "little")
            assert start % 8 == 0
            header = json.loads(content[8:start])
            for entry in header.values():
                if entry["dtype"] == "F32":
                    assert entry["data_offsets"][0] % 4 == 0


def test_golden_pieces_are_what_is_cut(tmp_path: Path) -> None:
    for name, content in golden_files(tmp_path).items():
        assert (FIXTURES / name).read_bytes() == content, name


def test_pieces_come_from_the_checkpoint_not_from_a_rounded_model(
    gpt2: SplitModel, gpt2_folder: Path, tmp_path: Path
) -> None:
    source = ModelSource("gpt2", gpt2_folder)
    rounded = SplitModel(source, dtype="bf16", cache_dir=tmp_path / "a")
    assert rounded.revision == gpt2.revision
    path = LayerFiles(rounded, tmp_path / "a").file("f32", "layer.1").path
    assert path.read_bytes() == (
        LayerFiles(gpt2, tmp_path / "b").file("f32", "layer.1").path.read_bytes()
    )


def test_a_piece_is_cut_once_by_many_threads_and_over_restarts(
    gpt2: SplitModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    read = gpt2.weights.read

    def counted(piece: str, name: str) -> Tensor:
        reads.append(name)
        time.sleep(0.001)
        return read(piece, name)

    monkeypatch.setattr(gpt2.weights, "read", counted)
    hashed: list[Path] = []

    def hash_counted(path: Path, size: int) -> tuple[str, tuple[str, ...]]:
        hashed.append(path)
        return sha256_of_blocks(path, size)

    monkeypatch.setattr("layer_files.sha256_of_blocks", hash_counted)
    files = LayerFiles(gpt2, tmp_path)
    threads = [
        threading.Thread(target=files.file, args=("f16", "layer.0")) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == len(set(reads)) == 12
    assert len(hashed) == 1
    first = files.file("f16", "layer.0")
    assert LayerFiles(gpt2, tmp_path).file("f16", "layer.0") == first
    assert len(reads) == 12


def test_two_servers_may_share_the_folder(gpt2: SplitModel, tmp_path: Path) -> None:
    servers = [LayerFiles(gpt2, tmp_path) for _ in range(2)]
    manifests: list[object] = []
    threads = [
        threading.Thread(
            target=lambda server=server: manifests.append(server.manifest())
        )
        for server in servers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert manifests[0] == manifests[1] == LayerFiles(gpt2, tmp_path).manifest()


@pytest.mark.parametrize("damage", ["short", "no hash", "gone", "half a hash", "bytes"])
def test_what_an_earlier_server_left_unfinished_is_cut_again(
    gpt2: SplitModel, tmp_path: Path, damage: str
) -> None:
    whole = LayerFiles(gpt2, tmp_path).file("q8", "layer.2")
    content = whole.path.read_bytes()
    note = whole.path.with_suffix(".sha256")
    match damage:
        case "short":
            whole.path.write_bytes(content[:-1])
        case "no hash":
            note.unlink()
        case "gone":
            whole.path.unlink()
        case "half a hash":
            note.write_text(whole.sha256[:30])
        case "bytes":
            note.write_bytes(b"\xff" * 64)
    assert LayerFiles(gpt2, tmp_path).file("q8", "layer.2") == whole
    assert whole.path.read_bytes() == content


def test_a_piece_deleted_under_a_running_server_is_cut_again(
    gpt2: SplitModel, tmp_path: Path
) -> None:
    files = LayerFiles(gpt2, tmp_path)
    content = files.file("q8", "finish").path.read_bytes()
    files.file("q8", "finish").path.unlink()
    assert files.file("q8", "finish").path.read_bytes() == content


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("damage", ["flipped", "short"])
def test_a_damaged_piece_is_cut_again(
    gpt2: SplitModel, tmp_path: Path, damage: str, running: bool
) -> None:
    """Under a running server and before the next start."""
    files = LayerFiles(gpt2, tmp_path)
    path = files.file("q8", "layer.0").path
    content = path.read_bytes()
    broken = content[:-1] + (bytes([content[-1] ^ 1]) if damage == "flipped" else b"")
    path.write_bytes(broken)
    if not running:
        files = LayerFiles(gpt2, tmp_path)
    assert files.file("q8", "layer.0").path.read_bytes() == content


def test_a_full_disk_is_one_clear_error_and_leaves_no_half_file(
    gpt2: SplitModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = LayerFiles(gpt2, tmp_path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CacheError, match=r"layer\.0.*the disk is full"):
            files.file("f32", "layer.0")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files.file("f32", "layer.0").path.is_file()


def test_half_files_of_killed_servers_go_after_a_day(
    gpt2: SplitModel, tmp_path: Path
) -> None:
    folder = LayerFiles(gpt2, tmp_path).file("f32", "finish").path.parent
    old, fresh = folder / "layer.0.safetensors.a.part", folder / "layer.1.b.part"
    for part in (old, fresh):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    LayerFiles(gpt2, tmp_path)
    assert not old.exists()
    assert fresh.exists()


@pytest.mark.parametrize(
    ("dtype", "piece"),
    [
        ("f32", "layer.4"),
        ("f32", "layer.-1"),
        ("f32", "layer.00"),
        ("f32", "../embed"),
        ("f32", ""),
        ("q5", "embed"),
        ("../f32", "embed"),
        ("", "embed"),
    ],
)
def test_an_unknown_piece_is_refused_before_any_path_is_made(
    gpt2: SplitModel, tmp_path: Path, dtype: str, piece: str
) -> None:
    with pytest.raises(UnknownPiece, match=r"f32, f16, q8, q4 and embed, layer\.0 to"):
        LayerFiles(gpt2, tmp_path).file(dtype, piece)
    assert not list(tmp_path.iterdir())
