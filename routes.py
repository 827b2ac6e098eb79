"""What each route about texts does: parse, call, reply."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TypeVar

from flask import (
    Response,
    g,
    jsonify,
    make_response,
    render_template,
    request,
)
from pydantic import BaseModel, ValidationError

from access import PAGE_HEADERS
from auto_split import choose_plan, choose_split
from loaded_models import LoadedModels
from metrics import CONTENT_TYPE as METRICS_CONTENT_TYPE
from metrics import Metrics
from model_service import ModelService, count_characters, count_inputs
from openapi import describe
from options import VERSION, Options
from parity import ParityChecks
from planner import NoCut
from ragged import Ragged
from refusals import INVALID, TOO_LARGE, UNSUPPORTED, Refusal, overloaded
from schemas import EmbedRequest, OpenAIRequest, TokenizeRequest
from split_schemas import PlanRequest, PlanShown, SplitRequest
from wire import CONTENT_TYPE as HIDDEN_CONTENT_TYPE
from wire import MAX_HEADER_BYTES, WireDtype, hidden_bytes

Schema = TypeVar("Schema", bound=BaseModel)

MALFORMED = 400, "Validation"

OPENAI_MAX_INPUTS = 2048
MAX_LENGTHS_SHOWN = 256  # proxies refuse headers of more than some kilobytes


class Routes:
    """The view functions of one application, but those of files and of savings."""

    def __init__(
        self,
        options: Options,
        models: LoadedModels,
        metrics: Metrics,
        checks: ParityChecks,
    ) -> None:
        self.options = options
        self.models = models
        self.metrics = metrics
        self.checks = checks
        self._started = int(time.time())
        self._slots = threading.BoundedSemaphore(options.max_concurrent_requests)

    def page(self) -> Response:
        return show_page("index.html")

    def embed(self) -> Response:
        asked = parse_body(EmbedRequest)
        model = self.models.named(asked.model)
        with self.slot():
            tokens = model.tokens(
                asked.inputs,
                bool(asked.truncate),
                asked.truncation_direction,
                g.timings,
            )
            rows = model.embed(tokens, asked.normalize, asked.dimensions, g.timings)
        self._count_split(model, model.n_layer)
        return self._reply(
            jsonify(rows.tolist()), model, tokens, count_characters(asked.inputs)
        )

    def openai_embeddings(self) -> Response:
        asked = parse_body(OpenAIRequest)
        model = self.models.named(asked.model)
        if count_inputs(asked.input) > OPENAI_MAX_INPUTS:
            raise Refusal(TOO_LARGE, f"input: expected at most {OPENAI_MAX_INPUTS}")
        with self.slot():
            tokens = model.tokens(asked.input, False, "Right", g.timings)
            rows = model.embed(tokens, True, asked.dimensions, g.timings)
        self._count_split(model, model.n_layer)
        total = len(tokens.values)
        body = {
            "object": "list",
            "data": [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": row.tolist()
                    if asked.encoding_format == "float"
                    else base64.b64encode(row.numpy().astype("<f4").tobytes()).decode(),
                }
                for index, row in enumerate(rows)
            ],
            "model": model.name,
            "usage": {"prompt_tokens": total, "total_tokens": total},
        }
        return self._reply(jsonify(body), model, tokens, count_characters(asked.input))

    def openai_models(self) -> Response:
        data = [
            {
                "id": model.name,
                "object": "model",
                "created": self._started,
                "owned_by": "splitcompute",
            }
            for model in self.models
        ]
        return jsonify(object="list", data=data)

    def tokenize(self) -> Response:
        asked = parse_body(TokenizeRequest)
        model = self.models.named(asked.model)
        with self.slot():
            shown = model.show_tokens(asked.inputs, asked.add_special_tokens)
        return jsonify([[asdict(token) for token in tokens] for tokens in shown])

    def split(self) -> Response:
        """A hidden state; or embeddings, if auto leaves nothing to the browser."""
        asked = parse_body(SplitRequest)
        model = self.models.named(asked.model)
        with self.slot():
            tokens = model.tokens(
                asked.inputs,
                bool(asked.truncate),
                asked.truncation_direction,
                g.timings,
            )
            split, reason = choose_split(asked, model, tokens)
            if asked.split == "auto" and asked.finish and split == model.n_layer:
                rows = model.embed(tokens, asked.normalize, None, g.timings)
                response = jsonify(rows.tolist())
            else:
                body = model.split(tokens, split, asked.dtype, g.timings)
                response = Response(body, content_type=HIDDEN_CONTENT_TYPE)
                self.metrics.hidden_bytes.labels(model.name).inc(len(body))
        if not asked.check:  # that is of nobody's text
            self._count_split(model, split)
        response.headers["X-Split"] = str(split)
        response.headers["X-Split-Reason"] = reason
        if check := self._drawn(model, tokens, split, asked.dtype, asked.check):
            response.headers["X-Parity"] = check
        return self._reply(response, model, tokens, count_characters(asked.inputs))

    def resume(self) -> Response:
        request.max_content_length = self.models.max_hidden_bytes
        model = self.models.named(request.args.get("model"))
        normalize = _one_of("normalize", "true", "false")
        first = _one_of("first", "server", "browser")
        with self.slot():
            body = request.get_data()
            hidden, start, rows = model.resume(body, normalize == "true", g.timings)
        if first == "browser":
            self._count_split(model, model.n_layer - start)
            self.metrics.kept_texts.labels(model.name).inc(len(hidden.lengths))
        return self._reply(jsonify(rows.tolist()), model, hidden, 0)

    def plan(self) -> Response:
        asked = parse_body(PlanRequest)
        model = self.models.named(asked.model)
        try:
            choice = choose_plan(asked, model)
        except NoCut as error:
            raise Refusal(INVALID, f"held: {error}") from None
        shown = PlanShown(
            split=choice.cut.at,
            first=choice.cut.first,
            predicted_ms=choice.predicted_ms,
            reason=choice.reason,
            revision=model.revision,
        )
        return jsonify(shown.model_dump())

    def list_models(self) -> Response:
        return jsonify(models=[model.entry() for model in self.models])

    def info(self) -> Response:
        model, options = self.models.default, self.options
        return jsonify(
            model_id=model.name,
            model_sha=model.revision,
            model_dtype=model.dtype,
            model_type={"embedding": {"pooling": model.pooling}},
            max_concurrent_requests=options.max_concurrent_requests,
            max_input_length=model.max_tokens,
            max_batch_tokens=options.max_batch_tokens,
            max_batch_requests=None,
            max_client_batch_size=options.max_client_batch_size,
            auto_truncate=False,
            parity_share=options.parity_share,
            tokenization_workers=options.max_concurrent_requests,
            version=VERSION,
            sha=None,
            docker_label=None,
            device=model.compute_type,
            models=[model.name for model in self.models],
        )

    def health(self) -> Response:
        for model in self.models:
            model.check_health()
        return jsonify(status="ok")

    def show_metrics(self) -> Response:
        return Response(self.metrics.text(), content_type=METRICS_CONTENT_TYPE)

    def openapi(self) -> Response:
        return jsonify(describe())

    def _drawn(
        self,
        model: ModelService,
        tokens: Ragged,
        split: int,
        wire: WireDtype,
        wanted: bool,
    ) -> str | None:
        """The check that the browser's embeddings are wanted for, if they are."""
        size = hidden_bytes(len(tokens.lengths), model.model.config.n_embd, "f32")
        fits = size + MAX_HEADER_BYTES <= self.options.payload_limit
        if split == model.n_layer or not fits:
            return None
        return self.checks.draw(model, tokens, split, wire, wanted)

    def _count_split(self, model: ModelService, split: int) -> None:
        self.metrics.splits.labels(model.name, str(split)).inc()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """One of max_concurrent_requests; a client hears at once that none is free."""
        if not self._slots.acquire(blocking=False):
            raise overloaded()
        try:
            yield
        finally:
            self._slots.release()

    def _reply(
        self, response: Response, model: ModelService, tokens: Ragged, characters: int
    ) -> Response:
        """Add what every answer about a text says of itself."""
        total = len(tokens.values)
        route = request.url_rule.rule if request.url_rule else ""
        self.metrics.tokens.labels(model.name, route).inc(total)
        self.metrics.texts.labels(model.name, route).inc(len(tokens.lengths))
        response.headers.update(
            g.timings.headers(model.compute_type, characters, total)
        )
        if len(tokens.lengths) <= MAX_LENGTHS_SHOWN:
            response.headers["X-Tokens"] = ",".join(map(str, tokens.lengths))
        response.headers["X-Model"] = model.name
        response.headers["X-Revision"] = model.revision
        return response


