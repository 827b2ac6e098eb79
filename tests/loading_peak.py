"""Prints [bytes that loading a model added at its peak, bytes of its weights]."""

import json
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from model_registry import ModelSource
from split_model import SplitModel


def anonymous_bytes() -> int:
    """Memory that is ours: not the page cache, which a system takes back at need."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("RssAnon: expected in /proc/self/status, came nothing")


def main() -> None:
    folder, cache = map(Path, sys.argv[1:])
    peak = before = anonymous_bytes()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.001):
            peak = max(peak, anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    model = SplitModel(ModelSource("peak", folder), cache_dir=cache)
    done.set()
    watcher.join()
    print(json.dumps([peak - before, model.parameters * 4]))


if __name__ == "__main__":
    main()
