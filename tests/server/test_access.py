"""The key, other sites' pages, the names that the server answers to, kept weights."""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from closing_client import client_of
from flask import Flask
from flask.testing import FlaskClient
from refused import assert_refused
from running import Running

import access
from access import is_loopback, trusted_hosts
from operations import OPERATIONS, Operation
from options import Options
from server import create_app

SITE = "https://example.org"
Making = Callable[..., FlaskClient]


@pytest.fixture(scope="session")
def client_with(options: Options) -> Making:
    """A client of an application with other options; one for each set of them."""
    made: dict[str, Flask] = {}

    def client_with(**changed: Any) -> FlaskClient:
        key = repr(changed)
        if key not in made:
            one_model = {"model": options.model[:1], **changed}
            made[key] = create_app(replace(options, **one_model))
        return client_of(made[key])

    return client_with


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic s3cret", "s3cret"],
)
def test_without_the_key_only_the_page_and_health_are_open(
    client_with: Making, authorization: str | None
) -> None:
    client = client_with(api_key="s3cret")
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in ("/", "/static/api.js", "/health"):
        assert client.get(path, headers=headers).status_code == 200
    for path in ("/models", "/info", "/metrics", "/openapi.json", "/nothing"):
        assert client.get(path, headers=headers).status_code == 401
    for path in ("/", "/embed", "/tokenize", "/split", "/resume"):
        answer = client.post(path, json={"inputs": "a"}, headers=headers)
        assert_refused(answer, 401, "Bearer", "Unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    answer = client.post("/v1/embeddings", json={"input": "a"}, headers=headers)
    assert answer.status_code == 401
    assert "Bearer" in answer.json["error"]["message"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
def test_a_route_that_wants_the_key_says_so_in_its_description(
    client_with: Making, operation: Operation
) -> None:
    client = client_with(api_key="s3cret")
    answer = client.open(operation.path, method=operation.method)
    assert (answer.status_code == 401) == (401 in operation.refusals)


@pytest.mark.parametrize("authorization", ["Bearer s3cret", "bearer s3cret"])
def test_the_key_opens_everything(client_with: Making, authorization: str) -> None:
    client = client_with(api_key="s3cret")
    headers = {"Authorization": authorization}
    assert client.get("/models", headers=headers).status_code == 200
    answer = client.post("/embed", json={"inputs": "a"}, headers=headers)
    assert answer.status_code == 200


def test_what_needs_the_key_is_kept_by_no_shared_cache(client_with: Making) -> None:
    client = client_with(api_key="s3cret")
    headers = {"Authorization": "Bearer s3cret"}
    [entry] = client.get("/models", headers=headers).json["models"]
    path = f"/models/small-gpt2/{entry['revision']}/f32/finish.safetensors"
    answer = client.get(path, headers=headers)
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"


def test_kept_weights_are_not_given_out_in_any_form(client_with: Making) -> None:
    client = client_with(no_weights=True)
    [entry] = client.get("/models").json["models"]
    assert entry["weights"] is False
    for path in ("manifest.json", f"{entry['revision']}/f32/embed.safetensors"):
        answer = client.get(f"/models/small-gpt2/{path}")
        assert_refused(answer, 403, "keeps its weights", "Forbidden")
    answer = client.post("/split", json={"inputs": "a", "split": 2})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin", [SITE, "null", "http://localhost:8080", "http://localhost.evil"]
)
@pytest.mark.parametrize(
    "path", ["/", "/static/api.js", "/health", "/models", "/nothing"]
)
def test_a_foreign_sites_page_is_refused_everywhere(
    client: FlaskClient, origin: str, path: str
) -> None:
    answer = client.get(path, headers={"Origin": origin})
    assert_refused(answer, 403, f"--allow-origin {origin}", "Forbidden")
    assert "Access-Control-Allow-Origin" not in answer.headers
    answer = client.post("/embed", json={"inputs": "a"}, headers={"Origin": origin})
    assert_refused(answer, 403, origin)


def test_its_own_page_may_ask(live: Running) -> None:
    for host in ("localhost", "127.0.0.1"):
        name = f"{host}:{live.port}"
        request = (
            f"GET /models HTTP/1.1\r\nHost: {name}\r\nOrigin: http://{name}\r\n\r\n"
        )
        assert live.say(request.encode()).status == 200


def test_without_allowed_sites_no_header_speaks_of_them(client: FlaskClient) -> None:
    headers = client.get("/models").headers
    assert not any(name.startswith("Access-Control") for name in headers.keys())  # noqa: SIM118
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("allowed", [SITE, f"{SITE}/", "*"])
def test_an_allowed_sites_page_may_read_the_answers(
    client_with: Making, allowed: str
) -> None:
    client = client_with(allow_origin=(allowed,))
    for path, status in (("/models", 200), ("/static/api.js", 200), ("/nothing", 404)):
        answer = client.get(path, headers={"Origin": SITE})
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
        assert answer.headers["Vary"] == "Origin"
        exposed = answer.headers["Access-Control-Expose-Headers"]
        for name in ("X-Split", "X-Tokens", "Server-Timing", "ETag", "Content-Range"):
            assert name in exposed.split(", ")
    other = client.get("/models", headers={"Origin": "https://example.com"})
    assert other.status_code == (200 if allowed == "*" else 403)


def test_an_allowed_sites_page_may_read_what_the_application_never_saw(
    options: Options,
) -> None:
    """Bodies too large, headers too long, and what is no HTTP."""
    app = create_app(
        replace(options, model=options.model[:1], allow_origin=(SITE, "https://b.org"))
    )
    origin = f"Origin: {SITE}\r\n".encode()
    head = b"POST /embed HTTP/1.1\r\nHost: localhost\r\n"
    with Running(app, doorman=app.extensions["gate"]) as running:
        for status, length in ((413, b"999999"), (400, b"many")):
            sent = head + b"Content-Length: " + length + b"\r\n"
            told = running.say(sent + origin + b"\r\n")
            assert told.status == status
            assert f"\r\nAccess-Control-Allow-Origin: {SITE}\r\n" in told.head
            assert "\r\nVary: Origin\r\n" in told.head
            stranger = running.say(sent + b"Origin: https://example.com\r\n\r\n")
            assert stranger.status == status
            assert "Access-Control" not in stranger.head


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (400, "Host: evil.example\r\nAuthorization: Bearer s3cret"),
        (403, "Host: localhost\r\nAuthorization: Bearer s3cret\r\nOrigin: " + SITE),
        (401, "Host: localhost"),
        (401, "Host: localhost\r\nAuthorization: Bearer wrong"),
    ],
)
def test_who_may_not_ask_is_told_before_the_body_comes_as_after(
    options: Options, status: int, headers: str
) -> None:
    """So that a body is kept of nobody who may not ask."""
    app = create_app(replace(options, model=options.model[:1], api_key="s3cret"))
    with Running(app, doorman=app.extensions["gate"]) as running:
        for path in ("/resume", "/nothing", "/v1/embeddings"):
            start = f"POST {path} HTTP/1.1\r\n{headers}\r\nContent-Length: "
            early = running.say(f"{start}90000\r\n\r\n".encode())
            late = running.say(f"{start}0\r\n\r\n".encode())
            assert early.status == late.status == status
            assert early.json == late.json
            for name in ("WWW-Authenticate", "Referrer-Policy"):
                assert (name in early.head) == (name in late.head)


