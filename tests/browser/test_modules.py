"""torch.nn's modules against PyTorch's own with the same weights, loaded by name."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from op_case import assert_same, decode, encode
from playwright.sync_api import Error, Page
from torch import Tensor, nn

OP_CALL = Path(__file__).with_name("op_call.js").read_text()
# Several products in a row, each a sum in another order than PyTorch's.
TOLERANCE = 1e-5

generator = torch.Generator().manual_seed(9)
on_both_devices = pytest.mark.parametrize("device", ["cpu", "webgpu"])


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


@dataclass
class ModuleCase:
    """A module as JavaScript and Python make it, and one call of it."""

    make: str
    module: Callable[[], nn.Module]
    args: list[Tensor]
    kwargs: dict[str, Any] = field(default_factory=dict)
    absolute: float = 0.0

    def __str__(self) -> str:
        return f"{self.make} {list(self.kwargs)}"


ROWS = randn(3, 5, 8)
KEYS, VALUES = randn(3, 6, 8), randn(3, 6, 8)
LOUD = (randn(3, 5, 64) * 20).half()
PADDING = torch.tensor([[False] * 5 + [True], [False] * 6, [False, True] * 3])
CAUSAL = torch.ones(5, 5).triu(1).bool()


def attention(
    args: list[Tensor],
    given: dict[str, Any] | None = None,
    made: dict[str, Any] | None = None,
    sizes: str = "8, 2",
    absolute: float = 0.0,
) -> ModuleCase:
    """MultiheadAttention(*sizes), made with some keywords and called with others."""
    options = {"batch_first": True} | (made or {})
    shown = ", ".join(
        f"{name}: {str(value).lower()}" for name, value in options.items()
    )
    return ModuleCase(
        f"new nn.MultiheadAttention({sizes}, {{ {shown} }})",
        lambda: nn.MultiheadAttention(*map(int, sizes.split(",")), **options),
        args,
        given or {},
        absolute,
    )


CASES = [
    ModuleCase("new nn.Linear(8, 3)", lambda: nn.Linear(8, 3), [ROWS]),
    ModuleCase(
        "new nn.Linear(8, 3, false)", lambda: nn.Linear(8, 3, bias=False), [ROWS]
    ),
    ModuleCase(
        "new nn.Embedding(7, 4)",
        lambda: nn.Embedding(7, 4),
        [torch.tensor([[6, 0], [2, 2]])],
    ),
    ModuleCase("new nn.LayerNorm(8)", lambda: nn.LayerNorm(8), [ROWS]),
    ModuleCase(
        "new nn.LayerNorm([5, 8], { eps: 0.1, bias: false })",
        lambda: nn.LayerNorm([5, 8], eps=0.1, bias=False),
        [ROWS],
    ),
    ModuleCase(
        "new nn.LayerNorm(8, 1e-5, false)",
        lambda: nn.LayerNorm(8, elementwise_affine=False),
        [ROWS],
    ),
    ModuleCase("new nn.RMSNorm(8)", lambda: nn.RMSNorm(8), [ROWS]),
    ModuleCase(
        "new nn.RMSNorm([8], { eps: 0.01 })", lambda: nn.RMSNorm([8], eps=0.01), [ROWS]
    ),
    ModuleCase(
        """new nn.Sequential(
            new nn.Linear(8, 16), new nn.GELU("tanh"), new nn.LayerNorm(16),
            new nn.Sequential(new nn.Linear(16, 4), new nn.SiLU()), new nn.ReLU())""",
        lambda: nn.Sequential(
            nn.Linear(8, 16),
            nn.GELU("tanh"),
            nn.LayerNorm(16),
            nn.Sequential(nn.Linear(16, 4), nn.SiLU()),
            nn.ReLU(),
        ),
        [ROWS],
    ),
    ModuleCase(
        """new nn.Sequential(
            new nn.Linear({ in_features: 8, out_features: 6, bias: false }),
            new nn.Linear(6, { out_features: 8 }),
            new nn.LayerNorm({ normalized_shape: 8 }),
            new nn.RMSNorm({ normalized_shape: [8], eps: 0.1 }))""",
        lambda: nn.Sequential(
            nn.Linear(in_features=8, out_features=6, bias=False),
            nn.Linear(6, out_features=8),
            nn.LayerNorm(normalized_shape=8),
            nn.RMSNorm(normalized_shape=[8], eps=0.1),
        ),
        [ROWS],
    ),
    ModuleCase(
        "new nn.Embedding({ num_embeddings: 7, embedding_dim: 4 })",
        lambda: nn.Embedding(num_embeddings=7, embedding_dim=4),
        [torch.tensor([6, 0])],
    ),
    ModuleCase(
        "new nn.MultiheadAttention({embed_dim: 8, num_heads: 2, batch_first: true})",
        lambda: nn.MultiheadAttention(embed_dim=8, num_heads=2, batch_first=True),
        [ROWS],
        {"key": KEYS, "value": VALUES},
    ),
    *(
        ModuleCase(f"new nn.{name}", make, [], {"input": ROWS})
        for name, make in {
            "Linear(8, 3)": lambda: nn.Linear(8, 3),
            "LayerNorm(8)": lambda: nn.LayerNorm(8),
            "GELU()": lambda: nn.GELU(),
            "ReLU({ inplace: false })": lambda: nn.ReLU(inplace=False),
            "SiLU(false)": lambda: nn.SiLU(False),
            "Sequential(new nn.SiLU())": lambda: nn.Sequential(nn.SiLU()),
        }.items()
    ),
    ModuleCase("new nn.RMSNorm(8)", lambda: nn.RMSNorm(8), [], {"x": ROWS}),
    ModuleCase(
        "new nn.Embedding(7, 4, null, { norm_type: 2, sparse: false })",
        lambda: nn.Embedding(7, 4, None, norm_type=2, sparse=False),
        [],
        {"input": torch.tensor([6, 0])},
    ),
    ModuleCase(
        "new nn.MultiheadAttention(8, 2, { batch_first: true })",
        lambda: nn.MultiheadAttention(8, 2, batch_first=True),
        [],
        {"query": ROWS, "key": KEYS, "value": VALUES, "key_padding_mask": PADDING},
    ),
    attention([ROWS, ROWS, ROWS]),
    attention([ROWS, ROWS, ROWS], {"need_weights": False}),
    attention([ROWS, KEYS, VALUES], {"average_attn_weights": False}),
    attention([ROWS, KEYS, KEYS], {"key_padding_mask": PADDING}),
    attention(
        [ROWS, KEYS, VALUES], {"key_padding_mask": PADDING, "need_weights": False}
    ),
    attention([ROWS, ROWS, ROWS], {"attn_mask": CAUSAL}),
    attention(
        [ROWS, ROWS, ROWS],
        {"attn_mask": CAUSAL, "is_causal": True, "need_weights": False},
    ),
    attention([ROWS, KEYS, VALUES], {"attn_mask": randn(6, 5, 6)}),
    attention(
        [ROWS, KEYS, VALUES],
        {"attn_mask": randn(5, 6), "key_padding_mask": PADDING.float() * -9},
    ),
    attention([ROWS, KEYS, VALUES], made={"bias": False}),
    attention([ROWS, randn(4, 5, 8), randn(4, 5, 8)], made={"batch_first": False}),
    attention([ROWS[0], KEYS[0], VALUES[0]]),
    attention([ROWS[0], ROWS[0], ROWS[0]], {"need_weights": False}),
    attention([ROWS, randn(3, 6, 4), randn(3, 6, 7)], made={"kdim": 4, "vdim": 7}),
    attention([ROWS[0], KEYS[0], KEYS[0]], {"key_padding_mask": PADDING[0]}),
    # Products of queries and keys are beyond float16, until they are scaled. Results
    # are sums of float16 of some hundreds, which cancel.
    *(
        attention([LOUD, LOUD, LOUD], given, {"dtype": torch.float16}, "64, 1", 0.5)
        for given in (
            {},
            {"need_weights": False},
            {"attn_mask": CAUSAL},
            {"attn_mask": CAUSAL, "need_weights": False},
            {"attn_mask": CAUSAL.half(), "average_attn_weights": False},
            {"attn_mask": CAUSAL, "key_padding_mask": PADDING[:, 1:]},
        )
    ),
]


@pytest.fixture(scope="module")
def module_page(torch_page: Page) -> Page:
    torch_page.evaluate(OP_CALL)
    return torch_page


def saved(module: nn.Module) -> str:
    """The module's weights as a safetensors file, in base64."""
    state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    return base64.b64encode(safetensors.torch.save(state)).decode()


