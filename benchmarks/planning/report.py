"""The sweep's and the fleet's results as Markdown tables and plots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from benchmarks.planning.fleet import Hour
from benchmarks.planning.sweep import DEVICES_MS, LOADS, MBITS, SHAPE, Judged

SVG = {"svg.fonttype": "none", "svg.hashsalt": "the same each time"}
BY: dict[str, Callable[[Judged], float]] = {
    "browser, ms a layer": lambda one: one.case.browser_ms,
    "round trip, ms": lambda one: one.case.round_trip_ms,
    "Mbit/s": lambda one: one.case.mbit_per_s,
    "server's load": lambda one: one.case.load,
    "server, ms a layer": lambda one: one.case.server_ms,
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def sweep_table(results: dict[str, list[Judged]]) -> str:
    head = ["sweep", "choices", "within 5% of hindsight", "server layers", "at best"]
    rows = []
    for name, judged in results.items():
        whole = len(judged) * SHAPE.n_layer
        rows.append(
            [
                name,
                f"{len(judged):,}",
                percent(_share_good(judged)),
                percent(sum(one.split for one in judged) / whole),
                percent(sum(one.best for one in judged) / whole),
            ]
        )
    return table(head, rows)


def detail_tables(name: str, judged: list[Judged]) -> str:
    """Where it is within 5% and where it is not."""
    parts = []
    for what, key in BY.items():
        values = sorted({key(one) for one in judged})
        cells = [
            percent(_share_good([one for one in judged if key(one) == value]))
            for value in values
        ]
        parts.append(table([f"{name}: {what}", *map(str, values)], [["", *cells]]))
    return "\n\n".join(parts)


def fleet_table(hours: list[Hour]) -> str:
    head = [
        "browsers",
        "servers",
        "policy",
        "requests",
        "refused",
        "work avoided",
        "at best",
        "within 5%",
        "p50 ms",
        "p95 ms",
        "busy",
        "hidden GB",
        "pieces GB",
    ]
    rows = [
        [
            f"{hour.browsers:,}",
            hour.servers,
            hour.policy,
            f"{hour.requests:,}",
            percent(hour.refused),
            *(
                ["", "", ""]
                if hour.policy == "server"
                else map(percent, (hour.avoided, hour.avoided_at_best, hour.good))
            ),
            f"{hour.p50_ms:.0f}",
            f"{hour.p95_ms:.0f}",
            percent(hour.busy),
            f"{hour.hidden_gb:.0f}",
            f"{hour.pieces_gb:.0f}",
        ]
        for hour in hours
    ]
    return table(head, rows)


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


@mpl.rc_context(SVG)
def plot_cuts(judged: list[Judged], path: Path) -> None:
    """Which split is chosen, by device and network, without load and under it."""
    loads = LOADS[0], LOADS[-1]
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.subplots(1, len(loads), sharey=True)
    image = None
    for axis, load in zip(axes, loads, strict=True):
        splits = [
            [
                np.mean(
                    [
                        one.split
                        for one in judged
                        if one.case.load == load
                        and one.case.server_ms == 10
                        and one.case.browser_ms == device
                        and one.case.mbit_per_s == rate
                    ]
                )
                for device in DEVICES_MS
            ]
            for rate in MBITS
        ]
        image = axis.imshow(splits, vmin=0, vmax=SHAPE.n_layer, cmap="viridis")
        axis.set_title(f"server {load:.0%} busy with others")
        axis.set_xticks(range(len(DEVICES_MS)), map(str, DEVICES_MS))
        axis.set_yticks(range(len(MBITS)), map(str, MBITS))
        axis.set_xlabel("browser, ms a layer (server: 10)")
    axes[0].set_ylabel("Mbit/s")
    figure.colorbar(image, ax=axes, label=f"layers on the server, of {SHAPE.n_layer}")
    figure.savefig(path, metadata={"Date": None})


@mpl.rc_context(SVG)
def plot_fleet(hours: list[Hour], path: Path) -> None:
    """How many are answered, how fast, and what moves to browsers, as fleets grow."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    answered, slow, moved = axes = figure.subplots(1, 3)
    ordered = sorted(hours, key=lambda hour: hour.browsers / hour.servers)
    for policy, label in (("server", "all on the server"), ("offload", "offload")):
        mine = [hour for hour in ordered if hour.policy == policy]
        each = [hour.browsers / hour.servers for hour in mine]
        answered.plot(each, [100 * (1 - h.refused) for h in mine], "o-", label=label)
        slow.plot(each, [h.p95_ms / 1000 for h in mine], "o-", label=label)
        if policy == "offload":
            moved.plot(each, [100 * h.avoided for h in mine], "o-", label="moved")
            best = [100 * h.avoided_at_best for h in mine]
            moved.plot(each, best, "x--", label="at best in hindsight")
            good = [100 * h.good for h in mine]
            moved.plot(each, good, "s-", label="cuts within 5% of the best")
    answered.set(title="requests answered, %", ylim=(0, 105))
    slow.set(title="95th percentile of answers, s", ylim=(0, None))
    moved.set(title="layers' work moved, %", ylim=(0, 105))
    for axis in axes:
        axis.set(xscale="log", xlabel="browsers a server")
    answered.legend()
    moved.legend(loc="lower right")
    figure.savefig(path, metadata={"Date": None})


def _share_good(judged: list[Judged]) -> float:
    return float(np.mean([one.is_good for one in judged]))
