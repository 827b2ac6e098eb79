"""How far narrow weights turn embeddings: cosines with the float32 ones.

    .venv/bin/python benchmarks/quality.py --model gpt2-mini --model all-MiniLM-L6-v2

Every layer has the weights that a browser gets, and the server's part is as it always
is: the least that split 0 keeps. Prints a row of Markdown a model and dtype; those of 8
and 4 bits also with the inputs of the layers' products rounded to 8 bits, as a GPU that
multiplies integers does with q4 (webgpu-torch/src/kernels/matmul_dots.ts).

The thousand texts of sentences.txt, one a line, are evenly spaced sentences of three
books in the public domain, on none of which gpt2-mini was trained: Arthur Conan Doyle,
The Adventures of Sherlock Holmes (1892); H. G. Wells, The Time Machine (1895) and The
War of the Worlds (1898).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import before_torch  # noqa: F401 - it must come before torch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from linear import Linear
from model_registry import resolve
from quantize import QUANTIZED_DTYPES, WEIGHT_DTYPES, WeightDtype, rounded
from split_model import SplitModel

SENTENCES = Path(__file__).with_name("sentences.txt")


def embeddings(model: SplitModel, dtype: WeightDtype, texts: list[str]) -> Tensor:
    """(texts, n_embd) float64, with all layers rounded to the dtype."""
    for layer, modules in enumerate(model.model.layers):
        for name in model.weights.pieces[f"layer.{layer}"]:
            owner, _, attribute = name.rpartition(".")
            module = modules.get_submodule(owner)
            if isinstance(module, Linear):
                module.packed = None  # the CPU's own layout of what was loaded
            weight = rounded(model.weights.read(f"layer.{layer}", name), dtype)
            setattr(module, attribute, nn.Parameter(weight, requires_grad=False))
    return model.embed(model.tokenize(texts, truncate=True)).double()


def with_integers(model: SplitModel, dtype: WeightDtype, texts: list[str]) -> Tensor:
    """The same where every linear layer rounds its input to 8 bits, too."""
    linear = [m for m in model.model.layers.modules() if isinstance(m, Linear)]
    for module in linear:  # which is called by its forward(), so that no hook hears
        module.forward = partial(forward_8_bits, module.forward)  # type: ignore[method-assign]
    try:
        return embeddings(model, dtype, texts)
    finally:
        for module in linear:
            del module.forward


def forward_8_bits(
    forward: Callable[..., Tensor], x: Tensor, plus: Tensor | None = None
) -> Tensor:
    return forward(to_8_bits(x), plus)


def to_8_bits(x: Tensor) -> Tensor:
    """(..., n_in), in groups of 32 of a scale each."""
    groups = x.unflatten(-1, (-1, 32))
    scale = (groups.abs().amax(-1, keepdim=True) / 127).clamp_min(1e-30)
    return (groups / scale).round().mul(scale).view_as(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", action="append", help="may come several times")
    parser.add_argument("--texts", type=Path, default=SENTENCES, help="one text a line")
    arguments = parser.parse_args()
    texts = arguments.texts.read_text(encoding="utf-8").splitlines()
    print(f"Cosine with the float32 embedding, over {len(texts)} texts.\n")
    print("| model | dtype | mean | 1st percentile | smallest |")
    print("|---|---|---:|---:|---:|")
    for name in arguments.model or ["gpt2-mini", "all-MiniLM-L6-v2"]:
        model = SplitModel(resolve(name), dtype="f32")
        exact = embeddings(model, "f32", texts)
        for dtype in WEIGHT_DTYPES[1:]:
            print_row(name, dtype, embeddings(model, dtype, texts), exact)
            if dtype in QUANTIZED_DTYPES:
                rounded_too = with_integers(model, dtype, texts)
                print_row(name, f"{dtype}, 8-bit products", rounded_too, exact)


def print_row(model: str, dtype: str, embedded: Tensor, exact: Tensor) -> None:
    """embedded, exact: (texts, n_embd) float64."""
    cosine = F.cosine_similarity(embedded, exact, dim=1)
    low = torch.quantile(cosine, 0.01)
    figures = f"{cosine.mean():.5f} | {low:.5f} | {cosine.min():.5f}"
    print(f"| {model} | {dtype} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
