"""server.py with layers that fail, for texts of some lengths.

    python benchmarks/soaking/faulty_server.py '{"7": ["NaN", 1]}' --model ...

The first argument says which: tokens of a text -> [kind, layer].
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import before_torch  # noqa: F401 - it must come before torch

import torch
from flask import Flask

import server
from options import Options
from ragged import Ragged
from split_model import SplitModel

KINDS = ("an exception", "NaN")


class Faults:
    """Sequences of some lengths meet a fault at their layer, whoever runs beside."""

    def __init__(self, model: SplitModel, faults: dict[int, tuple[str, int]]) -> None:
        """faults: tokens of a text -> (kind, layer)."""
        self.faults = faults
        self._run_layers = model.model.run_layers
        model.model.run_layers = self.run_layers  # type: ignore[method-assign]

    def run_layers(self, hidden: Ragged, start: int, stop: int) -> Ragged:
        result = self._run_layers(hidden, start, stop)
        parts = list(result.values.split_with_sizes(result.lengths))
        for place, length in enumerate(result.lengths):
            kind, layer = self.faults.get(length, ("", -1))
            if not start <= layer < stop:
                continue
            if kind == "an exception":
                raise RuntimeError(f"layer {layer}: on purpose")
            parts[place] = torch.full_like(parts[place], torch.nan)
        return Ragged(torch.cat(parts), result.lengths)


def main() -> None:
    faults = {int(n): (kind, layer) for n, (kind, layer) in _asked(sys.argv.pop(1))}
    create_app = server.create_app

    def create_faulty_app(options: Options | None = None) -> Flask:
        app = create_app(options)
        Faults(app.extensions["splitcompute"].default.model, faults)
        return app

    server.create_app = create_faulty_app
    server.main(prog_name="faulty_server.py")


def _asked(argument: str) -> list[tuple[str, tuple[str, int]]]:
    return list(json.loads(argument).items())


if __name__ == "__main__":
    main()
