"""Clients written for text-embeddings-inference and OpenAI, unchanged."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import openai
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from running import Running
from tolerances import F32

from split_model import SplitModel

TEXTS = ["A cut through the model.", "Another one."]


@pytest.fixture
def expected(gpt2: SplitModel) -> np.ndarray:
    return gpt2.embed(gpt2.tokenize(TEXTS)).numpy()


@pytest.fixture
def openai_client(live: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{live.url}/v1", api_key="none", max_retries=0)


def test_openai_client(openai_client: openai.OpenAI, expected: np.ndarray) -> None:
    """Left to itself, the client asks for base64 and unpacks it."""
    answers = [
        openai_client.embeddings.create(model="small-gpt2", input=TEXTS),
        openai_client.embeddings.create(
            model="small-gpt2", input=TEXTS, encoding_format="float"
        ),
    ]
    for answer in answers:
        rows = [item.embedding for item in answer.data]
        np.testing.assert_allclose(rows, expected, atol=F32)
        assert [item.index for item in answer.data] == [0, 1]
        assert answer.usage.total_tokens > 0


def test_openai_client_with_dimensions_and_token_ids(
    openai_client: openai.OpenAI,
) -> None:
    answer = openai_client.embeddings.create(
        model="small-gpt2", input=[[5, 6], [7]], dimensions=16, user="somebody"
    )
    assert [len(item.embedding) for item in answer.data] == [16, 16]


def test_openai_client_lists_the_models(openai_client: openai.OpenAI) -> None:
    found = list(openai_client.models.list())
    assert [model.id for model in found] == ["small-gpt2", "small-bert"]
    assert all(model.object == "model" and model.created > 0 for model in found)


def test_openai_client_raises_its_own_errors(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="expected one of small-gpt2"):
        openai_client.embeddings.create(model="no-such", input="a")
    with pytest.raises(openai.BadRequestError, match="cannot be empty"):
        openai_client.embeddings.create(model="small-gpt2", input="")


def test_inference_client_at_the_servers_own_url(
    live: Running, expected: np.ndarray
) -> None:
    client = InferenceClient(live.url)
    rows = client.feature_extraction(TEXTS, normalize=True, truncate=True)
    np.testing.assert_allclose(rows, expected, atol=F32)
    one = client.feature_extraction(TEXTS[0], truncation_direction="left")
    np.testing.assert_allclose(one, expected[:1], atol=F32)


def test_inference_client_with_a_base_url_and_with_the_route(
    live: Running, expected: np.ndarray
) -> None:
    for client in (
        InferenceClient(base_url=live.url),
        InferenceClient(f"{live.url}/embed"),
    ):
        rows = client.feature_extraction(TEXTS, dimensions=64)
        np.testing.assert_allclose(rows, expected, atol=F32)


def test_inference_client_hears_why_it_was_refused(live: Running) -> None:
    with pytest.raises(HfHubHTTPError, match="cannot be empty"):
        InferenceClient(live.url).feature_extraction("")


def test_curl(live: Running, expected: np.ndarray) -> None:
    curl = shutil.which("curl")
    assert curl is not None, "curl is missing on this machine"
    done = subprocess.run(
        [
            curl,
            "--silent",
            "--fail",
            f"{live.url}/embed",
            "--header",
            "Content-Type: application/json",
            "--data",
            json.dumps({"inputs": TEXTS}),
        ],
        check=True,
        capture_output=True,
    )
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=F32)


def test_the_javascript_client_in_node(live: Running, expected: np.ndarray) -> None:
    """Without a GPU, a Worker or a page: the server runs every layer."""
    script = Path(__file__).with_name("client_in_node.mjs")
    done = subprocess.run(
        ["node", script, live.url, *TEXTS], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["without"].startswith("pass url: ")
    assert found["reason"] == "it has no Web Workers"
    for result in found["results"]:
        np.testing.assert_allclose(result["embeddings"], expected, atol=F32)
        assert "The server ran all layers" in result["note"]
