"""From a checkpoint's folder to a model that runs, and the hash that names it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import nn

from checkpoint import Checkpoint, Piece, Weights
from config_json import CheckpointError, Json, read_object
from disk_cache import content_hash
from linear import Linear, packs
from ragged import POOLINGS
from sentence_files import SentenceSettings, read_settings
from text_tokenizer import TextTokenizer

# Part of every revision. Raise it when pieces are cut otherwise: their URLs are
# immutable, so that the same checkpoint then needs new ones.
PIECE_FORMAT = 1


class ModelConfig(Protocol):
    """What every model's config has; the rest is the model's own business."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def n_positions(self) -> int: ...
    @property
    def vocab_size(self) -> int: ...


C = TypeVar("C", bound=ModelConfig)
M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Architecture(Generic[C, M]):
    """All that loading must know about one kind of model."""

    name: str  # config.json's model_type
    model: Callable[[C, str, bool], M]  # config, pooling, normalize
    read_config: Callable[[Json], C]
    pieces: Callable[[C], Mapping[str, Piece]]
    canonical: Callable[[str], str]
    settings: SentenceSettings  # for a folder without files that say


@dataclass(frozen=True)
class LoadedModel(Generic[M]):
    model: M
    weights: Weights
    tokenizer: TextTokenizer
    about: Json  # what is computed: config, pooling and so on; a manifest's head
    revision: str


def load(
    architecture: Architecture[C, M],
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
    pooling: str | None,
    cache_dir: Path,
) -> LoadedModel[M]:
    """pooling: None does as the folder's files ask. Raises CheckpointError."""
    config = _read_config(architecture, folder / "config.json")
    settings = _settings(architecture, folder, pooling)
    limit = settings.max_tokens or _tokenizer_limit(folder)
    tokenizer = TextTokenizer(
        folder,
        max_tokens=min(limit, config.n_positions),
        vocab_size=config.vocab_size,
        lowercase=settings.lowercase,
    )
    weights = Weights(
        Checkpoint(folder), architecture.pieces(config), architecture.canonical
    )
    with torch.device("meta"):  # no memory until the weights come
        model = architecture.model(config, settings.pooling, settings.normalize)
    _fill(model, weights, device, dtype)
    about = {
        "architecture": architecture.name,
        "config": asdict(config),
        "pooling": settings.pooling,
        "normalize": settings.normalize,
        "max_tokens": tokenizer.max_tokens,
    }
    revision = _revision(weights.checkpoint, about, settings.lowercase, cache_dir)
    return LoadedModel(model, weights, tokenizer, about, revision)


def _read_config(architecture: Architecture[C, M], path: Path) -> C:
    raw = read_object(path)
    if (kind := raw.get("model_type")) != architecture.name:
        raise CheckpointError(
            f"{path}: model_type: expected {architecture.name}, came {kind}"
        )
    try:
        return architecture.read_config(raw)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _settings(
    architecture: Architecture[C, M], folder: Path, pooling: str | None
) -> SentenceSettings:
    settings = read_settings(folder, architecture.settings)
    if pooling is None:
        return settings
    if pooling not in POOLINGS:
        raise CheckpointError(
            f"pooling: expected one of {', '.join(POOLINGS)}, came {pooling!r}"
        )
    return replace(settings, pooling=pooling)


def _fill(
    model: nn.Module, weights: Weights, device: torch.device, dtype: torch.dtype
) -> None:
    """Give a model on the meta device its weights, one tensor at a time.

    So the peak is the model and its largest tensor, never two copies of the model.
    """
    pack = packs(device, dtype)
    for piece, sources in weights.pieces.items():
        layer = piece.removeprefix("layer.")
        module = model if layer == piece else model.get_submodule(f"layers.{layer}")
        for name in sources:
            owner, _, leaf = name.rpartition(".")
            tensor = weights.read(piece, name).to(device, dtype)
            part = module.get_submodule(owner)
            part.register_parameter(leaf, nn.Parameter(tensor, requires_grad=False))
            del tensor
            if pack and leaf == "weight" and isinstance(part, Linear):
                part.pack()
    model.eval()
    _keep_as_plain_attributes(model)


def _keep_as_plain_attributes(model: nn.Module) -> None:
    """nn.Module looks parameters and submodules up in a method of its own, dozens of
    times a layer: a tenth of a short text's time."""
    for module in model.modules():
        vars(module).update(module._parameters | module._modules)


def _tokenizer_limit(folder: Path) -> int:
    """What sentence-transformers heeds besides the model's positions."""
    path = folder / "tokenizer_config.json"
    limit = read_object(path).get("model_max_length") if path.is_file() else None
    # a float of 1e30 is transformers' way to say that there is none
    return limit if isinstance(limit, int) and limit > 0 else 2**31


def _revision(
    checkpoint: Checkpoint, about: Json, lowercase: bool, cache_dir: Path
) -> str:
    """Equal where the same pieces are cut and the same text gives the same vector.

    64 bits of SHA-256 over all that decides it: files' contents and what is computed.
    """
    files = [*checkpoint.files, *TextTokenizer.files(checkpoint.folder)]
    facts = {
        "piece_format": PIECE_FORMAT,
        "about": about,
        "lowercase": lowercase,
        "files": [content_hash(file, cache_dir) for file in files],
    }
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
