"""What webgpu-torch promises besides right numbers: little work, memory, errors."""

import re
from typing import Any

import pytest
from playwright.sync_api import Error, Page


def count(page: Page, work: str) -> Any:
    return page.evaluate(f"() => counted(async () => {{ {work} }})")


def test_a_chain_of_elementwise_functions_is_one_dispatch(engine: Page) -> None:
    counts = count(
        engine,
        """const x = torch.tensor([[1, 2], [3, 4.5]]);
        await x.add(1).mul(x.t()).exp().sub(x.narrow(1, 0, 1)).relu().tolist();""",
    )
    assert (counts["dispatchWorkgroups"], counts["submit"]) == (1, 1)


def test_a_layer_is_seven_dispatches_and_a_request_one_submit(engine: Page) -> None:
    counts = count(engine, "await request(torch, [layer, layer, layer], 5)")
    assert (counts["dispatchWorkgroups"], counts["submit"]) == (21, 1)


def test_a_layer_of_few_rows_is_five_dispatches_on_a_gpu(engine: Page) -> None:
    """Its norms are done by the products behind them; of many rows they are not."""
    counted = engine.evaluate(
        """async () => {
            torch.close();
            await torch.init({caps: {software: false}});
            const layers = [makeLayer(torch), makeLayer(torch)];
            const of = async (rows) => {
                const counts = await counted(() => request(torch, layers, rows));
                return counts.dispatchWorkgroups;
            };
            return [await of(5), await of(65)];
        }"""
    )
    assert counted == [10, 14]


def test_a_gpu_compiles_nothing_for_a_new_length(engine: Page) -> None:
    """Its kernels differ by length: those of other lengths are compiled ahead."""
    compiled = engine.evaluate(
        """async () => {
            torch.close();
            await torch.init({caps: {software: false}});
            const layers = [makeLayer(torch)];
            await request(torch, layers, 9);
            await new Promise((resolve) => setTimeout(resolve, 50));
            const counts = [];
            for (const rows of [1, 3, 17, 64, 65, 140]) {
                const {createComputePipelineAsync = 0} =
                    await counted(() => request(torch, layers, rows));
                counts.push(createComputePipelineAsync);
            }
            return counts;
        }"""
    )
    assert compiled == [0] * 6


def test_large_arguments_arrive_whole(engine: Page) -> None:
    """They take turns in a few shared buffers, and some are never used."""
    wrong = engine.evaluate(
        """async () => {
            const made = (n, k) =>
                Float32Array.from({length: n}, (_, i) => i % 999 + k);
            const wrong = [];
            const check = (name, values, n, k) => {
                const right = values.every((v, i) => v === i % 999 + k);
                if (values.length !== n || !right) wrong.push(name);
            };
            for (let k = 0; k < 24; k++) {
                const n = 33000 + 7919 * k;
                const x = torch.frombuffer(made(n, k));
                if (k % 5 === 3) { x.dispose(); continue; }
                const y = x.add(1);
                check(`one ${k}`, await y.numpy(), n, k + 1);
                x.dispose();
                y.dispose();
            }
            const many = Array.from(
                {length: 9}, (_, k) => torch.frombuffer(made(70000, k)));
            const read = await Promise.all(many.map((x) => x.numpy()));
            read.forEach((values, k) => check(`many ${k}`, values, 70000, k));
            return wrong;
        }"""
    )
    assert wrong == []


def test_what_fails_takes_no_others_data_with_it(engine: Page) -> None:
    """Data that waits to be copied is copied by the next step that is submitted."""
    values = engine.evaluate(
        """async () => {
            const data = () => torch.frombuffer(new Float32Array(4));
            const w = data();
            const step = torch.compile((x) => x.add(w));
            await step(data()).numpy();
            w.dispose();
            const values = [];
            for (let n = 0; n < 6; n++) {
                const failing = step(data());
                const large = torch.frombuffer(new Float32Array(65536).fill(n + 7));
                await failing.numpy().catch(({message}) => values.push(message));
                values.push((await large.numpy())[65535]);
                large.dispose();
            }
            return values;
        }"""
    )
    assert values[1::2] == [7, 8, 9, 10, 11, 12]
    assert all("disposed" in message for message in values[::2])


@pytest.mark.parametrize("software", [True, False])
def test_sums_of_millions_keep_their_digits(engine: Page, software: bool) -> None:
    sums = engine.evaluate(
        """async (software) => {
            torch.close();
            await torch.init({caps: {software}});
            const tenth = torch.full([1, 1], 0.1);
            const sums = [
                await torch.ones(1, 1).expand(2e7, 2).sum(0).tolist(),
                await tenth.expand(5e6, 2).mean(0).tolist(),
                await tenth.expand(2, 5e6).mean(1).tolist(),
            ];
            torch.close();
            await torch.init();
            return sums;
        }""",
        software,
    )
    assert sums[0] == [20_000_000] * 2
    assert sums[1] == pytest.approx([0.1] * 2, rel=2e-5)
    assert sums[2] == pytest.approx([0.1] * 2, rel=2e-5)