ONES, MORE = torch.ones(3, 5, 8), torch.ones(3, 6, 8)
# What MultiheadAttention(8, 2) is called with, and how its error says what was wrong.
REFUSED: list[tuple[list[Tensor], dict[str, Tensor], str]] = [
    (
        [ONES, MORE, MORE],
        {"key_padding_mask": PADDING[:2]},
        "key_padding_mask is [2, 6], but should be [3, 6]",
    ),
    (
        [ONES, MORE, MORE],
        {"key_padding_mask": PADDING[0]},
        "key_padding_mask is [6], but should be [3, 6]",
    ),
    (
        [ONES[0], MORE[0], MORE[0]],
        {"key_padding_mask": PADDING[:1]},
        "key_padding_mask is [1, 6], but should be [6]",
    ),
    (
        [ONES, MORE, MORE],
        {"key_padding_mask": PADDING.int()},
        "only bool and floating types of key_padding_mask are supported, got int32",
    ),
    (
        [ONES, MORE, MORE],
        {"attn_mask": CAUSAL},
        "attn_mask is [5, 5], but should be [5, 6]",
    ),
    (
        [ONES, ONES, ONES],
        {"attn_mask": torch.zeros(3, 5, 5)},
        "attn_mask is [3, 5, 5], but should be [6, 5, 5]",
    ),
    (
        [ONES, ONES, ONES],
        {"attn_mask": torch.zeros(5)},
        "attn_mask is [5], but should be [5, 5]",
    ),
    (
        [ONES, ONES, ONES],
        {"attn_mask": CAUSAL.int()},
        "only bool and floating types of attn_mask are supported, got int32",
    ),
    (
        [ONES, MORE, ONES],
        {},
        "key and value of one length, and all three of one batch size, got [3, 5, 8], "
        "[3, 6, 8], [3, 5, 8]",
    ),
    (
        [ONES, MORE[:2], MORE[:2]],
        {},
        "of one batch size, got [3, 5, 8], [2, 6, 8], [2, 6, 8]",
    ),
    (
        [ONES, MORE[..., :4], MORE],
        {},
        "embedding dimensions of 8, 8, 8, got [3, 5, 8], [3, 6, 4], [3, 6, 8]",
    ),
    (
        [ONES, ONES[0], ONES],
        {},
        "of 2 or 3 dimensions, got [3, 5, 8], [5, 8], [3, 5, 8]",
    ),
]


