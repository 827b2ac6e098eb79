"""Which file may import which. (import-linter checks packages; these are files.)"""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = {path.stem for path in ROOT.glob("*.py")}

MODELS = {"gpt2_model", "bert_model", "layers"}
HTTP = {
    "access",
    "auto_split",
    "file_routes",
    "gate",
    "http_channel",
    "http_listener",
    "http_refusals",
    "http_request",
    "http_server",
    "http_threads",
    "loaded_models",
    "metrics",
    "model_service",
    "openapi",
    "operations",
    "options",
    "parity",
    "parity_routes",
    "refusals",
    "routes",
    "savings",
    "savings_routes",
    "savings_schemas",
    "schemas",
    "server",
    "split_schemas",
    "timings",
}


@cache
def imports(module: str) -> frozenset[str]:
    """The top-level names that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return frozenset(name.partition(".")[0] for name in names)


def test_no_file_imports_itself_by_a_detour() -> None:
    graph = {module: imports(module) & MODULES for module in MODULES}
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError


def test_nothing_imports_the_server() -> None:
    assert not [module for module in MODULES if "server" in imports(module)]


@pytest.mark.parametrize("module", sorted(MODELS))
def test_a_model_is_torch_and_nothing_else(module: str) -> None:
    known = {
        "torch",
        "layers",
        "linear",
        "ragged",
        "dataclasses",
        "collections",
        "typing",
        "math",
    }
    assert imports(module) <= known


@pytest.mark.parametrize("module", sorted(MODULES - HTTP))
def test_what_computes_knows_nothing_of_http(module: str) -> None:
    web = {"flask", "werkzeug", "waitress", "pydantic", "prometheus_client", "click"}
    assert not imports(module) & (web | HTTP)


def test_flask_stays_in_the_routes_and_the_server() -> None:
    flask = {m for m in MODULES if "flask" in imports(m)}
    assert flask == {
        "file_routes",
        "gate",
        "parity_routes",
        "routes",
        "savings_routes",
        "server",
    }


def test_waitress_stays_in_the_http_server() -> None:
    assert {m for m in MODULES if "waitress" in imports(m)} == {
        "http_channel",
        "http_listener",
        "http_refusals",
        "http_request",
        "http_server",
    }
