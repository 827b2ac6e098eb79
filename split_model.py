"""One model, any split: tokenise, run layers, finish. Knows no HTTP."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import bert_utils
import gpt2_utils
from batching import Batcher, layers_thread
from bert_model import Bert, BertConfig
from config_json import CheckpointError, Json, read_object
from disk_cache import default_cache_dir
from gpt2_model import GPT2, GPT2Config
from input_errors import InputError, check_layer
from jobs import Job, Turn, Want
from model_loading import Architecture, load
from model_registry import ModelSource
from ragged import Ragged
from text_tokenizer import Direction, TextTokenizer, Token

ARCHITECTURES: dict[str, Architecture[Any, Any]] = {
    architecture.name: architecture
    for architecture in (gpt2_utils.ARCHITECTURE, bert_utils.ARCHITECTURE)
}
COMPUTE_DTYPES = {
    "f32": torch.float32,
    "bf16": torch.bfloat16,
    "f16": torch.float16,
}
# Bounds the memory of a forward pass, and the time that it holds up the next one. A CPU
# is busy with far fewer tokens than a GPU.
CPU_PASS_TOKENS = 2_048
GPU_PASS_TOKENS = 16_384


class SplitModel:
    """Thread-safe: what callers ask at once runs together, and tokenising beside it."""

    def __init__(
        self,
        source: ModelSource,
        device: str = "cpu",
        dtype: str | None = None,
        pooling: str | None = None,
        cache_dir: Path | None = None,
        max_waiting_tokens: int | None = None,
        thread: ThreadPoolExecutor | None = None,
    ) -> None:
        """dtype: f32, bf16 or f16; by default f32 on the CPU, else bf16.

        pooling overrides what the folder's files ask for. cache_dir keeps the
        checkpoint's hash between starts. max_waiting_tokens bounds the queue, which is
        endless without. thread: layers_thread(), which several models may share.
        Raises CheckpointError.
        """
        self.name = source.name
        self.device = torch.device(device)
        on_cpu = self.device.type == "cpu"
        if dtype is None:
            dtype = "f32" if on_cpu else "bf16"
        self.dtype = COMPUTE_DTYPES[dtype]
        thread = thread or layers_thread()
        loaded = thread.submit(
            load,
            _architecture(source.folder),
            source.folder,
            self.device,
            self.dtype,
            pooling,
            cache_dir or default_cache_dir(),
        ).result()
        self.model: GPT2 | Bert = loaded.model
        self.config: GPT2Config | BertConfig = self.model.config
        self.pooling = self.model.pooling
        self.normalize = self.model.normalize
        self.tokenizer: TextTokenizer = loaded.tokenizer
        self.max_tokens = self.tokenizer.max_tokens
        self.weights = loaded.weights
        self.revision = loaded.revision
        self.architecture: str = loaded.about["architecture"]
        self._about = loaded.about
        self.batcher = Batcher(
            self.model,
            self.config.n_layer,
            torch.empty(0, device=self.device, dtype=self.dtype),
            CPU_PASS_TOKENS if on_cpu else GPU_PASS_TOKENS,
            max_waiting_tokens,
            thread,
        )
        # Called in the model's thread with (layer, tokens) once a layer has really run
        self.on_layer: Callable[[int, int], None] | None = None
        for layer, block in enumerate(self.model.layers):
            block.forward = self._counted(layer, block.forward)

    def _counted(
        self, layer: int, forward: Callable[[Tensor, tuple[int, ...]], Tensor]
    ) -> Callable[[Tensor, tuple[int, ...]], Tensor]:
        def counted(x: Tensor, lengths: tuple[int, ...]) -> Tensor:
            result = forward(x, lengths)
            if self.on_layer is not None:
                self.on_layer(layer, len(result))
            return result

        return counted

    def describe(self) -> Json:
        """What a manifest says before its pieces."""
        return {"model": self.name, "revision": self.revision, **self._about}

    @property
    def parameters(self) -> int:
        return self.weights.parameters

    def tokenize(
        self,
        texts: list[str],
        truncate: bool = False,
        truncation_direction: Direction = "Right",
    ) -> Ragged:
        """Texts -> token ids. Raises EmptyText, TextTooLong, InputError."""
        return self.tokenizer.encode(texts, truncate, truncation_direction)

    def tokens_from_ids(
        self,
        ids: list[list[int]],
        truncate: bool = False,
        truncation_direction: Direction = "Right",
    ) -> Ragged:
        """Token ids as a request gives them; nothing is added. Errors as tokenize's."""
        return self.tokenizer.from_ids(ids, truncate, truncation_direction)

    def show_tokens(
        self, text: str, add_special_tokens: bool = True, most: int | None = None
    ) -> list[Token]:
        """A text's tokens one by one, whatever its length; where there are more than
        `most`, the first most + 1."""
        return self.tokenizer.tokens(text, add_special_tokens, most)

    def hidden_states(
        self, tokens: Ragged, split: int, turn: Turn | None = None
    ) -> Ragged:
        """Run tokens through layers [0, split). Returns float32 on the CPU.

        Raises NotFinite, which says whose text it was, QueueFull and ClientGone.
        """
        check_layer("split", split, self.config.n_layer)
        job = Job(tokens, 0, split, "hidden", turn or Turn())
        return Ragged(self.batcher.run(job), tokens.lengths)

    def resume(
        self,
        hidden: Ragged,
        start: int,
        normalize: bool | None = None,
        turn: Turn | None = None,
    ) -> Tensor:
        """Run hidden through layers [start, n_layer) and finish.

        Returns (batch, n_embd) float32 on the CPU. normalize: None does what the
        model's files ask for. Raises InputError, NotFinite, QueueFull, ClientGone.
        """
        check_layer("start", start, self.config.n_layer)
        if hidden.values.ndim != 2 or hidden.values.shape[1] != self.config.n_embd:
            raise InputError(
                f"hidden: expected (total_tokens, {self.config.n_embd}), came "
                f"{tuple(hidden.values.shape)}"
            )
        return self._finished(hidden, start, normalize, turn)

    def embed(
        self,
        tokens: Ragged,
        normalize: bool | None = None,
        turn: Turn | None = None,
    ) -> Tensor:
        """Run the whole model -> (batch, n_embd) float32 on the CPU."""
        return self._finished(tokens, 0, normalize, turn)

    def _finished(
        self, batch: Ragged, start: int, normalize: bool | None, turn: Turn | None
    ) -> Tensor:
        unit = self.normalize if normalize is None else normalize
        want: Want = "unit rows" if unit else "rows"
        return self.batcher.run(
            Job(batch, start, self.config.n_layer, want, turn or Turn())
        )


def _architecture(folder: Path) -> Architecture[Any, Any]:
    kind = read_object(folder / "config.json").get("model_type")
    if kind not in ARCHITECTURES:
        raise CheckpointError(
            f"{folder / 'config.json'}: model_type: expected one of "
            f"{', '.join(ARCHITECTURES)}, came {kind!r}"
        )
    return ARCHITECTURES[kind]