@pytest.mark.parametrize(("args", "given", "message"), REFUSED)
def test_attention_says_what_does_not_fit(
    module_page: Page, args: list[Tensor], given: dict[str, Tensor], message: str
) -> None:
    module = nn.MultiheadAttention(8, 2, batch_first=True)
    with pytest.raises((RuntimeError, AssertionError)):
        module(*args, **given)
    asked = {
        "make": "new nn.MultiheadAttention(8, 2, { batch_first: true })",
        "state": saved(module),
        "args": [encode(tensor) for tensor in args],
        "kwargs": {name: encode(value) for name, value in given.items()},
    }
    with pytest.raises(Error) as refused:
        module_page.evaluate("asked => callModule(torch, asked, 'cpu')", asked)
    assert "RuntimeError: MultiheadAttention: " in refused.value.message
    assert message in refused.value.message


@on_both_devices
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_module_gives_what_pytorchs_gives(
    module_page: Page, case: ModuleCase, device: str
) -> None:
    module = case.module().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(randn(*parameter.shape) / 2)
        expected = module(*case.args, **case.kwargs)
    asked = {
        "make": case.make,
        "state": saved(module),
        "args": [encode(tensor) for tensor in case.args],
        "kwargs": {name: encode(value) for name, value in case.kwargs.items()},
    }
    answer = module_page.evaluate(
        "([asked, device]) => callModule(torch, asked, device)", [asked, device]
    )
    assert answer["names"] == [name for name, _ in module.named_parameters()]
    assert_same(decode(answer["result"]), expected, TOLERANCE, case.absolute)


