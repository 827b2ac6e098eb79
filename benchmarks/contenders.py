"""The libraries that throughput.py compares, each in a process of its own.

In one process their pools of threads spin against each other, and one library's
settings of OpenMP are the next one's. So nothing heavy is imported here before the
process is started.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

Ids = list[list[int]]
Lists = list[list[float]]


@dataclass(frozen=True)
class Setting:
    model: str  # of mean pooling
    device: str
    dtype: str
    threads: int


class Runner(Protocol):
    """One library with the model loaded."""

    name: ClassVar[str]
    needs: ClassVar[str]  # the module that must be installed

    def __init__(self, setting: Setting) -> None: ...
    def embed(self, ids: Ids) -> Tensor:
        """(texts, n_embd) float32 on the CPU, of length 1."""


Work = Callable[[Any], Any]  # of a Runner


class SplitCompute:
    name, needs = "SplitCompute", "torch"

    def __init__(self, setting: Setting) -> None:
        import torch

        from model_registry import resolve
        from split_model import SplitModel

        torch.set_num_threads(setting.threads)
        self.model = SplitModel(resolve(setting.model), setting.device, setting.dtype)

    def embed(self, ids: Ids) -> Tensor:
        return self.model.embed(self._batch(ids), normalize=True)

    def embed_texts(self, texts: list[str]) -> Tensor:
        return self.model.embed(self.model.tokenize(texts), normalize=True)

    def split(self, ids: Ids, split: int) -> Tensor:
        return self.model.hidden_states(self._batch(ids), split).values

    def _batch(self, ids: Ids) -> Any:
        import torch

        from ragged import Ragged

        flat = [token for row in ids for token in row]
        return Ragged(torch.tensor(flat), tuple(map(len, ids)))


class Transformers:
    """The Hugging Face class, then the mean over tokens, normalised."""

    name, needs = "transformers", "transformers"

    def __init__(self, setting: Setting) -> None:
        import torch

        torch.set_num_threads(setting.threads)
        self.device = setting.device
        self.model = _pooled(setting.model, "sdpa").to(
            setting.device, _torch_dtype(setting.dtype)
        )

    def embed(self, ids: Ids) -> Tensor:
        import torch

        with torch.inference_mode():
            rows: Tensor = self.model(*(x.to(self.device) for x in _padded(ids)))
            return rows.cpu()


class SentenceTransformers:
    name, needs = "sentence-transformers", "sentence_transformers"

    def __init__(self, setting: Setting) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        from model_registry import resolve

        torch.set_num_threads(setting.threads)
        self.device = setting.device
        folder = resolve(setting.model).folder
        self.model = SentenceTransformer(str(folder), device=setting.device)
        self.model.to(_torch_dtype(setting.dtype))

    def embed(self, ids: Ids) -> Tensor:
        import torch

        values, mask = (x.to(self.device) for x in _padded(ids))
        with torch.inference_mode():
            out = self.model({"input_ids": values, "attention_mask": mask})
            rows: Tensor = out["sentence_embedding"]
            return rows.float().cpu()

    def embed_texts(self, texts: list[str]) -> Tensor:
        found = self.model.encode(texts, convert_to_tensor=True)
        rows: Tensor = found.float().cpu()
        return rows


class Onnxruntime:
    """transformers' model, exported in float32 for a CPU."""

    name, needs = "onnxruntime", "onnxruntime"

    def __init__(self, setting: Setting) -> None:
        import onnxruntime as ort
        import torch

        settings = ort.SessionOptions()
        settings.intra_op_num_threads = setting.threads
        # Its threads would otherwise spin on into the next contender's turn.
        settings.add_session_config_entry("session.force_spinning_stop", "1")
        self.names = ["input_ids", "attention_mask"]
        axes = {0: "batch", 1: "tokens"}
        with tempfile.TemporaryDirectory() as temporary, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = str(Path(temporary) / "model.onnx")
            torch.onnx.export(
                _pooled(setting.model, "eager"),
                (torch.ones(2, 8).long(), torch.ones(2, 8).long()),
                path,
                input_names=self.names,
                output_names=["rows"],
                dynamic_axes=dict.fromkeys(self.names, axes),
                dynamo=False,
            )
            providers = ["CPUExecutionProvider"]
            self.session = ort.InferenceSession(path, settings, providers)

    def embed(self, ids: Ids) -> Tensor:
        import torch

        values = [x.numpy() for x in _padded(ids)]
        rows = self.session.run(None, dict(zip(self.names, values, strict=True)))[0]
        return torch.from_numpy(rows)


def _padded(ids: Ids) -> tuple[Tensor, Tensor]:
    import torch

    longest = max(map(len, ids))
    rows = [row + [0] * (longest - len(row)) for row in ids]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in ids]
    return torch.tensor(rows), torch.tensor(mask)


def _torch_dtype(dtype: str) -> torch.dtype:
    from split_model import COMPUTE_DTYPES

    return COMPUTE_DTYPES[dtype]


def _pooled(name: str, attention: str) -> Any:
    import torch
    import torch.nn.functional as F
    from transformers import AutoModel

    from model_registry import resolve

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            folder = resolve(name).folder
            self.model = AutoModel.from_pretrained(
                folder,
                attn_implementation=attention,
                dtype=torch.float32,  # else the checkpoint's, which may be f16
            )

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            out = self.model(input_ids=input_ids, attention_mask=attention_mask)
            mask = attention_mask[:, :, None].float()
            mean = (out.last_hidden_state.float() * mask).sum(1) / mask.sum(1)
            return F.normalize(mean, dim=-1)

    return Pooled().eval()


class Contender:
    """A Runner in a process that waits, without work, for its turn."""

    def __init__(self, kind: type[Runner], setting: Setting) -> None:
        self.name = kind.name
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(kind, setting, theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        self._receive()  # loaded

    def seconds(self, work: Work, repeats: int = 1) -> list[float]:
        """What each of so many runs one after another took."""
        self._pipe.send((work, repeats))
        return [float(took) for took in self._receive()]

    def result(self, work: Work) -> Any:
        self._pipe.send((work, 0))
        return self._receive()

    def close(self) -> None:
        self._pipe.close()
        self._process.join()

    def _receive(self) -> Any:
        try:
            return self._pipe.recv()
        except EOFError:
            raise SystemExit(f"{self.name} failed, see above") from None


def _serve(kind: type[Runner], setting: Setting, pipe: Connection) -> None:
    import before_torch  # noqa: F401 - for all, and before torch

    runner = kind(setting)
    pipe.send(None)
    while True:
        try:
            work, repeats = pipe.recv()
        except EOFError:
            return  # nobody asks any more
        if repeats == 0:
            pipe.send(work(runner))
            continue
        seconds = []
        for _ in range(repeats):
            started = perf_counter()
            work(runner)
            seconds.append(perf_counter() - started)
        pipe.send(seconds)


def is_installed(kind: type[Runner]) -> bool:
    return importlib.util.find_spec(kind.needs) is not None
