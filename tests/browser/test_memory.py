"""What webgpu-torch keeps on the GPU: packed weights, one workspace, and no leaks."""

import pytest
from playwright.sync_api import Error, Page

N_EMBD = 256

# The page's own layers with weights in the layer files' dtypes, and a request of them.
LAYERS = """async (d) => {
    const [{runLayers}, {sequencesOf}] =
        await Promise.all([import("/gpt2.js"), import("/layers.js")]);
    const config = {n_embd: d, n_head: 4, layer_norm_epsilon: 1e-5,
        activation: "gelu_new", causal: true};
    const zeros = (dtype, ...shape) => {
        const size = {float32: 4, uint32: 4, float16: 2, int8: 1}[dtype];
        const count = shape.reduce((product, n) => product * n, 1);
        return torch.frombuffer(new ArrayBuffer(size * count), {dtype}).reshape(shape);
    };
    const matrix = {
        f32: (out, width) => zeros("float32", out, width),
        f16: (out, width) => zeros("float16", out, width),
        q8: (out, width) => torch.quantized_weight(
            zeros("int8", out, width), zeros("float16", out, width / 32)),
        q4: (out, width) => torch.quantized_weight(
            zeros("uint32", out, width / 8), zeros("float16", out, width / 32)),
    };
    const shapes = {"attn.c_attn": [3 * d, d], "attn.c_proj": [d, d],
        "mlp.c_fc": [4 * d, d], "mlp.c_proj": [d, 4 * d]};
    globalThis.makePiece = (dtype) => {
        const piece = new Map();
        for (const [name, [out, width]] of Object.entries(shapes)) {
            piece.set(`${name}.weight`, matrix[dtype](out, width));
            piece.set(`${name}.bias`, zeros("float32", out));
        }
        for (const name of ["ln_1", "ln_2"]) {
            piece.set(`${name}.weight`, zeros("float32", d));
            piece.set(`${name}.bias`, zeros("float32", d));
        }
        return piece;
    };
    globalThis.ask = async (pieces, T) => {
        const x = torch.frombuffer(new Float32Array(T * d)).reshape([T, d]);
        const sequences = sequencesOf(Int32Array.of(T));
        const y = runLayers(pieces, x, sequences, config);
        await y.numpy();
        const {lengths, bounds} = sequences;
        for (const tensor of [x, y, lengths, bounds]) tensor.dispose();
    };
}"""


def packed_bytes(dtype: str) -> int:
    """One layer's weights, as its file holds them."""
    each = {"f32": 4, "f16": 2, "q8": 1 + 2 / 32, "q4": 1 / 2 + 2 / 32}[dtype]
    return round(12 * N_EMBD**2 * each) + 4 * 13 * N_EMBD


@pytest.mark.parametrize("dtype", ["f32", "f16", "q8", "q4"])
def test_each_layer_more_takes_its_packed_weights_and_nothing_else(
    engine: Page, dtype: str
) -> None:
    engine.evaluate(LAYERS, N_EMBD)
    two, three, six = engine.evaluate(
        """async (dtype) => {
            const pieces = [];
            const used = [];
            for (const layers of [2, 3, 6]) {
                while (pieces.length < layers) pieces.push(makePiece(dtype));
                await ask(pieces, 48);
                const {bytes} = liveBuffers();
                used.push([torch.memory_allocated(), torch.memory_reserved(), bytes]);
            }
            return used;
        }""",
        dtype,
    )
    packed = packed_bytes(dtype)
    for first, second, layers in [(two, three, 1), (three, six, 3)]:
        allocated, reserved, live = (b - a for a, b in zip(first, second, strict=True))
        assert allocated == layers * packed
        # Buffers below 64 KiB are powers of two, for reuse: biases and scales.
        assert layers * packed <= live <= 1.03 * layers * packed
        assert reserved == live


def test_1000_requests_end_with_the_buffers_they_began_with(engine: Page) -> None:
    before, after = engine.evaluate(
        """async () => {
            const used = () =>
                [torch.memory_allocated(), torch.memory_reserved(), liveBuffers()];
            const ask = (T) => request(torch, [layer, layer], T);
            for (let T = 1; T <= 64; T++) await ask(T);
            const before = used();
            for (let i = 0; i < 1000; i++) await ask(1 + (i * 37) % 64);
            return [before, used()];
        }"""
    )
    assert after == before