def messages(error: RuntimeError) -> list[str]:
    """The lines of PyTorch's message, without how it writes a shape."""
    text = str(error).replace("torch.Size(", "").replace("])", "]")
    return [line.strip() for line in text.splitlines()]


@pytest.mark.parametrize(
    "names",
    [["weight"], ["weight", "bias", "more", "yet"], [], ["weight", "bias"]],
    ids=str,
)
def test_a_state_that_does_not_fit_is_refused_whole(
    module_page: Page, names: list[str]
) -> None:
    state = {name: torch.zeros(3, 3) for name in names}
    with pytest.raises(RuntimeError) as refused:
        nn.Linear(2, 3).load_state_dict(state)
    told, unchanged = module_page.evaluate(
        """async (names) => {
            const linear = new torch.nn.Linear(2, 3);
            const before = linear.weight;
            const state = new Map(names.map((name) => [name, torch.zeros(3, 3)]));
            try {
                linear.load_state_dict(state);
            } catch (error) {
                return [error.message, linear.weight === before];
            }
        }""",
        names,
    )
    assert [line.strip() for line in told.splitlines()] == messages(refused.value)
    assert unchanged


def test_a_loose_load_tells_what_was_missing(module_page: Page) -> None:
    told = module_page.evaluate(
        """async () => {
            const linear = new torch.nn.Linear(2, 1);
            const state = {weight: torch.tensor([[5, 6]]), more: torch.ones(1)};
            const {missing_keys, unexpected_keys} =
                linear.load_state_dict(state, {strict: false});
            const cast = linear.weight.dtype;
            linear.load_state_dict({weight: torch.ones(1, 2).half()}, false, true);
            return {missing_keys, unexpected_keys, cast, kept: linear.weight.dtype};
        }"""
    )
    assert told == {
        "missing_keys": ["bias"],
        "unexpected_keys": ["more"],
        "cast": "float32",
        "kept": "float16",
    }


def test_modules_begin_as_pytorchs_do(module_page: Page) -> None:
    """Bounds and spreads of the first weights; their numbers are others."""
    told = module_page.evaluate(
        """async () => {
            torch.manual_seed(1);
            const {Linear, Embedding, MultiheadAttention} = torch.nn;
            const lists = (module) => Promise.all(
                module.parameters().map((tensor) => tensor.flatten().tolist()));
            return {
                linear: await lists(new Linear(25, 400)),
                embedding: await lists(new Embedding(400, 25, {padding_idx: -1})),
                attention: await lists(new MultiheadAttention(24, 2)),
            };
        }"""
    )
    weight, bias = map(torch.tensor, told["linear"])
    assert 0.19 < weight.max() <= 0.2
    assert -0.2 <= weight.min() < -0.19
    assert 0.18 < bias.abs().max() <= 0.2
    rows = torch.tensor(told["embedding"][0]).view(400, 25)
    assert rows[-1].abs().max() == 0
    assert abs(rows[:-1].std() - 1) < 0.05
    projection, in_bias, _, out_bias = map(torch.tensor, told["attention"])
    bound = (6 / (4 * 24)) ** 0.5
    assert 0.95 * bound < projection.abs().max() <= bound
    assert in_bias.abs().max() == out_bias.abs().max() == 0


