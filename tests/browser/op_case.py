"""One call of one function, which PyTorch and webgpu-torch both answer."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from quantize import dequantize

# Of a float32 value, and of 1 where values cancel: sums in another order, and
# functions with errors of their own.
TOLERANCE = 4e-6


@dataclass(frozen=True)
class View:
    """A tensor that a case passes as a view of another: `method(*args)` of `base`."""

    base: Tensor
    method: str
    args: Sequence[Any]

    def tensor(self) -> Tensor:
        result: Tensor = getattr(self.base, self.method)(*self.args)
        return result


@dataclass(frozen=True)
class Quantized:
    """A block-quantised weight, as quantize gives it."""

    values: Tensor
    scales: Tensor

    def tensor(self) -> Tensor:
        return dequantize(self.values, self.scales)


@dataclass(frozen=True)
class Case:
    """`torch.<name>(*args, **kwargs)`, or the method of the first argument.

    The name may be dotted: "nn.functional.gelu".
    """

    name: str
    args: Sequence[Any]
    kwargs: dict[str, Any] = field(default_factory=dict)
    method: bool = False
    tolerance: float = TOLERANCE
    # What PyTorch says, where it has no such function.
    expected: Any = None

    def __str__(self) -> str:
        shown = [*map(describe, self.args)]
        shown += [f"{name}={describe(value)}" for name, value in self.kwargs.items()]
        return f"{'.' if self.method else ''}{self.name}({', '.join(shown)})"

    def reference(self) -> Any:
        """What PyTorch makes of the same numbers."""
        if self.expected is not None:
            return self.expected
        args = [plain(value) for value in self.args]
        kwargs = {name: plain(value) for name, value in self.kwargs.items()}
        if self.name == "index":
            return args[0][tuple(args[1])]
        if self.method:
            return getattr(args[0], self.name)(*args[1:], **kwargs)
        function: Any = torch
        for part in self.name.split("."):
            function = getattr(function, part)
        return function(*args, **kwargs)

    def message(self) -> dict[str, Any]:
        """The case as the page gets it."""
        return {
            "name": self.name,
            "method": self.method,
            "args": [encode(value) for value in self.args],
            "kwargs": {name: encode(value) for name, value in self.kwargs.items()},
        }


def case(name: str, *args: Any, **kwargs: Any) -> Case:
    return Case(name, args, kwargs)


def method(name: str, *args: Any, **kwargs: Any) -> Case:
    return Case(name, args, kwargs, method=True)


def brackets(tensor: Tensor | View, *indices: Any) -> Case:
    """`tensor[indices]`, which is `index` in PyTorch's C++ frontend."""
    return Case("index", [tensor, list(indices)], method=True)


def plain(value: Any) -> Any:
    if isinstance(value, View | Quantized):
        return value.tensor()
    if isinstance(value, list | tuple):
        return type(value)(plain(inner) for inner in value)
    return value


def describe(value: Any) -> str:
    if isinstance(value, View):
        return f"{describe(value.base)}.{value.method}{tuple(value.args)}"
    if isinstance(value, Quantized):
        return f"quantized {describe(value.values)}"
    if isinstance(value, Tensor):
        return f"{str(value.dtype)[6:]}{list(value.shape)}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(describe, value))}]"
    return str(value)


def encode(value: Any) -> Any:
    """What op_call.js decodes."""
    if isinstance(value, View):
        return {
            "view": encode(value.base),
            "method": value.method,
            "args": list(value.args),
        }
    if isinstance(value, Quantized):
        return {"quantized": [encode(value.values), encode(value.scales)]}
    if isinstance(value, Tensor):
        data = value.int() if value.dtype == torch.int64 else value
        raw = data.contiguous().numpy().tobytes()
        return {
            "tensor": base64.b64encode(raw).decode(),
            "dtype": str(data.dtype)[6:],
            "shape": list(value.shape),
        }
    if isinstance(value, torch.dtype):
        return str(value)[6:]
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if value is ...:
        return "..."
    if isinstance(value, list | tuple):
        return [encode(inner) for inner in value]
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return {"number": str(value)}
    return value


def decode(answer: Any) -> Any:
    """The page's answer: a tensor, a list of them, a truth, or null."""
    if answer is None or isinstance(answer, bool):
        return answer
    if isinstance(answer, list):
        return [decode(inner) for inner in answer]
    dtype = getattr(torch, answer["dtype"])
    raw = base64.b64decode(answer["tensor"])
    # float16 leaves the library as float32.
    held = torch.float32 if dtype == torch.float16 else dtype
    flat = torch.frombuffer(bytearray(raw), dtype=held) if raw else torch.empty(0)
    return flat.to(dtype).view(answer["shape"])


def assert_same(
    actual: Any, expected: Any, tolerance: float, absolute: float = 0.0
) -> None:
    """Shape, dtype and values; nothing of 64 bits is here, but of 32."""
    if expected is None or isinstance(expected, bool):
        assert actual is expected
        return
    if not isinstance(expected, Tensor):
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other, tolerance, absolute)
        return
    if expected.dtype == torch.int64:
        expected = expected.int()
    if expected.dtype == torch.float64:
        expected = expected.float()
    step = largest = 0.0
    if expected.dtype.is_floating_point:
        finite = expected[expected.isfinite()].abs()
        largest = finite.max().item() if finite.numel() else 0.0
        step = 2**-10 if expected.dtype == torch.float16 else tolerance
    atol = max(absolute, step * min(largest, 1))
    torch.testing.assert_close(actual, expected, rtol=step, atol=atol, equal_nan=True)
