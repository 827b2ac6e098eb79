"""webgpu-torch in Node, which has no GPU: what it says of that."""

import json
import subprocess
from pathlib import Path

BUILT = Path(__file__).resolve().parents[1] / "static/torch.js"

SCRIPT = """
import * as torch from %s;
// As in versions of Node that have none.
delete globalThis.navigator;
const told = [];
const refused = async (work) => {
    try {
        told.push(String(await work()));
    } catch (error) {
        told.push(String(error));
    }
};
await refused(() => torch.init());
await refused(() => torch.init({device: "cpu"}));
await refused(() => torch.tensor([1, 2], {dtype: torch.int64}));
await refused(() => torch.zeros(2, {dtype: torch.float64}));
await refused(() => torch.tensor([1, 2], {dtype: null}).dtype);
await refused(() => torch.zeros(2, {device: undefined}).dtype);
console.log(JSON.stringify(told));
"""


def test_node_is_told_what_it_has_not() -> None:
    script = SCRIPT % json.dumps(BUILT.as_uri())
    node = ["node", "--input-type=module", "--eval", script]
    done = subprocess.run(node, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told[0].startswith("RuntimeError: WebGPU is not available")
    dtype = "argument 'dtype' is undefined; null stands for the default"
    assert told[1:] == [
        "cpu",
        f"TypeError: tensor: {dtype}",
        f"TypeError: zeros: {dtype}",
        "int32",
        "float32",
    ]
