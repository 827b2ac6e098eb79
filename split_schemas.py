"""What a browser asks of the server that runs a part of the model itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainValidator

from planner import Direction, Policy, Side
from schemas import (
    DirectionField,
    InputsField,
    ModelField,
    Request,
    TruncateField,
    unexpected,
)
from wire import WireDtype

# Beyond what any request is, and small enough that no sum or product overflows.
MOST_MS = 1e9
MOST_COUNT = 10**9
MOST_BYTES = 10**12

MillisecondsField = Annotated[float, Field(ge=0, le=MOST_MS, allow_inf_nan=False)]
RateField = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class LayerMs(Request):
    """What one layer takes: per_request + per_token x tokens."""

    per_request: MillisecondsField
    per_token: MillisecondsField


class BrowserMeasured(Request):
    layer_ms: Annotated[
        LayerMs | None, Field(description="Left out: never measured, or too long ago.")
    ] = None
    overhead_ms: Annotated[
        MillisecondsField,
        Field(description="Its part of a request besides layers: upload, read-back."),
    ] = 0.0
    round_trip_ms: MillisecondsField
    download_bytes_per_s: RateField
    upload_bytes_per_s: RateField


HeldField = Annotated[
    list[int],
    Field(
        default_factory=list,
        description="The layers that the browser holds, for auto.",
    ),
]
PolicyField = Annotated[
    Policy,
    Field(
        description="For auto with browser: the least server work within 1.2 times "
        "the all-server time or the goal; the least time; all that is possible on "
        "one side."
    ),
]
GoalField = Annotated[
    MillisecondsField | None, Field(description="For offload; by default 100.")
]
WireField = Annotated[WireDtype, Field(description="How the hidden state travels.")]


SplitAsked = int | Literal["auto"]


def _check_split(value: Any) -> Any:
    if value == "auto" or type(value) is int:
        return value
    raise unexpected('a number of layers or "auto"', value)


class SplitRequest(Request):
    inputs: InputsField
    split: Annotated[
        SplitAsked,
        PlainValidator(_check_split, json_schema_input_type=SplitAsked),
        Field(description="How many layers the server runs: 0 to n_layer."),
    ]
    held: HeldField
    browser: Annotated[
        BrowserMeasured | None,
        Field(
            description="For auto: what the browser measured. Without it the split is "
            "the lowest that held allows, but under the policy server."
        ),
    ] = None
    policy: PolicyField = "offload"
    latency_goal_ms: GoalField = None
    previous: Annotated[
        int | None, Field(description="For auto: the last split, not left lightly.")
    ] = None
    finish: Annotated[
        bool,
        Field(
            description="For auto: where all layers run here, embeddings as /embed "
            "gives them, in place of a hidden state."
        ),
    ] = False
    normalize: Annotated[bool, Field(description="Of embeddings, with finish.")] = True
    dtype: WireField = "f32"
    check: Annotated[
        bool,
        Field(
            description="Ask for X-Parity: a browser that keeps its texts has the way "
            "that it runs them checked with a text of no one's. With dtype f32, where "
            "it goes on from another hidden state than this reply's."
        ),
    ] = False
    truncate: TruncateField = False
    truncation_direction: DirectionField = "Right"
    model: ModelField = None


class CutSpec(Request):
    """Where a request is cut: `first` runs layers [0, split), the other the rest."""

    split: int
    first: Side


class PlanRequest(Request):
    """A request whose text has not come, in sizes."""

    tokens: Annotated[int, Field(ge=1, le=MOST_COUNT)]
    texts: Annotated[int, Field(ge=1, le=MOST_COUNT)] = 1
    text_bytes: Annotated[int, Field(ge=0, le=MOST_BYTES)] = 0
    held: HeldField
    browser: BrowserMeasured
    direction: Annotated[
        Direction,
        Field(
            description="server-first: the server makes the tokens and starts, or the "
            "browser does all. client-first: the browser starts, with a layer at least."
        ),
    ] = "server-first"
    policy: PolicyField = "offload"
    latency_goal_ms: GoalField = None
    previous: Annotated[
        CutSpec | None, Field(description="The last cut, not left lightly.")
    ] = None
    dtype: WireField = "f32"
    model: ModelField = None


class PlanShown(BaseModel):
    split: int
    first: Annotated[
        Side,
        Field(description="Who runs layers [0, split): the browser, or the server."),
    ]
    predicted_ms: float
    reason: str
    revision: Annotated[str, Field(description="Of the model that was planned for.")]
