"""A browser that leaves out a layer is found, and one that only rounds is not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from torch import Tensor

from model_registry import resolve
from options import Options
from parity import WIRE_STEPS, relative_error, tolerance_of
from quantize import WEIGHT_DTYPES, WeightDtype
from ragged import Ragged
from server import create_app
from split_model import SplitModel
from wire import WIRE_DTYPES, HiddenMetadata, WireDtype, decode_hidden, encode_hidden

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


@pytest.fixture(scope="module")
def server(model: SplitModel, cache_dir: Path) -> FlaskClient:
    """Every result of a browser is checked."""
    options = Options(model=(model.name,), cache_dir=cache_dir, parity_share=1.0)
    return create_app(options).test_client()


@contextmanager
def left_out(model: SplitModel, layer: int) -> Iterator[None]:
    """What a layer adds to the hidden state comes from its two last products."""
    parameters = dict(model.model.layers[layer].named_parameters())
    last = {name: each for name, each in parameters.items() if "c_proj" in name}
    kept = {name: each.data.clone() for name, each in last.items()}
    for each in last.values():
        each.data.zero_()
    yield
    for name, each in last.items():
        each.data.copy_(kept[name])


def without_layer(model: SplitModel, layer: int, texts: list[str]) -> Tensor:
    with left_out(model, layer):
        return model.embed(model.tokenize(texts, truncate=True)).double()


def checked(
    server: FlaskClient,
    browser: SplitModel,
    split: int,
    wire: WireDtype,
    weights: WeightDtype,
) -> Any:
    """The server's answer, on one text that the browser finished."""
    ask = {"inputs": TEXTS[0], "split": split, "dtype": wire}
    half = server.post("/split", json=ask)
    n_embd = browser.config.n_embd
    hidden, metadata = decode_hidden(half.data, n_embd, browser.max_tokens)
    rows = browser.resume(hidden, split)
    body = encode_hidden(Ragged(rows, (1,)), "f32", metadata)
    asked = {"check": half.headers["X-Parity"], "dtype": weights}
    return server.post("/parity", query_string=asked, data=body).json


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


@pytest.mark.parametrize("wire", WIRE_DTYPES)
@pytest.mark.parametrize("dtype", ["f32", "f16", "q8"])
def test_the_wires_rounding_hides_none(
    model: SplitModel, server: FlaskClient, dtype: WeightDtype, wire: WireDtype
) -> None:
    """It is the server's own, so that no bound need be wider for it."""
    embeddings(model, dtype, TEXTS[:1])  # rounds the layers' weights
    for layer in range(model.config.n_layer):
        for split in {0, layer}:
            rounded = checked(server, model, split, wire, dtype)
            assert rounded["verdict"] == "same", (split, rounded)
            with left_out(model, layer):
                answer = checked(server, model, split, wire, dtype)
            assert answer["verdict"] == "different", (layer, split, answer)


@pytest.mark.parametrize("step", [-1, 1])
def test_a_number_that_falls_to_the_next_step_is_within(
    model: SplitModel, step: int
) -> None:
    """Of a hidden state in q8 of one token, for which it counts most."""
    tokens = model.tokenize(["a"])
    metadata = HiddenMetadata(model.name, model.revision, 0)
    for split in range(model.config.n_layer):
        body = encode_hidden(model.hidden_states(tokens, split), "q8", metadata)
        sent, _ = decode_hidden(body, model.config.n_embd, model.max_tokens)
        scale = sent.values.abs().amax(dim=1) / 127
        expected = model.resume(sent, split)
        for column in range(0, model.config.n_embd, 16):
            moved = sent.values.clone()
            moved[-1, column] += step * scale[-1]
            rows = model.resume(Ragged(moved, sent.lengths), split)
            assert relative_error(rows, expected).max() < WIRE_STEPS["q8"]


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
