"""Random GPT-2 layers for every peer: weights, inputs, and what comes out of them.

All follows from the seed, so that a machine can make them for itself. The reference is
Hugging Face's GPT2Model in float64 on the same float32 weights.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.peers.layouts import (
    EPSILON,
    GROUP,
    Config,
    Kind,
    layout,
    weights,
)
from safetensors_bytes import header_bytes

SEED = 20_261


def make_model(config: Config, tokens: list[int], folder: Path) -> None:
    """Weights in every kind, and an input and its reference for each length."""
    folder.mkdir(parents=True, exist_ok=True)
    state = random_weights(config)
    for kind in Kind:
        write(folder / kind.file, config, kind, state)
    longest = max(tokens)
    generator = torch.Generator().manual_seed(SEED + 1)
    x = torch.randn(longest, config.d, generator=generator)
    y = Reference(config, state, longest)
    for T in tokens:
        x[:T].numpy().tofile(folder / f"input_{T}.f32")
        y(x[:T]).numpy().tofile(folder / f"ref_{T}.f32")
    about = {**vars(config), "eps": EPSILON, "T": tokens, "seed": SEED}
    (folder / "meta.json").write_text(json.dumps(about))


def is_made(config: Config, tokens: list[int], folder: Path) -> bool:
    try:
        about = json.loads((folder / "meta.json").read_text())
    except OSError:
        return False
    same = {**vars(config), "eps": EPSILON, "seed": SEED}.items() <= about.items()
    return same and set(tokens) <= set(about["T"])


def random_weights(config: Config) -> dict[str, torch.Tensor]:
    """Of a size that keeps hidden states near 1, as trained ones do."""
    generator = torch.Generator().manual_seed(SEED)
    state = {}
    for name, shape in weights(config).items():
        noise = torch.randn(*shape, generator=generator)
        if len(shape) == 2:
            state[name] = noise / math.sqrt(shape[0])
        elif name.endswith(".weight"):  # of a norm
            state[name] = 1 + 0.1 * noise
        else:
            state[name] = 0.05 * noise
    return state


class Reference:
    """Hidden state (T, d) float32 in, hidden state (T, d) float32 out."""

    def __init__(
        self, config: Config, state: dict[str, torch.Tensor], longest: int
    ) -> None:
        from transformers import GPT2Config, GPT2Model

        self.model = GPT2Model(
            GPT2Config(
                vocab_size=1,
                bos_token_id=0,
                eos_token_id=0,
                n_positions=longest,
                n_embd=config.d,
                n_head=config.heads,
                n_layer=config.layers,
                layer_norm_epsilon=EPSILON,
            )
        )
        own = {k.removeprefix("transformer."): v for k, v in state.items()}
        missing, unexpected = self.model.load_state_dict(own, strict=False)
        assert set(missing) == {"wte.weight", "wpe.weight"}
        assert not unexpected
        self.model.wpe.weight.data.zero_()  # the input has its positions already
        self.model.double().eval()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            output = self.model(inputs_embeds=x[None].double())
        return output.last_hidden_state[0].float()


def write(
    path: Path, config: Config, kind: Kind, state: dict[str, torch.Tensor]
) -> None:
    plan = layout(config, kind)
    header = header_bytes(plan)
    with path.open("wb") as file:
        file.write(header)
        for name, tensor in state.items():
            for stored, content in converted(name, tensor.numpy(), kind):
                spec = plan.tensors[stored]
                assert content.nbytes == spec.nbytes, stored
                file.seek(len(header) + plan.offsets[stored])
                file.write(np.ascontiguousarray(content).data)


def converted(
    name: str, tensor: np.ndarray, kind: Kind
) -> Iterator[tuple[str, np.ndarray]]:
    if kind is Kind.FP16:
        yield name, tensor.astype(np.float16)
    elif kind.bits and tensor.ndim == 2:
        steps, scales = quantized(tensor, kind.bits)
        yield f"{name}.steps", steps
        yield f"{name}.scales", scales
    else:
        yield name, tensor


def quantized(weight: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """As ONNX Runtime's MatMulNBits wants it: (K, N) float32 to (N, K / 32, blob) uint8
    around a zero point of 2^(bits - 1), and (N, K / 32) float32 scales.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    """
    groups = weight.T.reshape(weight.shape[1], -1, GROUP)  # (N, K / 32, 32)
    zero = 1 << (bits - 1)
    # The number of largest size goes to the end of the range that has one step more.
    at = np.abs(groups).argmax(-1, keepdims=True)
    scales = np.take_along_axis(groups, at, -1) / -zero
    scales[scales == 0] = 1
    steps = np.clip(np.rint(groups / scales) + zero, 0, 2 * zero - 1).astype(np.uint8)
    if bits == 4:
        steps = steps[..., 0::2] | steps[..., 1::2] << 4
    return steps, scales[..., 0].astype(np.float32)
