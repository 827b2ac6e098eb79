"""GPT-2 layers as an ONNX graph whose weights lie in a file of their own.

Two styles: "plain" has the standard's operators only, which ONNX Runtime fuses as far
as it can; "fused" has its own operators for attention, for a norm after a residual and
for GELU after a bias, as its exporters write them.
"""

import math
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.peers.layouts import EPSILON, GROUP, Config, Kind, layout
from safetensors_bytes import header_bytes

Style = Literal["plain", "fused"]
STYLES: tuple[Style, ...] = ("plain", "fused")

OWN = "com.microsoft"  # the domain of ONNX Runtime's operators
OPSETS = [helper.make_opsetid("", 20), helper.make_opsetid(OWN, 1)]
DTYPES = {
    "F32": TensorProto.FLOAT,
    "F16": TensorProto.FLOAT16,
    "U8": TensorProto.UINT8,
}


def build(config: Config, kind: Kind, style: Style) -> onnx.ModelProto:
    """x (1, T, d) to y (1, T, d) and pooled (1, d), its mean over tokens: float32."""
    graph = Graph(config, kind, style)
    x = graph.node("Cast", ["x"], to=graph.float) if kind is Kind.FP16 else "x"
    h = graph.norm(x, "transformer.h.0.ln_1")
    for layer in range(config.layers):
        at = f"transformer.h.{layer}"
        last = layer + 1 == config.layers
        after = "transformer.ln_f" if last else f"transformer.h.{layer + 1}.ln_1"
        qkv = graph.linear(h, f"{at}.attn.c_attn")
        x, h = graph.residual(
            x, graph.attention(qkv), f"{at}.attn.c_proj", f"{at}.ln_2"
        )
        x, h = graph.residual(
            x, graph.gelu(h, f"{at}.mlp.c_fc"), f"{at}.mlp.c_proj", after
        )
    graph.node("Cast", [h], output="y", to=TensorProto.FLOAT)
    axes = graph.constant("tokens_axis", np.array([1]))
    graph.node("ReduceMean", ["y", axes], output="pooled", keepdims=0)
    return graph.model()


