"""Many clients at once: refused quickly or answered, also when the server must stop."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest
from flask import Flask
from running import Answer, Running, read_answer
from tolerances import F32

from batching import Ahead
from jobs import Work
from model_service import ModelService
from options import Options
from ragged import Ragged
from refusals import overloaded
from server import SPARE_THREADS, bound, create_app
from split_model import SplitModel

WAITING_TOKENS = 200


@pytest.fixture(scope="module")
def app(options: Options) -> Flask:
    return create_app(replace(options, max_waiting_tokens=WAITING_TOKENS))


@pytest.fixture
def service(app: Flask) -> ModelService:
    found: ModelService = app.extensions["splitcompute"].default
    return found


@pytest.fixture
def model(service: ModelService) -> SplitModel:
    return service.model


@pytest.fixture
def stopped(app: Flask, options: Options) -> Running:
    """Not yet started; with as many threads as the command line gives it."""
    return Running(app, threads=options.max_concurrent_requests + SPARE_THREADS)


@pytest.fixture
def running(stopped: Running) -> Iterator[Running]:
    with stopped as running:
        yield running


class Held:
    """A model whose layers wait until they are let go."""

    def __init__(self, model: SplitModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered, self.go = threading.Event(), threading.Event()
        run_layers = model.model.run_layers

        def hold(hidden: Ragged, start: int, stop: int) -> Ragged:
            self.entered.set()
            assert self.go.wait(timeout=30)
            return run_layers(hidden, start, stop)

        monkeypatch.setattr(model.model, "run_layers", hold)


def body(*texts: str) -> bytes:
    return json.dumps({"inputs": texts}).encode()


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.002)


def test_overload_is_429_with_retry_after_within_100_ms(
    running: Running, model: SplitModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks, with one text or with many; and what was accepted is answered."""
    held = Held(model, monkeypatch)
    batch = ["some words to wait with"] * 8
    tokens = len(model.tokenize(batch).values)
    with ThreadPoolExecutor(16) as pool:
        accepted: list[Future[Answer]] = [
            pool.submit(running.post, "/embed", body("first"))
        ]
        assert held.entered.wait(timeout=10)
        count = WAITING_TOKENS // tokens
        accepted += [
            pool.submit(running.post, "/embed", body(*batch)) for _ in range(count)
        ]
        wait_for(lambda: model.batcher.waiting_tokens == count * tokens)
        for texts in (batch, ["one " * 40], batch * 5):
            took = []
            for _ in range(9):
                started = time.perf_counter()
                refusal = running.post("/embed", body(*texts))
                took.append(time.perf_counter() - started)
                assert refusal.status == 429
                assert refusal.json["error_type"] == "Overloaded"
                assert "tokens wait" in refusal.json["error"]
                assert "\r\nRetry-After: " in refusal.head
            assert sorted(took)[4] < 0.1
        held.go.set()
        assert [answer.result().status for answer in accepted] == [200] * len(accepted)
    assert running.post("/embed", body("again")).status == 200


def test_while_a_request_beyond_the_bound_waits_others_are_answered(
    running: Running,
    service: ModelService,
    model: SplitModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And who is refused is not told to stay away for as long as that one takes."""
    held = Held(model, monkeypatch)
    large = ["some words to wait with"] * 64
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(running.post, "/embed", body("first"))
        assert held.entered.wait(timeout=10)
        waits = pool.submit(running.post, "/embed", body(*large))
        wait_for(lambda: model.batcher.waiting_tokens > WAITING_TOKENS)
        before = model.batcher.waiting_tokens
        small = pool.submit(running.post, "/embed", body("small"))
        wait_for(lambda: model.batcher.waiting_tokens > before or small.done())
        endless = Ahead(Work(), Work(10**6, 10**12), 10**6)
        with monkeypatch.context() as busy:
            busy.setattr(service.load, "_ahead", lambda: endless)
            refusal = running.post("/embed", body(*large))
        held.go.set()
        assert refusal.status == 429
        assert "\r\nRetry-After: 30\r\n" in refusal.head
        answers = [first.result(), waits.result(), small.result()]
    assert [answer.status for answer in answers] == [200] * 3


def test_stopping_answers_every_request_that_was_accepted(
    stopped: Running, model: SplitModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SIGTERM asks for, with one request in the layers and many behind it."""
    stopped.thread.start()
    held = Held(model, monkeypatch)
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(stopped.post, "/embed", body("first"))]
        assert held.entered.wait(timeout=10)
        one = len(model.tokenize(["text 1"]).values)
        asked += [
            pool.submit(stopped.post, "/embed", body(f"text {n}")) for n in range(1, 10)
        ]
        wait_for(lambda: model.batcher.waiting_tokens == 9 * one)
        stopped.server.stop()
        held.go.set()
        answers = [answer.result() for answer in asked]
    assert [answer.status for answer in answers] == [200] * 10
    stopped.thread.join(timeout=10)
    assert not stopped.thread.is_alive()


