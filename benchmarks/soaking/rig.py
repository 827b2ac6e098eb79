"""A small random model, what Hugging Face makes of its texts, and the real server."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from checkpoints import write_gpt2
from references import Reference
from tokenizers import Tokenizer
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
SERVER = str(ROOT / "server.py")
START_SECONDS = 180
WORDS = ("the", "cut", "layer", "runs", "a", "hidden", "state", "browser", "and")


@dataclass(frozen=True)
class Sample:
    """A model on disk, texts, and each one's embedding by the Hugging Face class."""

    folder: Path
    n_layer: int
    texts: list[str]
    rows: Tensor  # (texts, n_embd)

    @property
    def name(self) -> str:
        return self.folder.name

    def error(self, index: int, row: list[float]) -> float:
        """The largest difference from the reference; infinite for what is no number."""
        found = (torch.tensor(row) - self.rows[index]).abs().max().item()
        return found if found == found else float("inf")


def make_sample(folder: Path, texts: int = 24, **config: int) -> Sample:
    """Texts of one word to as many as there are texts."""
    write_gpt2(folder, **config)
    written = [
        " ".join(WORDS[(n * 5 + k) % len(WORDS)] for k in range(n + 1))
        for n in range(texts)
    ]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    reference = Reference(folder)
    rows = torch.stack(
        [
            reference.embedding(tokenizer.encode(text).ids, "mean", True)
            for text in written
        ]
    )
    return Sample(folder, reference.model.config.n_layer, written, rows)


class ServerProcess:
    """server.py in a process of its own, on one port over all its lives."""

    def __init__(
        self, sample: Sample, cache: Path, program: Sequence[str] = (SERVER,)
    ) -> None:
        """program: a script that takes the flags of server.py, and what comes first."""
        self.command = [sys.executable, *program, "--threads", "1"]
        self.command += ["--model", str(sample.folder), "--cache-dir", str(cache)]
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return once it is healthy."""
        self.process = subprocess.Popen(
            [*self.command, "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._is_healthy():
                return
            time.sleep(0.05)
        self.process.kill()
        raise RuntimeError(f"the server did not start: {' '.join(self.command)}")

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit code, negative for a signal's."""
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def restart(self) -> None:
        """After a crash."""
        self.end(signal.SIGKILL)
        self.start()

    def memory(self) -> int:
        """Bytes of it that are in memory (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024


@contextmanager
def serving(
    sample: Sample, cache: Path, program: Sequence[str] = (SERVER,)
) -> Iterator[ServerProcess]:
    server = ServerProcess(sample, cache, program)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def post(
    port: int, path: str, body: object, timeout: float = 60
) -> tuple[int, dict[str, str], bytes]:
    """(status, headers in lower case, body) over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        data = json.dumps(body)
        connection.request("POST", path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()
    finally:
        connection.close()


def run(coroutine: Coroutine[object, object, None]) -> None:
    """In a thread of its own: beside Playwright's, whose loop runs in the main one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result()
