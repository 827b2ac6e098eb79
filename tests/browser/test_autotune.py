"""torch.autotune: every tile is right, the fastest is used and remembered."""

from typing import Any

import pytest
import torch
from playwright.sync_api import Error, Page
from torch.nn import functional as F

from quantize import dequantize, quantize

# As text, with the name of the kernel that has it.
TILES = {
    "8,4,8,4,4,8,2": "matmul_32x32_f32",
    "8,4,4,4,8,16,2": "matmul_32x16_f32",
    "4,4,4,4,8,16,1": "matmul_16x16_f32",
    "4,4,8,8,2,8,1": "matmul_32x32_f32",
    "8,4,8,8,4,8,2": "matmul_64x32_f32",
    "8,8,8,8,2,4,1": "matmul_64x64_f32",
    "8,4,16,8,1,4,1": "matmul_64x64_f32",
}
USUAL = "4,4,4,4,8,16,1"
ROWS, N, K = 150, 70, 92

# A weight, and its product with so many rows as the GPU of the tests would compute it.
SETUP = """
    const F = torch.nn.functional;
    const reopen = async (autotuned) => {
        torch.close();
        await torch.init({caps: {software: false}, autotuned});
    };
    const adapter = () => {
        const {vendor, architecture, description} = torch.device_info();
        return [vendor, architecture, description].join(" / ");
    };
    const floats = (values) => torch.frombuffer(Float32Array.from(values.flat()));
    const half = (scales) => torch.tensor(scales, {dtype: torch.float16});
    const q8 = ({values, scales}) => {
        const steps = Int8Array.from(values.flat());
        const bytes = torch.frombuffer(steps, {dtype: torch.int8});
        return torch.quantized_weight(bytes.reshape(values.length, -1), half(scales));
    };
    const q4 = ({values, scales}) => {
        const bits = Uint32Array.from(values.flat());
        const words = torch.frombuffer(bits, {dtype: torch.uint32});
        return torch.quantized_weight(words.reshape(values.length, -1), half(scales));
    };
    const product = async ({x, w}) => {
        const weight = w.scales ? q4(w) : floats(w).reshape([w.length, -1]);
        const given = floats(x).reshape([x.length, -1]);
        let values;
        const {rows} = await torch.profile(async () => {
            values = await F.linear(given, weight).tolist();
        });
        return {values, kernels: rows.map(({name}) => name)};
    };
"""


# Every kernel but those in `given.fast` takes a second.
SLOW_BUT = """
    await reopen(null);
    const begin = GPUDevice.prototype.createComputePipelineAsync;
    const late = new Set();
    GPUDevice.prototype.createComputePipelineAsync = async function (asked) {
        const pipeline = await begin.call(this, asked);
        if (!given.fast.includes(asked.label)) late.add(pipeline);
        return pipeline;
    };
    let passed = 0;
    const now = performance.now.bind(performance);
    performance.now = () => now() + passed;
    const set = GPUComputePassEncoder.prototype.setPipeline;
    GPUComputePassEncoder.prototype.setPipeline = function (pipeline) {
        if (late.has(pipeline)) passed += 1000;
        return set.call(this, pipeline);
    };
"""


def run(page: Page, body: str, given: object = None) -> Any:
    return page.evaluate(f"async (given) => {{ {SETUP} {body} }}", given)


@pytest.fixture(scope="module")
def given() -> dict[str, Any]:
    torch.manual_seed(0)
    return {"x": torch.randn(ROWS, K).tolist(), "w": torch.randn(N, K).tolist()}


def expected(given: dict[str, Any]) -> torch.Tensor:
    return F.linear(torch.tensor(given["x"]), torch.tensor(given["w"]))


@pytest.mark.parametrize("tile", TILES)
def test_each_tile_is_used_where_it_was_chosen_and_is_right(
    engine: Page, given: dict[str, Any], tile: str
) -> None:
    result = run(
        engine,
        """await reopen({adapter: adapter(), tiles: {[given.key]: given.tile}});
        return product(given);""",
        {**given, "key": f"128 {N}x{K} f32", "tile": tile},
    )
    assert result["kernels"] == [TILES[tile]]
    torch.testing.assert_close(torch.tensor(result["values"]), expected(given))


