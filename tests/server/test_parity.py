"""A browser's embedding is computed here too; the verdict says whether it is right."""

from __future__ import annotations

import math
import random
import time
import weakref
from dataclasses import replace
from typing import Any

import pytest
import torch
from closing_client import client_of
from flask.testing import FlaskClient
from test_metrics import samples, value
from torch import Tensor

import parity
from metrics import Metrics
from model_service import ModelService
from options import Options
from parity import TOLERANCES, WIRE_STEPS, ParityChecks
from quantize import WEIGHT_DTYPES
from ragged import Ragged
from refusals import OVERLOADED, Refusal
from server import create_app
from wire import WIRE_DTYPES, HiddenMetadata, encode_hidden

MODEL = "small-gpt2"
TEXTS = ["some text", "and some more text"]


@pytest.fixture
def client(options: Options) -> FlaskClient:
    return client_of(create_app(replace(options, parity_share=1.0)))


def split(client: FlaskClient, **changed: Any) -> str | None:
    """The name of the check that the request was drawn for."""
    answer = client.post("/split", json={"inputs": TEXTS, "split": 1, **changed})
    assert answer.status_code == 200
    return answer.headers.get("X-Parity")


def embeddings(client: FlaskClient) -> Tensor:
    return torch.tensor(client.post("/embed", json={"inputs": TEXTS}).json)


def send(
    client: FlaskClient, check: str | None, rows: Tensor, dtype: str = "f32"
) -> Any:
    hidden = Ragged(rows, (1,) * len(rows))
    body = encode_hidden(hidden, "f32", HiddenMetadata(MODEL, "revision", 4))
    return client.post(f"/parity?check={check}&dtype={dtype}", data=body)


def counted(client: FlaskClient, verdict: str) -> float:
    found = samples(client)
    return value(found, "parity_checks_total", model=MODEL, verdict=verdict)


def test_the_right_embedding_is_the_same(client: FlaskClient) -> None:
    answer = send(client, split(client), embeddings(client)).json
    assert answer["verdict"] == "same"
    assert answer["error"] < 1e-6
    assert (counted(client, "same"), counted(client, "different")) == (1, 0)


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_an_error_beyond_the_formats_is_different(
    client: FlaskClient, dtype: str
) -> None:
    right = embeddings(client)
    noise = torch.randn(right.shape, generator=torch.Generator().manual_seed(1))
    noise /= noise.norm(dim=1, keepdim=True)
    tolerance = TOLERANCES[dtype]
    for scale, verdict in ((0.9, "same"), (1.1, "different")):
        rows = right.clone()
        rows[1] += noise[1] * scale * tolerance  # one text of both is enough
        answer = send(client, split(client), rows, dtype).json
        assert answer["verdict"] == verdict
        assert answer["error"] == pytest.approx(scale * tolerance, rel=0.01)
    assert counted(client, "different") == 1


def test_numbers_far_too_large_are_different(client: FlaskClient) -> None:
    rows = torch.full((2, 64), torch.finfo(torch.float32).max)
    answer = send(client, split(client), rows)
    assert answer.json["verdict"] == "different"
    assert math.isfinite(answer.json["error"])  # JSON has no infinity


@pytest.mark.parametrize("wire", WIRE_DTYPES)
def test_the_wires_rounding_is_the_servers_own(client: FlaskClient, wire: str) -> None:
    """What is finished from the very hidden state that was sent is no error."""
    ask = {"inputs": TEXTS, "split": 1, "dtype": wire}
    sent = client.post("/split", json=ask)
    rows = torch.tensor(client.post("/resume", data=sent.data).json)
    answer = send(client, sent.headers["X-Parity"], rows).json
    assert answer["error"] < 1e-6


def test_every_number_format_has_a_tolerance() -> None:
    assert set(WIRE_STEPS) == set(WIRE_DTYPES)
    assert set(TOLERANCES) == set(WEIGHT_DTYPES)


