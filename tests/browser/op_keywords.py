"""Cases with their arguments by name, under the names that PyTorch takes them by."""

import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from typing import Any

import torch
from op_case import Case


def by_name(case: Case) -> list[Case]:
    """The case with all arguments by name, and with all but the first."""
    cases: list[Case] = []
    # Brackets, and what PyTorch has under another name or not at all.
    if case.name == "index" or case.expected is not None:
        return cases
    for names in parameter_names(case):
        if len(names) < len(case.args):
            continue
        for first in {int(case.method), 1}:
            given = dict(zip(names[first:], case.args[first:], strict=False))
            named = replace(
                case, args=case.args[:first], kwargs={**given, **case.kwargs}
            )
            if given and is_taken(named):
                cases.append(named)
        if cases:
            break
    return cases


def is_taken(case: Case) -> bool:
    """Whether PyTorch takes the arguments by these names."""
    with suppress(Exception):  # of whatever kind, for arguments that are none
        case.reference()
        return True
    return False


def parameter_names(case: Case) -> Iterator[list[str]]:
    """From the signature of what is written in Python, else from the operator's."""
    owner: Any = torch.Tensor if case.method else torch
    with suppress(ValueError, TypeError):
        yield [
            *inspect.signature(reduce(getattr, case.name.split("."), owner)).parameters
        ]
    operator = f"aten::{case.name.split('.')[-1]}"
    for schema in torch._C._jit_get_schemas_for_operator(operator):
        names = [argument.name for argument in schema.arguments]
        yield ["input" if name == "self" else name for name in names]


def sizes_joined(case: Case) -> Case:
    """`x.view(2, 3)` as `x.view([2, 3])`: only the list has a name."""
    first, sizes = case.args[: int(case.method)], case.args[int(case.method) :]
    if len(sizes) == 0 or not all(isinstance(size, int) for size in sizes):
        return case
    return replace(case, args=[*first, list(sizes)])
