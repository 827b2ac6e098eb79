"""The models that this server was started with, by name."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch

from batching import layers_thread
from layer_files import LayerFiles
from metrics import Metrics
from model_registry import KNOWN, ModelSource, resolve
from model_service import ModelService
from options import Device, Options
from refusals import NOT_FOUND, Refusal
from split_model import SplitModel
from wire import MAX_HEADER_BYTES

log = logging.getLogger(__name__)

MAX_CUTTING = 4  # requests that may wait for layer files to be cut, of all models


class DeviceMissing(RuntimeError):
    """The device asked for is not in this machine, or not in this PyTorch."""


class LoadedModels:
    """All models, loaded; the first is the default."""

    def __init__(self, options: Options, metrics: Metrics) -> None:
        """Raises what resolve() and SplitModel() raise, and DeviceMissing."""
        self._options = options
        device = choose_device(options.device)
        self._models: dict[str, ModelService] = {}
        self._aliases: dict[str, str] = {}
        thread = layers_thread()
        places = threading.BoundedSemaphore(MAX_CUTTING)
        for asked in options.model:
            source = self._named_apart(resolve(asked))
            log.info("Loading %s from %s", source.name, source.folder)
            model = _load(source, device, options, metrics, thread)
            files = LayerFiles(model, options.cache_dir, places)
            self._models[source.name] = ModelService(model, files, options)
            hub = KNOWN[asked].hub if asked in KNOWN else None
            self._aliases |= {name: source.name for name in (asked, hub) if name}
        self.default = next(iter(self))
        for service in self:
            service.load.shares_its_thread_with(each.load for each in self)

    @property
    def max_hidden_bytes(self) -> int:
        """The largest body that /resume takes: float32, with lengths and a header."""
        widest = max(service.model.config.n_embd for service in self)
        rows = self._options.max_batch_tokens * (4 * widest + 4)
        return rows + MAX_HEADER_BYTES

    def __iter__(self) -> Iterator[ModelService]:
        return iter(self._models.values())

    def named(self, name: str | None) -> ModelService:
        """By its name in /models, or as --model or the hub has it."""
        if name is None:
            return self.default
        found = self._models.get(name) or self._models.get(self._aliases.get(name, ""))
        if found is None:
            raise Refusal(
                NOT_FOUND,
                f"model {name!r}: expected one of {', '.join(self._models)}",
            )
        return found

    def _named_apart(self, source: ModelSource) -> ModelSource:
        """Two folders may end alike: a/gpt2 and b/gpt2 are gpt2 and gpt2-2."""
        name, count = source.name, 1
        while name in self._models:
            count += 1
            name = f"{source.name}-{count}"
        return replace(source, name=name)


def _load(
    source: ModelSource,
    device: str,
    options: Options,
    metrics: Metrics,
    thread: ThreadPoolExecutor,
) -> SplitModel:
    model = SplitModel(
        source,
        device,
        None if options.dtype == "auto" else options.dtype,
        None if options.pooling == "auto" else options.pooling,
        options.cache_dir,
        options.max_waiting_tokens,
        thread,
    )
    metrics.add_model(model.name, model.config.n_layer)
    model.on_layer = lambda layer, tokens: metrics.count_layer(
        model.name, layer, tokens
    )
    seconds = metrics.model_seconds.labels(model.name)
    model.batcher.on_ran.append(lambda layers, tokens, took: seconds.inc(took))
    return model


def choose_device(device: Device) -> str:
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there[device]:
        raise DeviceMissing(f"device {device}: PyTorch {torch.__version__} sees none")
    return device
