"""One model and what requests may ask of it, with its limits, times and refusals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import ceil
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from batching import QueueFull
from estimates import first_guess
from input_errors import EmptyText, InputError, NotFinite, check_layer
from jobs import ClientGone, Turn
from layer_files import LayerFiles
from options import Options
from quantize import WEIGHT_DTYPES
from ragged import Ragged
from refusals import BACKEND, INVALID, OVERLOADED, TOO_LARGE, UNHEALTHY, Refusal
from server_load import ServerLoad
from split_model import SplitModel
from text_tokenizer import Direction, Token
from timings import Timings
from wire import HiddenMetadata, WireDtype, WireError, decode_hidden, encode_hidden

log = logging.getLogger(__name__)

Inputs = str | list[str] | list[int] | list[list[int]]

MAX_RETRY_AFTER = 30  # seconds
GONE = 499, "ClientGone"  # nginx's code; nobody is there to read it

# Whether the client of the request under way has hung up; the server says.
client_gone: ContextVar[Callable[[], bool]] = ContextVar(
    "client_gone", default=lambda: False
)


class ModelService:
    """Raises Refusal and InputError. Thread-safe."""

    def __init__(self, model: SplitModel, files: LayerFiles, options: Options) -> None:
        self.model = model
        self.files = files
        self.options = options
        self.name = model.name
        self.revision = model.revision
        self.n_layer = model.config.n_layer
        self.max_tokens = model.max_tokens
        self.pooling = model.pooling
        self.compute_type = model.device.type
        self.dtype = str(model.dtype).removeprefix("torch.")
        self.load = ServerLoad(first_guess(model.config.n_embd), model.batcher.ahead)
        model.batcher.on_ran.append(self.load.ran)
        self._sizes = files.sizes()
        self._tokenizer_bytes = files.tokenizer_bytes()
        self._failed = False

    def tokens(
        self,
        inputs: Inputs,
        truncate: bool,
        direction: Direction,
        timings: Timings,
    ) -> Ragged:
        texts, ids = _members(inputs)
        self._check_batch(len(texts) + len(ids))
        with self._overload_refused():
            # A text has a token at least. No time is spent on what has no chance.
            self.model.batcher.check_room(len(texts) + len(ids))
        with timings.measure("tokenize"):
            if ids:
                return self.model.tokens_from_ids(ids, truncate, direction)
            return self.model.tokenize(texts, truncate, direction)

    def embed(
        self,
        tokens: Ragged,
        normalize: bool,
        dimensions: int | None,
        timings: Timings,
    ) -> Tensor:
        """(batch, dimensions): the first of n_embd, then normalised over those."""
        n_embd = self.model.config.n_embd
        if dimensions is None:
            with self._computing(timings) as turn:
                return self.model.embed(tokens, normalize, turn)
        if dimensions > n_embd:
            raise Refusal(
                TOO_LARGE, f"dimensions: expected 1 to {n_embd}, came {dimensions}"
            )
        with self._computing(timings) as turn:
            rows = self.model.embed(tokens, False, turn)[:, :dimensions]
        return F.normalize(rows, dim=-1) if normalize else rows

    def split(
        self, tokens: Ragged, split: int, dtype: WireDtype, timings: Timings
    ) -> bytes:
        """The hidden state after layers [0, split), as it travels."""
        check_layer("split", split, self.n_layer)
        self._check_size(len(tokens.values))
        with self._computing(timings) as turn:
            hidden = self.model.hidden_states(tokens, split, turn)
        with timings.measure("encode"):
            return encode_hidden(hidden, dtype, self._metadata(split))

    def resume(
        self, body: bytes, normalize: bool, timings: Timings
    ) -> tuple[Ragged, int, Tensor]:
        """A hidden state as it travels -> itself, its layer, rows (batch, n_embd)."""
        with timings.measure("decode"):
            hidden, start = self._read_hidden(body)
        with self._computing(timings) as turn:
            return hidden, start, self.model.resume(hidden, start, normalize, turn)

    def _read_hidden(self, body: bytes) -> tuple[Ragged, int]:
        try:
            hidden, metadata = decode_hidden(
                body,
                self.model.config.n_embd,
                self.model.max_tokens,
                self.options.max_client_batch_size,
            )
        except WireError as error:
            raise Refusal(INVALID, str(error)) from None
        self._check_size(len(hidden.values))
        expected = self._metadata(metadata.start)
        if metadata != expected:
            raise Refusal(
                (409, "Conflict"),
                f"hidden state: expected one of {expected.model} revision "
                f"{expected.revision}, came {metadata.model} {metadata.revision}",
            )
        check_layer("start", metadata.start, self.n_layer)
        return hidden, metadata.start

    def _metadata(self, start: int) -> HiddenMetadata:
        return HiddenMetadata(self.model.name, self.model.revision, start)

    def _check_batch(self, count: int) -> None:
        if count > self.options.max_client_batch_size:
            raise Refusal(
                TOO_LARGE,
                f"batch size {count} > maximum allowed batch size "
                f"{self.options.max_client_batch_size}",
            )

    def _check_size(self, tokens: int) -> None:
        if tokens > self.options.max_batch_tokens:
            raise Refusal(
                TOO_LARGE,
                f"tokens: expected at most {self.options.max_batch_tokens} in one "
                f"hidden state, came {tokens}",
            )

    def show_tokens(
        self, texts: str | list[str], add_special_tokens: bool
    ) -> list[list[Token]]:
        asked = [texts] if isinstance(texts, str) else texts
        self._check_batch(len(asked))
        if not asked:
            raise EmptyText("`inputs` cannot be empty")
        shown: list[list[Token]] = []
        most, came = self.options.max_batch_tokens, 0
        for text in asked:
            tokens = self.model.show_tokens(text, add_special_tokens, most - came)
            came += len(tokens)
            if came > most:
                raise Refusal(
                    TOO_LARGE,
                    f"tokens: expected at most {most} in one reply, came {came} or "
                    "more",
                )
            shown.append(tokens)
        return shown

    def check_health(self) -> None:
        """Healthy until a computation fails, and again once one succeeds.

        Where the queue is full no more can be said than that it takes requests; what
        waits will tell.
        """
        if self._failed:
            try:
                self.embed(
                    Ragged(torch.zeros(1, dtype=torch.long), (1,)),
                    True,
                    None,
                    Timings(),
                )
            except Refusal as refusal:
                if (refusal.status, refusal.error_type) != OVERLOADED:
                    raise Refusal(UNHEALTHY, refusal.message) from None

    @contextmanager
    def _computing(self, timings: Timings) -> Iterator[Turn]:
        """Times the layers apart from the wait for them; what breaks there is 424."""
        turn = Turn(client_gone.get())
        try:
            with self._overload_refused():
                yield turn
            self._failed = False
        except (InputError, Refusal):
            raise
        except ClientGone as error:
            raise Refusal(GONE, str(error)) from None
        except NotFinite as error:
            raise Refusal(BACKEND, str(error)) from None
        except Exception as error:
            self._failed = True
            log.exception("%s: a forward pass failed", self.model.name)
            raise Refusal(BACKEND, f"Inference failed: {error}") from error
        finally:
            timings.add("queue", turn.queue_seconds)
            timings.add("layers", turn.run_seconds)

    @contextmanager
    def _overload_refused(self) -> Iterator[None]:
        """429, with the time until those who wait now have had their turn. But there is
        room for small requests before, and the time is a guess until a layer was
        measured."""
        try:
            yield
        except QueueFull as error:
            seconds = min(max(1, ceil(self.load.queue_ms / 1000)), MAX_RETRY_AFTER)
            headers = {"Retry-After": str(seconds)}
            raise Refusal(
                OVERLOADED, f"Model is overloaded: {error}", headers
            ) from None

    def entry(self) -> dict[str, Any]:
        """This model in the list that /models gives."""
        model, config = self.model, self.model.config
        return {
            "name": model.name,
            "revision": model.revision,
            "architecture": model.architecture,
            "n_layer": config.n_layer,
            "n_embd": config.n_embd,
            "n_head": config.n_head,
            "max_tokens": model.max_tokens,
            "pooling": model.pooling,
            "normalize": model.normalize,
            "weights": not self.options.no_weights,
            "dtypes": list(WEIGHT_DTYPES),
            "bytes": {
                dtype: {
                    "embed": sizes["embed"],
                    "layer": sizes["layer.0"],
                    "finish": sizes["finish"],
                    "tokenizer": self._tokenizer_bytes,
                }
                for dtype, sizes in self._sizes.items()
            },
            "parameters": model.parameters,
            "max_client_batch_size": self.options.max_client_batch_size,
            "max_batch_tokens": self.options.max_batch_tokens,
            "payload_limit": self.options.payload_limit,
            "parity_share": self.options.parity_share,
        }


def count_inputs(inputs: Inputs) -> int:
    texts, ids = _members(inputs)
    return len(texts) + len(ids)


def count_characters(inputs: Inputs) -> int:
    """As text-embeddings-inference counts: a token id is one."""
    texts, ids = _members(inputs)
    return sum(map(len, texts)) + sum(map(len, ids))


def _members(inputs: Inputs) -> tuple[list[str], list[list[int]]]:
    """The texts, or else the lists of token ids."""
    if isinstance(inputs, str):
        return [inputs], []
    texts = [item for item in inputs if isinstance(item, str)]
    numbers = [item for item in inputs if isinstance(item, int)]
    lists = [item for item in inputs if isinstance(item, list)]
    return texts, lists or ([numbers] if numbers else [])
