"""What PyTorch copies is a tensor of its own: neither's disposal shows in the other."""

from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page
from torch import Tensor, nn
from torch.nn import functional

on_both_devices = pytest.mark.parametrize("device", ["cpu", "webgpu"])

VALUES = [[1.0, 2.0, 3.5]]
NONE = torch.zeros(1, 0, dtype=torch.int64)

COPIES: dict[str, Callable[[Tensor], Tensor]] = {
    "a.clone()": lambda a: a.clone(),
    "a.T.clone()": lambda a: a.T.clone(),
    "a.narrow(1, 0, 2).clone()": lambda a: a.narrow(1, 0, 2).clone(),
    "torch.cat([a])": lambda a: torch.cat([a]),
    "torch.cat([a, torch.zeros(0, {device})])": lambda a: torch.cat(
        [a, torch.zeros(0)]
    ),
    "torch.stack([a])": lambda a: torch.stack([a]),
    "a.repeat(1, 1)": lambda a: a.repeat(1, 1),
    "a.repeat(2, 1)": lambda a: a.repeat(2, 1),
    "a.tile(1)": lambda a: a.tile((1,)),
    "a.roll(0)": lambda a: a.roll(0),
    "a.roll(3, 1)": lambda a: a.roll(3, 1),
    "F.pad(a, [0, 0])": lambda a: functional.pad(a, [0, 0]),
    "F.pad(a, [0, 0], 'replicate')": lambda a: functional.pad(a, [0, 0], "replicate"),
    "a.repeat_interleave(1, 0)": lambda a: a.repeat_interleave(1, 0),
    "a.scatter(1, none, 5)": lambda a: a.scatter(1, NONE, 5),
}


@on_both_devices
@pytest.mark.parametrize("computed", [False, True], ids=["data", "computed"])
def test_a_copy_and_its_source_live_apart(
    torch_page: Page, device: str, computed: bool
) -> None:
    answers = torch_page.evaluate(
        """async ([works, values, device, computed]) => {
            const F = torch.nn.functional;
            const none = torch.zeros(1, 0, {device, dtype: torch.int32});
            const answers = [];
            for (const work of works) {
                const data = torch.tensor(values, {device, dtype: torch.float32});
                const a = computed ? data.mul(2) : data;
                const copy = new Function("torch", "F", "a", "none", "device",
                    `return ${work}`);
                const make = () => copy(torch, F, a, none, device);
                const [read, unread, kept, late] = [make(), make(), make(), make()];
                const answer = [await read.tolist()];
                await kept.tolist();
                read.dispose();
                unread.dispose();
                answer.push(await a.tolist());
                a.dispose();
                answer.push(await kept.tolist());
                answer.push(await late.tolist());
                answers.push(answer);
            }
            return answers;
        }""",
        [list(COPIES), VALUES, device, computed],
    )
    source = torch.tensor(VALUES) * (2 if computed else 1)
    for (work, copy), answer in zip(COPIES.items(), answers, strict=True):
        expected = copy(source).tolist()
        assert answer == [expected, source.tolist(), expected, expected], work


@on_both_devices
def test_a_clone_takes_no_memory_until_both_are_gone(
    torch_page: Page, device: str
) -> None:
    held = torch_page.evaluate(
        """async (device) => {
            const before = torch.memory_allocated(device);
            const held = () => torch.memory_allocated(device) - before;
            const a = torch.frombuffer(new Float32Array(4096), {device});
            const [b, c] = [a.clone(), a.reshape(64, 64).clone()];
            const d = c.clone();
            const told = [held()];
            for (const tensor of [a, c, d]) {
                tensor.dispose();
                tensor.dispose();
            }
            told.push(held());
            const sum = await b.sum().item();
            b.dispose();
            return [...told, held(), sum];
        }""",
        device,
    )
    assert held[:2] == [16384, 16384]
    # The sum's own 16 bytes wait for the garbage collector.
    assert held[2] <= 16
    assert held[3] == 0


def test_a_view_of_many_views_is_cloned(torch_page: Page) -> None:
    values = torch_page.evaluate(
        """() => {
            let x = torch.tensor([[1, 2.5]]);
            for (let n = 0; n < 20001; n++) x = x.T;
            return x.clone().tolist();
        }"""
    )
    assert values == [[1], [2.5]]


