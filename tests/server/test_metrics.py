"""The counters, and what they prove."""

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from options import Options
from server import create_app

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(client: FlaskClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[f"splitcompute_{name}", frozenset(labels.items())]


def layer_runs(found: Samples, model: str = "small-gpt2") -> list[float]:
    return [
        value(found, "layer_runs_total", model=model, layer=str(layer))
        for layer in range(4)
    ]


def test_at_split_k_exactly_the_first_k_layers_run(client: FlaskClient) -> None:
    for split in range(5):
        before = layer_runs(samples(client))
        client.post("/split", json={"inputs": "some text", "split": split})
        after = layer_runs(samples(client))
        ran = [new - old for new, old in zip(after, before, strict=True)]
        assert ran == [1.0] * split + [0.0] * (4 - split)


def test_resume_runs_the_other_layers_only(client: FlaskClient) -> None:
    hidden = client.post("/split", json={"inputs": "some text", "split": 3}).data
    before = layer_runs(samples(client))
    client.post("/resume", data=hidden)
    after = layer_runs(samples(client))
    assert [new - old for new, old in zip(after, before, strict=True)] == [0, 0, 0, 1]


def test_requests_tokens_and_bytes_are_counted(client: FlaskClient) -> None:
    before = samples(client)
    answer = client.post("/embed", json={"inputs": ["some text", "and more"]})
    client.post("/embed", json={"inputs": []})
    after = samples(client)

    def grown(name: str, **labels: str) -> float:
        old = before.get((f"splitcompute_{name}", frozenset(labels.items())), 0)
        return value(after, name, **labels) - old

    tokens = int(answer.headers["x-compute-tokens"])
    route = {"route": "/embed"}
    assert grown("requests_total", **route, method="POST", status="200") == 1
    assert grown("requests_total", **route, method="POST", status="400") == 1
    assert grown("tokens_total", **route, model="small-gpt2") == tokens
    assert grown("layer_tokens_total", model="small-gpt2", layer="0") == tokens
    assert grown("request_duration_seconds_count", **route) == 2
    assert grown("response_bytes_total", **route) > len(answer.data)
    assert grown("request_bytes_total", **route) > 0
    assert value(after, "requests_in_flight") == 1  # the one that asks


def test_the_body_that_a_head_is_not_sent_is_not_counted(client: FlaskClient) -> None:
    def sent() -> float:
        return value(samples(client), "response_bytes_total", route="/openapi.json")

    client.get("/openapi.json")
    before = sent()
    assert client.head("/openapi.json").content_length
    assert sent() == before


def test_unknown_paths_do_not_add_up_to_endless_labels(client: FlaskClient) -> None:
    client.get("/nothing/1")
    client.get("/nothing/2")
    routes = {dict(labels).get("route") for _, labels in samples(client)}
    assert "none" in routes
    assert not any(route and "nothing" in route for route in routes)


def test_invented_methods_do_not_add_up_to_endless_labels(client: FlaskClient) -> None:
    client.open("/embed", method="BREW")
    client.open("/nothing", method="X-1")
    methods = {dict(labels).get("method") for _, labels in samples(client)}
    assert "other" in methods
    assert not methods & {"BREW", "X-1"}


def test_each_application_counts_for_itself(app: Flask, options: Options) -> None:
    app.test_client().post("/embed", json={"inputs": "a"})
    other = create_app(options).test_client()
    assert sum(layer_runs(samples(other))) == 0