def _one_of(name: str, default: str, other: str) -> str:
    """A query parameter. Raises Refusal."""
    came = request.args.get(name, default)
    if came not in (default, other):
        raise Refusal(INVALID, f"{name}: expected {default} or {other}, came {came!r}")
    return came


def show_page(template: str) -> Response:
    response = make_response(render_template(template))
    response.headers.update(PAGE_HEADERS)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def parse_body(schema: type[Schema]) -> Schema:
    """The request's JSON body as a schema has it. Raises Refusal."""
    if not request.is_json:
        came = request.content_type or "none"
        raise Refusal(
            UNSUPPORTED, f"Content-Type: expected application/json, came {came}"
        )
    try:
        return _validated(schema, request.get_data())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Refusal(MALFORMED, first["msg"]) from None
        where = ".".join(map(str, first["loc"])) or "body"
        raise Refusal(INVALID, f"{where}: {first['msg']}") from None


def _validated(schema: type[Schema], body: bytes) -> Schema:
    """Raises ValidationError.

    JSON may name half a surrogate pair, which pydantic's parser takes for a mistake in
    the JSON. What a text may hold is for the tokenizer to say, as it does in browsers.
    """
    try:
        return schema.model_validate_json(body)
    except ValidationError:
        if b"\\ud" not in body.lower():
            raise
        try:
            parsed = json.loads(body.decode())
        except (ValueError, RecursionError):
            parsed = None
        if parsed is None:
            raise
    return schema.model_validate(parsed)