def test_dispose_frees_everything(engine: Page) -> None:
    engine.evaluate(LAYERS, N_EMBD)
    allocated, full, left = engine.evaluate(
        """async () => {
            for (const {weight, bias} of Object.values(layer)) {
                weight.dispose();
                bias.dispose();
            }
            const pieces = Array.from({length: 30}, () => makePiece("f32"));
            await ask(pieces, 16);
            const full = liveBuffers().bytes;
            for (const piece of pieces) {
                for (const tensor of piece.values()) tensor.dispose();
            }
            return [torch.memory_allocated(), full, liveBuffers().bytes];
        }"""
    )
    assert allocated == 0
    assert full > 30 * packed_bytes("f32") > 90_000_000
    # What is kept for reuse is bounded, however much there was: 64 MB of buffers, 8 MB
    # that arguments pass through. 1 MB is the workspace.
    assert left < (64 + 8 + 1) * 2**20


def test_close_gives_the_device_back(engine: Page) -> None:
    reason = engine.evaluate(
        """async () => {
            await request(torch, [layer], 16);
            torch.close();
            return (await device.lost).reason;
        }"""
    )
    assert reason == "destroyed"


def test_memory_of_forgotten_tensors_comes_back(engine: Page) -> None:
    engine.evaluate(
        """async () => {
            globalThis.start = torch.memory_allocated();
            for (let i = 0; i < 20; i++) await torch.tensor([i, 0.5]).exp().tolist();
        }"""
    )
    session = engine.context.new_cdp_session(engine)
    session.send("HeapProfiler.collectGarbage")
    engine.wait_for_function("torch.memory_allocated() === start")


def test_dispose_waits_for_reads_under_way_and_no_longer(engine: Page) -> None:
    total, freed = engine.evaluate(
        """async () => {
            globalThis.x = torch.frombuffer(new Float32Array(1000).fill(1).buffer);
            const before = torch.memory_allocated();
            const read = x.sum().item();
            x.dispose();
            return [await read, before - torch.memory_allocated()];
        }"""
    )
    assert total == 1000
    assert freed > 3900
    with pytest.raises(Error, match="the tensor was disposed"):
        engine.evaluate("() => x.add(1)")


def test_a_tensor_just_below_the_limit_is_no_larger_in_memory(engine: Page) -> None:
    last = engine.evaluate(
        """async () => {
            const real = GPUAdapter.prototype.requestDevice;
            // Above what every adapter has, and no multiple of anything.
            const requiredLimits = {
                maxBufferSize: 300_000_004, maxStorageBufferBindingSize: 150_000_004,
            };
            GPUAdapter.prototype.requestDevice = function () {
                return real.call(this, {requiredLimits});
            };
            await torch.init({caps: {}});
            const x = torch.ones(37_500_000).add(1);
            await x.narrow(0, 0, 1).clone().sum().item();
            const largest = x.exp().clone();
            return [await largest.narrow(0, 37_499_999, 1).item()];
        }"""
    )
    assert last == [pytest.approx(7.389056, 1e-6)]


def test_a_tensor_beyond_the_adapters_buffers_is_refused(torch_page: Page) -> None:
    with pytest.raises(Error, match=r"this adapter's buffers hold at most \d+"):
        torch_page.evaluate("() => torch.zeros(65535, 65535).add(1).tolist()")


@pytest.mark.parametrize(
    "work",
    [
        "column.mul(row).numpy()",
        "column.matmul(row).exp().sum(1).numpy()",
        "torch.compile((x) => torch.softmax(x.matmul(row), -1))(column).numpy()",
    ],
)
def test_what_is_too_large_is_refused_before_anything_is_allocated(
    engine: Page, work: str
) -> None:
    counts, message = engine.evaluate(
        """async () => {
            const column = torch.frombuffer(new Float32Array(50000)).reshape(-1, 1);
            const row = column.reshape(1, -1);
            await column.sum().item();
            let message = "";
            const counts = await counted(async () => {
                try {
                    await (WORK);
                } catch (error) {
                    message = error.message;
                }
            });
            return [counts, message];
        }""".replace("WORK", work)
    )
    assert "this adapter's buffers hold at most" in message
    assert "createBuffer" not in counts
