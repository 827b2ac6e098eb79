"""Cases of dtypes: what comes of two tensors, of one and a number, and of keywords."""

from collections.abc import Iterator

import torch
from op_case import Case, case, method
from torch import Tensor

DTYPES = [torch.float32, torch.float16, torch.int32, torch.bool]
# 2.5 and 3: JavaScript cannot tell 3 from 3.0, and takes it for an integer.
NUMBERS = [2.5, 3, True, False]
NAMES = ["add", "div", "pow", "where"]


def value(dtype: torch.dtype, shape: list[int]) -> Tensor:
    return (torch.arange(1, 4)[: shape[0]] if shape else torch.tensor(1)).to(dtype)


def pairs() -> Iterator[tuple[Tensor, Tensor | float]]:
    for one in DTYPES:
        for other in DTYPES:
            yield value(one, [3]), value(other, [3])
            yield value(one, [3]), value(other, [])
            yield value(one, []), value(other, [])
        for number in NUMBERS:
            yield value(one, [3]), number
            yield value(one, []), number


def promoted(name: str) -> Iterator[Case]:
    for one, other in pairs():
        if name == "where":
            yield case(name, torch.tensor([True, False, True]), one, other)
        else:
            yield case(name, one, other)


X, W, B = torch.arange(6.0).view(2, 3), torch.ones(4, 3), torch.ones(4)

keywords: list[Case] = [
    case("nn.functional.linear", X, W, bias=B),
    case("nn.functional.embedding", torch.tensor([1, 0]), X, padding_idx=0),
    case("tril", X, diagonal=1),
    case("triu", X, diagonal=-1),
    case("addmm", B, X, W.t(), alpha=2.0, beta=0.5),
    method("addcdiv", X, X + 1, X + 2, value=3.0),
]

PROMOTION = [*keywords, *(one for name in NAMES for one in promoted(name))]
