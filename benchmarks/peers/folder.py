"""A folder that holds the page and all it loads, laid out as the repository is."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.layouts import CONFIGS, Kind

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = "benchmarks/peers/index.html"

# What a page loads of each package, and where it looks for that.
LIBRARIES = {
    "onnxruntime-web": (
        "ort",
        "ort.webgpu.min.mjs",
        "ort-wasm-simd-threaded.asyncify.mjs",
        "ort-wasm-simd-threaded.asyncify.wasm",
    ),
    "@jax-js/jax": ("jax", "*.js"),
    "@tensorflow/tfjs-core": ("tfjs", "tf-core.min.js"),
    "@tensorflow/tfjs-backend-webgpu": ("tfjs", "tf-backend-webgpu.min.js"),
}


def prepare(folder: Path) -> None:
    """Everything that does not follow from a seed."""
    write_page(folder)
    copy_libraries((folder / PAGE).parent / "vendor")
    write_graphs(folder / "models")


def write_page(folder: Path) -> None:
    """The page, and this library with its own adapter."""
    ignored = shutil.ignore_patterns("images", "*.d.ts")
    shutil.copytree(ROOT / "static", folder / "static", ignore=ignored)
    page = (folder / PAGE).parent
    (page / "adapters").mkdir(parents=True)
    for pattern in ("*.html", "*.js", "*.mjs", "adapters/*.js"):
        for file in HERE.glob(pattern):
            shutil.copy(file, page / file.relative_to(HERE))


def copy_libraries(vendor: Path) -> None:
    modules = HERE / "node_modules"
    if not modules.exists():
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("npm is missing: it fetches the peers")
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=HERE, check=True)
    versions = {}
    for library, (place, *patterns) in LIBRARIES.items():
        about = json.loads((modules / library / "package.json").read_text())
        versions[library] = about["version"]
        (vendor / place).mkdir(parents=True, exist_ok=True)
        for pattern in patterns:
            for file in (modules / library / "dist").glob(pattern):
                shutil.copy(file, vendor / place)
    (vendor / "versions.json").write_text(json.dumps(versions))


def write_graphs(models: Path) -> None:
    from benchmarks.peers.onnx_graph import STYLES, build

    for name, config in CONFIGS.items():
        (models / name).mkdir(parents=True, exist_ok=True)
        for kind in Kind:
            for style in STYLES:
                graph = build(config, kind, style).SerializeToString()
                (models / name / f"{kind.value}-{style}.onnx").write_bytes(graph)
