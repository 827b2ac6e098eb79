"""`python server.py` as an operator starts and stops it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner
from running import POST, read_answer

import http_server
from options import Options, command_line
from server import main

ROOT = Path(__file__).resolve().parents[2]
SERVER = [sys.executable, str(ROOT / "server.py")]


def given(*arguments: str, **environment: str) -> Options:
    heard: list[Options] = []
    done = CliRunner().invoke(command_line(heard.append), arguments, env=environment)
    assert done.exit_code == 0, done.output
    return heard[0]


def test_without_arguments_the_defaults_hold() -> None:
    assert given() == Options()
    assert Options().host == "127.0.0.1"


def test_flags_repeat_and_the_environment_separates_by_commas() -> None:
    assert given("--model", "a", "--model", "b c").model == ("a", "b c")
    assert given(SPLITCOMPUTE_MODEL="a,b c").model == ("a", "b c")
    assert given("--model", "a", SPLITCOMPUTE_MODEL="b").model == ("a",)


def test_every_flag_is_also_an_environment_variable() -> None:
    settings = {
        "host": "0.0.0.0",
        "port": "80",
        "device": "cpu",
        "dtype": "f16",
        "pooling": "last",
        "cache_dir": "/tmp/x",
        "threads": "3",
        "api_key": "key",
        "no_weights": "1",
        "max_batch_tokens": "7",
    }
    options = given(**{f"SPLITCOMPUTE_{n.upper()}": v for n, v in settings.items()})
    assert options.port == 80
    assert options.cache_dir == Path("/tmp/x")
    assert options.no_weights is True
    assert (options.dtype, options.pooling, options.threads) == ("f16", "last", 3)


def test_help_names_every_flag_and_variable() -> None:
    text = CliRunner().invoke(command_line(print), ["--help"]).output
    words = re.sub(r"\s+", "", text)
    for field in fields(Options):
        assert f"--{field.name.replace('_', '-')}" in words
        assert f"SPLITCOMPUTE_{field.name.upper()}" in words


@pytest.mark.parametrize(
    "mistake",
    [
        ["--port", "http"],
        ["--port", "70000"],
        ["--device", "tpu"],
        ["--dtype", "f8"],
        ["--threads", "0"],
        ["--parity-share", "nan"],
        ["--parity-share", "1.1"],
        ["--gpu-hour-price", "inf"],
        ["--egress-price", "nan"],
        ["--egress-price", "-1"],
        ["--api-key", ""],
        ["--api-key", " "],
        ["--no-such"],
        ["extra"],
    ],
)
def test_a_mistake_is_told_and_ends_with_2(mistake: list[str]) -> None:
    done = CliRunner().invoke(command_line(print), mistake)
    assert done.exit_code == 2
    assert "Error: " in done.output


def test_the_environment_is_no_way_around_it() -> None:
    """Settings that JSON could not say would make /info and /savings unreadable."""
    environment = {"SPLITCOMPUTE_PARITY_SHARE": "NaN"}
    done = CliRunner().invoke(command_line(print), [], env=environment)
    assert done.exit_code == 2
    assert "finite" in done.output
    prices = given("--gpu-hour-price", "2", SPLITCOMPUTE_EGRESS_PRICE="0.09")
    assert (prices.gpu_hour_price, prices.egress_price) == (2.0, 0.09)


def start_and_fail(*arguments: str, **environment: str) -> str:
    """What is said by a server that cannot start: one line, and no traceback."""
    done = CliRunner().invoke(main, ["--port", "0", *arguments], env=environment)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    [said] = done.output.splitlines()
    assert said.startswith("Error: ")
    return said


def test_a_port_in_use_is_one_line() -> None:
    with http_server.bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = str(taken.getsockname()[1])
        said = start_and_fail("--port", port)
    assert f"127.0.0.1:{port}" in said
    assert "in use" in said


def test_an_unknown_model_is_one_line() -> None:
    assert "'no-such-model'" in start_and_fail("--model", "no-such-model")


def test_a_failed_download_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "nobody/no-such-model" in start_and_fail("--model", "nobody/no-such-model")


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    assert str(tmp_path) in start_and_fail("--model", str(tmp_path))


def test_a_device_that_is_not_there_is_one_line() -> None:
    assert "mps" in start_and_fail("--device", "mps")


def test_an_address_of_another_machine_is_one_line() -> None:
    assert "192.0.2.1" in start_and_fail("--host", "192.0.2.1")


@contextmanager
def started(
    folder: Path, cache_dir: Path, *more: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [
            *(*SERVER, "--port", "0", "--model", str(folder)),
            *("--cache-dir", str(cache_dir), *more),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        first, second = process.stdout.readline(), process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", first)
        assert url is not None, first
        assert second.strip() == "small-gpt2 on cpu, float32"
        yield process, url.group()
    finally:
        process.kill()
        process.communicate()


def test_a_server_open_to_the_network_without_a_key_says_so(
    gpt2_folder: Path, cache_dir: Path
) -> None:
    with started(gpt2_folder, cache_dir, "--host", "0.0.0.0") as (process, _):
        assert process.stdout is not None
        assert "everybody who reaches it may use it" in process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(
    gpt2_folder: Path, cache_dir: Path, number: signal.Signals
) -> None:
    with started(gpt2_folder, cache_dir) as (process, url):
        with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in errors


def test_sigterm_under_load_answers_every_request_that_was_accepted(
    gpt2_folder: Path, cache_dir: Path
) -> None:
    """Several passes' worth of texts from eight clients, most of which wait."""
    body = json.dumps({"inputs": [f"text number {n}" for n in range(200)]}).encode()
    head = "POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
    sent = f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with started(gpt2_folder, cache_dir) as (process, url), ExitStack() as stack:
        address = "127.0.0.1", int(url.rpartition(":")[2])
        clients = [
            stack.enter_context(socket.create_connection(address, timeout=60))
            for _ in range(8)
        ]
        for client in clients:
            client.sendall(sent)
        while in_flight(url) < 8:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        answers = [read_answer(client) for client in clients]
        assert [answer.status for answer in answers] == [200] * 8
        assert all(len(answer.json) == 200 for answer in answers)
        process.communicate(timeout=20)
        assert process.returncode == 0