def test_600_clients_at_once_are_each_answered_right_or_refused(
    running: Running, model: SplitModel
) -> None:
    texts = [f"client {n}" for n in range(600)]
    rows = model.embed(model.tokenize(texts))
    with ExitStack() as stack:
        clients = [stack.enter_context(running.connect()) for _ in texts]
        for client, text in zip(clients, texts, strict=True):
            sent = body(text)
            head = "POST /embed HTTP/1.1\r\nHost: localhost\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n"
            client.settimeout(60)
            client.sendall(f"{head}\r\n".encode() + sent)
        answers = [read_answer(client) for client in clients]
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) <= {200, 429}
    assert statuses[200] > 0
    for answer, row in zip(answers, rows.tolist(), strict=True):
        if answer.status == 200:
            assert answer.json[0] == pytest.approx(row, abs=F32)
        else:
            assert "\r\nRetry-After: " in answer.head


def test_a_nearly_full_queue_gives_browsers_all_that_they_can_take(
    running: Running, model: SplitModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow browser gets one layer from an idle server, and all before a refusal."""
    held = Held(model, monkeypatch)
    slow = {
        "layer_ms": {"per_request": 400, "per_token": 0},
        "overhead_ms": 0,
        "round_trip_ms": 1,
        "download_bytes_per_s": 1e9,
        "upload_bytes_per_s": 1e9,
    }
    asked = {"inputs": "a", "split": "auto", "held": [0, 1, 2, 3], "browser": slow}
    sent = json.dumps(asked).encode()
    batch = ["some words to wait with"] * 4
    tokens = 2 * len(model.tokenize(batch).values)
    assert 3 / 4 * WAITING_TOKENS < tokens <= WAITING_TOKENS - 8
    with ThreadPoolExecutor(4) as pool:
        held.go.set()
        assert "\r\nX-Split: 4\r\n" in running.post("/split", sent).head
        held.go.clear()
        held.entered.clear()
        first = pool.submit(running.post, "/embed", body("first"))
        assert held.entered.wait(timeout=10)
        waiting = [pool.submit(running.post, "/embed", body(*batch)) for _ in "ab"]
        wait_for(lambda: model.batcher.waiting_tokens == tokens)
        split = pool.submit(running.post, "/split", sent)
        wait_for(lambda: model.batcher.waiting_tokens > tokens)
        held.go.set()
        head = split.result().head
        assert "\r\nX-Split: 0\r\n" in head
        assert "before anybody is refused" in head
        statuses = [answer.result().status for answer in (first, *waiting)]
        assert statuses == [200] * 3


def test_a_refusal_without_a_thread_is_that_of_the_routes(
    app: Flask, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same shape, for the same readers, and counted."""
    limit = bound(replace(options, max_concurrent_requests=1))
    assert {"/embed", "/split", "/v1/embeddings", "/resume"} <= limit.paths
    assert "/health" not in limit.paths
    assert limit.at_once == 1  # as many as there are slots; SPARE_THREADS are left
    gate = app.extensions["gate"]
    for path in ("/embed", "/v1/embeddings"):
        count = gate.metrics.requests.labels(path, "POST", 429)._value.get
        before = count()
        status, headers, told = gate.answer(overloaded(), "POST", path, None)
        assert count() == before + 1
        monkeypatch.setattr("threading.BoundedSemaphore.acquire", lambda *a, **k: False)
        routed = app.test_client().post(
            path, json={"inputs": "a", "input": "a"}, base_url="http://localhost"
        )
        monkeypatch.undo()
        assert status == routed.status_code == 429
        assert json.loads(told) == routed.get_json()
        assert headers.items() <= dict(routed.headers).items()
