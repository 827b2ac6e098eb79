"""What a folder's sentence-transformers files ask of a model's output."""

from dataclasses import dataclass, replace
from pathlib import Path

from config_json import CheckpointError, count, read_json, read_object

# Their names -> ours: first the string of newer files, then the flags of older ones
POOLINGS = {
    "mean": "mean",
    "cls": "cls",
    "max": "max",
    "lasttoken": "last",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}


@dataclass(frozen=True)
class SentenceSettings:
    pooling: str
    normalize: bool
    max_tokens: int | None = None  # None: as many as the model and tokenizer allow
    lowercase: bool = False


def read_settings(folder: Path, otherwise: SentenceSettings) -> SentenceSettings:
    """The settings in a folder's files; `otherwise` where it has no modules.json.

    Raises CheckpointError for whatever would change the result and is not supported.
    """
    _refuse_default_prompt(folder)
    if not (folder / "modules.json").is_file():
        return otherwise
    settings = _read_modules(folder / "modules.json")
    transformer = folder / "sentence_bert_config.json"
    if not transformer.is_file():
        return settings
    raw = read_object(transformer)
    length = raw.get("max_seq_length")
    return replace(
        settings,
        max_tokens=None if length is None else count(raw, "max_seq_length"),
        lowercase=bool(raw.get("do_lower_case", False)),
    )


def _refuse_default_prompt(folder: Path) -> None:
    path = folder / "config_sentence_transformers.json"
    if path.is_file():
        prompt = read_object(path).get("default_prompt_name")
        if prompt is not None:
            raise CheckpointError(
                f"{path}: expected no default_prompt_name, came {prompt!r}"
            )


def _read_modules(path: Path) -> SentenceSettings:
    pooling, normalize = None, False
    for name, folder in _modules(path):
        match name:
            case "Transformer" if folder == "":
                pass
            case "Pooling":
                pooling = _read_pooling(path.parent / folder / "config.json")
            case "Normalize":
                normalize = True
            case _:
                came = f"{name} in {folder}" if folder else name
                raise CheckpointError(
                    f"{path}: expected Transformer (in the folder itself), Pooling and "
                    f"Normalize, came {came}"
                )
    if pooling is None:
        raise CheckpointError(f"{path}: expected Pooling, came none")
    return SentenceSettings(pooling, normalize)


def _modules(path: Path) -> list[tuple[str, str]]:
    """(class name, folder) of each module, in order."""
    try:
        return [
            (module["type"].rpartition(".")[2], module["path"])
            for module in read_json(path)
        ]
    except (TypeError, KeyError, AttributeError):
        raise CheckpointError(
            f"{path}: expected a list of modules with type and path, came others"
        ) from None


def _read_pooling(path: Path) -> str:
    raw = read_object(path)
    mode = raw.get("pooling_mode")
    if mode is None:
        chosen = [key for key in raw if key.startswith("pooling_mode_") and raw[key]]
    else:
        chosen = mode if isinstance(mode, list) else [mode]
    names = [name for name in chosen if isinstance(name, str) and name in POOLINGS]
    if len(chosen) != 1 or len(names) != 1:
        raise CheckpointError(
            f"{path}: expected one pooling of mean, cls, max and lasttoken, came "
            f"{', '.join(map(str, chosen)) or 'none'}"
        )
    return POOLINGS[names[0]]
