"""Where a browser that makes its own tokens is told to cut."""

import math
from typing import Any

import pytest
from flask.testing import FlaskClient
from refused import assert_refused
from test_split_auto import FAST, NEW, SLOW
from werkzeug.test import TestResponse

ALL = [0, 1, 2, 3]


def ask(client: FlaskClient, **asked: Any) -> TestResponse:
    body = {"tokens": 10, "held": ALL, "browser": FAST, **asked}
    return client.post("/plan", json=body)


def layer(**ms: float) -> dict[str, Any]:
    return {**FAST, "layer_ms": ms}


@pytest.mark.parametrize(
    ("asked", "split", "first", "reason"),
    [
        ({}, 4, "browser", "offload: all in the browser"),
        ({"held": [2, 3]}, 2, "server", "2 of 4 layers on the server"),
        ({"browser": SLOW}, 4, "server", "over the limit of 100 ms"),
        ({"policy": "server"}, 4, "server", "server: 4 of 4"),
        ({"browser": NEW}, 3, "server", "one layer to measure"),
        ({"direction": "client-first"}, 4, "browser", "all in the browser"),
        (
            {"direction": "client-first", "held": [0, 1, 3]},
            2,
            "browser",
            "2 of 4 layers on the server after the browser's",
        ),
        (
            {"direction": "client-first", "browser": SLOW},
            1,
            "browser",
            "none keeps the limit",
        ),
        (
            {"direction": "client-first", "policy": "server"},
            1,
            "browser",
            "3 of 4 layers",
        ),
        (
            {
                "policy": "latency",
                "browser": SLOW,
                "previous": {"split": 4, "first": "browser"},
            },
            4,
            "server",
            "the fastest",
        ),
    ],
)
def test_the_cut_and_why(
    client: FlaskClient, asked: dict[str, Any], split: int, first: str, reason: str
) -> None:
    answer = ask(client, **asked)
    assert answer.status_code == 200
    assert (answer.json["split"], answer.json["first"]) == (split, first)
    assert reason in answer.json["reason"]
    assert answer.json["predicted_ms"] > 0
    assert answer.json["revision"] == client.get("/info").json["model_sha"]


@pytest.mark.parametrize(
    ("says", "asked"),
    [
        ("embed and layer 0", {"direction": "client-first", "held": [1, 2, 3]}),
        ("tokens", {"tokens": 0}),
        ("direction", {"direction": "sideways"}),
        ("previous.first", {"previous": {"split": 1}}),
        ("browser.round_trip_ms", {"browser": {}}),
        ("tokens", {"tokens": 10**400}),
        ("texts", {"texts": 10**400}),
        ("text_bytes", {"text_bytes": 10**400}),
        ("latency_goal_ms", {"latency_goal_ms": 1e300}),
        ("browser.round_trip_ms", {"browser": {**FAST, "round_trip_ms": 1e308}}),
        ("per_token", {"browser": layer(per_request=1, per_token=1e308)}),
    ],
)
@pytest.mark.usefixtures("the_next_request_works")
def test_what_cannot_be_planned_is_refused(
    client: FlaskClient, says: str, asked: dict[str, Any]
) -> None:
    assert_refused(ask(client, **asked), 422, says, "Validation")


def test_the_largest_sizes_give_numbers_that_json_has(client: FlaskClient) -> None:
    slowest = {
        "layer_ms": {"per_request": 1e9, "per_token": 1e9},
        "round_trip_ms": 1e9,
        "download_bytes_per_s": 1,
        "upload_bytes_per_s": 1,
    }
    most = {"tokens": 10**9, "texts": 10**9, "text_bytes": 10**12}
    for policy in ("offload", "latency", "server", "browser"):
        answer = ask(client, browser=slowest, policy=policy, **most)
        assert math.isfinite(answer.json["predicted_ms"])


def test_no_text_is_asked_for(client: FlaskClient) -> None:
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    fields = schemas["PlanRequest"]["properties"]
    assert {field for field in fields if fields[field].get("type") == "string"} == {
        "direction",
        "policy",
        "dtype",
    }
