"""What the routes answer to good requests."""

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from closing_client import client_of
from flask.testing import FlaskClient
from tolerances import BY_DTYPE, F32

from options import Options
from safetensors_bytes import PREFIX_BYTES
from server import create_app
from split_model import SplitModel
from wire import WIRE_DTYPES, HiddenMetadata, decode_hidden, encode_hidden

TEXTS = ["A cut through the model.", "Another.", "One more text, the longest of three."]
TEI_HEADERS = (
    "x-compute-type",
    "x-compute-time",
    "x-compute-characters",
    "x-compute-tokens",
    "x-total-time",
    "x-tokenization-time",
    "x-queue-time",
    "x-inference-time",
)


def rows(answer: Any) -> torch.Tensor:
    assert answer.status_code == 200, answer.text
    return torch.tensor(answer.json)


def embedded(model: SplitModel, texts: list[str], **how: Any) -> torch.Tensor:
    return model.embed(model.tokenize(texts), **how)


@pytest.mark.parametrize("path", ["/embed", "/"])
def test_embed_gives_the_models_own_vectors(
    client: FlaskClient, gpt2: SplitModel, path: str
) -> None:
    got = rows(client.post(path, json={"inputs": TEXTS}))
    torch.testing.assert_close(got, embedded(gpt2, TEXTS), atol=F32, rtol=0)


def test_one_text_gives_one_row(client: FlaskClient) -> None:
    assert rows(client.post("/embed", json={"inputs": TEXTS[0]})).shape == (1, 64)


def test_every_model_is_served_under_its_name(
    client: FlaskClient, bert: SplitModel, bert_folder: Path
) -> None:
    for name in ("small-bert", str(bert_folder)):
        got = rows(client.post("/embed", json={"inputs": TEXTS, "model": name}))
        torch.testing.assert_close(got, embedded(bert, TEXTS), atol=F32, rtol=0)


def test_normalize_can_be_left_out(client: FlaskClient, gpt2: SplitModel) -> None:
    got = rows(client.post("/embed", json={"inputs": TEXTS, "normalize": False}))
    expected = embedded(gpt2, TEXTS, normalize=False)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_dimensions_keeps_the_first_and_normalises_those(
    client: FlaskClient, gpt2: SplitModel
) -> None:
    got = rows(client.post("/embed", json={"inputs": TEXTS, "dimensions": 16}))
    expected = embedded(gpt2, TEXTS, normalize=False)[:, :16]
    expected = expected / expected.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(got, expected, atol=F32, rtol=0)


@pytest.mark.parametrize("direction", ["Left", "right"])
def test_truncate_cuts_the_side_asked_for(
    client: FlaskClient, bert: SplitModel, direction: str
) -> None:
    text = "word " * 200 + "last"
    asked = {"inputs": text, "truncate": True, "model": "small-bert"}
    got = rows(client.post("/embed", json={**asked, "truncation_direction": direction}))
    side: Any = direction.title()
    expected = bert.embed(bert.tokenize([text], True, side))
    torch.testing.assert_close(got, expected, atol=F32, rtol=0)


def test_token_ids_are_taken_as_they_are(client: FlaskClient, gpt2: SplitModel) -> None:
    ids = [gpt2.tokenize([text]).values.tolist() for text in TEXTS]
    got = rows(client.post("/embed", json={"inputs": ids}))
    torch.testing.assert_close(got, embedded(gpt2, TEXTS), atol=F32, rtol=0)
    assert rows(client.post("/embed", json={"inputs": ids[0]})).shape == (1, 64)


def test_fields_that_nobody_knows_are_ignored(client: FlaskClient) -> None:
    asked = {"inputs": "a", "encoding_format": "float", "truncate": None, "x": 1}
    assert client.post("/embed", json=asked).status_code == 200


