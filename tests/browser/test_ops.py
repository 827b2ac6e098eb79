"""Every function of webgpu-torch against PyTorch's own result, on both backends."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from op_case import TOLERANCE, Case, assert_same, decode, encode
from op_cases_arguments import ARGUMENTS, REFUSED_ARGUMENTS
from op_cases_edges import EDGE_CASES
from op_cases_errors import ERRORS
from op_cases_index import INDEX
from op_cases_lists import LISTS
from op_cases_nn import NN
from op_cases_pointwise import POINTWISE
from op_cases_products import PRODUCTS
from op_cases_promotion import PROMOTION
from op_cases_rearrange import REARRANGE
from op_cases_reductions import REDUCTIONS
from op_cases_shapes import SHAPES
from op_cases_special import SPECIAL
from op_cases_width import REFUSED_WIDTHS, WIDTHS
from op_keywords import by_name, sizes_joined
from op_programs import TOLERANCE as PROGRAM_TOLERANCE
from op_programs import random_program
from op_random import random_cases
from playwright.sync_api import Browser, Error, Page
from web_pages import open_webgpu_page

OP_CALL = Path(__file__).with_name("op_call.js").read_text()

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*degrees of freedom"),
    pytest.mark.filterwarnings("ignore:size_average and reduce args"),
]

CASES = {
    "pointwise": POINTWISE,
    "special": SPECIAL,
    "reductions": REDUCTIONS,
    "shapes": SHAPES,
    "rearrange": REARRANGE,
    "index": INDEX,
    "nn": NN,
    "products": PRODUCTS,
    "lists": LISTS,
    "promotion": PROMOTION,
    "edges": EDGE_CASES,
    "widths": WIDTHS,
    "arguments": ARGUMENTS,
    "errors": [*ERRORS, *REFUSED_ARGUMENTS, *REFUSED_WIDTHS],
}


@pytest.fixture(scope="module")
def op_page(torch_page: Page) -> Page:
    """A page with the library as `torch`, and op_call.js."""
    torch_page.evaluate(OP_CALL)
    return torch_page


@pytest.fixture(scope="module")
def hardware_page(browser: Browser, static_url: str) -> Iterator[Page]:
    """The same, with the kernels that adapters other than the software one get."""
    page = open_webgpu_page(browser, f"{static_url}/blank.html")
    page.evaluate(
        """async () => {
            globalThis.torch = await import("/torch.js");
            await torch.init({caps: {software: false}});
        }"""
    )
    page.evaluate(OP_CALL)
    yield page
    page.close()


def call(page: Page, case: Case, device: str) -> object:
    """What webgpu-torch makes of a case."""
    answer = page.evaluate(
        "([asked, device]) => callOp(torch, asked, device)", [case.message(), device]
    )
    return decode(answer)


def refused(work: Callable[[], object]) -> str | None:
    """The name of the error that a call ends in."""
    try:
        work()
    except Error as error:
        found = re.match(r"Page.evaluate: (\w+)", str(error))
        return found[1] if found else str(error)
    except Exception as error:
        return type(error).__name__
    return None


def check(page: Page, cases: list[Case], device: str, absolute: float = 0.0) -> None:
    """Each gives what PyTorch gives, or is refused as PyTorch refuses it."""
    failures = []
    for case in cases:
        expected = refused(case.reference)
        if expected is not None:
            actual = refused(partial(call, page, case, device))
            if actual != expected:
                failures.append(f"{case}: {actual}, expected {expected}")
            continue
        try:
            actual, result = call(page, case, device), case.reference()
            assert_same(actual, result, case.tolerance, absolute)
        except Exception as error:  # all that fail are worth seeing at once
            failures.append(f"{case}: {error}")
    assert not failures, "\n\n".join(failures)


@pytest.mark.parametrize("device", ["cpu", "webgpu"])
@pytest.mark.parametrize("family", CASES)
def test_every_op_gives_what_pytorch_gives(
    op_page: Page, family: str, device: str
) -> None:
    check(op_page, CASES[family], device)


ON_HARDWARE = ["reductions", "nn", "lists", "index", "edges", "widths"]


@pytest.mark.parametrize("family", ON_HARDWARE)
def test_the_kernels_of_hardware_gpus_give_what_pytorch_gives(
    hardware_page: Page, family: str
) -> None:
    check(hardware_page, CASES[family], "webgpu")


def test_errors_are_errors_in_pytorch() -> None:
    """Only what the cases mean to be refused is; some dtypes do not go together."""
    for family in CASES.keys() - {"promotion"}:
        for case in CASES[family]:
            assert bool(refused(case.reference)) == (family == "errors"), str(case)


# Brackets, an operator on lists, methods of a tensor alone, and one that PyTorch's
# build for the CPU lacks.
NOT_BY_NAME = {
    *("index", "einsum", "nn.attention.varlen.varlen_attn"),
    *("bool", "clone", "contiguous", "dequantize", "float", "half", "int"),
}


def test_every_function_takes_its_arguments_by_name(op_page: Page) -> None:
    """Under PyTorch's names, all of them or all but the first."""
    named: dict[str, list[Case]] = {}
    for family in CASES.keys() - {"errors"}:
        for case in CASES[family]:
            known = named.setdefault(case.name, [])
            if len(known) < 6 and not refused(case.reference):
                known += by_name(case) or by_name(sizes_joined(case))
    assert {name for name, cases in named.items() if not cases} == NOT_BY_NAME
    check(op_page, [case for cases in named.values() for case in cases], "cpu")


