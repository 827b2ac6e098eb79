"""Short runs of benchmarks/soak.py: faults at random, and every answer right."""

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright

from benchmarks.soaking import gpu
from benchmarks.soaking.crowd import ask_at_once
from benchmarks.soaking.downloads import KINDS, break_downloads
from benchmarks.soaking.forward import break_layers
from benchmarks.soaking.mixed import mix, program_with_faults
from benchmarks.soaking.rig import Sample, ServerProcess, make_sample, serving
from benchmarks.soaking.signals import stop_under_load
from benchmarks.soaking.storage import FAULTS, spoil_storage

SECONDS = 60  # none takes so long


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("soak") / "soaked", n_layer=2)


@pytest.fixture(scope="module")
def process(
    sample: Sample, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    with serving(sample, tmp_path_factory.mktemp("soak-cache")) as process:
        yield process


@pytest.fixture
def rng() -> random.Random:
    return random.Random(5)


def test_broken_downloads_end_in_the_same_bytes_at_the_same_traffic(
    browser: Browser, sample: Sample, process: ServerProcess, rng: random.Random
) -> None:
    page = browser.new_page()
    found = break_downloads(page, sample, process, len(KINDS), rng, SECONDS)
    page.close()
    assert found.wrong == []
    # So small a file has come whole before an answer in its place can be refused.
    costly = {"flipped byte", "200 for 206", "changed ETag", "wrong Content-Range"}
    assert all(found.traffic[kind] <= 1.01 for kind in set(KINDS) - costly)


def test_devices_destroyed_during_requests_cost_no_answer(
    browser: Browser, sample: Sample, process: ServerProcess, rng: random.Random
) -> None:
    with gpu.client_in(browser, process.url, sample) as client:
        found = gpu.destroy_devices(client, sample, 3, rng, SECONDS)
    assert found.wrong == []
    assert found.noted == found.recovered == found.lost == 6


def test_gpu_processes_killed_during_requests_cost_no_answer(
    playwright: Playwright, sample: Sample, process: ServerProcess, rng: random.Random
) -> None:
    with (
        gpu.browser_with(playwright) as browser,
        gpu.client_in(browser, process.url, sample) as client,
    ):
        found = gpu.kill_gpu_processes(client, sample, range(2), 2, rng, SECONDS)
    assert found.wrong == []
    assert found.lost == 4
    # The page has no WebGPU after the second.
    assert found.by_server >= 2


def test_a_full_evicted_or_damaged_storage_costs_no_answer(
    browser: Browser, sample: Sample, process: ServerProcess, rng: random.Random
) -> None:
    with gpu.client_in(browser, process.url, sample) as client:
        found = spoil_storage(client, sample, len(FAULTS), rng, SECONDS)
    assert found.wrong == []
    assert found.kept_nothing == found.full == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_stops_under_load_loses_no_request(
    sample: Sample, process: ServerProcess, rng: random.Random, number: signal.Signals
) -> None:
    found = stop_under_load(sample, process, number, 1, rng, SECONDS)
    assert found.wrong == []
    assert found.answered > 0


def test_more_requests_at_once_than_the_server_takes_are_all_answered(
    sample: Sample, process: ServerProcess, rng: random.Random
) -> None:
    found = ask_at_once(sample, process, 600, 600, rng, SECONDS)
    assert found.wrong == []
    assert found.answered == 600


def test_browsers_and_scripts_among_all_faults_are_answered_rightly(
    sample: Sample, tmp_path: Path, rng: random.Random
) -> None:
    program, broken = program_with_faults(sample, rng)
    with serving(sample, tmp_path, program) as process:
        # 100 s where four others wanted each core; its three browsers start in it.
        found = mix(sample, process, broken, 100, rng, 5 * SECONDS)
    assert found.wrong == []
    assert found.answered.total() == 100
    assert found.answered["browsers"] == 15
    assert found.faults.total() > 5


def test_layers_that_fail_cost_only_the_requests_they_belong_to(
    sample: Sample, cache_dir: Path, rng: random.Random
) -> None:
    found = break_layers(sample, cache_dir, 50, rng, SECONDS)
    assert found.wrong == []
    assert found.faults >= 50
    assert found.answered > 0