@pytest.mark.parametrize(
    ("check", "rows", "dtype", "status"),
    [
        ("unknown", torch.ones(2, 64), "f32", 404),
        (None, torch.ones(2, 64), "f64", 422),
        (None, torch.ones(1, 64), "f32", 422),
        (None, torch.ones(3, 64), "f32", 422),
        (None, torch.ones(2, 63), "f32", 422),
        (None, torch.full((2, 64), torch.nan), "f32", 422),
    ],
)
def test_what_is_no_answer_is_refused(
    client: FlaskClient, check: str | None, rows: Tensor, dtype: str, status: int
) -> None:
    answer = send(client, check or split(client), rows, dtype)
    assert answer.status_code == status, answer.json
    assert counted(client, "same") == 0


def test_a_check_is_answered_once(client: FlaskClient) -> None:
    check, right = split(client), embeddings(client)
    assert send(client, check, right).status_code == 200
    assert send(client, check, right).status_code == 404


def test_a_crowded_server_takes_the_answer_later(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, right = split(client), embeddings(client)

    def refuse(*arguments: object) -> Tensor:
        raise Refusal(OVERLOADED, "Model is overloaded")

    with monkeypatch.context() as crowded:
        crowded.setattr(ModelService, "resume", refuse)
        assert send(client, check, right).status_code == 429
    assert send(client, check, right).json["verdict"] == "same"


def test_only_what_a_browser_finishes_is_checked(
    client: FlaskClient, options: Options
) -> None:
    assert split(client, split=4) is None
    assert split(client, split=0) is not None
    without = client_of(create_app(replace(options, parity_share=0.0)))
    assert split(without) is None


def test_the_share_is_what_was_asked_for(client: FlaskClient) -> None:
    random.seed(1)
    checks = ParityChecks(0.01, Metrics())
    model: Any = type("Model", (), {"name": MODEL})
    tokens = Ragged(torch.zeros(1, dtype=torch.long), (1,))
    drawn = [checks.draw(model, tokens, 1, "f32") for _ in range(20_000)]
    assert 150 < len([check for check in drawn if check]) < 250
    assert client.get("/info").json["parity_share"] == 1


def test_checks_that_are_never_answered_are_bounded_and_counted(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, right = split(client), embeddings(client)
    for _ in range(parity.MAX_WAITING):
        last = split(client)
    assert counted(client, "unanswered") == 1
    assert send(client, first, right).status_code == 404
    assert send(client, last, right).status_code == 200
    monkeypatch.setattr(parity, "WAIT_SECONDS", 0)
    split(client)
    # The last one too, if its time was up before the count.
    assert counted(client, "unanswered") - parity.MAX_WAITING in (0, 1)


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> ParityChecks:
    """Checks that wait no longer than a second, for every request."""
    monkeypatch.setattr(parity, "WAIT_SECONDS", 1)
    return ParityChecks(1.0, Metrics())


def drawn(checks: ParityChecks) -> tuple[str, Any]:
    """A check, and a weak reference to the tokens that it waits with."""
    model: Any = type("Model", (), {"name": MODEL})
    tokens = Ragged(torch.zeros(1, dtype=torch.long), (1,))
    check = checks.draw(model, tokens, 1, "f32")
    assert check is not None
    return check, weakref.ref(tokens)


def is_gone_within(seconds: float, tokens: Any) -> bool:
    end = time.monotonic() + seconds
    while tokens() is not None and time.monotonic() < end:
        time.sleep(0.02)
    return tokens() is None


def test_texts_are_forgotten_in_time_where_no_more_requests_come(
    brief: ParityChecks,
) -> None:
    for _ in range(2):  # the timer begins anew
        _, tokens = drawn(brief)
        assert tokens() is not None
        assert is_gone_within(5, tokens)
    _, first = drawn(brief)
    time.sleep(0.5)
    _, second = drawn(brief)
    assert is_gone_within(5, first)
    assert second() is not None
    assert is_gone_within(5, second)


def test_an_answer_that_failed_shields_no_older_check(brief: ParityChecks) -> None:
    _, older = drawn(brief)
    time.sleep(0.5)
    check, younger = drawn(brief)
    with pytest.raises(Refusal), brief.answered(check):
        raise Refusal(OVERLOADED, "Model is overloaded")
    assert is_gone_within(5, older)
    assert younger() is not None
    assert is_gone_within(5, younger)
