"""Clear errors, and a server that takes over what fails in the browser."""

from pathlib import Path
from typing import Any

import piece_faults
import pytest
import torch
from checkpoints import write_gpt2
from client_page import ClientPage
from headless import system_chromium
from live_server import LiveServer
from playwright.sync_api import Browser, Page, Playwright, Route
from tolerances import F32

from options import Options

STAGES = ["tokenize", "server", "network", "load", "upload", "browser", "readback"]
TEXTS = ["one text", "and another, longer one"]
MODEL = {"model": "small-gpt2", "dtype": "f32"}

# Each breaks the Worker's next GPU work in its own way, once.
BREAKS = {
    "the device is lost": """() => {
        const original = GPUDevice.prototype.createCommandEncoder;
        GPUDevice.prototype.createCommandEncoder = function (...args) {
            GPUDevice.prototype.createCommandEncoder = original;
            this.destroy();
            return original.apply(this, args);
        };
    }""",
    "an exception": """() => {
        const original = GPUQueue.prototype.submit;
        GPUQueue.prototype.submit = function () {
            GPUQueue.prototype.submit = original;
            throw new Error("a driver's whim");
        };
    }""",
    "a result that is no number": """() => {
        const original = GPUBuffer.prototype.getMappedRange;
        GPUBuffer.prototype.getMappedRange = function (...args) {
            GPUBuffer.prototype.getMappedRange = original;
            const {byteLength} = original.apply(this, args);
            return new Float32Array(byteLength / 4).fill(NaN).buffer;
        };
    }""",
    "the Worker dies": """() => {
        GPUQueue.prototype.submit = () => self.close();
    }""",
}


@pytest.fixture(scope="module")
def client(page: Page) -> ClientPage:
    client = ClientPage(page)
    client.connect(**MODEL)
    return client


def assert_same(came: dict[str, Any], expected: dict[str, Any]) -> None:
    rows = (torch.tensor(result["embeddings"]) for result in (came, expected))
    torch.testing.assert_close(*rows, atol=F32, rtol=0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            "sc.takeOver({maxBytes: NaN})",
            "takeOver: maxBytes NaN: expected a number of",
        ),
        (
            "sc.takeOver({maxBytes: '5'})",
            'takeOver: maxBytes "5": expected a number of',
        ),
        (
            "sc.takeOver({maxbytes: 5})",
            "takeOver: no option is called maxbytes, only to,",
        ),
        ("sc.takeOver({onChange: 5})", "takeOver: onChange 5: expected a function"),
        ("sc.takeOver({to: 1.5})", "split 1.5: expected a whole number from 0 to 4"),
        ("sc.takeOver(null)", "takeOver: expected an object of options, came null"),
        ("sc.load(0, {embed: 1})", "load: embed 1: expected true or false"),
        (
            "sc.bytes(0, {toString: 1})",
            "bytes: no option is called toString, only embed",
        ),
        ("sc.embed('a', {signal: 5})", "embed: signal 5: expected an AbortSignal"),
        (
            "sc.embed('a', {onWait: {}})",
            "embed: onWait [object Object]: expected a func",
        ),
        (
            "sc.embed('a', {splits: 1})",
            "embed: no option is called splits, only split,",
        ),
        ("sc.embed('a', 3)", "embed: expected an object of options, came 3"),
        ("connect({wire: 'q4'})", 'connect: wire "q4": expected one of f32, f16, q8'),
        ("connect({dtype: 'q5'})", "dtype q5: small-gpt2 comes in f32, f16"),
        (
            "connect({direction: 'up'})",
            'direction "up": expected one of server-first, cl',
        ),
        ("connect({url: 5})", "connect: url 5: expected a string"),
        (
            "connect({timeoutMS: 5})",
            "connect: no option is called timeoutMS, only url,",
        ),
    ],
)
def test_an_option_that_is_none_is_refused_by_name(
    client: ClientPage, call: str, says: str
) -> None:
    message = client.rejection(
        f"""async () => {{
            const {{connect}} = await import("/static/splitcompute.js");
            await {call};
        }}"""
    )
    assert says in message


