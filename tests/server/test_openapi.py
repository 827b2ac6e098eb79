"""The description at /openapi.json."""

import re

from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate


def test_the_description_is_valid_openapi(client: FlaskClient) -> None:
    described = client.get("/openapi.json").json
    assert described["openapi"] == "3.1.0"
    validate(described)


def test_every_route_is_described(app: Flask, client: FlaskClient) -> None:
    described = {
        (method.upper(), path)
        for path, operations in client.get("/openapi.json").json["paths"].items()
        for method in operations
    }
    routes = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static"
    }
    assert described == routes


def test_the_schemas_say_what_embed_takes(client: FlaskClient) -> None:
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    embed = schemas["EmbedRequest"]
    assert embed["required"] == ["inputs"]
    assert embed["properties"]["normalize"]["default"] is True
    assert {"type": "string"} in embed["properties"]["inputs"]["anyOf"]
