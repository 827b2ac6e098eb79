"""The split that the server chooses from what the browser measured."""

from typing import Any

import pytest
import torch
from flask import Flask
from flask.testing import FlaskClient
from refused import assert_refused
from werkzeug.test import TestResponse

from access import RESPONSE_HEADERS
from batching import Ahead
from jobs import Work
from loaded_models import LoadedModels
from split_model import SplitModel
from wire import WIRE_DTYPES, WireDtype, decode_hidden, hidden_bytes

FAST = {
    "layer_ms": {"per_request": 0.001, "per_token": 0.00001},
    "round_trip_ms": 1,
    "download_bytes_per_s": 1_000_000_000,
    "upload_bytes_per_s": 1_000_000_000,
}
SLOW = {**FAST, "layer_ms": {"per_request": 10_000, "per_token": 0}}
FAR = {**FAST, "download_bytes_per_s": 10}
NEW = {key: value for key, value in FAST.items() if key != "layer_ms"}


def ask(client: FlaskClient, **asked: Any) -> TestResponse:
    body = {"inputs": "some text", "split": "auto", "held": [0, 1, 2, 3], **asked}
    return client.post("/split", json=body)


@pytest.mark.parametrize(
    ("asked", "split", "reason"),
    [
        ({"browser": FAST}, 0, "offload: 0 of 4 layers on the server"),
        ({"browser": FAST, "held": [2, 3]}, 2, "the fewest it can take over"),
        ({"browser": FAST, "held": [0, 1]}, 4, "holds no layer to take over"),
        ({"browser": SLOW}, 4, "over the limit of 100 ms"),
        ({"browser": SLOW, "policy": "browser"}, 0, "browser: 0 of 4"),
        ({"browser": SLOW, "latency_goal_ms": 1e6}, 0, "the limit of 1000000 ms"),
        ({"browser": SLOW, "previous": 0}, 4, "over the limit"),
        ({"browser": FAST, "policy": "server"}, 4, "server: 4 of 4"),
        ({"browser": FAR, "policy": "latency"}, 4, "latency: 4 of 4"),
        ({"browser": NEW}, 3, "one layer to measure the browser"),
        ({}, 0, "it measured nothing"),
        ({"policy": "server"}, 4, "server: all layers"),
        ({"split": 2}, 2, "fixed: as asked"),
    ],
)
def test_the_reply_says_which_split_and_why(
    client: FlaskClient, asked: dict[str, Any], split: int, reason: str
) -> None:
    answer = ask(client, **asked)
    assert answer.status_code == 200
    assert answer.headers["X-Split"] == str(split)
    assert reason in answer.headers["X-Split-Reason"]


