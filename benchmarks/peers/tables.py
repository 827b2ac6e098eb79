"""Prints results as Markdown."""

from typing import Any

Row = dict[str, Any]


def print_tables(results: dict[str, Any]) -> None:
    """Milliseconds a step by length, and what this library asks of WebGPU for it."""
    adapter = results["adapter"]
    print(
        *filter(None, (adapter[k] for k in ("vendor", "architecture", "description")))
    )
    print(results["agent"])
    print(
        ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    )
    print("pooled: one row back" if results["pool"] else "the whole hidden state back")
    for config in results["configs"]:
        print_steps(config, [r for r in results["rows"] if r["config"] == config])
    print_further_layers(results["rows"])
    for row in results["rows"]:
        if "counts" in row:
            print_counts(row)


def print_steps(config: str, rows: list[Row]) -> None:
    lengths = dict.fromkeys(f"T={row['T']}" for row in rows)
    layers = max((row.get("layers", 0) for row in rows), default=0)
    print_line(f"{config}, layers: {layers}", *lengths, "error", "init", "first run")
    print_line(*["---"] * (len(lengths) + 4))
    for peer in dict.fromkeys(row["peer"] for row in rows):
        own = [row for row in rows if row["peer"] == peer]
        first = own[0]
        error = max(row.get("error", 0) for row in own)
        starts = (milliseconds(first.get(key)) for key in ("init_ms", "first_ms"))
        print_line(peer, *map(step, own), f"{error:.0e}", *starts)
        for failure in dict.fromkeys(row.get("failure") for row in own):
            if failure:
                print_line(failure.partition("\n")[0][:200])


def step(row: Row) -> str:
    if row.get("failure") or row["median_ms"] is None:
        return "failed"
    text = milliseconds(row["median_ms"])
    return f"({text}, wrong)" if row["wrong"] else text


def print_further_layers(rows: list[Row]) -> None:
    """What ten layers more cost, a layer."""
    deep = {(r["peer"], r["T"]): r for r in rows if r["config"] == "gpt2-12"}
    for row in rows:
        other = deep.get((row["peer"], row["T"]))
        if (
            row["config"] != "gpt2"
            or other is None
            or "failed" in map(step, (row, other))
        ):
            continue
        more = other["median_ms"] - row["median_ms"]
        each = more / (other["layers"] - row["layers"])
        print(f"{row['peer']}, T={row['T']}: {each:.3f} ms for each further layer")


def print_counts(row: Row) -> None:
    counts = dict(row["counts"])
    js = counts.pop("js_ms")
    told = ", ".join(f"{number} {name}" for name, number in counts.items())
    print(f"{row['peer']}, {row['config']}, T={row['T']}: {js:.2f} ms in JS, {told}")
    if unseen := row.get("unseen"):
        ratio = unseen["first_ms"] / unseen["steady_ms"]
        made = f"{unseen['pipelines']} pipelines, {unseen['buffers']} buffers"
        print(f"  T={unseen['T']}, never seen: {ratio:.2f} of a later run, {made}")


def milliseconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def print_line(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")
