"""A server that does not answer keeps nobody waiting for ever."""

import re
import socket
import threading
import time
from collections.abc import Iterator

import piece_faults
import pytest
import torch
from client_page import ClientPage
from live_server import LiveServer
from playwright.sync_api import Page
from tolerances import F32

TEXTS = ["one text", "and another, longer one"]


@pytest.fixture
def deaf_url() -> Iterator[str]:
    """Where connections are accepted, requests read and never answered."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                taken.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for each in taken:
        each.close()


@pytest.fixture
def client(page: Page, server: LiveServer) -> Iterator[ClientPage]:
    client = ClientPage(page)
    client.connect(model="small-gpt2", dtype="f32", timeoutMs=700)
    client.evaluate("() => sc.load(2)")
    yield client
    server.split_faults.clear()


@pytest.fixture
def silence() -> Iterator[piece_faults.Silence]:
    silence = piece_faults.Silence()
    yield silence
    silence.end()


def test_connecting_to_a_server_that_never_answers_ends(
    page: Page, deaf_url: str
) -> None:
    client = ClientPage(page)
    started = time.monotonic()
    message = client.rejection(
        """async (url) => {
            const {connect} = await import("/static/splitcompute.js");
            await connect({url, timeoutMs: 500}).catch((error) => {
                throw `${error.error_type}: ${error.message}`;
            });
        }""",
        deaf_url,
    )
    assert message == f"Timeout: {deaf_url}/models gave no answer within 0.5 s"
    assert time.monotonic() - started < 10


def test_a_request_without_an_answer_is_asked_once_more(
    client: ClientPage, server: LiveServer, silence: piece_faults.Silence
) -> None:
    server.split_faults = [silence]
    came = client.embed(TEXTS, split=2)
    assert "gave no answer within 0.7 s" in came["note"]
    assert "asked once more" in came["note"]
    assert came["finish"] == "browser"
    rows = (torch.tensor(each["embeddings"]) for each in (came, client.embed(TEXTS)))
    torch.testing.assert_close(*rows, atol=F32, rtol=0)


def test_the_second_silence_is_an_error_and_the_next_request_works(
    client: ClientPage, server: LiveServer, silence: piece_faults.Silence
) -> None:
    server.split_faults = [silence, silence]
    message = client.rejection("(texts) => sc.embed(texts, {split: 2})", TEXTS)
    assert re.search(r"/split gave no answer within 0\.7 s", message)
    assert server.split_faults == []
    silence.end()
    assert "note" not in client.embed(TEXTS, split=2)


def test_an_answer_that_stops_half_way_ends_too(
    client: ClientPage, server: LiveServer, gate: piece_faults.Gate
) -> None:
    server.split_faults = [gate]
    came = client.embed(TEXTS, split=2)
    assert "gave no answer within 0.7 s" in came["note"]
    assert came["finish"] == "browser"


@pytest.mark.parametrize("timeout", ["0", "-1", "Infinity", "'soon'"])
def test_a_timeout_that_is_none_is_refused(page: Page, timeout: str) -> None:
    client = ClientPage(page)
    message = client.rejection(
        f"""async () => {{
            const {{connect}} = await import("/static/splitcompute.js");
            await connect({{timeoutMs: {timeout}}});
        }}"""
    )
    assert "expected a finite number of milliseconds above 0" in message
