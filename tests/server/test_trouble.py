"""A model that fails, a server that is full, a mistake of our own."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from flask import Flask
from flask.testing import FlaskClient
from refused import assert_refused
from running import Running
from tolerances import F32

import model_service
from batching import QueueFull
from options import Options
from ragged import Ragged
from split_model import SplitModel

pytestmark = pytest.mark.usefixtures("the_next_request_works")


def test_a_failing_model_is_424_and_unhealthy_until_it_works_again(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: SplitModel = app.extensions["splitcompute"].default.model

    def fail(*args: object) -> None:
        raise RuntimeError("out of memory, say")

    with monkeypatch.context() as patch:
        patch.setattr(model.model, "run_layers", fail)
        answer = client.post("/embed", json={"inputs": "a"})
        assert_refused(answer, 424, "out of memory", "Backend")
        assert_refused(client.get("/health"), 503, "out of memory", "Unhealthy")
    assert client.get("/health").status_code == 200


def test_a_full_queue_is_not_unhealthy_though_a_computation_failed(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load balancer that took it out would send the crowd to the next."""
    model: SplitModel = app.extensions["splitcompute"].default.model

    def fail(*args: object) -> None:
        raise RuntimeError("for once")

    def full(*args: object) -> None:
        raise QueueFull("9 tokens wait, at most 9 may")

    with monkeypatch.context() as patch:
        patch.setattr(model.model, "run_layers", fail)
        client.post("/embed", json={"inputs": "a"})
    with monkeypatch.context() as patch:
        patch.setattr(model.batcher, "submit", full)
        assert client.post("/embed", json={"inputs": "a"}).status_code == 429
        assert client.get("/health").status_code == 200


def test_a_model_that_gives_nan_is_424_and_still_healthy(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: SplitModel = app.extensions["splitcompute"].default.model

    def nan(hidden: Ragged, start: int, stop: int) -> Ragged:
        return Ragged(hidden.values * float("nan"), hidden.lengths)

    with monkeypatch.context() as patch:
        patch.setattr(model.model, "run_layers", nan)
        answer = client.post("/embed", json={"inputs": "a"})
        assert_refused(answer, 424, "NaN", "Backend")
    assert client.get("/health").status_code == 200


def test_our_own_mistake_is_500_and_says_nothing_of_the_inside(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(model_service.ModelService, "entry", fail)
    assert_refused(client.get("/models"), 500, "Internal server error", "Internal")


def test_requests_at_once_get_each_its_own_answer(app: Flask, gpt2: SplitModel) -> None:
    """Of every kind, and one bad one among them, which alone fails."""
    texts = [f"text number {n}" for n in range(20)]
    expected = gpt2.embed(gpt2.tokenize(texts))

    def ask(index: int) -> list[float]:
        client = app.test_client()
        asked = {"inputs": ["", texts[index]]}
        assert client.post("/embed", json=asked).status_code == 400
        if index % 2:
            asked = {"inputs": [texts[index]]}
            return client.post("/embed", json=asked).json[0]
        split = {"inputs": texts[index], "split": index % 5}
        hidden = client.post("/split", json=split).data
        return client.post("/resume", data=hidden).json[0]

    with ThreadPoolExecutor(8) as pool:
        got = torch.tensor(list(pool.map(ask, range(20))))
    torch.testing.assert_close(got, expected, atol=F32, rtol=0)


def test_a_client_that_hangs_up_costs_no_turn(
    live: Running, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request holds the model; one behind it is given up; a third is answered."""
    model: SplitModel = app.extensions["splitcompute"].default.model
    entered, go = threading.Event(), threading.Event()
    run_layers, tokenize = model.model.run_layers, model.tokenize
    tokenized = threading.Semaphore(0)
    ran: list[int] = []

    def hold(hidden: Ragged, start: int, stop: int) -> Ragged:
        if start == 0:
            ran.append(len(hidden.lengths))
        entered.set()
        assert go.wait(timeout=10)
        return run_layers(hidden, start, stop)

    def tell(*args: Any) -> Ragged:
        tokens = tokenize(*args)
        tokenized.release()
        return tokens

    monkeypatch.setattr(model.model, "run_layers", hold)
    monkeypatch.setattr(model, "tokenize", tell)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(live.post, "/embed", b'{"inputs": "a"}')
        assert entered.wait(timeout=10)
        assert tokenized.acquire(timeout=10)
        body = b'{"inputs": ["b", "c"]}'
        head = "POST /embed HTTP/1.1\r\nHost: localhost\r\n"
        head += f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n"
        with live.connect() as leaving:
            leaving.sendall(f"{head}\r\n".encode() + body)
            assert tokenized.acquire(timeout=10)
        # The server's loop hears of the end before it hears of this.
        assert live.get("/health").status == 200
        go.set()
        assert first.result().status == 200
    assert live.post("/embed", b'{"inputs": "d"}').status == 200
    assert ran == [1, 1]


def test_one_request_too_many_is_429(
    client: FlaskClient, app: Flask, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as may wait are held inside the model; then comes the next."""
    model: SplitModel = app.extensions["splitcompute"].default.model
    statuses: list[int] = []

    entered, go = threading.Semaphore(0), threading.Event()
    tokenize = model.tokenize

    def hold(*args: Any) -> Ragged:
        entered.release()
        assert go.wait(timeout=10)
        return tokenize(*args)

    monkeypatch.setattr(model, "tokenize", hold)
    threads = [
        threading.Thread(
            target=lambda: statuses.append(
                app.test_client().post("/embed", json={"inputs": "a"}).status_code
            )
        )
        for _ in range(options.max_concurrent_requests)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert entered.acquire(timeout=10)
    answer = client.post("/embed", json={"inputs": "a"})
    assert_refused(answer, 429, "overloaded", "Overloaded")
    large = b"x" * 1_000_000  # not read, so not found to be too large
    assert client.post("/resume", data=large).status_code == 429
    assert answer.headers["Retry-After"] == "1"
    assert client.get("/health").status_code == 200
    go.set()
    for thread in threads:
        thread.join()
    assert statuses == [200] * len(threads)
