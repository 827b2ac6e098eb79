"""Calls that cannot be carried out are refused, by name and with what came."""

import pytest
from playwright.sync_api import Error, Page

# fmt: off
REFUSED = [
    ("torch.tensor([1, 2, 3]).add(torch.tensor([1, 2]))",
     "add: The size of tensor a (3) must match the size of tensor b (2)"),
    ("torch.ones(2, 3).matmul(torch.ones(2, 3))",
     "matmul: mat1 and mat2 shapes cannot be multiplied: [2, 3] and [2, 3]"),
    ("torch.ones(2, 3).reshape(4, 2)",
     "reshape: shape '[4, 2]' is invalid for input of size 6"),
    ("torch.ones(2, 3).sum(2)",
     "sum: Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
    ("torch.ones(2).sum({axis: 0})",
     "sum() got an unexpected keyword argument 'axis'"),
    ("torch.ones(2).sum(0, true, 1)",
     "sum() takes at most 2 positional arguments but 3 were given"),
    ("torch.tensor([[1, 2], [3]])",
     "tensor: expected sequence of length 2 at dim 1 (got 1)"),
    ("torch.tensor(['a'])",
     "tensor: expected numbers, booleans or arrays of them, got string"),
    ("torch.zeros(100000, 100000)",
     "shape [100000, 100000] has more than 4294967295 elements"),
    ("torch.ones(2).add(torch.ones(2, {device: 'cpu'}))",
     "Expected all tensors to be on the same device"),
    ("torch.ones(2).mul('3')",
     "mul: expected a Tensor or a number, got string"),
    ("torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 2))",
     "input [2, 3] and weight [4, 2]"),
    ("torch.tensor([true]).sub(torch.tensor([true]))",
     "with a bool tensor is not supported"),
    ("torch.tensor([1, 2]).mean()",
     "Input dtype must be a floating point dtype. Got: int32"),
    ("torch.cat([torch.ones(2, 3), torch.ones(2, 4)])",
     "cat: Sizes of tensors must match except in dimension 0"),
    ("torch.stack([torch.ones(2, 3), torch.ones(4)])",
     "stack: expects each tensor to be equal size, got [2, 3] and [4]"),
    ("torch.nn.functional.scaled_dot_product_attention(torch.ones(2, 3), "
     "torch.ones(2, 5), torch.ones(2, 3))",
     "key (…, S, E) and value (…, S, Ev), got [2, 3], [2, 5], [2, 3]"),
    ("torch.arange(0, 1, 0)", "arange: step must be nonzero"),
    # What a buffer of bytes does not have, before any of it is copied.
    ("torch.frombuffer(new ArrayBuffer(6))",
     "buffer length (6 bytes) after offset (0 bytes) must be a multiple of element"),
    ("torch.frombuffer(new ArrayBuffer(8), {count: 3})",
     "ValueError: frombuffer: requested buffer length (3 * 4 bytes) after offset (0"),
    ("torch.frombuffer(new ArrayBuffer(8), {count: 2, offset: 4})",
     "requested buffer length (2 * 4 bytes) after offset (4 bytes) must not be"),
    ("torch.frombuffer(new ArrayBuffer(8), {count: 2 ** 40})",
     "frombuffer: requested buffer length (1099511627776 * 4 bytes)"),
    ("torch.frombuffer(new ArrayBuffer(8), {offset: 12})",
     "ValueError: frombuffer: offset must be non-negative and no greater than buffer"),
    ("torch.frombuffer(new ArrayBuffer(8), {offset: -4})",
     "no greater than buffer length (8), but got -4"),
    ("torch.frombuffer(new ArrayBuffer(8), {offset: 0.5})",
     "TypeError: frombuffer: count and offset must be integers, got -1 and 0.5"),
    ("torch.frombuffer(new ArrayBuffer(8), {count: NaN})",
     "frombuffer: count and offset must be integers, got NaN and 0"),
    ("torch.frombuffer(8)",
     "TypeError: frombuffer: expected an ArrayBuffer or a view of one, got Number"),
    ("torch.frombuffer([1, 2])",
     "frombuffer: expected an ArrayBuffer or a view of one, got Array"),
    # Options that there are not.
    ("torch.init({dtype: 'float32'})",
     "TypeError: init() got an unexpected keyword argument 'dtype'"),
    ("torch.init('cpu')", "init() takes at most 0 positional arguments"),
    ("torch.init({device: 'cuda'})",
     "init: expected one of webgpu, cpu as device, but got cuda"),
    ("torch.compile((x) => x, {mode: 'max-autotune'})",
     "TypeError: compile() got an unexpected keyword argument 'mode'"),
    ("torch.compile(3)", "compile: expected a function, got number"),
    ("torch.autotune([torch.ones(2, 2)], {ms: 3})",
     "TypeError: autotune() got an unexpected keyword argument 'ms'"),
    ("torch.profile(() => {}, {activities: []})",
     "TypeError: profile() got an unexpected keyword argument 'activities'"),
    # What would be written in place, or needs singular values.
    ("torch.nn.functional.relu(torch.ones(2), {inplace: true})",
     "NotImplementedError: relu: inplace must be false"),
    ("new torch.nn.SiLU({inplace: true})",
     "NotImplementedError: SiLU: inplace must be false"),
    ("new torch.nn.ReLU({slope: 1})",
     "TypeError: ReLU() got an unexpected keyword argument 'slope'"),
    ("new torch.nn.Embedding(3, 2, {max_norm: 1})",
     "NotImplementedError: Embedding: max_norm changes the weight"),
    ("torch.nn.functional.embedding(torch.tensor([0]), torch.ones(3, 2), "
     "{padding_idx: 3})",
     "embedding: padding_idx must be within num_embeddings, got 3 of 3"),
    ("torch.norm(torch.ones(2, 2), 'nuc')",
     "NotImplementedError: norm: the nuclear norm, which takes singular values"),
    # Modules.
    ("new torch.nn.Linear(2, 2).forward()",
     'TypeError: Linear() missing 1 required positional argument: "input"'),
    ("new torch.nn.Linear(2, 2).forward({x: torch.ones(2)})",
     'TypeError: Linear() missing 1 required positional argument: "input"'),
    ("new torch.nn.RMSNorm(2).forward({x: torch.ones(2), eps: 1})",
     "TypeError: RMSNorm() got an unexpected keyword argument 'eps'"),
    ("new torch.nn.Sequential(new torch.nn.ReLU()).forward(3)",
     "TypeError: Sequential(): argument 'input' (position 1) must be Tensor"),
]
# fmt: on


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_errors_name_the_function_and_what_came(
    torch_page: Page, call: str, message: str
) -> None:
    with pytest.raises(Error) as refusal:
        torch_page.evaluate(f"async () => {{ await {call}; }}")
    assert message in refusal.value.message
