"""Keys in place of kernels' texts: a pipeline that is found by one runs that text."""

import json
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

LENGTHS = [1, 2, 4, 5, 16, 17, 64, 65, 100, 128, 512, 777]
NORM = {"kind": "layer", "eps": 1e-5, "weight": True, "bias": True}


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bundle = tmp_path_factory.mktemp("keys") / "text_keys.cjs"
    esbuild = ROOT / "webgpu-torch/node_modules/.bin/esbuild"
    source = Path(__file__).with_name("text_keys.ts")
    options = ["--bundle", "--platform=node", "--log-level=error"]
    subprocess.run([esbuild, source, *options, f"--outfile={bundle}"], check=True)
    return bundle


def texts(script: Path, tasks: list[dict[str, Any]], software: bool) -> list[list[str]]:
    """The key and the text of each task's kernel."""
    asked = [{"task": task, "caps": {"software": software}} for task in tasks]
    found = subprocess.run(
        ["node", script], input=json.dumps(asked), capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    keys: list[list[str]] = json.loads(found.stdout)
    return keys


def load(number: int, rows: int, strides: list[int]) -> dict[str, Any]:
    access = {"shape": [rows, 64], "strides": strides, "offset": 0}
    return {"kind": "load", "dtype": "float32", "input": number, "access": access}


def behind(rows: int, op: str, residual: bool) -> dict[str, Any]:
    """A chain: op(acc + bias), and the residual added where there is one."""
    apply = {"kind": "apply", "dtype": "float32"}
    body = [
        {"kind": "accumulator", "dtype": "float32"},
        load(0, rows, [0, 1]),
        {**apply, "op": "add", "args": [0, 1]},
        {**apply, "op": op, "args": [2]},
    ]
    operands = ["column"]
    if residual:
        body += [load(1, rows, [64, 1]), {**apply, "op": "add", "args": [3, 4]}]
        operands.append("full")
    program = {"inputs": ["float32"] * len(operands), "body": body}
    return {"shape": [rows, 64], "program": program, "operands": operands}


def linear(rows: int) -> list[dict[str, Any]]:
    tasks = []
    for weight, columns, width in product(
        ["f32", "f16", "q8", "q4"], [64, 70], [32, 96]
    ):
        for norm in [None, NORM, {**NORM, "bias": False}, {**NORM, "eps": 1e-6}]:
            if norm and rows > 64:
                continue  # the kernel norms few rows only
            spec = {"M": rows, "N": columns, "K": width, "weight": weight, "norm": norm}
            tasks.append({"kind": "linear", "spec": spec, "behind": None})
            if columns == 64:
                for op, residual in product(["tanh", "exp"], [False, True]):
                    chain = behind(rows, op, residual)
                    tasks.append({"kind": "linear", "spec": spec, "behind": chain})
    return tasks


def attention(rows: int) -> list[dict[str, Any]]:
    tasks = []
    heads_and_groups = [(1, 1), (3, 1), (3, 3)]
    widths = [16, 30, 64, 80]
    for (heads, group), width, causal in product(
        heads_and_groups, widths, [True, False]
    ):
        view = {"offset": 0, "row": 3 * heads * width, "head": width}
        spec = {"batch": 2, "maxQ": rows, "heads": heads, "headDim": width}
        spec["group"] = group
        spec |= {"q": view, "k": view, "v": view, "causal": causal, "scale": 0.5}
        tasks.append({"kind": "attention", "spec": spec})
    return tasks


def others(rows: int) -> list[dict[str, Any]]:
    norms = [
        {"kind": "norm", "spec": {**NORM, "rows": rows, "width": width, **change}}
        for width in [5, 64, 200, 768]
        for change in [{}, {"kind": "rms", "bias": False}, {"weight": False}]
    ]
    segments = [
        {"kind": "segment_reduce", "spec": {"op": op, "segments": rows, "width": 9}}
        for op in ["sum", "mean", "max", "min"]
    ]
    return norms + segments


@pytest.mark.parametrize("software", [True, False])
def test_a_key_stands_for_one_text(script: Path, software: bool) -> None:
    tasks = [
        task
        for rows in LENGTHS
        for task in linear(rows) + attention(rows) + others(rows)
    ]
    found: dict[str, str] = {}
    for key, text in texts(script, tasks, software):
        assert found.setdefault(key, text) == text


@pytest.mark.parametrize("software", [True, False])
def test_lengths_that_share_a_text_share_a_key(script: Path, software: bool) -> None:
    """Otherwise each new length would write its kernels' texts anew."""
    for make in (linear, attention, others):
        tasks = make(30) + make(31)
        found = texts(script, tasks, software)
        half = len(tasks) // 2
        assert found[:half] == found[half:]


def test_other_kernels_have_no_key(script: Path) -> None:
    spec = {"rows": 3, "width": 4, "log": False}
    [[key, text]] = texts(script, [{"kind": "softmax", "spec": spec}], False)
    assert key is None
    assert "fn main" in text
