"""A browser that leaves out a layer is found, and one that only rounds is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from torch import Tensor

from model_registry import resolve
from parity import relative_error, tolerance_of
from quantize import WEIGHT_DTYPES, WeightDtype
from split_model import SplitModel

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from quality import SENTENCES, embeddings

TEXTS = SENTENCES.read_text(encoding="utf-8").splitlines()[::25]
MODELS = ("gpt2-mini", "all-MiniLM-L6-v2")


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest, minilm_folder: Path) -> SplitModel:
    return SplitModel(resolve(request.param), dtype="f32")


@pytest.fixture(scope="module")
def exact(model: SplitModel) -> Tensor:
    return embeddings(model, "f32", TEXTS)


def without_layer(model: SplitModel, layer: int, texts: list[str]) -> Tensor:
    """What a layer adds to the hidden state comes from its two last products."""
    parameters = dict(model.model.layers[layer].named_parameters())
    last = {name: each for name, each in parameters.items() if "c_proj" in name}
    kept = {name: each.data.clone() for name, each in last.items()}
    for each in last.values():
        each.data.zero_()
    rows = model.embed(model.tokenize(texts, truncate=True)).double()
    for name, each in last.items():
        each.data.copy_(kept[name])
    return rows


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
def test_rounding_is_within(
    model: SplitModel, exact: Tensor, dtype: WeightDtype
) -> None:
    errors = relative_error(embeddings(model, dtype, TEXTS), exact)
    assert errors.max() < tolerance_of(dtype, model.config.n_layer) / 1.25
    # gpt2-mini's checkpoint is f16 itself.
    assert dtype in ("f32", "f16") or errors.max() > 1e-3


@pytest.mark.parametrize("dtype", ["f32", "f16", "q8"])
def test_a_layer_left_out_is_not(
    model: SplitModel, exact: Tensor, dtype: WeightDtype
) -> None:
    tolerance = tolerance_of(dtype, model.config.n_layer)
    embeddings(model, dtype, TEXTS[:1])  # rounds the layers' weights
    for layer in range(model.config.n_layer):
        errors = relative_error(without_layer(model, layer, TEXTS[:8]), exact[:8])
        assert errors.min() > tolerance, layer


def test_four_bits_show_it_in_most_requests_where_a_layer_counts(
    minilm_folder: Path,
) -> None:
    model = SplitModel(resolve("all-MiniLM-L6-v2"), dtype="f32")
    exact = embeddings(model, "f32", TEXTS)
    embeddings(model, "q4", TEXTS[:1])
    for layer in range(model.config.n_layer):
        errors = relative_error(without_layer(model, layer, TEXTS), exact)
        found = (errors > tolerance_of("q4", model.config.n_layer)).double().mean()
        assert found > 0.4, layer


def test_tolerances_grow_with_the_roundings_that_add_up() -> None:
    assert tolerance_of("q8", 1) == tolerance_of("q8", 6)
    assert tolerance_of("q8", 24) == pytest.approx(2 * tolerance_of("q8", 6))
