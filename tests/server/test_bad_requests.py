"""Bad texts and bad JSON: a clear error, the right code, and the next request works."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from refused import assert_refused

pytestmark = pytest.mark.usefixtures("the_next_request_works")

LONG = "word " * 300


@pytest.mark.parametrize(
    ("status", "kind", "says", "asked"),
    [
        (400, "Empty", "cannot be empty", {"inputs": ""}),
        (400, "Empty", "cannot be empty", {"inputs": []}),
        (400, "Empty", "(inputs[1])", {"inputs": ["a", ""]}),
        (400, "Empty", "(inputs[1])", {"inputs": [[1], []]}),
        (422, "Validation", "inputs: Field required", {}),
        (422, "Validation", "came null", {"inputs": None}),
        (422, "Validation", "came an integer", {"inputs": 5}),
        (422, "Validation", "came an object", {"inputs": {"a": 1}}),
        (422, "Validation", "a list with a string, null", {"inputs": ["a", None]}),
        (422, "Validation", "a list with a list, a string", {"inputs": ["a", [1]]}),
        (422, "Validation", "a boolean", {"inputs": [1, True]}),
        (422, "Validation", "a number", {"inputs": [1.5]}),
        (422, "Validation", "token id", {"inputs": [-1]}),
        (422, "Validation", "token id", {"inputs": [10**30]}),
        (422, "Validation", "NUL", {"inputs": "a\0b"}),
        (422, "Validation", "(inputs[2])", {"inputs": ["a", "b", "\0"]}),
        (413, "Validation", "maximum allowed batch size 64", {"inputs": ["a"] * 65}),
        (
            413,
            "Validation",
            "must have less than 100 tokens",
            {"inputs": ["a", LONG], "model": "small-bert"},
        ),
        (413, "Validation", "(inputs[1])", {"inputs": [[1], [1] * 1025]}),
        (422, "Validation", "normalize", {"inputs": "a", "normalize": "yes"}),
        (422, "Validation", "truncate", {"inputs": "a", "truncate": 1}),
        (
            422,
            "Validation",
            "'Left' or 'Right'",
            {"inputs": "a", "truncation_direction": "up"},
        ),
        (422, "Validation", "prompt_name", {"inputs": "a", "prompt_name": "query"}),
        (422, "Validation", "dimensions", {"inputs": "a", "dimensions": 0}),
        (422, "Validation", "dimensions", {"inputs": "a", "dimensions": 1.5}),
        (413, "Validation", "expected 1 to 64", {"inputs": "a", "dimensions": 65}),
        (404, "NotFound", "small-gpt2", {"inputs": "a", "model": "no-such"}),
        (404, "NotFound", "small-gpt2", {"inputs": "a", "model": "../small-gpt2"}),
        (422, "Validation", "model", {"inputs": "a", "model": 5}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_embed_request_is_refused(
    client: FlaskClient, status: int, kind: str, says: str, asked: dict[str, Any]
) -> None:
    assert_refused(client.post("/embed", json=asked), status, says, kind)


@pytest.mark.parametrize(
    ("status", "says", "body"),
    [
        (400, "JSON", b""),
        (400, "JSON", b"{"),
        (400, "JSON", b"inputs=a"),
        (400, "unicode", b'{"inputs": "\xff\xfe"}'),
        (400, "JSON", b'{"inputs": "\\ud800"'),
        (400, "JSON", '{"inputs": "a"}'.encode("utf-16")),
        (400, "JSON", b'{"inputs": "a"} and more'),
        (400, "recursion", b"[" * 90_000),
        (422, "object", b"[]"),
        (422, "object", b'"a"'),
        (422, "number", b'{"inputs": [NaN]}'),
        (422, "number", b'{"inputs": [1e999]}'),
        (413, "100000 bytes", b'{"inputs": "' + b"a" * 100_000 + b'"}'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_body_that_is_not_the_json_expected_is_refused(
    client: FlaskClient, status: int, says: str, body: bytes
) -> None:
    for path in ("/embed", "/split", "/tokenize"):
        answer = client.post(path, data=body, content_type="application/json")
        assert_refused(answer, status, says, "Validation")


@pytest.mark.parametrize(
    "text", [r"ab\ud800", r"ab\udc00", r"ab\uD800\n", r"ab\ud800a"]
)
def test_half_a_surrogate_pair_is_a_text_that_is_none(
    client: FlaskClient, text: str
) -> None:
    """JSON has a way to write it; the answer is that of the browser's tokeniser."""
    says = "text 1: expected valid Unicode, came half a surrogate pair at character 2"
    for path in ("/embed", "/tokenize", "/split", "/v1/embeddings"):
        name = "input" if path.startswith("/v1") else "inputs"
        body = f'{{"{name}": ["fine \\ud83d\\udc4d", "{text}"], "split": 1}}'
        answer = client.post(path, data=body, content_type="application/json")
        if path == "/tokenize":
            assert_refused(answer, 422, "half a surrogate pair", "Validation")
        elif path.startswith("/v1"):
            assert answer.status_code == 400
            assert says in answer.get_json()["error"]["message"]
        else:
            assert_refused(answer, 422, says, "Validation")
    other = f'{{"inputs": "a", "split": 1, "model": "{text}"}}'
    for path in ("/embed", "/split", "/plan"):
        answer = client.post(path, data=other, content_type="application/json")
        assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("digits", [1000, 4000])
def test_a_number_of_many_digits_is_not_repeated(
    client: FlaskClient, digits: int
) -> None:
    body = b'{"inputs": [' + b"9" * digits + b"]}"
    answer = client.post("/embed", data=body, content_type="application/json")
    assert_refused(answer, 422, "token id", "Validation")
    assert len(answer.data) < 300


@pytest.mark.parametrize(
    ("status", "says", "asked"),
    [
        (422, "split: Field required", {}),
        (422, "expected 0 to 4, came -1", {"split": -1}),
        (422, "expected 0 to 4, came 5", {"split": 5}),
        (422, "expected 0 to 4", {"split": 10**30}),
        (422, 'split: expected a number of layers or "auto", came', {"split": 1.5}),
        (422, 'or "auto", came a boolean', {"split": True}),
        (422, 'or "auto", came a string', {"split": "all"}),
        (422, "held", {"split": "auto", "held": ["a"]}),
        (422, "dtype", {"split": 1, "dtype": "q4"}),
        (413, "at most 2048", {"split": 1, "inputs": [[1] * 1000] * 3}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_split_request_is_refused(
    client: FlaskClient, status: int, says: str, asked: dict[str, Any]
) -> None:
    answer = client.post("/split", json={"inputs": "a", **asked})
    assert_refused(answer, status, says, "Validation")


@pytest.mark.parametrize(
    ("status", "says", "asked"),
    [
        (400, "cannot be empty", {"input": []}),
        (400, "came null", {"input": None}),
        (400, "Field required", {}),
        (400, "maximum allowed batch size", {"input": ["a"] * 65}),
        (400, "at most 2048", {"input": ["a"] * 2049}),
        (400, "must have less than", {"input": [1] * 1025}),
        (400, "encoding_format", {"input": "a", "encoding_format": "hex"}),
        (404, "no-such", {"input": "a", "model": "no-such"}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_openai_requests_are_refused_as_openai_does(
    client: FlaskClient, status: int, says: str, asked: dict[str, Any]
) -> None:
    answer = client.post("/v1/embeddings", json=asked)
    assert answer.status_code == status
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert says in answer.json["error"]["message"]