def test_a_worker_whose_script_did_not_come_is_started_once_more(
    browser: Browser, server: LiveServer
) -> None:
    """The server can go between its answer to the page and the Worker's scripts."""
    page = browser.new_page()
    page.goto(f"{server.url}/health")
    gone = ["**/models", "**/worker.js"]

    def refuse(route: Route) -> None:
        if gone and route.request.url.endswith(gone[-1][2:]):
            gone.pop()
            route.abort()
        else:
            route.continue_()

    for url in tuple(gone):
        page.context.route(url, refuse)
    client = ClientPage(page)
    device = client.connect(**MODEL)["device"]
    assert gone == []
    assert device["ok"], device
    assert "note" not in client.embed(TEXTS, split=2)
    page.close()


def test_a_result_says_where_each_layer_ran_and_where_the_time_went(
    client: ClientPage,
) -> None:
    result = client.embed(TEXTS, split=1)
    assert [layer["layer"] for layer in result["layers"]] == [0, 1, 2, 3]
    sides = [layer["where"] for layer in result["layers"]]
    assert sides == ["server", "browser", "browser", "browser"]
    assert all(layer["ms"] > 0 for layer in result["layers"])
    timings = result["timings"]
    total = timings.pop("total")
    assert list(timings) == STAGES
    assert min(timings.values()) >= 0
    assert 0 < sum(timings.values()) <= total
    tokens = sum(result["tokens"])
    assert result["layerTokens"] == {"server": tokens, "browser": 3 * tokens}
    assert result["bytes"]["down"] > tokens * result["dimensions"] * 4
    assert result["bytes"]["up"] < 200


def test_one_text_and_a_list_give_the_same(client: ClientPage) -> None:
    alone = client.embed(TEXTS[0], split=2)
    assert len(alone["embeddings"]) == 1
    among = client.embed(TEXTS, split=2)
    assert len(alone["tokens"]) == 1
    assert alone["tokens"][0] == among["tokens"][0]
    assert client.embed(TEXTS)["tokens"] == among["tokens"]


def test_requests_at_once_get_their_own_results(client: ClientPage) -> None:
    texts = [f"text number {n} " * (n + 1) for n in range(6)]
    expected = [client.embed(text) for text in texts]
    results = client.evaluate(
        """(texts) => Promise.all(texts.map(async (text, n) => {
            const result = await sc.embed(text, {split: n % 4});
            return {...result, embeddings: result.embeddings.map((row) => [...row])};
        }))""",
        texts,
    )
    for came, alone in zip(results, expected, strict=True):
        assert "note" not in came
        assert_same(came, alone)


def test_the_server_hears_what_the_browser_ran_and_what_it_could_not(
    client: ClientPage, server: LiveServer
) -> None:
    client.connect(**MODEL)
    before, avoided = server.work("small-gpt2"), server.replies_avoided()
    tokens = [sum(client.embed(TEXTS, split=split)["tokens"]) for split in (1, 3)]
    client.page.workers[-1].evaluate(BREAKS["an exception"])
    assert client.embed(TEXTS, split=1)["layerTokens"]["browser"] == 0
    client.connect(**MODEL)  # the connection before tells what is left
    expected = [0, tokens[0], tokens[0], sum(tokens)]
    for _ in range(50):
        after = server.work("small-gpt2")
        counts = zip(
            after["layer_tokens"]["browser"],
            before["layer_tokens"]["browser"],
            strict=True,
        )
        ran = [new - old for new, old in counts]
        failed = after["fallbacks"]["gpu"] - before["fallbacks"]["gpu"]
        if (ran, failed) == (expected, 1):
            break
        client.page.wait_for_timeout(100)
    assert (ran, failed) == (expected, 1)
    # A reply was sent to the third request, whose browser had asked for none.
    row = 21 * client.evaluate("async () => sc.info.n_embd")
    assert server.replies_avoided() - avoided == 2 * len(TEXTS) * row


@pytest.mark.parametrize("fault", BREAKS)
def test_the_server_takes_over_what_fails_on_the_gpu(
    client: ClientPage, fault: str
) -> None:
    expected = client.embed(TEXTS)
    assert "note" not in client.embed(TEXTS, split=1)
    client.page.workers[-1].evaluate(BREAKS[fault])
    result = client.embed(TEXTS, split=1)
    assert "The server ran all layers" in result["note"]
    assert result["finish"] == "server"
    assert result["tokens"] == expected["tokens"]
    assert_same(result, expected)
    again = client.embed(TEXTS, split=1)
    assert "note" not in again
    assert_same(again, expected)


