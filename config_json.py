"""Values of a folder's JSON files, each checked where it is read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class CheckpointError(ValueError):
    """A folder that is no model we can run: what, expected, came."""


def read_object(path: Path) -> Json:
    raw = read_json(path)
    if not isinstance(raw, dict):
        raise CheckpointError(f"{path}: expected an object, came {type(raw).__name__}")
    return raw


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: expected a file, came none") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: expected JSON, came {error}") from None


def count(raw: Json, name: str, default: int | None = None) -> int:
    """A number of things: an integer above 0. null counts as absent."""
    value = raw.get(name)
    if value is None:
        value = default
    if type(value) is not int or value < 1:
        raise CheckpointError(f"{name}: expected an integer above 0, came {value!r}")
    return value


def epsilon(raw: Json, name: str, default: float) -> float:
    value = raw.get(name, default)
    if not isinstance(value, int | float) or not 0 <= value < 1:
        raise CheckpointError(f"{name}: expected a number below 1, came {value!r}")
    return float(value)


def choice(raw: Json, name: str, choices: Mapping[str, str], default: str) -> str:
    """One of the choices' keys; returns what it stands for."""
    value = raw.get(name, default)
    if not isinstance(value, str) or value not in choices:
        expected = ", ".join(choices)
        raise CheckpointError(f"{name}: expected one of {expected}, came {value!r}")
    return choices[value]


def refuse_other_values(raw: Json, fixed: Mapping[str, object]) -> None:
    """Options that change the arithmetic must be as our model computes."""
    for name, value in fixed.items():
        if raw.get(name, value) != value:
            raise CheckpointError(f"{name}: expected {value}, came {raw[name]!r}")


def check_heads(n_embd: int, n_head: int) -> None:
    if n_embd % n_head != 0:
        raise CheckpointError(
            f"heads: expected a divisor of the width {n_embd}, came {n_head}"
        )


# config.json's names for an activation -> the model's
ACTIVATIONS = {
    "gelu_new": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "gelu": "gelu",
    "relu": "relu",
}