@on_both_devices
def test_a_packed_weight_is_cloned_packed(torch_page: Page, device: str) -> None:
    rows = torch_page.evaluate(
        """async (device) => {
            const values = torch.frombuffer(
                new Int8Array(64).fill(3), {dtype: torch.int8, device}).reshape(2, 32);
            const scales = torch.frombuffer(Uint16Array.of(0x3c00, 0x4000),
                {dtype: torch.float16, device}).reshape(2, 1);
            const weight = torch.quantized_weight(values, scales);
            const clone = weight.clone();
            for (const tensor of [weight, values, scales]) tensor.dispose();
            const ones = torch.ones(1, 32, {device});
            return [clone.dtype,
                await torch.nn.functional.linear(ones, clone).tolist()];
        }""",
        device,
    )
    assert rows == ["qint8", [[96, 192]]]


@on_both_devices
@pytest.mark.parametrize("given", ["float32", "float16"])
def test_a_loaded_state_is_the_modules_own(
    torch_page: Page, device: str, given: str
) -> None:
    answer = torch_page.evaluate(
        """async ([device, given]) => {
            torch.set_default_device(device);
            try {
                const {Linear} = torch.nn;
                const [first, second, third] =
                    [1, 2, 3].map(() => new Linear(2, 1, false));
                const bits = given === "float16" ? Uint16Array.of(0x3c00, 0x4100)
                    : Float32Array.of(1, 2.5);
                const weight =
                    torch.frombuffer(bits, {dtype: given}).reshape(1, 2);
                first.load_state_dict({weight});
                weight.dispose();
                second.load_state_dict(first.state_dict());
                // Read twice, a weight that is computed is kept.
                for (let n = 0; n < 2; n++) await first.weight.tolist();
                third.load_state_dict(first.state_dict());
                first.dispose();
                return [second.weight.dtype, await second.weight.tolist(),
                    await third.weight.tolist()];
            } finally {
                torch.set_default_device("webgpu");
            }
        }""",
        [device, given],
    )
    weight = nn.Linear(2, 1, False)
    weight.load_state_dict({"weight": torch.tensor([[1, 2.5]])})
    assert answer == ["float32", weight.weight.tolist(), weight.weight.tolist()]


@on_both_devices
def test_loading_keeps_tied_parameters_tied(torch_page: Page, device: str) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wte = nn.Embedding(2, 2)
            self.head = nn.Linear(2, 2, bias=False)
            self.head.weight = self.wte.weight

    states = [
        ({"wte.weight": [[1.0, 1], [1, 1]]}, {"strict": False}),
        ({"wte.weight": [[2.0, 2], [2, 2]], "head.weight": [[3.0, 3], [3, 4]]}, {}),
        (
            {"wte.weight": [[5.0, 5], [5, 5]], "head.weight": [[6.0, 6], [6, 6]]},
            {"assign": True},
        ),
    ]
    told = torch_page.evaluate(
        """async ([states, device]) => {
            torch.set_default_device(device);
            try {
                const tied = new (class extends torch.nn.Module {
                    constructor() {
                        super();
                        this.wte = new torch.nn.Embedding(2, 2);
                        this.head = new torch.nn.Linear(2, 2, {bias: false});
                        this.head.weight = this.wte.weight;
                    }
                })();
                const told = [];
                for (const [lists, options] of states) {
                    const dtype = torch.float32;
                    const state = Object.fromEntries(Object.entries(lists).map(
                        ([name, list]) => [name, torch.tensor(list, {dtype})]));
                    tied.load_state_dict(state, options);
                    told.push([tied.named_parameters().map(([name]) => name),
                        await tied.wte.weight.tolist(),
                        await tied.head.weight.tolist()]);
                }
                return told;
            } finally {
                torch.set_default_device("webgpu");
            }
        }""",
        [states, device],
    )
    tied = Tied()
    for (lists, options), answer in zip(states, told, strict=True):
        state = {name: torch.tensor(rows) for name, rows in lists.items()}
        tied.load_state_dict(state, **options)
        names = [name for name, _ in tied.named_parameters()]
        weights = [tied.wte.weight.tolist(), tied.head.weight.tolist()]
        assert answer == [names, *weights]


def test_a_state_of_another_device_is_refused_unless_it_is_assigned(
    torch_page: Page,
) -> None:
    told = torch_page.evaluate(
        """async () => {
            const linear = new torch.nn.Linear(2, 1, false);
            const weight = torch.ones(1, 2, {device: "cpu"});
            let message = "";
            try {
                linear.load_state_dict({weight});
            } catch (error) {
                message = String(error);
            }
            const kept = linear.weight.device;
            linear.load_state_dict({weight}, {assign: true});
            return [message, kept, linear.weight.device];
        }"""
    )
    message, *devices = told
    assert message == (
        "RuntimeError: Error(s) in loading state_dict for Linear:\n\t"
        'While copying the parameter named "weight", expected a Tensor on webgpu, '
        "but received one on cpu"
    )
    assert devices == ["webgpu", "cpu"]
