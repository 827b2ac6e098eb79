"""What requests and answers look like, as text-embeddings-inference and OpenAI have it.

Fields that are not listed are ignored, as both do.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    RootModel,
)
from pydantic_core import PydanticCustomError

from quantize import WeightDtype
from text_tokenizer import Direction

Texts = str | list[str]
TokenIds = list[int] | list[list[int]]


def _check_texts(value: Any) -> Any:
    if isinstance(value, str) or _all_of(value, str):
        return value
    raise unexpected("a string or a list of strings", value)


def _check_inputs(value: Any) -> Any:
    """By hand: a union's own errors are as many as its members and their items."""
    if isinstance(value, str) or _all_of(value, str) or _all_of(value, int):
        return value
    if _all_of(value, list) and all(_all_of(row, int) for row in value):
        return value
    raise unexpected(
        "a string, a list of strings, a list of token ids or a list of such lists",
        value,
    )


def _check_prompt(value: Any) -> None:
    if value is not None:
        raise PydanticCustomError("prompt", "expected null: no model here has prompts")


def _all_of(value: Any, kind: type) -> bool:
    """A list of exactly that type: JSON's true is no number."""
    return isinstance(value, list) and all(type(item) is kind for item in value)


def unexpected(expected: str, value: Any) -> PydanticCustomError:
    """expected: what, in words."""
    came = JSON_TYPES[type(value)]
    if isinstance(value, list):
        came += " with " + ", ".join(sorted({JSON_TYPES[type(v)] for v in value}))
    return PydanticCustomError(
        "inputs",
        "expected {expected}, came {came}",
        {"expected": expected, "came": came},
    )


JSON_TYPES = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}

TextsField = Annotated[
    Texts, PlainValidator(_check_texts, json_schema_input_type=Texts)
]
InputsField = Annotated[
    Texts | TokenIds,
    PlainValidator(_check_inputs, json_schema_input_type=Texts | TokenIds),
]
DirectionField = Annotated[
    Direction,
    # huggingface_hub writes these in lower case, text-embeddings-inference does not.
    BeforeValidator(lambda value: value.title() if isinstance(value, str) else value),
    Field(description="Which side is cut off where truncate applies."),
]
ModelField = Annotated[
    str | None, Field(description="One of /models; by default the first.")
]
TruncateField = Annotated[
    bool | None, Field(description="Cut texts over the model's length, or refuse them.")
]
PromptField = Annotated[
    None,
    PlainValidator(_check_prompt, json_schema_input_type=None),
    Field(description="No model here has prompts: null, or left out."),
]
DimensionsField = Annotated[
    int | None, Field(ge=1, description="Keep this many numbers of each embedding.")
]


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class EmbedRequest(Request):
    inputs: InputsField
    normalize: bool = True
    truncate: TruncateField = False
    truncation_direction: DirectionField = "Right"
    prompt_name: PromptField = None
    dimensions: DimensionsField = None
    model: ModelField = None


class OpenAIRequest(Request):
    input: InputsField
    model: ModelField = None
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: DimensionsField = None
    user: Annotated[Any, Field(description="Ignored.")] = None


class TokenizeRequest(Request):
    inputs: TextsField
    add_special_tokens: bool = True
    prompt_name: PromptField = None
    model: ModelField = None


class Embeddings(RootModel[list[list[float]]]):
    """One row for each input."""


class OpenAIEmbedding(BaseModel):
    object: Literal["embedding"]
    index: int
    embedding: (
        list[float]
        | Annotated[str, Field(description="base64 of little-endian float32")]
    )


class OpenAIUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class OpenAIResponse(BaseModel):
    object: Literal["list"]
    data: list[OpenAIEmbedding]
    model: str
    usage: OpenAIUsage


class OpenAIModel(BaseModel):
    id: str
    object: Literal["model"]
    created: Annotated[int, Field(description="When the server started, Unix time.")]
    owned_by: Literal["splitcompute"]


class OpenAIModels(BaseModel):
    object: Literal["list"]
    data: list[OpenAIModel]


class TokenShown(BaseModel):
    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class Tokens(RootModel[list[list[TokenShown]]]):
    """The tokens of each input."""


class PieceSizes(BaseModel):
    embed: int
    layer: Annotated[int, Field(description="Of one layer; all are equal.")]
    finish: int
    tokenizer: Annotated[int, Field(description="Of tokenizer.json, in any dtype.")]


class ModelEntry(BaseModel):
    name: str
    revision: str
    architecture: Literal["gpt2", "bert"]
    n_layer: int
    n_embd: int
    n_head: int
    max_tokens: int
    pooling: Literal["mean", "cls", "max", "last"]
    normalize: bool
    weights: Annotated[bool, Field(description="May browsers fetch its layers?")]
    dtypes: list[WeightDtype]
    bytes: dict[WeightDtype, PieceSizes]
    parameters: int
    max_client_batch_size: Annotated[int, Field(description="Texts in a request.")]
    max_batch_tokens: Annotated[
        int, Field(description="Tokens in a hidden state, or that /tokenize shows.")
    ]
    payload_limit: Annotated[int, Field(description="Bytes in a JSON body.")]
    parity_share: Annotated[
        float, Field(description="Of requests, those whose result is to be checked.")
    ]


class Models(BaseModel):
    models: list[ModelEntry]


class ManifestTensor(BaseModel):
    dtype: str
    shape: list[int]


class ManifestBlocks(BaseModel):
    bytes: Annotated[int, Field(description="In each block but the last.")]
    sha256: list[str]


class ManifestFile(BaseModel):
    bytes: int
    sha256: str
    blocks: ManifestBlocks


class ManifestPiece(ManifestFile):
    tensors: dict[str, ManifestTensor]


class Manifest(BaseModel):
    model: str
    revision: str
    architecture: Literal["gpt2", "bert"]
    config: dict[str, int | float | str | bool]
    pooling: Literal["mean", "cls", "max", "last"]
    normalize: bool
    max_tokens: int
    tokenizer: Annotated[
        ManifestFile, Field(description="tokenizer.json, under the revision.")
    ]
    pieces: dict[str, dict[WeightDtype, ManifestPiece]]


class Info(BaseModel):
    """text-embeddings-inference's fields, of the default model; then our own."""

    model_id: str
    model_sha: str
    model_dtype: str
    model_type: dict[Literal["embedding"], dict[Literal["pooling"], str]]
    max_concurrent_requests: int
    max_input_length: int
    max_batch_tokens: int
    max_batch_requests: int | None
    max_client_batch_size: int
    auto_truncate: bool
    parity_share: Annotated[
        float, Field(description="Of browsers' results, computed here too.")
    ]
    tokenization_workers: int
    version: str
    sha: str | None
    docker_label: str | None
    device: str
    models: list[str]


class Health(BaseModel):
    status: Literal["ok"]


class Error(BaseModel):
    error: str
    error_type: str


class OpenAIErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(BaseModel):
    error: OpenAIErrorDetail
