"""GPUs that are lost, and GPU processes that are killed, at every cut."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from client_page import ClientPage
from headless import CHROMIUM_FLAGS, system_chromium
from held_request import BEGIN
from tolerances import F32

from benchmarks.soaking.rig import Sample

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

# Chromium gives a page no WebGPU whose GPU crashed twice in two minutes, and without a
# screen ends itself at the sixth crash.
NO_LIMIT = (
    "--disable-gpu-process-crash-limit",
    "--disable-domain-blocking-for-3d-apis",
)
KILLS_A_BROWSER = 5
# Destroys the device before, between or after the commands of the next request.
DESTROY = """(when) => {
    const [prototype, name] = when === "encode"
        ? [GPUDevice.prototype, "createCommandEncoder"]
        : [GPUQueue.prototype, "submit"];
    const original = prototype[name];
    prototype[name] = function (...args) {
        prototype[name] = original;
        if (when === "encode") {
            this.destroy();
            return original.apply(this, args);
        }
        const device = [...globalThis.soaked].find(({queue}) => queue === this);
        if (when === "before submit") device.destroy();
        const result = original.apply(this, args);
        if (when === "after submit") device.destroy();
        return result;
    };
}"""
REMEMBER = """() => {
    globalThis.soaked = new Set();
    const original = GPUDevice.prototype.createBuffer;
    GPUDevice.prototype.createBuffer = function (...args) {
        soaked.add(this);
        return original.apply(this, args);
    };
}"""
MOMENTS = ("encode", "before submit", "after submit")


@dataclass
class Losses:
    lost: int = 0
    noted: int = 0  # of which the result says that the server ran the rest
    recovered: int = 0  # of which the next request ran in the browser again
    by_server: int = 0  # of which the next request was the server's alone
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Losses) -> None:
        self.lost += other.lost
        self.noted += other.noted
        self.recovered += other.recovered
        self.by_server += other.by_server
        self.wrong += other.wrong

    def __str__(self) -> str:
        return (
            f"{self.lost} lost, {self.noted} finished by the server and said so, "
            f"{self.recovered} then back on the GPU, {self.by_server} on the server "
            f"alone, {len(self.wrong)} wrong"
        )


class Embedding:
    """Asks a page for embeddings, and compares them with the reference."""

    def __init__(self, client: ClientPage, sample: Sample, found: Losses) -> None:
        self.client, self.sample, self.found = client, sample, found

    def ask(
        self,
        split: int,
        indices: list[int],
        label: str,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """meanwhile: done while the request is under way."""
        texts = [self.sample.texts[index] for index in indices]
        asked = {"texts": texts, "options": {"split": split}}
        try:
            self.client.evaluate(BEGIN, asked)
            meanwhile()
            result = dict(self.client.evaluate("() => pending"))
        except Exception as error:
            self.found.wrong.append(f"{label}: {error}")
            return {"note": "", "split": -1}
        for index, row in zip(indices, result["embeddings"], strict=True):
            error = self.sample.error(index, row)
            if not error <= F32:
                self.found.wrong.append(f"{label}: off by {error}")
        return result


@contextmanager
def browser_with(playwright: Playwright, *flags: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(
        executable_path=system_chromium(), args=[*CHROMIUM_FLAGS, *flags]
    )
    yield browser
    browser.close()


@contextmanager
def client_in(browser: Browser, url: str, sample: Sample) -> Iterator[ClientPage]:
    """With all layers on the GPU, in a context of its own."""
    page = browser.new_context().new_page()
    page.goto(f"{url}/health")
    client = ClientPage(page)
    client.connect(model=sample.name, dtype="f32")
    client.evaluate("() => sc.load(0)")
    yield client
    page.context.close()


def destroy_devices(
    client: ClientPage, sample: Sample, count: int, rng: random.Random, seconds: float
) -> Losses:
    """device.destroy() during a request, `count` times at each cut."""

    def arm() -> None:
        client.page.workers[-1].evaluate(DESTROY, rng.choice(MOMENTS))

    client.page.workers[-1].evaluate(REMEMBER)
    found, end = Losses(), monotonic() + seconds
    for split in range(sample.n_layer):
        _lose(client, sample, split, count, rng, end, found, arm=arm)
    return found


def kill_gpu_processes(
    client: ClientPage,
    sample: Sample,
    splits: Iterable[int],
    count: int,
    rng: random.Random,
    seconds: float,
) -> Losses:
    """SIGKILL to the browser's GPU process at a random moment of a request."""
    browser = client.page.context.browser
    assert browser is not None
    session = browser.new_browser_cdp_session()

    def strike() -> None:
        client.page.wait_for_timeout(rng.uniform(0, 40))
        info = session.send("SystemInfo.getProcessInfo")["processInfo"]
        for process in info:
            if process["type"] == "GPU":
                os.kill(process["id"], signal.SIGKILL)

    found, end = Losses(), monotonic() + seconds
    for split in splits:
        _lose(client, sample, split, count, rng, end, found, strike=strike)
    return found


def _lose(
    client: ClientPage,
    sample: Sample,
    split: int,
    count: int,
    rng: random.Random,
    end: float,
    found: Losses,
    arm: Callable[[], None] = lambda: None,
    strike: Callable[[], None] = lambda: None,
) -> None:
    """arm: before the request; strike: while it is under way."""
    embedding = Embedding(client, sample, found)
    for n in range(count):
        if monotonic() > end:
            found.wrong.append(f"out of time at split {split}, after {n} losses")
            return
        label = f"loss {n} at split {split}"
        indices = rng.sample(range(len(sample.texts)), 2)
        arm()
        result = embedding.ask(split, indices, label, strike)
        if "note" not in result:  # it was over before; the next one meets the loss
            result = embedding.ask(split, indices, label)
        found.lost += 1
        found.noted += "note" in result
        after = embedding.ask(split, indices, f"after {label}")
        found.recovered += "note" not in after and after["split"] == split
        found.by_server += after["split"] == sample.n_layer