@pytest.mark.parametrize(
    ("adapter", "tile"),
    [("some / other / GPU", "8,8,8,8,2,4,1"), (None, "9,9,9,9,9,9,9")],
    ids=["another adapter's", "of another version"],
)
def test_tiles_that_do_not_apply_are_not_used(
    engine: Page, given: dict[str, Any], adapter: str | None, tile: str
) -> None:
    tiles = {f"128 {N}x{K} f32": tile}
    result = run(
        engine,
        """await reopen({adapter: given.adapter ?? adapter(), tiles: given.tiles});
        return product(given);""",
        {**given, "adapter": adapter, "tiles": tiles},
    )
    assert result["kernels"] == [TILES[USUAL]]
    torch.testing.assert_close(torch.tensor(result["values"]), expected(given))


def test_tiles_are_measured_once_for_each_size(engine: Page) -> None:
    """In float32 and packed, at two lengths; what was used for it is free again."""
    integers, scales = quantize(torch.randn(32, 64), "q8")
    found = run(
        engine,
        """await reopen(null);
        const w = floats(given.w).reshape([32, 64]);
        const packed = q8(given.packed);
        await torch.synchronize();
        const before = torch.memory_allocated();
        const first = await torch.autotune([w, w, packed], {milliseconds: 1e6});
        const again = await torch.autotune([w, packed]);
        const grown = torch.memory_allocated() - before;
        const x = torch.ones(70, 64);
        const values = await F.linear(x, packed).tolist();
        return {first, again, grown, values, adapter: adapter()};""",
        {
            "w": torch.randn(32, 64).tolist(),
            "packed": {"values": integers.tolist(), "scales": scales.tolist()},
        },
    )
    keys = {f"{rows} 32x64 {dtype}" for rows in (128, 512) for dtype in ("f32", "q8")}
    assert set(found["first"]["tiles"]) == keys
    assert set(found["first"]["tiles"].values()) <= set(TILES)
    assert found["first"]["adapter"] == found["adapter"]
    assert found["again"] == found["first"]
    assert found["grown"] == 0
    row = dequantize(integers, scales).sum(1)
    torch.testing.assert_close(torch.tensor(found["values"]), row.expand(70, 32))


def test_what_was_found_on_an_open_device_outlives_what_was_kept(engine: Page) -> None:
    """A page that asks for the device again still has an earlier visit's tiles."""
    tiles = list(TILES)
    kernels = run(
        engine,
        """const kept = (tile) =>
            ({adapter: adapter(), tiles: {[given.key]: tile}});
        await reopen(kept(given.tiles[0]));
        await torch.init({caps: undefined, autotuned: kept(given.tiles[1])});
        return (await product(given)).kernels;""",
        {
            "key": f"128 {N}x{K} f32",
            "tiles": tiles[:2],
            "x": torch.randn(ROWS, K).tolist(),
            "w": torch.randn(N, K).tolist(),
        },
    )
    assert kernels == [TILES[tiles[0]]]


