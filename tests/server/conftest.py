"""The application on small random models, and the same one behind the real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from closing_client import client_of
from flask import Flask
from flask.testing import FlaskClient
from running import Running

from options import Options
from server import create_app


@pytest.fixture(scope="session")
def options(gpt2_folder: Path, bert_folder: Path, cache_dir: Path) -> Options:
    """GPT-2 first: it is the default."""
    return Options(
        model=(str(gpt2_folder), str(bert_folder)),
        cache_dir=cache_dir,
        max_client_batch_size=64,
        max_batch_tokens=2048,
        payload_limit=100_000,
    )


@pytest.fixture(scope="session")
def app(options: Options) -> Flask:
    return create_app(options)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return client_of(app)


@pytest.fixture(scope="session")
def live(app: Flask) -> Iterator[Running]:
    with Running(app, doorman=app.extensions["gate"]) as running:
        yield running


@pytest.fixture
def the_next_request_works(client: FlaskClient) -> Iterator[None]:
    """Whatever a test sent, the server is as it was."""
    yield
    assert client.post("/embed", json={"inputs": "fine"}).status_code == 200