FILE = {
    "f32": randn(2, 3),
    "f16": randn(4).half(),
    "bf16": randn(3, 2).bfloat16(),
    "f64": randn(2).double(),
    "i64": torch.tensor([2**31 - 1, -(2**31), 7]),
    "i32": torch.tensor([[5], [-5]], dtype=torch.int32),
    "i8": torch.arange(-3, 3, dtype=torch.int8),
    "bool": torch.tensor([True, False, True]),
    "u32": torch.tensor([2**32 - 1], dtype=torch.uint32),
    "none": torch.empty(0, 3),
    "one": torch.tensor(2.5),
}


@on_both_devices
def test_a_safetensors_file_of_every_dtype_is_read(
    module_page: Page, device: str
) -> None:
    body = base64.b64encode(safetensors.torch.save(FILE)).decode()
    answer = module_page.evaluate(
        """async ([text, device]) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const tensors = torch.safetensors.load(bytes, {device});
            const entries = await Promise.all([...tensors].map(async ([name, tensor]) =>
                [name, tensor.dtype, [...tensor.shape], await tensor.tolist()]));
            return entries;
        }""",
        [body, device],
    )
    assert {name for name, *_ in answer} == set(FILE)
    for name, dtype, shape, values in answer:
        expected = FILE[name]
        assert shape == list(expected.shape)
        assert values == expected.float().tolist() or values == expected.tolist()
        changed = {"bfloat16": "float32", "float64": "float32", "int64": "int32"}
        own = str(expected.dtype)[6:]
        assert dtype == changed.get(own, own)


def file(header: str, data: bytes = b"") -> list[int]:
    text = header.encode()
    return [*(len(text).to_bytes(8, "little") + text + data)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([1, 2, 3], "3 bytes, expected at least 8"),
        ([255] * 16, "a header of 18446744073709551615 bytes in a file of 16"),
        (file("no"), "no JSON"),
        (file("[]"), "no JSON object"),
        (file('{"w": 5}'), "w: expected a shape"),
        (
            file('{"w": {"dtype": "F8", "shape": [1], "data_offsets": [0, 1]}}', b"1"),
            "w: dtype F8, expected F32",
        ),
        (
            file('{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 9]}}'),
            "w: bytes 0 to 9 of 0",
        ),
        (
            file(
                '{"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}', b"1234"
            ),
            r"w: 4 bytes, expected 8 for F32 \[2\]",
        ),
        (
            file('{"w": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}', b"12"),
            "bytes from 1 to 2 are of no tensor",
        ),
        (
            file('{"w": {"dtype": "I8", "shape": [1], "data_offsets": [1, 2]}}', b"12"),
            "bytes from 0 to 1 are of no tensor",
        ),
        (
            file(
                '{"v": {"dtype": "I8", "shape": [1], "data_offsets": [0, 1]},'
                ' "w": {"dtype": "I8", "shape": [1], "data_offsets": [0, 1]}}',
                b"1",
            ),
            "bytes from 0 to 1 are of two tensors",
        ),
        (
            file(
                '{"w": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}',
                (2**31).to_bytes(8, "little"),
            ),
            "w: 2147483648 does not fit int32",
        ),
    ],
)
def test_a_broken_file_is_refused(
    module_page: Page, body: list[int], message: str
) -> None:
    with pytest.raises(Error, match=message):
        module_page.evaluate(
            "body => { torch.safetensors.load(Uint8Array.from(body)); }", body
        )