@pytest.mark.parametrize("browser", [FAST, SLOW, NEW])
def test_the_hidden_state_is_that_of_the_chosen_split(
    client: FlaskClient, gpt2: SplitModel, browser: dict[str, Any]
) -> None:
    answer = ask(client, browser=browser)
    hidden, metadata = decode_hidden(answer.data, 64, 1024)
    assert answer.headers["X-Split"] == str(metadata.start)
    expected = gpt2.hidden_states(gpt2.tokenize(["some text"]), metadata.start)
    torch.testing.assert_close(hidden.values, expected.values, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("normalize", [True, False])
def test_with_finish_embeddings_come_where_nothing_is_left_for_the_browser(
    client: FlaskClient, normalize: bool
) -> None:
    body = {"inputs": "some text", "normalize": normalize}
    expected = client.post("/embed", json=body).json
    answer = ask(client, browser=SLOW, finish=True, normalize=normalize)
    assert answer.headers["X-Split"] == "4"
    assert answer.content_type == "application/json"
    torch.testing.assert_close(torch.tensor(answer.json), torch.tensor(expected))
    for asked in ({"browser": FAST, "finish": True}, {"split": 4, "finish": True}):
        hidden, _ = decode_hidden(ask(client, **asked).data, 64, 1024)
        assert hidden.values.shape[1] == 64


def test_a_queue_at_the_server_moves_layers_to_browsers(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else being equal: 4 s more in the browser, and then 40 s of queue."""
    browser = {**FAST, "layer_ms": {"per_request": 1000, "per_token": 0}}
    assert ask(client, browser=browser).headers["X-Split"] == "4"
    models: LoadedModels = app.extensions["splitcompute"]
    load = models.default.load
    layers = 40_000 / load.layer.ms(1000)
    running = Ahead(Work(layers, 1000 * layers), Work(), 0)
    monkeypatch.setattr(load, "_ahead", lambda: running)
    answer = ask(client, browser=browser)
    assert answer.headers["X-Split"] == "0", answer.headers["X-Split-Reason"]


def test_models_wait_for_each_other(app: Flask, client: FlaskClient) -> None:
    models: LoadedModels = app.extensions["splitcompute"]
    busy, idle = models
    heard: list[tuple[float, float]] = []

    def hear(layer: int, tokens: int) -> None:
        if layer == 1:
            heard.append((busy.load.queue_ms, idle.load.queue_ms))

    before, busy.model.on_layer = busy.model.on_layer, hear
    client.post("/embed", json={"inputs": "some text", "model": busy.name})
    busy.model.on_layer = before
    [(own, others)] = heard
    assert own == others > 0
    assert busy.load.queue_ms == idle.load.queue_ms == 0


def test_the_server_learns_its_layers_from_every_route(
    app: Flask, client: FlaskClient
) -> None:
    models: LoadedModels = app.extensions["splitcompute"]
    load = models.default.load
    hidden = client.post("/split", json={"inputs": "a b c", "split": 2}).data
    seen = [load.layer]
    for path, body in [
        ("/embed", {"json": {"inputs": "a b c"}}),
        ("/v1/embeddings", {"json": {"input": "a b c"}}),
        ("/split", {"json": {"inputs": "a b c", "split": 2}}),
        ("/resume", {"data": hidden}),
    ]:
        assert client.post(path, **body).status_code == 200
        seen.append(load.layer)
    assert len(set(seen)) == len(seen)
    client.post("/split", json={"inputs": "a b c", "split": 0})
    assert load.layer == seen[-1]


@pytest.mark.parametrize(
    ("says", "asked"),
    [
        ("browser.round_trip_ms: Field required", {"browser": {}}),
        ("browser.round_trip_ms", {"browser": {**FAST, "round_trip_ms": -1}}),
        ("browser.round_trip_ms", {"browser": {**FAST, "round_trip_ms": "5"}}),
        ("browser.overhead_ms", {"browser": {**FAST, "overhead_ms": -0.5}}),
        ("download_bytes_per_s", {"browser": {**FAST, "download_bytes_per_s": 0}}),
        ("upload_bytes_per_s", {"browser": {**FAST, "upload_bytes_per_s": None}}),
        ("layer_ms.per_token", {"browser": {**FAST, "layer_ms": {"per_request": 1}}}),
        ("policy", {"policy": "cheapest"}),
        ("latency_goal_ms", {"latency_goal_ms": -1}),
        ("previous", {"previous": 1.5}),
    ],
)
@pytest.mark.usefixtures("the_next_request_works")
def test_measurements_that_cannot_be_are_refused(
    client: FlaskClient, says: str, asked: dict[str, Any]
) -> None:
    assert_refused(ask(client, **asked), 422, says, "Validation")


@pytest.mark.usefixtures("the_next_request_works")
def test_an_endless_number_is_refused(client: FlaskClient) -> None:
    body = (
        b'{"inputs": "a", "split": "auto", "held": [3], "browser": {"round_trip_ms":'
        b' 1e999, "download_bytes_per_s": 1, "upload_bytes_per_s": 1}}'
    )
    answer = client.post("/split", data=body, content_type="application/json")
    assert_refused(answer, 422, "browser.round_trip_ms", "Validation")


@pytest.mark.parametrize("previous", [-1, 5, 10**30])
def test_a_previous_split_of_another_model_does_no_harm(
    client: FlaskClient, previous: int
) -> None:
    assert ask(client, browser=FAST, previous=previous).headers["X-Split"] == "0"


@pytest.mark.parametrize("dtype", WIRE_DTYPES)
def test_the_planner_knows_how_large_a_hidden_state_is(
    client: FlaskClient, dtype: WireDtype
) -> None:
    answer = ask(client, split=2, dtype=dtype)
    tokens = int(answer.headers["x-compute-tokens"])
    assert 0 < len(answer.data) - hidden_bytes(tokens, 64, dtype) < 600


def test_other_sites_may_read_the_reason() -> None:
    assert "X-Split-Reason" in RESPONSE_HEADERS
