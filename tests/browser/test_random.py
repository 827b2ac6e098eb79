"""Random numbers: the published ones, the same every time, distributed as they say."""

import math
from typing import Any

import pytest
import torch
from playwright.sync_api import Error, Page
from torch import Tensor

on_both_devices = pytest.mark.parametrize("device", ["cpu", "webgpu"])

# Random123's known answers (kat_vectors): counter, key, and what ten rounds make of
# them. https://github.com/DEShawResearch/random123
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0"),
]
ANSWERS = [
    "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    "408f276d 41c83b0e a20bc7c6 6d5451fd",
    "d16cfe09 94fdcceb 5001e420 24126ea1",
]


def draw(page: Page, device: str, expression: str) -> Any:
    """The value of an expression over `torch` and `g`, a generator seeded with 7."""
    return page.evaluate(
        f"""(device) => {{
            const g = new torch.Generator().manual_seed(7);
            return ({expression}).tolist();
        }}""",
        device,
    )


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@on_both_devices
@pytest.mark.parametrize(("state", "answer"), [*zip(KNOWN, ANSWERS, strict=True)])
def test_philox_gives_the_published_numbers(
    torch_page: Page, device: str, state: tuple[str, str], answer: str
) -> None:
    drawn = torch_page.evaluate(
        """([state, device]) => {
            const generator = new torch.Generator().set_state(state);
            const all = [-(2 ** 31), 2 ** 31];
            return torch.randint(...all, [4], {generator, device}).tolist();
        }""",
        [words(" ".join(state)), device],
    )
    assert [value + 2**31 for value in drawn] == words(answer)


@on_both_devices
def test_counters_carry_over(torch_page: Page, device: str) -> None:
    """Numbers past the end of a word are those of the counter with the carry."""
    answers = torch_page.evaluate(
        """(device) => Promise.all([
            [0xffffffff, 0xffffffff, 5, 1, 2, 3],
            [0, 0, 6, 1, 2, 3],
        ].map(async (state) => {
            const generator = new torch.Generator().set_state(state);
            return (await torch.rand(8, {generator, device}).tolist());
        }))""",
        device,
    )
    assert answers[0][4:] == answers[1][:4]


def test_devices_agree(torch_page: Page) -> None:
    """The same numbers everywhere; normal ones up to the rounding of a logarithm."""
    for name, exact in (("rand", True), ("randn", False)):
        one, other = (
            torch.tensor(
                draw(torch_page, device, f"torch.{name}(999, {{generator: g, device}})")
            )
            for device in ("cpu", "webgpu")
        )
        torch.testing.assert_close(
            one, other, rtol=0, atol=0 if exact else 4e-6 * one.abs().max().item()
        )


@on_both_devices
def test_a_seed_repeats_and_a_draw_goes_on(torch_page: Page, device: str) -> None:
    first, second, again, other, restored = torch_page.evaluate(
        """async (device) => {
            const numbers = () => torch.rand(5, {device}).tolist();
            torch.manual_seed(3);
            const [first, second] = [await numbers(), await numbers()];
            torch.manual_seed(3);
            const again = await numbers();
            torch.manual_seed(4);
            const other = await numbers();
            const g = new torch.Generator();
            const state = g.get_state();
            const kept = await torch.rand(5, {generator: g, device}).tolist();
            g.set_state(state);
            const back = await torch.rand(5, {generator: g, device}).tolist();
            return [first, second, again, other, String(kept) === String(back)];
        }""",
        device,
    )
    assert first == again
    assert first not in (second, other)
    assert restored


def test_seeds_are_told(torch_page: Page) -> None:
    told = torch_page.evaluate(
        """() => {
            torch.manual_seed(-5);
            const negative = torch.initial_seed();
            torch.manual_seed(2 ** 40 + 5);
            const given = torch.initial_seed();
            const fresh = torch.seed();
            return [negative, given, fresh === torch.initial_seed(),
                fresh === torch.seed()];
        }"""
    )
    negative = torch.Generator().manual_seed(-5).initial_seed()
    # JavaScript rounds to 53 bits.
    assert float(told.pop(0)) == float(negative)
    assert told == [2**40 + 5, True, False]


