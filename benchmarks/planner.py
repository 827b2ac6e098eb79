"""How near the planner's cuts come to the best ones in hindsight, and what they save.

    .venv/bin/python benchmarks/planner.py --out /tmp/planner

First a sweep: one browser at a time, over devices, networks and loads, planned by
planner.py from noisy measurements. Then an hour of a whole fleet. What things really
take is benchmarks/planning/world.py's business; the planner only sees measurements.
Prints Markdown tables; writes plots where --out says.
"""

from __future__ import annotations

import argparse
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.planning import report
from benchmarks.planning.fleet import simulate
from benchmarks.planning.sweep import Judged, all_cases, follow, with_slow_start

SEED = 5
Policy = Literal["offload", "latency"]
# What a sweep is called -> policy, slow start, requests to learn from before judging
SWEEPS: dict[str, tuple[Policy, bool, int]] = {
    "offload": ("offload", False, 30),
    "latency": ("latency", False, 30),
    "offload, first ten requests": ("offload", False, 0),
    "latency, first ten requests": ("latency", False, 0),
    "offload, TCP starts slowly each time": ("offload", True, 30),
    "latency, TCP starts slowly each time": ("latency", True, 30),
}
ONE_SERVER = (1_000, 10_000, 100_000)
MANY_SERVERS = (8, 16)


def sweep(policy: Policy, has_slow_start: bool, learning: int) -> list[Judged]:
    rng = np.random.default_rng(SEED)
    cases = map(with_slow_start, all_cases()) if has_slow_start else all_cases()
    return [one for case in cases for one in follow(case, policy, rng, learning)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="a folder for the plots")
    parser.add_argument("--browsers", type=int, nargs="+", default=ONE_SERVER)
    parser.add_argument("--servers", type=int, nargs="+", default=MANY_SERVERS)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    started = perf_counter()
    fleets = [(count, 1) for count in args.browsers]
    fleets += [(max(args.browsers), servers) for servers in args.servers]
    with ProcessPoolExecutor(args.processes) as pool:
        sweeps = {name: pool.submit(sweep, *of) for name, of in SWEEPS.items()}
        hours = [
            pool.submit(partial(simulate, *fleet, policy, np.random.default_rng(SEED)))
            for fleet in reversed(fleets)
            for policy in ("offload", "server")
        ]
        judged = {name: future.result() for name, future in sweeps.items()}
        print(report.sweep_table(judged))
        for name in SWEEPS:
            print(f"\n{report.detail_tables(name, judged[name])}", flush=True)
        fleet = [future.result() for future in reversed(hours)]
    print(f"\n{report.fleet_table(fleet)}\n")
    print(f"{platform.machine()}, {args.processes} processes,", end=" ")
    print(f"{perf_counter() - started:.0f} s")
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        report.plot_cuts(judged["offload"], args.out / "planner-cuts.svg")
        report.plot_fleet(fleet, args.out / "planner-fleet.svg")


if __name__ == "__main__":
    main()