class Graph:
    """The nodes so far, and the weights and constants that they name."""

    def __init__(self, config: Config, kind: Kind, style: Style) -> None:
        self.config, self.kind, self.fused = config, kind, style == "fused"
        self.layout = layout(config, kind)
        self.data_start = len(header_bytes(self.layout))
        half = kind is Kind.FP16
        self.float = TensorProto.FLOAT16 if half else TensorProto.FLOAT
        self.numpy_float = np.float16 if half else np.float32
        self.nodes: list[onnx.NodeProto] = []
        self.known: dict[str, onnx.TensorProto] = {}
        self.values = 0

    def linear(self, x: str, name: str) -> str:
        return self.node("Add", [self.matmul(x, name), self.weight(f"{name}.bias")])

    def norm(self, x: str, name: str) -> str:
        inputs = [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.node("LayerNormalization", inputs, axis=-1, epsilon=EPSILON)

    def residual(self, x: str, h: str, linear: str, norm: str) -> tuple[str, str]:
        """x + linear(h), and the norm of that."""
        if not self.fused:
            x = self.node("Add", [x, self.linear(h, linear)])
            return x, self.norm(x, norm)
        weights = [f"{norm}.weight", f"{norm}.bias", f"{linear}.bias"]
        inputs = [self.matmul(h, linear), x, *map(self.weight, weights)]
        outputs = [self.fresh(), "", "", self.fresh()]
        self.add("SkipLayerNormalization", inputs, outputs, OWN, epsilon=EPSILON)
        return outputs[3], outputs[0]

    def gelu(self, x: str, linear: str) -> str:
        if not self.fused:
            return self.node("Gelu", [self.linear(x, linear)], approximate="tanh")
        inputs = [self.matmul(x, linear), self.weight(f"{linear}.bias")]
        return self.node("FastGelu", inputs, domain=OWN)

    def attention(self, qkv: str) -> str:
        d, heads = self.config.d, self.config.heads
        scale = 1 / math.sqrt(d // heads)
        parts = [self.fresh() for _ in range(3)]
        sizes = self.constant("thirds", np.array([d, d, d]))
        self.add("Split", [qkv, sizes], parts, axis=-1)
        if self.fused:
            kind = "MultiHeadAttention"
            options = {"num_heads": heads, "unidirectional": 1, "scale": scale}
            return self.node(kind, parts, domain=OWN, **options)
        shape = self.constant("heads", np.array([0, 0, heads, d // heads]))
        q, k, v = (self.node("Reshape", [part, shape]) for part in parts)
        q = self.node("Transpose", [q], perm=[0, 2, 1, 3])
        k = self.node("Transpose", [k], perm=[0, 2, 3, 1])
        v = self.node("Transpose", [v], perm=[0, 2, 1, 3])
        factor = self.constant("scale", np.array(scale, self.numpy_float))
        scores = self.node("Mul", [self.node("MatMul", [q, k]), factor])
        scores = self.node("Add", [scores, self.mask()])
        y = self.node("MatMul", [self.node("Softmax", [scores], axis=-1), v])
        y = self.node("Transpose", [y], perm=[0, 2, 1, 3])
        return self.node("Reshape", [y, self.constant("merged", np.array([0, 0, d]))])

    def mask(self) -> str:
        """(T, T), made once and shared by all layers."""
        if "mask" not in {name for node in self.nodes for name in node.output}:
            T = self.node("Shape", ["x"], start=1, end=2)
            square = self.node("Concat", [T, T], axis=0)
            hidden = self.constant("hidden", np.array([-1e4], self.numpy_float))
            full = self.node("Expand", [hidden, square])
            above = self.constant("above", np.array(1))
            self.node("Trilu", [full, above], output="mask", upper=1)
        return "mask"

    def matmul(self, x: str, name: str) -> str:
        name = f"{name}.weight"
        if not self.kind.bits:
            return self.node("MatMul", [x, self.weight(name)])
        N, groups, _ = self.layout.tensors[f"{name}.steps"].shape
        inputs = [x, self.weight(f"{name}.steps"), self.weight(f"{name}.scales")]
        sizes = {"K": groups * GROUP, "N": N, "bits": self.kind.bits}
        return self.node("MatMulNBits", inputs, domain=OWN, **sizes, block_size=GROUP)

    def weight(self, name: str) -> str:
        """An initializer that says where in the weights' file it lies."""
        spec = self.layout.tensors[name]
        tensor = onnx.TensorProto(
            name=name,
            data_type=DTYPES[spec.dtype],
            dims=spec.shape,
            data_location=TensorProto.EXTERNAL,
        )
        place = {
            "location": self.kind.file,
            "offset": self.data_start + self.layout.offsets[name],
            "length": spec.nbytes,
        }
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        self.known[name] = tensor
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        self.known[name] = numpy_helper.from_array(value, name)
        return name

    def node(
        self,
        kind: str,
        inputs: list[str],
        output: str | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        output = output or self.fresh()
        self.add(kind, inputs, [output], domain, **attributes)
        return output

    def add(
        self,
        kind: str,
        inputs: list[str],
        outputs: list[str],
        domain: str = "",
        **attributes: Any,
    ) -> None:
        name = f"{kind}_{len(self.nodes)}"
        node = helper.make_node(
            kind, inputs, outputs, name, domain=domain, **attributes
        )
        self.nodes.append(node)

    def fresh(self) -> str:
        self.values += 1
        return f"v{self.values}"

    def model(self) -> onnx.ModelProto:
        def value(name: str, *shape: int | str) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        d = self.config.d
        outputs = [value("y", 1, "T", d), value("pooled", 1, d)]
        inputs = [value("x", 1, "T", d)]
        weights = list(self.known.values())
        graph = helper.make_graph(self.nodes, "gpt2", inputs, outputs, weights)
        return helper.make_model(graph, opset_imports=OPSETS, ir_version=9)
