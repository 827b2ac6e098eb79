"""Writes the model card: card.md with the sources and the measured numbers filled in.

    python -m training.card --sources sources.json --evaluation evaluation.json \
        --out models/gpt2-mini/README.md
"""

import argparse
import json
from pathlib import Path
from string import Template
from typing import Any

from training.recipe import HELD_OUT_BOOKS

TEMPLATE = Path(__file__).parent / "card.md"

COLUMNS = {
    "perplexity": "Perplexity a token",
    "bits_per_byte": "Bits a byte",
    "spearman_random": "Spearman, random pairs",
    "spearman_near": "Spearman, near pairs",
    "first": "Next paragraph first",
    "top_ten": "in the top ten",
    "reciprocal_rank": "Mean reciprocal rank",
}
# Titles that lost a letter or a mark on their way into the corpus.
TITLES = {
    "American AdventuresA Second Trip Abroad at home ": (
        "American Adventures: A Second Trip 'Abroad at Home'"
    ),
    "Les Mis rables": "Les Misérables",
    "The Devil s Dictionary": "The Devil's Dictionary",
}
PERCENT = ("first", "top_ten")


def write_card(sources: Path, evaluation: Path, out: Path) -> None:
    """Fill in the template."""
    entries = json.loads(sources.read_text(encoding="utf-8"))
    measured = json.loads(evaluation.read_text(encoding="utf-8"))
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    text = template.substitute(
        held_out=", ".join(f"*{title}*" for title in HELD_OUT_BOOKS),
        measurements=table(measured["rows"]),
        samples="\n".join(map(sample, measured["samples"])),
        sources="\n".join(map(source, entries)),
    )
    out.write_text(text, encoding="utf-8")


def table(rows: dict[str, dict[str, float]]) -> str:
    """The measurements in Markdown; a hyphen where a model has no such number."""
    lines = ["| | " + " | ".join(COLUMNS.values()) + " |", "|---" * 8 + "|"]
    for name, row in rows.items():
        cells = [cell(key, row.get(key)) for key in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(key: str, value: float | None) -> str:
    """One number as the table shows it."""
    if value is None:
        return "-"
    if key in PERCENT:
        return f"{value:.1%}"
    return f"{value:.1f}" if key == "perplexity" else f"{value:.3f}"


def sample(given: dict[str, str]) -> str:
    """One continuation, on one line; the prompt in bold."""
    written = " ".join(given["text"].split())
    return f"1. **{escape(given['prompt'])}** {escape(written)}"


def escape(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return "".join(f"\\{c}" if c in "\\*_`[]<>#" else c for c in text)


def source(entry: dict[str, Any]) -> str:
    """One book's credit."""
    title = TITLES.get(entry["title"], entry["title"])
    held_out = " *(held out)*" if entry["title"] in HELD_OUT_BOOKS else ""
    if "gutenberg_id" in entry:
        number = entry["gutenberg_id"]
        link = f"https://www.gutenberg.org/ebooks/{number}"
        title = f"{title}, [Project Gutenberg {number}]({link})"
    return f"- {title}: {entry['licence']}{held_out}"


def main() -> None:
    """Read the command line and write the card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write_card(args.sources, args.evaluation, args.out)


if __name__ == "__main__":
    main()
