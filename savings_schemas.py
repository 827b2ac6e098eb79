"""What a browser reports of its work, and what the dashboard is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from metrics import Cause, Verdict
from schemas import Request

# Of one report, which is what a page ran in some seconds. A liar gets no further.
MOST_TOKENS = 10_000_000
MOST_FALLBACKS = 10_000
MOST_LAYERS = 1_000
MOST_TEXTS = 1_000_000

TokensField = Annotated[int, Field(ge=0, le=MOST_TOKENS)]
FallbacksField = Annotated[int, Field(ge=1, le=MOST_FALLBACKS)]


class ReportRequest(Request):
    model: Annotated[str, Field(description="One of /models.")]
    layer_tokens: Annotated[
        list[TokensField],
        Field(max_length=MOST_LAYERS, description="Tokens that each layer ran on."),
    ]
    fallbacks: Annotated[
        dict[Cause, FallbacksField],
        Field(
            default_factory=dict,
            description="Requests whose layers were left to the server, by cause.",
        ),
    ]
    alone: Annotated[
        int,
        Field(
            ge=0,
            le=MOST_FALLBACKS,
            description="Requests that no server was asked about.",
        ),
    ] = 0
    finished: Annotated[
        int,
        Field(
            ge=0,
            le=MOST_TEXTS,
            description="Texts whose embeddings the browser made, so that no server "
            "sent them; those of requests alone too.",
        ),
    ] = 0


class ParityShown(BaseModel):
    verdict: Literal["same", "different"]
    error: Annotated[
        float, Field(description="The largest |browser - server| / |server|.")
    ]
    tolerance: Annotated[float, Field(description="What the number format allows.")]


class LayerTokens(BaseModel):
    """By layer: one token through one layer is one."""

    server: list[int]
    browser: Annotated[list[int], Field(description="As browsers report.")]


class ModelWork(BaseModel):
    name: str
    n_layer: int
    layer_tokens: LayerTokens
    requests_by_split: Annotated[
        list[int],
        Field(
            description="By the layers that the server was to run when they came: 0 to "
            "n_layer. What browsers left to it then is in fallbacks."
        ),
    ]
    requests_alone: Annotated[
        int, Field(description="That browsers answered by themselves, as they report.")
    ]
    fallbacks: dict[Cause, int]
    parity_checks: dict[Verdict, int]
    seconds_a_layer_token: Annotated[
        float | None, Field(description="Of this server; null before it ran a layer.")
    ]
    seconds_avoided: Annotated[
        float | None, Field(description="Null while browsers' work cannot be timed.")
    ]


class TrafficShown(BaseModel):
    """Bytes of bodies."""

    received: int
    sent: int
    hidden_states: int
    layer_files: int
    replies_avoided: Annotated[
        int, Field(description="To texts that browsers report to have finished.")
    ]
    extra: Annotated[
        int, Field(description="hidden_states + layer_files - replies_avoided")
    ]


class PricesShown(BaseModel):
    gpu_hour: float | None
    egress_gb: float | None


class MoneyShown(BaseModel):
    """In the prices' currency; null without the price, and work while its seconds are.
    Negative is a cost."""

    work: float | None
    traffic: float | None
    total: float | None


class SavingsShown(BaseModel):
    uptime_s: float
    models: list[ModelWork]
    bytes: TrafficShown
    prices: PricesShown
    money: MoneyShown