@pytest.mark.parametrize("device", ["cpu", "webgpu"])
def test_numbers_that_wgsl_cannot_spell_come_behind_a_product(
    engine: Page, device: str
) -> None:
    values = engine.evaluate(
        """async (device) => {
            const {linear} = torch.nn.functional;
            const ones = (rows) => torch.ones([rows, 4], {device});
            const y = () => linear(ones(1), ones(2));
            const found = [y().mul(1e39), y().add(-1e40), y().clamp({max: Infinity}),
                y().mul(-0)];
            const rows = await Promise.all(found.map((tensor) => tensor.numpy()));
            return rows.map(([value]) => Object.is(value, -0) ? "-0" : String(value));
        }""",
        device,
    )
    assert values == ["Infinity", "-Infinity", "4", "-0"]


def test_a_view_of_a_view_any_number_of_times(engine: Page) -> None:
    values = engine.evaluate(
        """async () => {
            let x = torch.tensor([[1, 2], [3, 4]]);
            for (let n = 0; n < 20001; n++) x = x.T;
            return x.tolist();
        }"""
    )
    assert values == [[1, 3], [2, 4]]


@pytest.mark.parametrize("device", ["cpu", "webgpu"])
def test_a_chain_of_any_length_is_computed(engine: Page, device: str) -> None:
    total = engine.evaluate(
        """async (device) => {
            let x = torch.zeros(2, {device});
            for (let i = 0; i < 2000; i++) x = x.add(1);
            return x.tolist();
        }""",
        device,
    )
    assert total == [2000, 2000]


def test_reads_of_one_tick_share_a_submit(engine: Page) -> None:
    counts = count(
        engine,
        """const x = torch.tensor([1, 2, 3.5]);
        const y = x.exp();
        await Promise.all([y.sum().item(), y.mul(2).tolist(), x.tolist()]);""",
    )
    assert counts["submit"] == 1


def test_a_length_never_seen_compiles_nothing(engine: Page) -> None:
    # Matmuls have a shader for each range of lengths: one, a few, many.
    count(engine, "for (const T of [1, 3, 64]) await request(torch, [layer], T)")
    counts = count(
        engine, "for (const T of [2, 9, 33, 50]) await request(torch, [layer], T)"
    )
    assert "createComputePipelineAsync" not in counts


def test_a_text_a_little_shorter_makes_no_buffer(engine: Page) -> None:
    # 600 rows take more than 64 KiB, below which sizes are rounded up anyway.
    count(engine, "await request(torch, [layer], 600)")
    counts = count(engine, "await request(torch, [layer], 590)")
    assert counts == {"dispatchWorkgroups": 7, "submit": 1}


@pytest.mark.parametrize("run", ["layerOf(torch)", "torch.compile(layerOf(torch))"])
def test_a_step_that_is_repeated_makes_nothing_new(engine: Page, run: str) -> None:
    engine.evaluate(f"() => {{ globalThis.run = {run}; }}")
    step = "await request(torch, [layer], 6, run)"
    count(engine, f"for (let i = 0; i < 4; i++) {step}")
    assert count(engine, step) == {"dispatchWorkgroups": 7, "submit": 1}


def test_a_compiled_function_gives_what_the_plain_one_gives(engine: Page) -> None:
    same = engine.evaluate(
        """async () => {
            const compiled = torch.compile(layerOf(torch));
            const same = [];
            for (const T of [3, 5, 3, 1]) {
                const a = await request(torch, [layer, layer], T);
                const b = await request(torch, [layer, layer], T, compiled);
                same.push(a.every((value, i) => Math.abs(value - b[i]) < 1e-6));
            }
            return same;
        }"""
    )
    assert same == [True] * 4


def test_a_compiled_function_takes_views_and_gives_trees(engine: Page) -> None:
    results = engine.evaluate(
        """async () => {
            const add = ({ a, b }, scale) => ({ sum: a.add(b).mul(scale), same: a });
            const f = torch.compile(add);
            const x = torch.tensor([[1, 2], [3, 4]]);
            const first = f({ a: x.t(), b: x.exp().log() }, 2);
            const second = f({ a: x, b: x }, 3);
            const all = [first.sum, first.same, second.sum.add(second.same)];
            return Promise.all(all.map((t) => t.round().tolist()));
        }"""
    )
    assert results == [[[4, 10], [10, 16]], [[1, 3], [2, 4]], [[7, 14], [21, 28]]]


