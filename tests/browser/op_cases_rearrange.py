"""Cases of functions that repeat, roll, pad and slice."""

import torch
from op_case import Case, View, brackets, case, method
from torch import Tensor

generator = torch.Generator().manual_seed(6)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


CUBE = randn(2, 3, 4)
SWAPPED = View(CUBE, "permute", (2, 0, 1))
WIDE = randn(5, 9)
INTS = torch.arange(12, dtype=torch.int32).reshape(3, 4)
HALVES = randn(3, 5).half()
BOOLS = INTS > 4

moved: list[Case] = [
    case("roll", WIDE, 2),
    case("roll", WIDE, -1, 0),
    case("roll", WIDE, (2, -3), (0, 1)),
    case("roll", WIDE, 11, dims=1),
    case("roll", SWAPPED, 1, 2),
    case("roll", BOOLS, 1, 1),
    case("roll", torch.empty(0, 3), 1, 0),
    case("roll", HALVES, 5, 1),
    method("roll", INTS, 1, 0),
    case("movedim", CUBE, 0, 2),
    case("movedim", CUBE, (0, 1), (-1, 0)),
    case("moveaxis", SWAPPED, 2, 0),
    case("swapaxes", CUBE, 0, 2),
    case("swapdims", CUBE, 0, 1),
    case("diagonal", WIDE),
    case("diagonal", WIDE, 2),
    case("diagonal", WIDE, -3),
    case("diagonal", WIDE, 9),
    case("diagonal", CUBE, offset=1, dim1=1, dim2=2),
    case("diagonal", SWAPPED, 0, -1, 0),
    case("diagonal", INTS),
]

repeated: list[Case] = [
    method("repeat", randn(3), 2),
    method("repeat", randn(3), 2, 4),
    method("repeat", CUBE, 1, 2, 3),
    method("repeat", SWAPPED, 2, 1, 1),
    method("repeat", INTS, [2, 1]),
    method("repeat", HALVES, 1, 3),
    method("repeat", randn(3), 0),
    method("repeat", torch.tensor(1.5), 2, 2),
    case("tile", randn(3), [2]),
    case("tile", CUBE, [2]),
    case("tile", WIDE, [2, 1, 2]),
    method("tile", BOOLS, 2, 2),
    case("repeat_interleave", randn(3), 2),
    case("repeat_interleave", CUBE, 3, dim=1),
    case("repeat_interleave", SWAPPED, 2),
    case("repeat_interleave", INTS, 2, -1),
]

MODES = ["reflect", "replicate", "circular"]

padded: list[Case] = [
    *(case("nn.functional.pad", WIDE, [2, 3], mode=mode) for mode in MODES),
    *(
        case("nn.functional.pad", randn(1, 2, 4, 5), [1, 2, 3, 1], mode=mode)
        for mode in MODES
    ),
    *(case("nn.functional.pad", CUBE, [3, 0], mode) for mode in MODES),
    *(case("nn.functional.pad", HALVES, [1, 1], mode) for mode in MODES),
    case("nn.functional.pad", randn(2, 2, 1), [4, 5], "replicate"),
    case("nn.functional.pad", INTS, [1, 1, 2, 0]),
    case("nn.functional.pad", BOOLS, [1, 0], value=1),
    case("nn.functional.pad", SWAPPED, [1, 1, 0, 2], value=-1.0),
    case("nn.functional.pad", torch.empty(0, 3), [1, 1, 2, 2], value=2.0),
]

sliced: list[Case] = [
    brackets(WIDE, slice(1, 4)),
    brackets(WIDE, slice(None, None, 2), slice(1, None, 3)),
    brackets(WIDE, ..., slice(-4, -1, 2)),
    brackets(WIDE, slice(3, 1)),
    brackets(WIDE, slice(-99, 99)),
    brackets(WIDE, 2),
    brackets(WIDE, -1, slice(None, 3)),
    brackets(CUBE, 1, ..., 2),
    brackets(CUBE, None, slice(0, 1), None, ..., None),
    brackets(SWAPPED, slice(0, 4, 3), 1),
    brackets(CUBE, slice(None), torch.tensor([2, 0, 2]), slice(None, None, 3)),
    brackets(INTS, slice(None, None, 2)),
    brackets(HALVES, slice(None), slice(1, None, 2)),
    brackets(BOOLS, ..., 0),
    brackets(CUBE, slice(2, None), 0),
]

EMPTY = torch.empty(0)

joined: list[Case] = [
    case("cat", [EMPTY, WIDE]),
    case("cat", [WIDE, EMPTY], 1),
    case("cat", [EMPTY, EMPTY]),
    case("cat", [torch.empty(0, 9), WIDE]),
    case("stack", [torch.empty(0, 2), torch.empty(0, 2)]),
    case("take_along_dim", WIDE, torch.tensor([[44, 0], [3, 17]])),
]

REARRANGE = [*moved, *repeated, *padded, *sliced, *joined]