def test_who_may_ask_may_send_a_body(options: Options) -> None:
    app = create_app(replace(options, model=options.model[:1], api_key="s3cret"))
    key = "Authorization: Bearer s3cret"
    with Running(app, doorman=app.extensions["gate"]) as running:
        assert running.post("/embed", b'{"inputs": "a"}', key).status == 200


def test_openais_clients_read_what_the_application_never_saw(live: Running) -> None:
    head = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
    answer = live.say(head + b"999999\r\n\r\n")
    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert "at most 300000 bytes" in answer.json["error"]["message"]


def test_a_preflight_says_what_an_allowed_page_may_send(client_with: Making) -> None:
    client = client_with(allow_origin=(SITE,), api_key="s3cret")
    asks = {
        "Origin": SITE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = client.options("/split", headers=asks)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert answer.headers["Access-Control-Allow-Private-Network"] == "true"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"Authorization", "Content-Type", "Range", "If-Range"} <= set(allowed)
    foreign = client.options(
        "/split", headers={**asks, "Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost:5000@evil.example",
        "localhost, evil.example",
        "[::1]evil",
        "",
    ],
)
def test_a_rebinding_site_is_refused(live: Running, host: str) -> None:
    for path in ("/", "/models", "/health", "/static/api.js"):
        answer = live.say(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert answer.status == 400
        assert answer.json["error_type"] == "UntrustedHost"


def test_requests_without_or_with_two_hosts_are_refused(live: Running) -> None:
    assert live.say(b"GET /models HTTP/1.1\r\n\r\n").status == 400
    two = b"GET /models HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert live.say(two).status == 400


def test_a_host_in_the_request_line_or_forwarded_is_not_believed(live: Running) -> None:
    forwarded = "X-Forwarded-Host: localhost"
    request = f"GET /models HTTP/1.1\r\nHost: evil.example\r\n{forwarded}\r\n\r\n"
    assert live.say(request.encode()).status == 400
    line = b"GET http://localhost/models HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    assert live.say(line).status == 400


def test_hosts_named_by_the_operator_are_answered(client_with: Making) -> None:
    client = client_with(trusted_host=("Models.example",))
    assert (
        client.get("/health", headers={"Host": "models.example:80"}).status_code == 200
    )
    assert client.get("/health", headers={"Host": "other.example"}).status_code == 400


def test_a_server_open_to_the_network_answers_to_the_machines_name() -> None:
    assert trusted_hosts(Options()) == ["localhost", "127.0.0.1"]
    assert "127.0.0.2" in trusted_hosts(Options(host="127.0.0.2"))
    hosts = trusted_hosts(Options(host="0.0.0.0"))
    assert {"localhost", socket.gethostname().lower()} <= set(hosts)
    assert is_loopback("127.0.0.2")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")


def test_a_slow_name_server_does_not_hold_up_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def slow(name: str = "") -> str:
        assert answered.wait(timeout=10)
        return name

    monkeypatch.setattr(access, "LOOKUP_SECONDS", 0.1, raising=False)
    monkeypatch.setattr(socket, "getfqdn", slow)
    begun = time.monotonic()
    hosts = trusted_hosts(Options(host="0.0.0.0"))
    took = time.monotonic() - begun
    answered.set()
    assert took < 5
    assert socket.gethostname().lower() in hosts
