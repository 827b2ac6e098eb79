"""Which weights a model has, and where each lies in its file."""

from dataclasses import dataclass
from enum import Enum

from safetensors_bytes import Layout, TensorSpec, plan

GROUP = 32
EPSILON = 1e-5


@dataclass(frozen=True)
class Config:
    d: int
    heads: int
    layers: int


CONFIGS = {
    "gpt2": Config(768, 12, 2),
    "gpt2-12": Config(768, 12, 12),
    "gpt2-xl": Config(1600, 25, 1),
}


class Kind(Enum):
    """How the matrices are stored."""

    FP32 = "fp32"
    FP16 = "fp16"
    Q8 = "q8"
    Q4 = "q4"

    @property
    def bits(self) -> int | None:
        return {Kind.Q8: 8, Kind.Q4: 4}.get(self)

    @property
    def file(self) -> str:
        return f"{'model' if self is Kind.FP32 else self.value}.safetensors"


def weights(config: Config) -> dict[str, tuple[int, ...]]:
    """Hugging Face's names; matrices are (in, out), as in GPT-2's checkpoints."""
    d = config.d
    layer: dict[str, tuple[int, ...]] = {
        "ln_1": (d,),
        "attn.c_attn": (d, 3 * d),
        "attn.c_proj": (d, d),
        "ln_2": (d,),
        "mlp.c_fc": (d, 4 * d),
        "mlp.c_proj": (4 * d, d),
    }
    found = {}
    for i in range(config.layers):
        for name, shape in layer.items():
            found[f"transformer.h.{i}.{name}.weight"] = shape
            found[f"transformer.h.{i}.{name}.bias"] = shape[-1:]
    return found | {f"transformer.ln_f.{part}": (d,) for part in ("weight", "bias")}


def layout(config: Config, kind: Kind) -> Layout:
    specs: dict[str, TensorSpec] = {}
    for name, shape in weights(config).items():
        if kind.bits and len(shape) == 2:
            K, N = shape
            blob = GROUP * kind.bits // 8
            specs[f"{name}.steps"] = TensorSpec("U8", (N, K // GROUP, blob))
            specs[f"{name}.scales"] = TensorSpec("F32", (N, K // GROUP))
        else:
            specs[name] = TensorSpec("F16" if kind is Kind.FP16 else "F32", shape)
    return plan(specs)
