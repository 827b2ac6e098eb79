"""What static/ holds of others' work is what they published, in the version pinned."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_committed_copy_is_the_package_that_is_pinned(tmp_path: Path) -> None:
    build = ["node", "build.mjs", f"--outdir={tmp_path}"]
    subprocess.run(build, cwd=ROOT / "vendor", check=True)
    copies = sorted(path.name for path in tmp_path.iterdir())
    assert copies == ["tokenizers.LICENSE.txt", "tokenizers.js"]
    for name in copies:
        committed = (ROOT / "static" / name).read_bytes()
        assert (tmp_path / name).read_bytes() == committed, (
            "run `make build` and commit"
        )
