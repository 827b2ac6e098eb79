"""The comparison's own adapter, run by the comparison's own page on a small model."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from benchmarks.chromium import Server
from benchmarks.peers.folder import PAGE, write_page
from benchmarks.peers.layouts import Config
from benchmarks.peers.models import make_model

TOKENS = [1, 16, 40]
# Relative to the largest number; packing loses more of random weights than of trained.
LARGEST_ERROR = {
    "ours f32": 1e-5,
    "ours f16": 2e-3,
    "ours q8": 0.03,
    "ours q4": 0.3,
    "ours f32, not tuned": 1e-5,
}

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("peers")
    write_page(folder)
    vendor = (folder / PAGE).parent / "vendor"
    vendor.mkdir()
    (vendor / "versions.json").write_text("{}")
    make_model(Config(d=64, heads=2, layers=3), TOKENS, folder / "models/small")
    return folder


@pytest.fixture(scope="module", params=["pooled", "whole"])
def rows(request: pytest.FixtureRequest, folder: Path, browser: Browser) -> Rows:
    server = Server(folder)
    query = {
        "peers": "ours",
        "configs": "small",
        "tokens": ",".join(map(str, TOKENS)),
        "rounds": 2,
        "runs": 1,
        "pool": int(request.param == "pooled"),
    }
    page = browser.new_page()
    page.goto(f"{server.url}/{PAGE}?{urlencode(query)}")
    results = json.loads(server.results.get(timeout=120))
    page.close()
    server.shutdown()
    server.server_close()
    assert "failure" not in results, results["failure"]
    rows: Rows = results["rows"]
    return rows


def test_every_dtype_gives_what_hugging_face_gives(rows: Rows) -> None:
    found = {
        (row["peer"], row["T"]): row.get("failure", row.get("error")) for row in rows
    }
    assert found.keys() == {(peer, T) for peer in LARGEST_ERROR for T in TOKENS}
    for (peer, T), error in found.items():
        assert isinstance(error, float), (peer, T, error)
        assert error <= LARGEST_ERROR[peer], (peer, T)


def test_a_steady_step_is_one_submit_and_makes_nothing(rows: Rows) -> None:
    for row in rows:
        counts = row["counts"]
        assert counts["submits"] == 1, row
        made = {
            key: counts[key]
            for key in ("bindGroups", "pipelines", "shaders", "buffers")
        }
        assert not any(made.values()), row


def test_a_new_length_compiles_nothing(rows: Rows) -> None:
    seen = [row["unseen"] for row in rows if "unseen" in row]
    assert len(seen) == len(LARGEST_ERROR) * (len(TOKENS) - 1)
    assert not any(unseen["pipelines"] for unseen in seen), seen
