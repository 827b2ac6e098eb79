"""What browsers report is counted, bounded, and made into an honest estimate."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from closing_client import client_of
from flask import Flask
from flask.testing import FlaskClient
from test_metrics import samples, value

from options import Options
from savings import Prices, Traffic, money
from server import create_app

MODEL = "small-gpt2"


@pytest.fixture
def client(options: Options) -> FlaskClient:
    """Of an application that has counted nothing yet."""
    return client_of(create_app(options))


def report(client: FlaskClient, **changed: Any) -> Any:
    body = {"model": MODEL, "layer_tokens": [0, 0, 7, 9], "fallbacks": {"gpu": 1}}
    return client.post("/report", json={**body, **changed})


def test_reports_add_up_by_layer_and_cause(client: FlaskClient) -> None:
    for _ in range(2):
        assert report(client).status_code == 204
    work = client.get("/savings").json["models"][0]
    assert work["layer_tokens"]["browser"] == [0, 0, 14, 18]
    assert work["fallbacks"]["gpu"] == 2
    found = samples(client)
    counted = value(found, "browser_layer_tokens_total", model=MODEL, layer="3")
    assert counted == 18
    assert value(found, "fallbacks_total", model=MODEL, cause="gpu") == 2


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"model": "gpt-17"}, 404),
        ({"layer_tokens": [1, 2]}, 422),
        ({"layer_tokens": [1, 2, 3, 4, 5]}, 422),
        ({"layer_tokens": [0] * 2000}, 422),
        ({"layer_tokens": [0, 0, 0, -1]}, 422),
        ({"layer_tokens": [0, 0, 0, 1.5]}, 422),
        ({"layer_tokens": [0, 0, 0, 10**12]}, 422),
        ({"fallbacks": {"the moon": 1}}, 422),
        ({"fallbacks": {"gpu": 10**9}}, 422),
        ({"fallbacks": {"gpu": True}}, 422),
        ({"alone": -1}, 422),
        ({"finished": 10**9}, 422),
    ],
)
def test_a_report_that_cannot_be_is_refused_and_adds_no_label(
    client: FlaskClient, changed: dict[str, Any], status: int
) -> None:
    before = samples(client).keys()
    assert report(client, **changed).status_code == status
    own = {"/report", "/metrics"}
    new = samples(client).keys() - before
    assert all(dict(labels).get("route") in own for _, labels in new)
    assert (
        client.get("/savings").json["models"][0]["layer_tokens"]["browser"] == [0] * 4
    )


def test_a_report_changes_no_choice(client: FlaskClient) -> None:
    ask = {"inputs": "some text", "split": "auto", "held": [2, 3]}
    before = client.post("/split", json=ask).headers["X-Split"]
    report(client, layer_tokens=[10**7] * 4)
    assert client.post("/split", json=ask).headers["X-Split"] == before


def test_requests_are_counted_by_split(client: FlaskClient) -> None:
    for split in (1, 1, 3):
        client.post("/split", json={"inputs": "some text", "split": split})
    client.post("/embed", json={"inputs": "some text"})
    client.post("/split", json={"inputs": "some text", "split": 99})
    work = client.get("/savings").json["models"][0]
    assert work["requests_by_split"] == [0, 2, 0, 1, 1]


def test_a_probe_with_a_text_of_nobodys_is_no_request(client: FlaskClient) -> None:
    ask = {"inputs": "some text", "split": 0, "check": True}
    hidden = client.post("/split", json=ask).data
    savings = client.get("/savings").json
    assert savings["models"][0]["requests_by_split"] == [0] * 5
    assert savings["bytes"]["extra"] == len(hidden)  # it is sent all the same


def test_the_work_avoided_is_measured_on_this_server(client: FlaskClient) -> None:
    work = client.get("/savings").json["models"][0]
    assert work["seconds_a_layer_token"] is None
    assert work["seconds_avoided"] == 0
    report(client)
    answer = client.post("/embed", json={"inputs": "some text"})
    tokens = int(answer.headers["x-compute-tokens"])
    work = client.get("/savings").json["models"][0]
    seconds = value(samples(client), "model_seconds_total", model=MODEL)
    assert seconds > 0
    assert work["seconds_a_layer_token"] == pytest.approx(seconds / (4 * tokens))
    assert work["seconds_avoided"] == pytest.approx(16 * seconds / (4 * tokens))


def test_work_whose_time_is_not_known_is_not_taken_for_nothing(
    options: Options,
) -> None:
    """As after a restart, when browsers go on with what they hold."""
    priced = replace(options, gpu_hour_price=1.0, egress_price=0.1)
    client = client_of(create_app(priced))
    assert client.get("/savings").json["money"]["total"] == 0
    report(client)
    savings = client.get("/savings").json
    assert savings["models"][0]["seconds_avoided"] is None
    assert savings["money"] == {"work": None, "traffic": 0, "total": None}
    found = samples(client)
    assert math.isnan(value(found, "avoided_seconds"))
    assert math.isnan(value(found, "saved_money"))
    client.post("/embed", json={"inputs": "some text"})
    savings = client.get("/savings").json
    assert savings["models"][0]["seconds_avoided"] > 0
    assert savings["money"]["total"] > 0


def test_only_what_was_sent_for_the_splits_sake_is_extra(client: FlaskClient) -> None:
    ask = {"inputs": ["some text", "and more"], "split": 2}
    hidden = client.post("/split", json=ask).data
    revision = client.get("/models").json["models"][0]["revision"]
    path = f"/models/{MODEL}/{revision}/f32/layer.3.safetensors"
    file = client.get(path).data
    client.post("/embed", json={"inputs": "some text"})
    sent = client.get("/savings").json["bytes"]
    assert sent["hidden_states"] == len(hidden)
    assert sent["layer_files"] == len(file)
    assert sent["extra"] == len(hidden) + len(file)
    report(client, finished=2)
    sent = client.get("/savings").json["bytes"]
    n_embd = client.get("/models").json["models"][0]["n_embd"]
    assert sent["replies_avoided"] == 2 * n_embd * 21
    assert sent["extra"] == len(hidden) + len(file) - sent["replies_avoided"]
    assert value(samples(client), "finished_texts_total", model=MODEL) == 2


@pytest.mark.parametrize("way_back", ["the hidden state", "the text"])
def test_a_reply_that_is_sent_after_all_is_not_avoided(
    client: FlaskClient, way_back: str
) -> None:
    """The browser failed, and reports that it finished nothing."""
    ask = {"inputs": ["some text", "and more"], "split": 2}
    hidden = client.post("/split", json=ask).data
    if way_back == "the text":
        client.post("/embed", json={"inputs": ask["inputs"]})
    else:
        client.post("/resume", data=hidden)
    report(client, layer_tokens=[0] * 4)
    sent = client.get("/savings").json["bytes"]
    assert (sent["replies_avoided"], sent["extra"]) == (0, len(hidden))


def test_embeddings_that_come_from_split_are_no_hidden_state(
    client: FlaskClient,
) -> None:
    ask = {"inputs": "some text", "split": "auto", "held": [], "finish": True}
    assert client.post("/split", json=ask).is_json
    assert client.get("/savings").json["bytes"]["extra"] == 0


def test_texts_that_browsers_kept_cost_what_an_embedding_costs(
    client: FlaskClient,
) -> None:
    """A hidden state comes, which is free, and an embedding goes, as from /embed."""
    hidden = client.post("/split", json={"inputs": ["a", "b"], "split": 3}).data
    before = client.get("/savings").json
    client.post("/resume?first=browser", data=hidden)
    after = client.get("/savings").json
    assert after["bytes"]["extra"] == before["bytes"]["extra"]
    # The browser ran three of four layers.
    assert before["models"][0]["requests_by_split"] == [0, 0, 0, 1, 0]
    assert after["models"][0]["requests_by_split"] == [0, 1, 0, 1, 0]


def test_requests_that_came_to_no_server_avoid_their_replies(
    client: FlaskClient,
) -> None:
    report(client, alone=2, finished=5)
    savings = client.get("/savings").json
    [work, *_] = savings["models"]
    assert work["requests_alone"] == 2
    n_embd = client.get("/models").json["models"][0]["n_embd"]
    assert savings["bytes"]["replies_avoided"] == 5 * n_embd * 21
    assert value(samples(client), "browser_requests_total", model=MODEL) == 2


def test_money_by_hand() -> None:
    traffic = Traffic(0, 0, 3 * 10**9, 2 * 10**9, 10**9)
    assert traffic.extra == 4 * 10**9
    estimate = money(1800.0, traffic.extra, Prices(2.0, 0.09))
    assert estimate.work == pytest.approx(1.0)
    assert estimate.traffic == pytest.approx(-0.36)
    assert estimate.total == pytest.approx(0.64)
    assert money(0.0, 10**9, Prices(2.0, 0.09)).total == pytest.approx(-0.09)
    assert money(1800.0, 10**9, Prices(2.0, None)).total is None
    # Replies that weigh more than the hidden states would save traffic.
    assert money(0.0, -(10**9), Prices(2.0, 0.09)).total == pytest.approx(0.09)


def test_metered_traffic_can_cost_more_than_the_work_saves(options: Options) -> None:
    app = create_app(replace(options, gpu_hour_price=1.0, egress_price=0.1))
    client = client_of(app)
    client.post("/split", json={"inputs": "some text", "split": 1, "dtype": "f32"})
    report(client, layer_tokens=[0, 2, 2, 2])
    revision = client.get("/models").json["models"][0]["revision"]
    client.get(f"/models/{MODEL}/{revision}/f32/layer.3.safetensors")
    saved = client.get("/savings").json["money"]
    assert saved["work"] > 0 > saved["traffic"]
    assert saved["total"] == pytest.approx(saved["work"] + saved["traffic"])
    assert saved["total"] < 0
    assert value(samples(client), "saved_money") == pytest.approx(saved["total"])


def test_without_prices_there_is_no_estimate(client: FlaskClient) -> None:
    assert client.get("/savings").json["money"]["total"] is None
    assert math.isnan(value(samples(client), "saved_money"))


def test_the_dashboard_is_open_and_its_figures_need_the_key(options: Options) -> None:
    app: Flask = create_app(replace(options, api_key="sesame"))
    client = client_of(app)
    assert client.get("/dashboard").status_code == 200
    assert client.get("/savings").status_code == 401
    assert client.post("/report", json={}).status_code == 401
    key = {"Authorization": "Bearer sesame"}
    assert client.get("/savings", headers=key).status_code == 200