def furthest(values: Tensor, distribution: torch.distributions.Distribution) -> float:
    """Kolmogorov and Smirnov's statistic, times the root of how many there are."""
    values = values.double().sort().values
    expected = distribution.cdf(values)
    count = len(values)
    steps = torch.arange(count + 1, dtype=torch.float64) / count
    gap = torch.maximum(steps[1:] - expected, expected - steps[:-1]).max()
    return gap.item() * math.sqrt(count)


@on_both_devices
def test_numbers_are_distributed_as_they_should(torch_page: Page, device: str) -> None:
    count = 40_000
    normal = torch.tensor(
        draw(torch_page, device, f"torch.randn({count}, {{generator: g, device}})")
    )
    uniform = torch.tensor(
        draw(torch_page, device, f"torch.rand({count}, {{generator: g, device}})")
    )
    # One in a thousand true samples is further off than 1.95; the seed is fixed.
    assert furthest(normal, torch.distributions.Normal(0.0, 1.0)) < 1.95
    assert furthest(uniform, torch.distributions.Uniform(0.0, 1.0)) < 1.95
    assert 0 <= uniform.min() < uniform.max() < 1
    # Neighbours come from one counter, or from one angle: they must not agree.
    for values in (normal, uniform):
        for distance in (1, 2, 3, 4):
            pairs = torch.stack([values[:-distance], values[distance:]])
            assert abs(torch.corrcoef(pairs)[0, 1]) < 4 / math.sqrt(count)


@on_both_devices
def test_integers_are_within_bounds_and_even(torch_page: Page, device: str) -> None:
    drawn = torch.tensor(
        draw(
            torch_page,
            device,
            "torch.randint(-3, 4, [7000], {generator: g, device})",
        )
    )
    counts = (drawn.flatten() + 3).bincount(minlength=7)
    assert len(counts) == 7
    assert ((counts - 1000).double() ** 2 / 1000).sum() < 22.5  # chi², p = 0.001
    below = draw(torch_page, device, "torch.randint(2, [50], {generator: g, device})")
    assert set(below) == {0, 1}


@on_both_devices
def test_numbers_in_float16_are_below_1(torch_page: Page, device: str) -> None:
    """As many as it has bits for, each as probable: rounding would give 1."""
    options = "{generator: g, device, dtype: torch.float16}"
    uniform = torch.tensor(draw(torch_page, device, f"torch.rand(40000, {options})"))
    assert 0 <= uniform.min() < uniform.max() < 1
    assert torch.equal(uniform, (uniform * 2**11).floor() / 2**11)
    # A step of 2^-11 is less than a tenth of the distance that the bound allows.
    assert furthest(uniform, torch.distributions.Uniform(0.0, 1.0)) < 1.95


WEIGHTS = torch.tensor([1.0, 0.0, 3.0, 0.5, 0.0, 5.5])


@on_both_devices
@pytest.mark.parametrize("factor", [1, 3e37])
def test_multinomial_draws_by_weight(
    torch_page: Page, device: str, factor: float
) -> None:
    """With replacement, and one at a time, which is done another way."""
    weights = f"torch.tensor({(WEIGHTS * factor).tolist()}, {{device}})"
    many = draw(
        torch_page, device, f"{weights}.multinomial(8000, true, {{generator: g}})"
    )
    rows = f"{weights}.expand(8000, 6)"
    single = draw(torch_page, device, f"torch.multinomial({rows}, 1, {{generator: g}})")
    expected = WEIGHTS / WEIGHTS.sum() * 8000
    for drawn in (torch.tensor(many), torch.tensor(single).flatten()):
        counts = drawn.bincount(minlength=6)
        assert counts[WEIGHTS == 0].sum() == 0
        kept = WEIGHTS > 0
        gaps = (counts - expected)[kept].double() ** 2 / expected[kept]
        assert gaps.sum() < 16.3  # chi² with 3 degrees, p = 0.001