def test_a_hidden_state_that_no_one_takes_any_more_is_made_anew(
    client: ClientPage,
) -> None:
    """As after a restart with another revision, between /split and /resume."""
    expected = client.embed(TEXTS)
    client.embed(TEXTS, split=1)
    client.page.workers[-1].evaluate(BREAKS["an exception"])
    conflict = {"error": "another revision", "error_type": "Conflict"}
    client.page.route(
        "**/resume*", lambda route: route.fulfill(status=409, json=conflict)
    )
    result = client.embed(TEXTS, split=1)
    client.page.unroute_all()
    assert "The server ran all layers" in result["note"]
    assert_same(result, expected)


def test_a_long_list_goes_in_parts(client: ClientPage, server: LiveServer) -> None:
    texts = [f"{n}" + " the layer" * 90 for n in range(12)]
    expected = client.embed(texts)
    server.asked.clear()
    result = client.embed(texts, split=3)
    assert server.asked_paths().count("POST /split") == 2
    assert "note" not in result
    assert result["tokens"] == expected["tokens"]
    assert_same(result, expected)


def test_an_aborted_request_rejects_and_the_next_one_works(client: ClientPage) -> None:
    client.evaluate("() => sc.load(0)")
    for ms in (0, 5, 20):
        message = client.rejection(
            """async (ms) => {
                const signal = AbortSignal.timeout(ms);
                await sc.embed("~".repeat(900), {split: 0, signal});
            }""",
            ms,
        )
        assert message.startswith("TimeoutError")
    assert "note" not in client.embed(TEXTS, split=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("sc.embed('a', {split: 5})", "RangeError: split 5: expected a whole number"),
        ("sc.embed('a', {split: 1.5})", "RangeError: split 1.5"),
        ("sc.embed('a', {split: '1'})", "RangeError: split 1"),
        ("sc.embed([1])", "TypeError: texts: expected a string or a list of strings"),
        ("sc.load(-1)", "RangeError: split -1"),
        ("sc.bytes(5)", "RangeError: split 5"),
        ("sc.embed('')", "SplitComputeError: /embed answered 400: "),
        ("sc.embed([], {split: 1})", "SplitComputeError: /split answered"),
        ("sc.embed('a '.repeat(3000), {split: 1})", "must have less than 1024 tokens"),
    ],
)
def test_an_error_says_what_was_expected(
    client: ClientPage, call: str, message: str
) -> None:
    assert message in client.rejection(f"async () => {call}")
    assert "note" not in client.embed("a", split=3)


def test_a_refusal_carries_the_servers_fields(client: ClientPage) -> None:
    fields = client.evaluate(
        """() => sc.embed("").catch(({name, status, error_type, message}) =>
            ({name, status, error_type, message}))"""
    )
    assert fields["name"] == "SplitComputeError"
    assert (fields["status"], fields["error_type"]) == (400, "Empty")


def test_a_gateways_refusal_is_shown_in_its_own_words(client: ClientPage) -> None:
    body = {"message": "Quota used up"}
    client.page.route("**/embed", lambda route: route.fulfill(status=403, json=body))
    message = client.rejection("() => sc.embed('a')")
    client.page.unroute("**/embed")
    assert message.startswith("SplitComputeError: /embed answered 403: {")
    assert "Quota used up" in message


def test_connect_names_what_there_is(client: ClientPage) -> None:
    connect = (
        "(options) => import('/static/splitcompute.js').then((m) => m.connect(options))"
    )
    message = client.rejection(connect, {"model": "gpt-17"})
    assert "model gpt-17: the server has small-gpt2, odd-gpt2" in message
    message = client.rejection(connect, {"dtype": "f64"})
    assert "dtype f64: small-gpt2 comes in f32, f16, q8, q4" in message
    message = client.rejection(connect, {"url": "http://127.0.0.1:9"})
    assert "http://127.0.0.1:9/models cannot be reached" in message


