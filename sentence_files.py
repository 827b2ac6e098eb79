"""What a folder's sentence-transformers files ask of a model's output."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from checkpoint import CheckpointError, read_json

# sentence-transformers' flag in 1_Pooling/config.json -> ours
POOLING_FLAGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
POOLING_NAMES = {"mean": "mean", "cls": "cls", "max": "max", "lasttoken": "last"}


@dataclass(frozen=True)
class SentenceSettings:
    pooling: str
    normalize: bool
    max_tokens: int | None = None  # None: as many as the model has positions
    lowercase: bool = False


def read_sentence_settings(
    folder: Path, otherwise: SentenceSettings
) -> SentenceSettings:
    """The settings in a folder's files; `otherwise` where it has no modules.json.

    Raises CheckpointError for what would change the result and is not supported.
    """
    settings = otherwise
    if (folder / "modules.json").is_file():
        settings = _read_modules(folder)
    for name in ("sentence_bert_config.json", "sentence_transformers_config.json"):
        if (folder / name).is_file():
            raw = _object(folder / name)
            settings = replace(
                settings,
                max_tokens=_max_tokens(folder / name, raw.get("max_seq_length")),
                lowercase=bool(raw.get("do_lower_case", False)),
            )
    prompts = folder / "config_sentence_transformers.json"
    if prompts.is_file() and _object(prompts).get("default_prompt_name") is not None:
        raise CheckpointError(f"{prompts}: default_prompt_name is not supported")
    return settings


def _read_modules(folder: Path) -> SentenceSettings:
    modules = read_json(folder / "modules.json")
    pooling, normalize = None, False
    for module in modules:
        kind = str(module["type"]).rpartition(".")[2]
        match kind:
            case "Transformer":
                if module.get("path"):
                    raise CheckpointError(
                        f"{folder}: expected the Transformer in the folder itself, "
                        f"came {module['path']}"
                    )
            case "Pooling":
                pooling = _read_pooling(folder / str(module["path"]) / "config.json")
            case "Normalize":
                normalize = True
            case _:
                raise CheckpointError(
                    f"{folder / 'modules.json'}: expected Transformer, Pooling and "
                    f"Normalize, came {kind}"
                )
    if pooling is None:
        raise CheckpointError(f"{folder / 'modules.json'}: expected Pooling, came none")
    return SentenceSettings(pooling, normalize)


def _read_pooling(path: Path) -> str:
    raw = _object(path)
    mode = raw.get("pooling_mode")  # newer files; before, one flag for each mode
    if mode is not None:
        chosen = [mode] if isinstance(mode, str) else list(mode)
        ours = [POOLING_NAMES.get(name) for name in chosen]
    else:
        chosen = [
            key
            for key, value in raw.items()
            if key.startswith("pooling_mode_") and value
        ]
        ours = [POOLING_FLAGS.get(flag) for flag in chosen]
    if len(ours) != 1 or ours[0] is None:
        expected = ", ".join(POOLING_NAMES)
        raise CheckpointError(f"{path}: expected one of {expected}, came {chosen}")
    return ours[0]


def _max_tokens(path: Path, value: object) -> int | None:
    if value is None or (isinstance(value, int) and value > 0):
        return value
    raise CheckpointError(f"{path}: max_seq_length {value!r}, expected a number")


def _object(path: Path) -> dict[str, Any]:
    raw = read_json(path)
    if not isinstance(raw, dict):
        raise CheckpointError(f"{path}: expected an object, came {type(raw).__name__}")
    return raw
