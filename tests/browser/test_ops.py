"""Every function of webgpu-torch against PyTorch's own result on the same numbers, on both backends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from op_case import Case, assert_same, decode
from op_cases_nn import NN
from op_cases_pointwise import POINTWISE
from op_cases_reductions import REDUCTIONS
from op_cases_shapes import SHAPES
from playwright.sync_api import Page

CASES = {"pointwise": POINTWISE, "reductions": REDUCTIONS, "shapes": SHAPES, "nn": NN}


@pytest.fixture(scope="module")
def op_page(torch_page: Page) -> Iterator[Page]:
    """A page with the library as `torch`, and op_call.js."""
    torch_page.evaluate(Path(__file__).with_name("op_call.js").read_text())
    yield torch_page


def call(page: Page, case: Case, device: str) -> object:
    """What webgpu-torch makes of a case."""
    answer = page.evaluate(
        "([asked, device]) => callOp(torch, asked, device)", [case.message(), device]
    )
    return decode(answer)


@pytest.mark.parametrize("device", ["cpu", "webgpu"])
@pytest.mark.parametrize("family", CASES)
def test_every_op_gives_what_pytorch_gives(
    op_page: Page, family: str, device: str
) -> None:
    failures = []
    for case in CASES[family]:
        try:
            assert_same(call(op_page, case, device), case.reference(), case.tolerance)
        except Exception as error:  # all that fail are worth seeing at once
            failures.append(f"{case}: {error}")
    assert not failures, "\n\n".join(failures)