@on_both_devices
def test_multinomial_without_replacement_repeats_nothing(
    torch_page: Page, device: str
) -> None:
    drawn = draw(
        torch_page,
        device,
        "torch.multinomial(torch.ones(50, 6, {device}), 6, {generator: g})",
    )
    assert all(sorted(row) == list(range(6)) for row in drawn)
    assert len({tuple(row) for row in drawn}) > 30


@on_both_devices
@pytest.mark.parametrize("weight", ["0", "1.5e-40", "NaN", "Infinity", "-1"])
def test_multinomial_gives_positions_whatever_the_weights_are(
    torch_page: Page, device: str, weight: str
) -> None:
    weights = f"torch.full([3], {weight}, {{device, dtype: torch.float32}})"
    for call in ("9, true", "3"):
        drawn = draw(torch_page, device, f"{weights}.multinomial({call})")
        assert set(drawn) <= {0, 1, 2}


def test_a_wide_row_of_weights_is_drawn_from(torch_page: Page) -> None:
    """A vocabulary's width: several runs to sort, several tiles to add up."""
    last = "torch.zeros(50257).index([new torch.Slice(0, 50256)])"
    weights = f"torch.cat([{last}, torch.ones(1)])"
    for call in ("1", "3, true"):
        drawn = draw(torch_page, "webgpu", f"{weights}.multinomial({call})")
        assert set(drawn) == {50256}


@pytest.mark.parametrize(
    "call",
    [
        "torch.multinomial(torch.ones(3), 4)",
        "torch.multinomial(torch.ones(3), 0)",
        "torch.multinomial(torch.ones(2, 2, 2), 1)",
        "torch.multinomial(torch.ones(3, {dtype: 'int32'}), 1)",
        "torch.randint(3, 3, [2])",
        "torch.manual_seed(-(2 ** 53))",
        "new torch.Generator().set_state([1, 2])",
    ],
)
def test_wrong_calls_are_refused(torch_page: Page, call: str) -> None:
    with pytest.raises(Error, match="RuntimeError"):
        torch_page.evaluate(f"() => {{ {call}; }}")


def test_shapes_dtypes_and_devices_are_those_asked_for(torch_page: Page) -> None:
    told = torch_page.evaluate(
        """() => [
            torch.rand(2, 3), torch.randn([4], {dtype: torch.float16}),
            torch.rand(0, 2),
            torch.randint(5, [3], {dtype: torch.float32, device: "cpu"}),
            torch.rand_like(torch.zeros(2, 2, {device: "cpu"})),
            torch.randn_like(torch.zeros(3, {dtype: torch.float16})), torch.rand([]),
        ].map(({shape, dtype, device}) => [[...shape], dtype, device])"""
    )
    assert told == [
        [[2, 3], "float32", "webgpu"],
        [[4], "float16", "webgpu"],
        [[0, 2], "float32", "webgpu"],
        [[3], "float32", "cpu"],
        [[2, 2], "float32", "cpu"],
        [[3], "float16", "webgpu"],
        [[], "float32", "webgpu"],
    ]


def test_a_second_draw_compiles_nothing(torch_page: Page) -> None:
    made = torch_page.evaluate(
        """async () => {
            const draw = () => torch.randn(33).mul(2).tolist();
            await draw();
            const real = GPUDevice.prototype.createComputePipelineAsync;
            let made = 0;
            GPUDevice.prototype.createComputePipelineAsync = function (...args) {
                made += 1;
                return real.apply(this, args);
            };
            try {
                await draw();
            } finally {
                GPUDevice.prototype.createComputePipelineAsync = real;
            }
            return made;
        }"""
    )
    assert made == 0