def test_the_headers_say_what_was_done(client: FlaskClient, gpt2: SplitModel) -> None:
    headers = client.post("/embed", json={"inputs": TEXTS}).headers
    lengths = gpt2.tokenize(TEXTS).lengths
    assert headers["x-compute-type"] == "cpu"
    assert headers["x-compute-tokens"] == str(sum(lengths))
    assert headers["x-compute-characters"] == str(sum(map(len, TEXTS)))
    assert headers["X-Tokens"] == ",".join(map(str, lengths))
    assert headers["X-Model"] == "small-gpt2"
    assert all(headers[name].isdigit() for name in TEI_HEADERS[1:])
    stages = re.findall(r"(\w+);dur=(\d+\.\d+)", headers["Server-Timing"])
    assert [stage for stage, _ in stages] == ["tokenize", "queue", "layers"]


@pytest.mark.parametrize("dtype", WIRE_DTYPES)
def test_split_then_resume_gives_what_embed_gives(
    client: FlaskClient, gpt2: SplitModel, dtype: str
) -> None:
    for split in range(gpt2.config.n_layer + 1):
        asked = {"inputs": TEXTS, "split": split, "dtype": dtype}
        hidden = client.post("/split", json=asked)
        assert hidden.headers["X-Split"] == str(split)
        assert "encode;dur=" in hidden.headers["Server-Timing"]
        assert hidden.content_type == "application/octet-stream"
        resumed = client.post("/resume", data=hidden.data)
        assert resumed.headers["Server-Timing"].startswith("decode;dur=")
        got = rows(resumed)
        atol = BY_DTYPE[dtype]
        torch.testing.assert_close(got, embedded(gpt2, TEXTS), atol=atol, rtol=0)


def test_split_sends_the_hidden_state_itself(
    client: FlaskClient, gpt2: SplitModel
) -> None:
    answer = client.post("/split", json={"inputs": TEXTS, "split": 2})
    hidden, metadata = decode_hidden(answer.data, 64, 1024)
    expected = gpt2.hidden_states(gpt2.tokenize(TEXTS), 2)
    assert metadata == HiddenMetadata("small-gpt2", gpt2.revision, 2)
    assert hidden.lengths == expected.lengths
    torch.testing.assert_close(hidden.values, expected.values, atol=1e-4, rtol=1e-4)
    assert (PREFIX_BYTES + int.from_bytes(answer.data[:8], "little")) % 8 == 0


@pytest.mark.parametrize(
    ("held", "split"), [([], 4), ([3], 3), ([2, 3], 2), ([0, 1, 2, 3], 0), ([0, 1], 4)]
)
def test_split_auto_follows_the_layers_that_the_browser_holds(
    client: FlaskClient, held: list[int], split: int
) -> None:
    answer = client.post("/split", json={"inputs": "a", "split": "auto", "held": held})
    assert answer.headers["X-Split"] == str(split)


def test_resume_normalises_when_asked(client: FlaskClient, bert: SplitModel) -> None:
    hidden = bert.hidden_states(bert.tokenize(TEXTS), 1)
    metadata = HiddenMetadata("small-bert", bert.revision, 1)
    body = encode_hidden(hidden, "f32", metadata)
    for value in (True, False):
        path = f"/resume?model=small-bert&normalize={str(value).lower()}"
        expected = embedded(bert, TEXTS, normalize=value)
        got = rows(client.post(path, data=body))
        torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("input", [TEXTS, TEXTS[0], [5, 6, 7], [[5, 6, 7], [8]]])