@pytest.mark.parametrize("method", [False, True])
def test_errors_name_the_function_that_was_called_and_the_shapes(
    op_page: Page, method: bool
) -> None:
    """Whatever it is made of: no `reshape` where `flatten` was called."""
    failures = []
    for case in CASES["errors"]:
        if case.method != method:
            continue
        message = told(partial(call, op_page, case, "cpu"))
        kind, _, text = message.partition(": ")
        name = case.name.split(".")[-1]
        if not text.startswith((f"{name}: ", f"{name}() ", f"{name}(): ")):
            failures.append(f"{case}: {message}")
        shapes = [list(value.shape) for value in case.args if hasattr(value, "shape")]
        if kind != "TypeError" and not all(str(shape) in text for shape in shapes):
            failures.append(f"{case}: {message}")
    assert not failures, "\n\n".join(failures)


def told(work: Callable[[], object]) -> str:
    """The error that a call ends in, with its name."""
    with pytest.raises(Error) as refused:
        work()
    return str(refused.value).removeprefix("Page.evaluate: ").split("\n    at")[0]


# No functions from tensors to tensors: test_engine.py, test_profile.py or
# test_autotune.py has them, or every case does; random numbers have test_random.py.
NO_CASES = {
    "Generator",
    "IndexError",
    "KeyError",
    "NotImplementedError",
    "OutOfMemoryError",
    "RuntimeError",
    "Slice",
    "Tensor",
    "ValueError",
    "autotune",
    "close",
    "compile",
    "constructor",
    "device_info",
    "dim",
    "dispose",
    "empty",
    "frombuffer",
    "init",
    "initial_seed",
    "item",
    "manual_seed",
    "memory_allocated",
    "memory_reserved",
    "multinomial",
    "numel",
    "numpy",
    "profile",
    "quantized_weight",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "seed",
    "set_default_device",
    "size",
    "synchronize",
    "tensor",
    "toString",
    "tolist",
}


def test_every_function_and_method_has_a_case(op_page: Page) -> None:
    names = op_page.evaluate("() => functionNames(torch)")
    tested = {case.name.split(".")[-1] for cases in CASES.values() for case in cases}
    assert set(names) - tested - NO_CASES == set()


@pytest.mark.parametrize("device", ["cpu", "webgpu"])
def test_random_programs_give_what_pytorch_gives(op_page: Page, device: str) -> None:
    failures = []
    for seed in range(40):
        inputs, calls, expected = random_program(seed)
        asked = {
            "inputs": [encode(tensor) for tensor in inputs],
            "calls": calls,
            "results": len(expected),
        }
        try:
            answer = op_page.evaluate(
                "([asked, device]) => callProgram(torch, asked, device)",
                [asked, device],
            )
            assert_same(decode(answer), expected, TOLERANCE, PROGRAM_TOLERANCE)
        except Exception as error:  # all that fail are worth seeing at once
            failures.append(f"program {seed}: {error}")
    assert not failures, "\n\n".join(failures)


# Of products of numbers around 2 that cancel.
RANDOM_TOLERANCE = 1e-5


@pytest.mark.parametrize("device", ["cpu", "webgpu"])
def test_random_calls_give_what_pytorch_gives(op_page: Page, device: str) -> None:
    check(
        op_page,
        random_cases(seed=0, count=260),
        device,
        RANDOM_TOLERANCE,
    )
