"""Every route: where it is, what it takes, what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from quantize import WEIGHT_DTYPES
from savings_schemas import ParityShown, ReportRequest, SavingsShown
from schemas import (
    Embeddings,
    EmbedRequest,
    Health,
    Info,
    Manifest,
    Models,
    OpenAIModels,
    OpenAIRequest,
    OpenAIResponse,
    TokenizeRequest,
    Tokens,
)
from split_schemas import PlanRequest, PlanShown, SplitRequest
from wire import CONTENT_TYPE as HIDDEN

Body = type[BaseModel] | str  # a schema of JSON, or the content type of anything else


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    view: str  # the method of Routes, or of those for files, parity and savings
    summary: str
    answer: Body | None  # None: 204
    asked: Body | None = None
    refusals: tuple[int, ...] = ()
    query: tuple[tuple[str, tuple[str, ...]], ...] = ()  # name, choices if limited

    @property
    def rule(self) -> str:
        """The path as Flask writes it, and as /metrics labels it."""
        return self.path.replace("{", "<").replace("}", ">")


ABOUT_TEXTS = (400, 401, 403, 404, 413, 415, 422, 424, 429)
ABOUT_A_MODEL = (401, 403, 404)
SAME_AS_TEI = "Embeddings, as text-embeddings-inference answers."

OPERATIONS = (
    Operation("GET", "/", "page", "The page.", "text/html"),
    # huggingface_hub's InferenceClient posts to the server's URL itself.
    Operation("POST", "/", "embed", SAME_AS_TEI, Embeddings, EmbedRequest, ABOUT_TEXTS),
    Operation(
        "POST", "/embed", "embed", SAME_AS_TEI, Embeddings, EmbedRequest, ABOUT_TEXTS
    ),
    Operation(
        "POST",
        "/v1/embeddings",
        "openai_embeddings",
        "Embeddings, as OpenAI answers.",
        OpenAIResponse,
        OpenAIRequest,
        (400, 401, 403, 404, 415, 424, 429),  # 413 and 422 are 400 there
    ),
    Operation(
        "GET",
        "/v1/models",
        "openai_models",
        "What there is, as OpenAI lists it.",
        OpenAIModels,
        None,
        (401,),
    ),
    Operation(
        "POST",
        "/tokenize",
        "tokenize",
        "The tokens of texts.",
        Tokens,
        TokenizeRequest,
        ABOUT_TEXTS,
    ),
    Operation(
        "POST",
        "/split",
        "split",
        "Texts in, the hidden state after layers [0, split) out, as safetensors. The "
        "header X-Split says which split was used, X-Split-Reason why, Server-Timing "
        "where the time went. With finish, embeddings come as JSON where auto chooses "
        "n_layer.",
        HIDDEN,
        SplitRequest,
        ABOUT_TEXTS,
    ),
    Operation(
        "POST",
        "/plan",
        "plan",
        "Where to cut a request of a browser that makes its tokens itself: sizes and "
        "measurements in, no text.",
        PlanShown,
        PlanRequest,
        (400, 401, 403, 404, 413, 415, 422),
    ),
    Operation(
        "POST",
        "/resume",
        "resume",
        "A hidden state in, as /split gives it; embeddings out. first=browser says "
        "that the browser made it from a text that it keeps.",
        Embeddings,
        HIDDEN,
        (401, 403, 404, 409, 413, 415, 422, 424, 429),
        (
            ("model", ()),
            ("normalize", ("true", "false")),
            ("first", ("server", "browser")),
        ),
    ),
    Operation(
        "POST",
        "/parity",
        "parity",
        "The embeddings that a browser made where /split had the header X-Parity: as a "
        "hidden state of one token a text. The verdict comes back.",
        ParityShown,
        HIDDEN,
        (401, 403, 404, 413, 415, 422, 424, 429),
        (("check", ()), ("dtype", WEIGHT_DTYPES)),
    ),
    Operation("GET", "/models", "list_models", "What there is.", Models, None, (401,)),
    Operation(
        "GET",
        "/models/{model}/manifest.json",
        "manifest",
        "A model's config, and the size, SHA-256 and tensors of each layer file.",
        Manifest,
        None,
        (*ABOUT_A_MODEL, 422, 503),
        (("dtype", WEIGHT_DTYPES),),
    ),
    Operation(
        "GET",
        "/models/{model}/{revision}/{dtype}/{piece}.safetensors",
        "piece",
        "A layer file: embed, layer.0 …, finish. Ranges and If-None-Match apply.",
        HIDDEN,
        None,
        (*ABOUT_A_MODEL, 416, 503),
    ),
    Operation(
        "GET",
        "/models/{model}/{revision}/tokenizer.json",
        "tokenizer",
        "The tokenizer, so that browsers make the same tokens: tokenizer.json as "
        "Hugging Face's tokenizers has it. Ranges and If-None-Match apply.",
        "application/json",
        None,
        (*ABOUT_A_MODEL, 416, 503),
    ),
    Operation(
        "POST",
        "/report",
        "report",
        "What a browser ran, to be counted: tokens by layer, and what it left to the "
        "server instead. Decides nothing.",
        None,
        ReportRequest,
        (400, 401, 403, 404, 413, 415, 422),
    ),
    Operation("GET", "/dashboard", "dashboard", "The live dashboard.", "text/html"),
    Operation(
        "GET",
        "/savings",
        "savings",
        "What the dashboard shows: who ran how much, what was sent, and what that "
        "saved or cost.",
        SavingsShown,
        None,
        (401,),
    ),
    Operation(
        "GET", "/info", "info", "The default model and the limits.", Info, None, (401,)
    ),
    Operation("GET", "/health", "health", "Does it work?", Health, None, (503,)),
    Operation(
        "GET",
        "/metrics",
        "show_metrics",
        "Prometheus counters.",
        "text/plain",
        None,
        (401,),
    ),
    Operation(
        "GET",
        "/openapi.json",
        "openapi",
        "This description.",
        "application/json",
        None,
        (401,),
    ),
)


def rule_of(view: str) -> str:
    """Of the first operation that the view answers."""
    return next(each.rule for each in OPERATIONS if each.view == view)