def test_openai_answers_in_floats_and_in_base64(
    client: FlaskClient, input: object
) -> None:
    asked = {"input": input, "model": "small-gpt2", "user": "somebody"}
    floats = client.post("/v1/embeddings", json=asked).json
    packed = client.post(
        "/v1/embeddings", json={**asked, "encoding_format": "base64"}
    ).json
    assert floats["object"] == "list"
    assert floats["model"] == "small-gpt2"
    assert floats["usage"]["total_tokens"] == floats["usage"]["prompt_tokens"] > 0
    for index, (one, other) in enumerate(
        zip(floats["data"], packed["data"], strict=True)
    ):
        assert one["object"] == "embedding"
        assert one["index"] == index
        unpacked = np.frombuffer(base64.b64decode(other["embedding"]), "<f4")
        np.testing.assert_allclose(unpacked, one["embedding"], atol=1e-7)
        assert np.linalg.norm(unpacked) == pytest.approx(1, abs=1e-5)


def test_tokenize_shows_where_each_token_lies(client: FlaskClient) -> None:
    text = "A cut, naïve."
    asked = {"inputs": text, "model": "small-bert"}
    [tokens] = client.post("/tokenize", json=asked).json
    assert [tokens[0]["special"], tokens[-1]["special"]] == [True, True]
    for token in tokens[1:-1]:
        assert token["text"] == text[token["start"] : token["stop"]]
    [bare] = client.post("/tokenize", json={**asked, "add_special_tokens": False}).json
    assert bare == tokens[1:-1]


def test_tokenize_shows_at_most_as_many_tokens_as_may_travel(
    client: FlaskClient,
) -> None:
    """2,048 here, all texts together; a longer text is not even encoded to its end."""
    few = {"inputs": ["hi"] * 64}
    many = {"inputs": ["tokens of " * 300] * 8}
    assert client.post("/tokenize", json=few).status_code == 200
    for asked in (many, {"inputs": "x y " * 24_000}):
        answer = client.post("/tokenize", json=asked)
        assert answer.status_code == 413
        assert "tokens: expected at most 2048 in one reply" in answer.json["error"]


def test_models_lists_what_a_browser_needs_to_choose(
    client: FlaskClient, gpt2: SplitModel
) -> None:
    first, second = client.get("/models").json["models"]
    assert first["name"] == "small-gpt2"
    assert second["name"] == "small-bert"
    assert first["revision"] == gpt2.revision
    assert first["n_layer"] == 4
    assert first["weights"] is True
    assert first["parameters"] == gpt2.parameters
    assert set(first["bytes"]) == set(first["dtypes"]) == {"f32", "f16", "q8", "q4"}
    expected = {"embed", "layer", "finish", "tokenizer"}
    assert set(first["bytes"]["q8"]) == expected


def test_info_has_the_fields_of_text_embeddings_inference(client: FlaskClient) -> None:
    info = client.get("/info").json
    assert info["model_id"] == "small-gpt2"
    assert info["model_dtype"] == "float32"
    assert info["model_type"] == {"embedding": {"pooling": "mean"}}
    assert info["max_input_length"] == 1024
    assert info["max_client_batch_size"] == 64
    assert info["models"] == ["small-gpt2", "small-bert"]


def test_health_says_ok(client: FlaskClient) -> None:
    assert client.get("/health").json == {"status": "ok"}


def test_the_page_and_its_files_are_checked_for_news_at_each_visit(
    client: FlaskClient,
) -> None:
    page = client.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for answer in (page, client.get("/static/api.js")):
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        again = client.get(
            answer.request.path, headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert again.status_code == 304
        assert not again.data


def test_a_long_list_of_lengths_is_left_out_of_the_headers(
    client_of_many: FlaskClient,
) -> None:
    """257 texts and more: proxies refuse headers of some kilobytes."""
    few = client_of_many.post("/embed", json={"inputs": [[1]] * 256})
    assert few.headers["X-Tokens"] == ",".join(["1"] * 256)
    many = client_of_many.post("/embed", json={"inputs": [[1]] * 257})
    assert len(many.json) == 257
    assert "X-Tokens" not in many.headers


@pytest.fixture
def client_of_many(options: Options) -> FlaskClient:
    few_models = {"model": options.model[:1], "max_client_batch_size": 300}
    return client_of(create_app(replace(options, **few_models)))
