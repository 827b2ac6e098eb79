"""webgpu-torch's build: fresh, reproducible, typed, and layered as it says."""

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "webgpu-torch"
BUILT = ROOT / "static/torch.js"

# Each folder imports only from itself and from those before it.
LAYERS = ["base", "ops", "kernels", "backend", "graph", "tensor", "nn", "index.ts"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A build of its own, and esbuild's account of what imports what."""
    folder = tmp_path_factory.mktemp("a folder with a space")
    outfile, metafile = folder / "torch.js", folder / "meta.json"
    build = ["node", "build.mjs", f"--outfile={outfile}", f"--metafile={metafile}"]
    subprocess.run(build, cwd=LIBRARY, check=True)
    return outfile, metafile


def test_the_committed_bundle_is_what_the_sources_build(
    bundle: tuple[Path, Path],
) -> None:
    outfile, _ = bundle
    assert outfile.read_text() == BUILT.read_text(), "run `make build` and commit"


def layer_of(module: str) -> int:
    """The layer of a module, named from webgpu-torch/."""
    return LAYERS.index(Path(module).relative_to("src").parts[0])


def imports(metafile: Path) -> list[tuple[str, str]]:
    modules = json.loads(metafile.read_text())["inputs"]
    return [
        (module, imported["path"])
        for module, found in modules.items()
        for imported in found["imports"]
    ]


def test_layers_import_only_leftwards(bundle: tuple[Path, Path]) -> None:
    _, metafile = bundle
    wrong = [
        f"{module} imports {imported}"
        for module, imported in imports(metafile)
        if layer_of(imported) > layer_of(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_through_others(bundle: tuple[Path, Path]) -> None:
    _, metafile = bundle
    left: dict[str, set[str]] = {}
    for module, imported in imports(metafile):
        left.setdefault(module, set()).add(imported)
        left.setdefault(imported, set())
    # Modules that import nothing that is left cannot be part of a cycle.
    while done := {module for module, found in left.items() if not found & left.keys()}:
        left = {module: found for module, found in left.items() if module not in done}
    assert not left, f"a cycle among {sorted(left)}"


def test_types_are_right() -> None:
    check = subprocess.run(
        ["npm", "run", "--silent", "check"], cwd=LIBRARY, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout


def test_the_readme_lists_what_the_code_has() -> None:
    check = subprocess.run(
        ["node", "table.mjs", "--check"], cwd=LIBRARY, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stderr
