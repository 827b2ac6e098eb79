"""Calls of every kind on random shapes: broadcast, empty, odd, seen through views."""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
from op_case import Case, View, brackets, case, method
from torch import Tensor

FLOATS = [torch.float32, torch.float32, torch.float16]
NUMBERS = [torch.float32, torch.float32, torch.float16, torch.int32]
ALL = [*NUMBERS, torch.bool]
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, math.inf, -math.inf, math.nan]

# fmt: off
UNARY = [
    "neg", "abs", "sign", "square", "floor", "ceil", "trunc", "round", "frac", "exp",
    "expm1", "log1p", "sqrt", "sin", "cos", "atan", "tanh", "asinh", "erf", "sigmoid",
    "relu", "isnan", "isinf", "isfinite", "signbit", "sinc", "logical_not",
]
BINARY = [
    "add", "sub", "mul", "div", "maximum", "minimum", "fmax", "fmin", "eq", "ne",
    "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "atan2",
    "hypot", "logaddexp", "copysign",
]
REDUCE = [
    "sum", "mean", "amax", "amin", "var", "std", "any", "all", "count_nonzero",
    "nansum", "logsumexp",
]
# fmt: on


class Draw:
    """Random arguments; the same for a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.generator = torch.Generator().manual_seed(seed)

    def shape(self, least: int = 0, most: int = 4) -> list[int]:
        rank = self.random.randint(least, most)
        sizes = [1, 2, 3, 4, 5, 7, 8]
        empty = self.random.random() < 0.06
        shape = [self.random.choice(sizes) for _ in range(rank)]
        if empty and rank:
            shape[self.random.randrange(rank)] = 0
        return shape

    def values(
        self, shape: list[int], dtype: torch.dtype, edges: bool = False
    ) -> Tensor:
        values = torch.randn(shape, generator=self.generator) * 2
        if dtype == torch.bool:
            return values > 0
        if not dtype.is_floating_point:
            return (values * 4).to(dtype)
        if edges and values.numel() and self.random.random() < 0.3:
            flat = values.flatten()
            for _ in range(3):
                place = self.random.randrange(flat.numel())
                flat[place] = self.random.choice(EDGES)
            values = flat.view(shape)
        return values.to(dtype)

    def tensor(
        self,
        shape: list[int],
        dtypes: list[torch.dtype] = FLOATS,
        edges: bool = False,
    ) -> Tensor | View:
        """A tensor of a shape, often a view of one that lies otherwise."""
        dtype = self.random.choice(dtypes)
        rank = len(shape)
        way = self.random.choice(["plain", "plain", "permute", "narrow", "expand"])
        if rank == 0 or way == "plain":
            return self.values(shape, dtype, edges)
        if way == "permute":
            order = self.random.sample(range(rank), rank)
            base = [0] * rank
            for dim, source in enumerate(order):
                base[source] = shape[dim]
            return View(self.values(base, dtype, edges), "permute", (order,))
        dim = self.random.randrange(rank)
        if way == "narrow":
            start, behind = self.random.randint(0, 2), self.random.randint(0, 2)
            base = [*shape]
            base[dim] += start + behind
            values = self.values(base, dtype, edges)
            return View(values, "narrow", (dim, start, shape[dim]))
        base = [*shape]
        base[dim] = 1
        return View(self.values(base, dtype, edges), "expand", (shape,))

    def narrower(self, shape: list[int]) -> list[int]:
        """A shape that broadcasts to this one."""
        kept = [1 if self.random.random() < 0.3 else size for size in shape]
        return kept[self.random.randint(0, len(kept)) :]

    def dim(self, shape: list[int]) -> int:
        rank = max(1, len(shape))
        return self.random.randrange(-rank, rank)

    def dims(self, shape: list[int]) -> list[int]:
        count = self.random.randint(1, len(shape))
        return sorted(self.random.sample(range(len(shape)), count))

    def indices(self, size: int, shape: list[int]) -> Tensor:
        return torch.randint(0, max(1, size), shape, generator=self.generator)

    def chance(self) -> bool:
        return self.random.random() < 0.5


def unary(draw: Draw) -> Case:
    name = draw.random.choice(UNARY)
    # PyTorch has no sign of half zeros' own, and no frac of integers.
    floats = name in ("frac", "signbit", "round")
    return case(name, draw.tensor(draw.shape(), FLOATS if floats else NUMBERS, True))


def binary(draw: Draw) -> Case:
    name = draw.random.choice(BINARY)
    shape = draw.shape()
    floats = name in ("atan2", "hypot", "logaddexp", "fmax", "fmin")
    dtypes = FLOATS if floats else ALL if name in ("eq", "logical_and") else NUMBERS
    pair = [
        draw.tensor(shape, dtypes, True),
        draw.tensor(draw.narrower(shape), dtypes, True),
    ]
    draw.random.shuffle(pair)
    if name in ("hypot", "logaddexp", "fmax", "fmin"):
        pair = [method("float", one).reference() for one in pair]
    return case(name, *pair)


def ternary(draw: Draw) -> Case:
    shape = draw.shape()
    x, y = (draw.tensor(one, [torch.float32], True) for one in (shape, shape))
    mask = draw.tensor(draw.narrower(shape), [torch.bool])
    return draw.random.choice(
        [
            case("where", mask, x, y),
            case("masked_fill", x, mask, draw.random.choice([1.5, -math.inf])),
            case("lerp", x, y, 0.25),
            case("addcmul", x, y, draw.tensor(shape, [torch.float32]), value=0.5),
            case("clamp", x, -0.5, draw.random.choice([0.5, None])),
        ]
    )


def reduction(draw: Draw) -> Case:
    name = draw.random.choice(REDUCE)
    shape = draw.shape(1)
    floats = name in ("mean", "var", "std", "logsumexp")
    dtypes = FLOATS if floats else NUMBERS
    edges = name in ("amax", "amin", "any", "all", "count_nonzero")
    value = draw.tensor(shape, dtypes, edges)
    if name == "count_nonzero":
        return case(name, value, draw.dims(shape))
    return case(name, value, draw.dims(shape), keepdim=draw.chance())


def along(draw: Draw) -> Case:
    """Functions of one dimension."""
    shape = draw.shape(1)
    dim = draw.dim(shape)
    size = shape[dim]
    numbers = draw.tensor(shape, NUMBERS, True)
    floats = draw.tensor(shape, FLOATS)
    k = draw.random.randint(0, size)
    return draw.random.choice(
        [
            case("sort", numbers, dim=dim, descending=draw.chance(), stable=True),
            case("argsort", numbers, dim=dim, descending=draw.chance(), stable=True),
            case("cumsum", draw.tensor(shape, [torch.float32, torch.int32]), dim),
            case("cumprod", draw.tensor(shape, [torch.float32]), dim),
            case("softmax", floats, dim),
            case("log_softmax", floats, dim=dim),
            case("argmax", numbers, dim, keepdim=draw.chance()),
            case("argmin", numbers, dim=dim),
            case("max", numbers, dim),
            case("prod", draw.tensor(shape, [torch.float32]), dim, draw.chance()),
            # Values only: which of equals come first PyTorch leaves open.
            case("topk", distinct(draw, shape), k, dim, draw.chance()),
        ]
    )


def distinct(draw: Draw, shape: list[int]) -> Tensor:
    count = math.prod(shape)
    order = torch.randperm(count, generator=draw.generator)
    return order.float().view(shape) - count / 2


def move(draw: Draw) -> Case:
    shape = draw.shape(1)
    value = draw.tensor(shape, ALL)
    dim, rank = draw.dim(shape), len(shape)
    shift = draw.random.randint(-9, 9)
    times = [draw.random.randint(0, 3) for _ in range(rank + draw.random.randint(0, 1))]
    widths = [
        draw.random.randint(-1, 3) for _ in range(2 * draw.random.randint(1, rank))
    ]
    slices = [
        slice(
            draw.random.choice([None, draw.random.randint(-9, 9)]),
            draw.random.choice([None, draw.random.randint(-9, 9)]),
            draw.random.choice([None, 1, 2, 3]),
        )
        for _ in range(draw.random.randint(1, rank))
    ]
    order = draw.random.sample(range(rank), rank)
    fits = all(-width <= size for width, size in paired(widths, shape))
    return draw.random.choice(
        [
            case("roll", value, shift, dim),
            case("roll", value, shift),
            method("repeat", value, *times),
            case("tile", value, times),
            case("flip", value, draw.dims(shape)),
            case("permute", value, order),
            case("movedim", value, dim, draw.dim(shape)),
            method("reshape", value, -1) if 0 not in shape else case("flatten", value),
            case("split", value, draw.random.randint(1, 4), dim),
            case("chunk", value, draw.random.randint(1, 4), dim),
            case("narrow", value, dim, 0, draw.random.randint(0, shape[dim])),
            case("unbind", value, dim),
            case("repeat_interleave", value, draw.random.randint(0, 3), dim),
            brackets(value, *slices),
            brackets(value, None, ..., slices[0]),
            case("nn.functional.pad", draw.tensor(shape), widths, value=1.5)
            if fits
            else case("unsqueeze", value, 0),
        ]
    )


def paired(widths: list[int], shape: list[int]) -> list[tuple[int, int]]:
    """What a padding takes away at most of each dimension, and its size."""
    sizes = shape[::-1]
    return [
        (min(0, before) + min(0, after), size)
        for before, after, size in zip(widths[::2], widths[1::2], sizes, strict=False)
    ]


def join(draw: Draw) -> Case:
    shape = draw.shape(1)
    dim = draw.random.randrange(len(shape))
    parts = []
    for _ in range(draw.random.randint(1, 4)):
        own = [*shape]
        own[dim] = draw.random.randint(0, 4)
        parts.append(draw.tensor(own, NUMBERS))
    same = [draw.tensor(shape, [torch.float32]) for _ in range(3)]
    return draw.random.choice([case("cat", parts, dim), case("stack", same, dim)])


def pick(draw: Draw) -> Case:
    shape = [max(1, size) for size in draw.shape(1)]
    value = draw.tensor(shape, ALL)
    dim = draw.random.randrange(len(shape))
    size = shape[dim]
    own = [draw.random.randint(1, one) for one in shape]
    own[dim] = draw.random.randint(0, 6)
    index = draw.indices(size, own)
    base = draw.tensor(shape, [torch.float32])
    src = draw.values(own, torch.float32)
    return draw.random.choice(
        [
            case("index_select", value, dim, draw.indices(size, own[dim : dim + 1])),
            case("gather", value, dim, index),
            case("scatter", base, dim, last_counts(index, dim), src),
            case("scatter", base, dim, index, 2.5),
            case("scatter_add", base, dim, index, src),
            case("scatter_add", draw.values(shape, torch.int32), dim, index, src.int()),
            case("take_along_dim", base, index, dim)
            if own[:dim] + own[dim + 1 :] == shape[:dim] + shape[dim + 1 :]
            else case("tril", draw.tensor([*shape, 5]), draw.random.randint(-3, 3)),
        ]
    )


def last_counts(index: Tensor, dim: int) -> Tensor:
    """Indices, each once: which of several counts PyTorch leaves open."""
    if index.shape[dim] < 2:
        return index
    return index.narrow(dim, 0, 1)


def bracketed(draw: Draw) -> Case:
    """Slices, numbers, None, an ellipsis, and tensors that broadcast together."""
    shape = draw.shape(1)
    common = [draw.random.choice([1, 2, 3]) for _ in range(draw.random.randint(0, 2))]
    indices: list[Any] = []
    for size in shape[: draw.random.randint(1, len(shape))]:
        way = draw.random.choice(["slice", "number", "tensor", "tensor"])
        if size == 0 or way == "slice":
            start, stop = (draw.random.randint(-9, 9) for _ in range(2))
            indices.append(slice(start, stop, draw.random.choice([None, 1, 2])))
        elif way == "number":
            indices.append(draw.random.randrange(-size, size))
        else:
            own = draw.narrower(common)
            indices.append(draw.indices(2 * size, own) - size)
    if draw.random.random() < 0.2:
        indices.insert(draw.random.randint(0, len(indices)), None)
    if draw.random.random() < 0.2:
        indices.append(...)
    return brackets(draw.tensor(shape, ALL, True), *indices)


def by_value(draw: Draw) -> Case:
    """Functions whose result is as long as the elements say."""
    shape = draw.shape()
    value = draw.tensor(shape, ALL, True)
    mask = draw.tensor(draw.narrower(shape), [torch.bool])
    return draw.random.choice(
        [
            case("nonzero", value),
            case("nonzero", value, as_tuple=True),
            case("argwhere", mask),
            case("masked_select", value, mask),
            case("masked_select", draw.tensor(draw.narrower(shape), ALL), mask),
        ]
    )


def product(draw: Draw) -> Case:
    n, k, m = (draw.random.choice([0, 1, 2, 3, 5, 8, 17]) for _ in range(3))
    batch = draw.shape(0, 2)
    one = [torch.float32]
    left = draw.tensor([*draw.narrower(batch), n, k], one)
    right = draw.tensor([*batch, k, m], one)
    whole = [torch.int32]
    return draw.random.choice(
        [
            case("matmul", left, right),
            case("matmul", draw.tensor([k], one), right),
            case("matmul", left, draw.tensor([k], one)),
            case("matmul", draw.tensor([n, k], whole), draw.tensor([k, m], whole)),
            case("einsum", "...ij,...jk->...ik", left, right),
            case(
                "einsum",
                "ij,kj->ki",
                draw.tensor([n, k], one),
                draw.tensor([m, k], one),
            ),
            case(
                "nn.functional.linear",
                draw.tensor([*batch, k], one),
                draw.tensor([m, k], one),
                draw.tensor([m], one),
            ),
        ]
    )


def normed(draw: Draw) -> Case:
    shape = draw.shape(2)
    width = shape[-1]
    value = draw.tensor(shape, FLOATS)
    plain = draw.values([width], torch.float32)
    even = [shape[0], 4, *shape[2:]]
    return draw.random.choice(
        [
            case(
                "nn.functional.layer_norm",
                draw.values(shape, torch.float32),
                [width],
                plain,
                plain,
            ),
            case("nn.functional.layer_norm", value, shape[-2:]),
            case("nn.functional.rms_norm", value, [width], eps=1e-5),
            case(
                "nn.functional.normalize", draw.tensor(shape, [torch.float32]), dim=-1
            ),
            case("nn.functional.group_norm", draw.tensor(even, [torch.float32]), 2),
            case("nn.functional.gelu", value),
            case("nn.functional.silu", value),
        ]
    )


def attention(draw: Draw) -> Case:
    batch, groups, kept = (draw.random.randint(1, 3) for _ in range(3))
    queries, keys = draw.random.randint(1, 9), draw.random.randint(1, 9)
    width = draw.random.choice([1, 4, 8, 20])
    one = [torch.float32]
    q = draw.tensor([batch, groups * kept, queries, width], one)
    k, v = (draw.tensor([batch, kept, keys, width], one) for _ in range(2))
    mask = draw.random.choice(
        [
            None,
            draw.tensor([queries, keys], [torch.bool]),
            draw.tensor([batch, 1, 1, keys], one),
        ]
    )
    kwargs: dict[str, Any] = {"enable_gqa": True, "attn_mask": mask}
    if mask is None:
        kwargs = {"enable_gqa": True, "is_causal": draw.chance()}
    return case("nn.functional.scaled_dot_product_attention", q, k, v, **kwargs)


KINDS: list[Callable[[Draw], Case]] = [
    unary,
    binary,
    ternary,
    reduction,
    along,
    move,
    join,
    pick,
    bracketed,
    by_value,
    product,
    normed,
    attention,
]


def random_cases(seed: int, count: int) -> list[Case]:
    """As many cases, of all kinds in turn."""
    draw = Draw(seed)
    return [KINDS[i % len(KINDS)](draw) for i in range(count)]
