"""Bodies for /resume that are not what they say, or not for this model."""

import json
import struct
from typing import Any

import pytest
import torch
from flask.testing import FlaskClient
from refused import assert_refused

from ragged import Ragged
from split_model import SplitModel
from wire import HiddenMetadata, encode_hidden

pytestmark = pytest.mark.usefixtures("the_next_request_works")


def hidden_body(gpt2: SplitModel, **changed: Any) -> bytes:
    facts = {"model": gpt2.name, "revision": gpt2.revision, "start": 1, **changed}
    return encode_hidden(
        Ragged(torch.ones(5, 64), (2, 3)), "f32", HiddenMetadata(**facts)
    )


def patched(body: bytes, offset: int, value: float) -> bytes:
    """With another number in the hidden state's data."""
    data = 8 + int.from_bytes(body[:8], "little") + offset
    return body[:data] + struct.pack("<f", value) + body[data + 4 :]


def with_header(body: bytes, **changed: Any) -> bytes:
    """With another header in front of the same data."""
    length = int.from_bytes(body[:8], "little")
    header = {**json.loads(body[8 : 8 + length]), **changed}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body[8 + length :]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_hidden_state_with_nan_or_infinity_is_refused(
    client: FlaskClient, gpt2: SplitModel, number: float
) -> None:
    body = patched(hidden_body(gpt2), 400, number)
    assert_refused(client.post("/resume", data=body), 422, "NaN or infinity")


def test_a_hidden_state_of_another_model_or_revision_is_refused(
    client: FlaskClient, gpt2: SplitModel
) -> None:
    for changed in ({"revision": "0" * 16}, {"model": "small-bert"}):
        answer = client.post("/resume", data=hidden_body(gpt2, **changed))
        assert_refused(answer, 409, gpt2.revision, "Conflict")


@pytest.mark.parametrize("start", [5, 10**8])
def test_a_hidden_state_from_beyond_the_last_layer_is_refused(
    client: FlaskClient, gpt2: SplitModel, start: int
) -> None:
    answer = client.post("/resume", data=hidden_body(gpt2, start=start))
    assert_refused(answer, 422, "start: expected 0 to 4")


def lies(model: SplitModel) -> dict[str, bytes]:
    body = hidden_body(model)
    hidden = {"dtype": "F32", "shape": [5, 64], "data_offsets": [0, 1280]}
    lengths = {"dtype": "I32", "shape": [2], "data_offsets": [1280, 1288]}
    return {
        "empty": b"",
        "short": body[:100],
        "cut": body[:-1],
        "longer": body + b"x",
        "header beyond the body": (10**6).to_bytes(8, "little") + body[8:],
        "huge header": (2**63).to_bytes(8, "little") + body[8:],
        "header that is no JSON": (9).to_bytes(8, "little") + b"x" * 9,
        "overlap": with_header(body, lengths={**lengths, "data_offsets": [0, 8]}),
        "outside": with_header(
            body, lengths={**lengths, "data_offsets": [2**62, 2**62 + 8]}
        ),
        "backwards": with_header(body, hidden={**hidden, "data_offsets": [1280, 0]}),
        "negative": with_header(body, hidden={**hidden, "shape": [-5, -64]}),
        "overflow": with_header(body, hidden={**hidden, "shape": [2**40, 2**40]}),
        "wide": with_header(body, hidden={**hidden, "shape": [64, 5]}),
        "flat": with_header(body, hidden={**hidden, "shape": [320]}),
        "dtype": with_header(body, hidden={**hidden, "dtype": "F64"}),
        "object": with_header(body, hidden=5),
        "lengths": patched(body, 1280, 7),
        "metadata": with_header(body, __metadata__={}),
        "start": with_header(
            body,
            __metadata__={
                "model": model.name,
                "revision": model.revision,
                "start": "-1",
            },
        ),
    }


def test_a_hidden_state_that_lies_about_itself_is_refused(
    client: FlaskClient, gpt2: SplitModel
) -> None:
    for name, body in lies(gpt2).items():
        answer = client.post("/resume", data=body)
        assert answer.status_code == 422, name
        assert answer.json["error_type"] == "Validation"


def test_resume_has_a_limit_of_its_own(client: FlaskClient) -> None:
    assert_refused(client.post("/resume", data=b"x" * 1_000_000), 413, "bytes")


def test_resume_refuses_a_query_that_it_does_not_understand(
    client: FlaskClient, gpt2: SplitModel
) -> None:
    body = hidden_body(gpt2)
    assert_refused(client.post("/resume?normalize=2", data=body), 422, "true or false")
    assert_refused(client.post("/resume?model=x", data=body), 404, "small-gpt2")
