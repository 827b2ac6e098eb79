"""Bad paths, methods, content types and encodings, through the real server."""

import gzip

import pytest
from flask.testing import FlaskClient
from refused import assert_refused
from running import Running, read_answer

from split_model import SplitModel

pytestmark = pytest.mark.usefixtures("the_next_request_works")


@pytest.mark.parametrize(
    ("status", "path"),
    [
        (404, "/models/no-such/manifest.json"),
        (404, "/models/small-gpt2/nothing"),
        (422, "/models/small-gpt2/manifest.json?dtype=q5"),
        (404, "/models/small-gpt2/0000000000000000/f32/embed.safetensors"),
        (404, "/models/small-gpt2/{revision}/q5/embed.safetensors"),
        (404, "/models/small-gpt2/{revision}/f32/layer.4.safetensors"),
        (404, "/models/small-gpt2/{revision}/f32/layer.-1.safetensors"),
        (404, "/models/small-gpt2/{revision}/f32/layer.01.safetensors"),
        (404, "/models/small-gpt2/{revision}/f32/embed"),
        (404, "/models/small-gpt2/{revision}/f32/..safetensors"),
        (404, "/models/small-gpt2/{revision}/f32/../f16/embed.safetensors"),
        (404, "/models/small-gpt2/{revision}/../{revision}/f32/embed.safetensors"),
        (404, "/static/../server.py"),
        (404, "/static/..%2fserver.py"),
        (404, "/static/%2e%2e/server.py"),
        (404, "/static//etc/passwd"),
        (404, "/static/%2fetc%2fpasswd"),
        (404, "/static/..\\server.py"),
        (404, "/static/api.js%00.txt"),
        (404, "//etc/passwd"),
        (404, "/%2e%2e/%2e%2e/etc/passwd"),
        (404, "/templates/index.html"),
        (404, "/server.py"),
        (404, "/embed/"),
        (405, "/embed"),
    ],
)
def test_paths_that_lead_nowhere_are_refused(
    live: Running, gpt2: SplitModel, status: int, path: str
) -> None:
    answer = live.get(path.format(revision=gpt2.revision))
    assert answer.status == status
    assert set(answer.json) == {"error", "error_type"}


def test_a_path_that_is_none_is_told_where_they_stand(client: FlaskClient) -> None:
    answer = client.get("/embedd")
    assert_refused(answer, 404, "GET /embedd: nothing is here; /openapi.json")
    answer = client.get("/v1/embedding")
    assert "/openapi.json" in answer.get_json()["error"]["message"]


def test_a_wrong_method_is_told_the_right_one(client: FlaskClient) -> None:
    answer = client.get("/embed")
    assert_refused(answer, 405, "GET /embed")
    assert "POST" in answer.headers["Allow"]


def test_only_json_is_taken_for_json(client: FlaskClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        body = b'{"inputs": "a"}'
        answer = client.post("/embed", data=body, content_type=content_type)
        assert_refused(answer, 415, "application/json", "UnsupportedMediaType")


def test_a_gzip_bomb_is_refused_unopened(live: Running) -> None:
    bomb = gzip.compress(b'{"inputs": "' + b"a" * 50_000_000 + b'"}')
    for path in ("/embed", "/resume"):
        answer = live.post(path, bomb, "Content-Encoding: gzip")
        assert answer.status == 415
        assert "gzip" in answer.json["error"]
    assert live.post("/embed", b'{"inputs": "a"}').status == 200


def test_a_chunked_body_works_and_one_without_end_does_not(live: Running) -> None:
    head = (
        b"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    assert live.say(head, b'f\r\n{"inputs": "a"}\r\n0\r\n\r\n').status == 200
    with live.connect() as connection:
        connection.sendall(head)
        for _ in range(400):  # more than the server's limit, and no end
            connection.sendall(b"400\r\n" + b" " * 1024 + b"\r\n")
        answer = read_answer(connection)
    assert answer.status == 413
    assert answer.json["error_type"] == "Validation"


def test_invalid_utf8_in_the_headers_or_the_path_is_no_accident(live: Running) -> None:
    assert live.say(b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 400
    assert live.say(b"GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 404
    assert live.get("/health", "X-Name: \xff\xfe").status == 200