@pytest.mark.parametrize("outer", ["torch.compile(model)", "model"])
def test_layers_of_a_recorded_function_run_in_one_submit(
    engine: Page, outer: str
) -> None:
    """It runs once for all of them, and the work is that of plain layers."""
    traced, same, counts = engine.evaluate(
        """async () => {
            const layers = [makeLayer(torch), makeLayer(torch), makeLayer(torch)];
            const plain = layerOf(torch);
            let traced = 0;
            const recorded = torch.compile((...args) => {
                traced += 1;
                return plain(...args);
            });
            const model = (h, ends, T) =>
                layers.reduce((h, layer) => recorded(layer, h, ends, T), h);
            const outer = OUTER;
            const run = (_, h, ends, T) => outer(h, ends, T);
            const same = [];
            for (const T of [3, 70, 3]) {
                const a = await request(torch, layers, T);
                const b = await request(torch, [null], T, run);
                same.push(a.every((value, i) => value === b[i]));
            }
            const counts = await counted(() => request(torch, [null], 3, run));
            return [traced, same, counts];
        }""".replace("OUTER", outer)
    )
    assert traced == 2
    assert same == [True] * 3
    assert counts == {"dispatchWorkgroups": 21, "submit": 1}


def test_a_recorded_function_gives_all_its_results_to_another(engine: Page) -> None:
    results = engine.evaluate(
        """async () => {
            const both = torch.compile((x) => [x.cumsum(0).exp(), x.cumsum(0)]);
            const f = torch.compile((x) => {
                const [exp, sum] = both(x.t());
                const [, twice] = both(sum.t());
                return { exp, twice, sum: twice.add(exp.log()) };
            });
            const x = torch.tensor([[1, 2], [3, 4]]);
            const { exp, twice, sum } = f(x.add(1));
            const of = (t) => t.round().tolist();
            return Promise.all([of(exp.log()), twice.tolist(), of(sum)]);
        }"""
    )
    # [[2, 4], [3, 5]], its running sums down, and theirs once more, turned.
    assert results == [
        [[2, 4], [5, 9]],
        [[2, 5], [6, 14]],
        [[4, 9], [11, 23]],
    ]


def test_an_output_that_is_there_stays_when_the_others_are_asked_for(
    engine: Page,
) -> None:
    values, left = engine.evaluate(
        """async () => {
            const f = torch.compile((x) => [x.cumsum(0), x.cumsum(0).exp()]);
            const x = torch.tensor([1, 2, 3.5]);
            const before = torch.memory_allocated();
            const [sum, exp] = f(x);
            // What a run passes is kept the second time.
            for (const n of [1, 2]) {
                const more = sum.add(n);
                await more.tolist();
                more.dispose();
            }
            const values = [await exp.gt(20).tolist(), await sum.tolist()];
            await exp.tolist();
            values.push(await sum.tolist());
            exp.dispose();
            sum.dispose();
            return [values, torch.memory_allocated() - before];
        }"""
    )
    assert values == [[False, True, True], [1, 3, 6.5], [1, 3, 6.5]]
    # The answer to exp.gt(20) is left to the garbage collector.
    assert left <= 16


def test_packed_weights_are_arguments_of_recorded_functions(engine: Page) -> None:
    values = engine.evaluate(
        """async () => {
            const weight = (step) => torch.quantized_weight(
                torch.full([2, 32], step, {dtype: torch.int32}).to(torch.int8),
                torch.ones(2, 1, {dtype: torch.float16}));
            const f = torch.compile((w, x) => torch.nn.functional.linear(x, w));
            const g = torch.compile((w, x) => f(w, x).add(f(w, x)));
            const x = torch.ones(1, 32);
            const results = [f(weight(1), x), f(weight(2), x), g(weight(3), x)];
            return Promise.all(results.map((t) => t.tolist()));
        }"""
    )
    assert values == [[[32, 32]], [[64, 64]], [[192, 192]]]


def test_a_lost_device_rejects_reads_and_init_opens_another(engine: Page) -> None:
    with pytest.raises(Error, match=r"device was lost.*torch\.init\(\)"):
        engine.evaluate(
            """async () => {
                const read = torch.ones(4).add(1).tolist();
                device.destroy();
                await read;
            }"""
        )
    with pytest.raises(Error, match="device was lost"):
        engine.evaluate("() => torch.tensor([1])")
    result = engine.evaluate(
        "async () => { await torch.init(); return torch.ones(2).add(1).tolist(); }"
    )
    assert result == [2, 2]


def test_data_given_to_a_device_that_has_just_been_lost(engine: Page) -> None:
    """Large data goes through buffers that stay mapped, until the device is lost."""
    with pytest.raises(Error, match=r"device was lost.*torch\.init\(\)"):
        engine.evaluate(
            """async () => {
                const data = new Float32Array(2 ** 18).fill(1);
                await torch.frombuffer(data).add(1).sum().item();
                await torch.synchronize();
                device.destroy();
                await torch.frombuffer(data).add(1).sum().item();
            }"""
        )


