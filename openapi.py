"""The server's description of itself, made from the operations and their schemas."""

from __future__ import annotations

from typing import Any, Literal

from apispec import APISpec
from pydantic.json_schema import models_json_schema

from operations import OPERATIONS, Body, Operation
from options import VERSION
from schemas import Error, OpenAIError
from wire import CONTENT_TYPE as HIDDEN

BINARY = {"type": "string", "format": "binary"}
MIT = {"name": "MIT", "identifier": "MIT"}
BEARER: dict[str, list[str]] = {"key": []}
REASONS = {
    400: "Not JSON, or no text.",
    401: "The API key is missing or wrong.",
    403: "Not for this site, or not given out.",
    404: "No such model, revision or layer file.",
    409: "Of another model or revision.",
    413: "Too many or too long texts, or too large a body.",
    415: "Not the content type expected, or compressed.",
    416: "No such range.",
    422: "Not the types or values expected.",
    424: "The model failed.",
    429: "Too many requests at once.",
    503: "The model fails.",
}


def describe() -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
    spec = APISpec(
        "SplitCompute", VERSION, "3.1.0", info={"license": MIT}, security=[{}, BEARER]
    )
    spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    for name, schema in _schemas().items():
        spec.components.schema(name, schema)
    operations: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        methods = operations.setdefault(operation.path, {})
        methods[operation.method.lower()] = _describe_operation(operation)
    for path, methods in operations.items():
        spec.path(path, operations=methods)
    return spec.to_dict()


def _schemas() -> dict[str, Any]:
    bodies = {
        body
        for operation in OPERATIONS
        for body in (operation.asked, operation.answer, Error, OpenAIError)
        if isinstance(body, type)
    }
    mode: Literal["validation"] = "validation"
    _, document = models_json_schema(
        [(body, mode) for body in sorted(bodies, key=lambda body: body.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    return dict(document["$defs"])


def _describe_operation(operation: Operation) -> dict[str, Any]:
    error = OpenAIError if "/v1/" in operation.path else Error
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": {
            **_answer(operation.answer),
            **{
                str(status): {
                    "description": REASONS[status],
                    "content": _content(error),
                }
                for status in operation.refusals
            },
        },
    }
    if operation.asked is not None:
        content = _content(operation.asked)
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answer(body: Body | None) -> dict[str, Any]:
    if body is None:
        return {"204": {"description": "Done."}}
    return {"200": {"description": "As asked.", "content": _content(body)}}


def _content(body: Body) -> dict[str, Any]:
    if not isinstance(body, str):
        reference = {"$ref": f"#/components/schemas/{body.__name__}"}
        return {"application/json": {"schema": reference}}
    return {body: {"schema": BINARY} if body == HIDDEN else {}}


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    names = [part.partition("}")[0] for part in operation.path.split("{")[1:]]
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "schema": {"type": "string"} | ({"enum": list(choices)} if choices else {}),
        }
        for name, choices in operation.query
    ]