@pytest.mark.parametrize("known", [True, False])
def test_integers_are_multiplied_where_that_was_chosen_and_shaders_can(
    engine: Page, known: bool
) -> None:
    """Elsewhere the usual tile is used: what was kept may come from another browser."""
    torch.manual_seed(1)
    x, (values, scales) = torch.randn(80, 64), quantize(torch.randn(40, 64), "q4")
    rows = x.tolist()
    rows[7][40] = None  # NaN, which JSON does not have
    result = run(
        engine,
        """torch.close();
        const tiles = {"128 40x64 q4": "dots", "128 40x64 f32": "dots"};
        const autotuned = {adapter: given.adapter, tiles};
        await torch.init({caps: {software: false, dots: given.known}, autotuned});
        const weight = {values: given.values, scales: given.scales};
        const x = given.x.map((row) => row.map((value) => value ?? NaN));
        const {values, kernels} = await product({x, w: weight});
        const plain = await product({x, w: given.w});
        // NaN comes back as null.
        const plainly = values.map((row) => row.map((v) => (v === v ? v : null)));
        return {values: plainly, kernels, plain: plain.kernels};""",
        {
            "adapter": run(engine, "return adapter();"),
            "known": known,
            "x": rows,
            "values": values.tolist(),
            "scales": scales.tolist(),
            "w": torch.randn(40, 64).tolist(),
        },
    )
    integers = ["round_rows", "matmul_dots_q4"]
    assert set(result["kernels"]) == set(integers if known else ["matmul_16x16_q4"])
    assert result["plain"] == [TILES[USUAL]]
    expected = F.linear(x, dequantize(values, scales))
    tolerance = {"rtol": 0, "atol": 0.02 * float(expected.abs().max())}
    assert result["values"].pop(7) == [None] * 40
    found = torch.tensor(result["values"])
    torch.testing.assert_close(found, expected[[*range(7), *range(8, 80)]], **tolerance)


def test_integers_are_a_choice_for_q4_alone(engine: Page) -> None:
    """Told by a clock in which every kernel but that of integers takes long."""
    weights = {dtype: quantize(torch.randn(32, 64), dtype) for dtype in ("q4", "q8")}
    found = run(
        engine,
        SLOW_BUT
        + "return torch.autotune([q4(given.q4), q8(given.q8)], {milliseconds: 1e9});",
        {
            "fast": ["round_rows", "matmul_dots_q4"],
            **{
                dtype: {"values": values.tolist(), "scales": scales.tolist()}
                for dtype, (values, scales) in weights.items()
            },
        },
    )
    chosen = {key.split()[-1]: tile for key, tile in found["tiles"].items()}
    assert chosen["q4"] == "dots"
    assert chosen["q8"] in TILES


def test_the_fastest_tile_is_chosen(engine: Page) -> None:
    """Told by a clock in which every tile but one takes long."""
    found = run(
        engine,
        SLOW_BUT
        + """const w = floats(given.w).reshape([70, 92]);
        return torch.autotune([w], {milliseconds: 1e9});""",
        {"fast": ["matmul_64x32_f32"], "w": torch.randn(70, 92).tolist()},
    )
    assert set(found["tiles"].values()) == {"8,4,8,8,4,8,2"}


def test_no_size_is_begun_after_the_time_is_over(engine: Page) -> None:
    found = run(
        engine,
        """await reopen(null);
        const w = floats(given.w).reshape([32, 64]);
        const other = floats(given.w).reshape([64, 32]);
        return torch.autotune([w, other], {milliseconds: 0.001});""",
        {"w": torch.randn(32, 64).tolist()},
    )
    assert len(found["tiles"]) <= 1


def test_a_software_adapter_has_nothing_to_choose(engine: Page) -> None:
    found = run(engine, "return torch.autotune([floats([1, 2]).reshape([1, 2])]);")
    assert found["tiles"] == {}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("[]", "autotune: expected at least one weight"),
        ("[floats([1, 2])]", r"autotune: expected weights \(N, K\).*\[2\]"),
        ("[floats([1, 2]).reshape([1, 2]).add(1)]", r"that are there.*\[1, 2\]"),
        ("null", "TypeError: autotune: argument 'weights' .* list of Tensors"),
        ("floats([1, 2])", "TypeError: autotune: argument 'weights'"),
        ("[5]", "TypeError: autotune: argument 'weights'"),
        (
            "[torch.frombuffer(Int32Array.of(1), {dtype: torch.int32}).reshape(1, 1)]",
            "RuntimeError: autotune: expected weights of float32, .* got int32",
        ),
        (
            "[floats([1]).reshape([1, 1])], {milliseconds: NaN}",
            "ValueError: autotune: expected milliseconds of 0 or more, but got NaN",
        ),
    ],
)
def test_what_is_no_weight_is_refused(engine: Page, weights: str, message: str) -> None:
    with pytest.raises(Error, match=message):
        run(engine, f"await reopen(null); return torch.autotune({weights});")