def in_flight(url: str) -> int:
    """Requests besides the one that asks."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        found = re.search(rb"\nsplitcompute_requests_in_flight (\S+)", answer.read())
    assert found is not None
    return int(float(found[1])) - 1


def test_a_second_signal_ends_it_at_once(gpt2_folder: Path, cache_dir: Path) -> None:
    with started(gpt2_folder, cache_dir) as (process, url):
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as half:
            half.sendall(POST + b"Content-Length: 5\r\n\r\na")
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert process.poll() is None  # waits for the rest of that request
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=10)
        assert process.returncode == 128 + signal.SIGTERM


def test_threads_are_told_to_sleep_before_torch_is_loaded() -> None:
    """OpenMP's default would let them spin long on cores that the browser wants."""
    code = """if True:
        import os, sys, before_torch
        print(*(os.environ[name] for name in sys.argv[1:]))
        print("torch" in sys.modules)"""
    ours = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "THP_MEM_ALLOC_ENABLE")
    environment = {k: v for k, v in os.environ.items() if k not in ours}
    done = subprocess.run(
        [sys.executable, "-c", code, *ours],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment,
    )
    assert done.stdout == "PASSIVE 8000 1\nFalse\n"
    lines = (ROOT / "server.py").read_text().splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    assert imports[1].startswith("import before_torch")  # after __future__


def test_the_collector_need_not_look_at_what_a_start_leaves(
    gpt2_folder: Path, cache_dir: Path
) -> None:
    """It would hold up every thread for a tenth of a second."""
    code = """if True:
        import gc, sys, server, http_server
        def run(self):
            print("looks at", len(gc.get_objects()), "of", gc.get_freeze_count())
        http_server.HttpServer.run = run
        server.main(sys.argv[1:])"""
    flags = ["--model", str(gpt2_folder), "--cache-dir", str(cache_dir), "--port", "0"]
    done = subprocess.run(
        [sys.executable, "-c", code, *flags],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    found = re.search(r"looks at (\d+) of (\d+)", done.stdout)
    assert found is not None, done.stdout
    left, kept = map(int, found.groups())
    assert left < 1_000 < 50_000 < kept