# The software adapter has no memory for a buffer of the size that it allows at most.
@pytest.mark.parametrize(
    ("size", "refusal"),
    [
        ("2 ** 50", r"RuntimeError: the GPU device was closed after an error"),
        (
            "this.limits.maxBufferSize",
            r"OutOfMemoryError: the GPU is out of memory: tried to allocate \d+ bytes"
            r" for .* with \d+ bytes in use; call torch\.init\(\) again",
        ),
    ],
)
def test_after_a_failed_allocation_nothing_stale_is_read(
    engine: Page, size: str, refusal: str
) -> None:
    outcomes, fresh = engine.evaluate(
        """async () => {
            const x = torch.frombuffer(new Float32Array(5000).fill(1).buffer);
            const real = GPUDevice.prototype.createBuffer;
            GPUDevice.prototype.createBuffer = function (descriptor) {
                return real.call(this, {...descriptor, size: SIZE});
            };
            const y = x.add(1);
            const reads = [await Promise.allSettled([y.tolist()])];
            GPUDevice.prototype.createBuffer = real;
            // Neither the result, nor what comes of it, nor a tensor from before.
            for (const t of [y, x]) reads.push(await Promise.allSettled([t.tolist()]));
            await torch.init();
            const fresh = await torch.ones(5000).add(1).sum().item();
            const message = ([{ status, reason }]) => `${status} ${reason}`;
            return [reads.map(message), fresh];
        }""".replace("SIZE", size)
    )
    assert len(outcomes) == 3
    for outcome in outcomes:
        assert re.match(f"rejected {refusal}", outcome), outcome
    assert fresh == 10_000


def test_a_kernel_that_fails_to_compile_is_named(engine: Page) -> None:
    result = engine.evaluate(
        """async () => {
            const real = GPUDevice.prototype.createShaderModule;
            GPUDevice.prototype.createShaderModule = function ({label}) {
                return real.call(this, {label, code: "fn main() { nonsense }"});
            };
            const [read] = await Promise.allSettled([torch.ones(2).exp().tolist()]);
            GPUDevice.prototype.createShaderModule = real;
            // The device and other kernels are as good as before.
            return [read.reason.message, await torch.ones(2).add(1).tolist()];
        }"""
    )
    assert "kernel elementwise(exp) did not compile" in result[0]
    assert result[1] == [2, 2]


def test_recordings_differ_where_their_arguments_do(engine: Page) -> None:
    results = engine.evaluate(
        """async () => {
            const f = torch.compile((x, words) => x.mul(words.length));
            const x = torch.ones(1);
            const ask = (words) => f(x, words).item();
            return [await ask(["a", "b"]), await ask(['a","b'])];
        }"""
    )
    assert results == [2, 1]


def test_a_recording_is_gone_with_its_device(engine: Page) -> None:
    result = engine.evaluate(
        """async () => {
            const f = torch.compile((x) => x.add(1));
            await f(torch.ones(2).clone()).tolist();
            torch.close();
            await torch.init();
            return f(torch.ones(2).clone()).tolist();
        }"""
    )
    assert result == [2, 2]


def test_a_tensor_says_what_it_is(torch_page: Page) -> None:
    said = torch_page.evaluate(
        """() => {
            const x = torch.zeros(2, 3, {dtype: torch.int32});
            return [x.shape, x.dtype, x.device, x.ndim, x.dim(), x.numel(), x.size(),
                    x.size(-1), String(x)];
        }"""
    )
    shown = "Tensor(shape=[2, 3], dtype=int32, device=webgpu)"
    assert said == [[2, 3], "int32", "webgpu", 2, 2, 6, [2, 3], 3, shown]


def test_one_bad_read_leaves_the_others_of_its_tick(torch_page: Page) -> None:
    outcomes = torch_page.evaluate(
        """async () => {
            const good = torch.ones(2).add(1);
            const bad = torch.zeros(65535, 65535).add(1);
            const settled = await Promise.allSettled([good.tolist(), bad.tolist()]);
            return settled.map(({ status }) => status);
        }"""
    )
    assert outcomes == ["fulfilled", "rejected"]


def test_a_matrix_has_its_transpose_as_a_property(torch_page: Page) -> None:
    shapes, values = torch_page.evaluate(
        """async () => {
            const cube = torch.zeros(2, 3, 4);
            const matrix = torch.tensor([[1, 2], [3, 4]]);
            return [[cube.T, cube.mT, torch.tensor(1).T].map(({shape}) => [...shape]),
                await Promise.all([matrix.T.tolist(), matrix.mT.tolist()])];
        }"""
    )
    assert shapes == [[4, 3, 2], [2, 4, 3], []]
    assert values == [[[1, 3], [2, 4]]] * 2