def test_without_webgpu_the_server_runs_every_layer(
    playwright: Playwright, server: LiveServer
) -> None:
    args = ["--no-sandbox", "--disable-features=WebGPU", "--disable-gpu"]
    browser = playwright.chromium.launch(executable_path=system_chromium(), args=args)
    page = browser.new_page()
    page.goto(f"{server.url}/health")
    client = ClientPage(page)
    device = client.connect(**MODEL)["device"]
    assert device["ok"] is False
    assert device["reason"]
    result = client.embed(TEXTS, split=0)
    assert device["reason"] in result["note"]
    assert {layer["where"] for layer in result["layers"]} == {"server"}
    assert result["finish"] == "server"
    assert "No GPU to load layers to" in client.rejection("() => sc.load(0)")
    ended = "() => new Promise((end) => sc.takeOver({onChange: end}))"
    state = client.evaluate(ended)
    assert state["kind"] == "ended"
    assert device["reason"] in state["reason"]
    # Where the text must stay there is no way out.
    client.connect(**MODEL, direction="client-first")
    server.asked.clear()
    message = client.rejection("(texts) => sc.embed(texts)", TEXTS)
    assert device["reason"] in message
    assert "The text stays in this browser" in message
    assert server.asked == []
    browser.close()


def test_a_connection_that_is_given_up_while_it_opens_leaves_no_worker(
    page: Page,
) -> None:
    client = ClientPage(page)
    before = len(page.workers)
    message = client.rejection(
        """async () => {
            const {connect} = await import("/static/splitcompute.js");
            const abort = new AbortController();
            const original = globalThis.Worker;
            globalThis.Worker = function (...args) {
                globalThis.Worker = original;
                setTimeout(() => abort.abort());
                return new original(...args);
            };
            await connect({signal: abort.signal});
        }"""
    )
    assert "AbortError" in message
    page.wait_for_timeout(100)
    assert len(page.workers) == before


def test_another_sites_page_may_use_a_server_that_allows_it(
    browser: Browser, odd_gpt2_folder: Path, static_url: str, tmp_path: Path
) -> None:
    """With a key, and over a broken download: all that CORS must allow."""
    options = Options(
        model=(str(odd_gpt2_folder),),
        api_key="sesame",
        allow_origin=(static_url,),
        port=0,
        cache_dir=tmp_path,
    )
    server = LiveServer(options)
    page = browser.new_page()
    page.goto(f"{static_url}/blank.html")
    client = ClientPage(page)
    module = f"{server.url}/static/splitcompute.js"
    refused = client.rejection(f"() => import('{module}').then((m) => m.connect())")
    assert "/models answered 401: Authorization: expected Bearer" in refused

    client.connect(module, apiKey="sesame", dtype="f32")
    expected = client.embed(TEXTS)
    server.faults = [piece_faults.none, piece_faults.reset]
    result = client.embed(TEXTS, split=0)
    assert "note" not in result
    assert result["timings"]["server"] > 0
    assert_same(result, expected)
    page.close()
    server.stop()


def test_layers_that_stay_on_the_server_run_there(
    browser: Browser, odd_gpt2_folder: Path, cache_dir: Path
) -> None:
    options = Options(
        model=(str(odd_gpt2_folder),), no_weights=True, port=0, cache_dir=cache_dir
    )
    server = LiveServer(options)
    page = browser.new_page()
    page.goto(f"{server.url}/health")
    client = ClientPage(page)
    client.connect()
    result = client.embed(TEXTS, split=0)
    assert "does not give out the layers of odd-gpt2" in result["note"]
    assert result["finish"] == "server"
    page.close()
    server.stop()


def test_a_server_that_comes_back_with_another_revision_is_followed(
    browser: Browser, tmp_path: Path
) -> None:
    def start(seed: int, port: int) -> LiveServer:
        folder = write_gpt2(tmp_path / str(seed) / "changing", seed, n_layer=2)
        return LiveServer(Options(model=(str(folder),), port=port, cache_dir=tmp_path))

    server = start(seed=1, port=0)
    page = browser.new_page()
    page.goto(f"{server.url}/health")
    client = ClientPage(page)
    old = client.connect(dtype="f32")["info"]["revision"]
    assert "note" not in client.embed(TEXTS, split=1)
    server.stop()
    server = start(seed=2, port=int(server.url.rpartition(":")[2]))
    result = client.embed(TEXTS, split=1)
    assert "note" not in result
    assert result["finish"] == "browser"
    assert_same(result, client.embed(TEXTS))
    assert client.evaluate("async () => sc.info.revision") != old
    page.close()
    server.stop()
