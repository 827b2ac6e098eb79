"""The corpus as documents, and documents as texts worth embedding."""

import json
import lzma
import re
from dataclasses import dataclass
from pathlib import Path

from training.recipe import HELD_OUT_BOOKS, HELD_OUT_SECTIONS

SENTENCE_END = re.compile(
    r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.)"
    r"(?:(?<=[.!?])|(?<=[.!?][\"')\]\u201d\u2019]))"
    r"\s+(?=[\"'(\[\u201c\u2018]*[A-Z])"
)
MIN_SENTENCE_WORDS = 5
# A paragraph for the embedding: whole lines or sentences up to about this many words.
PARAGRAPH_WORDS = 90


@dataclass(frozen=True)
class Document:
    """One book, or one section of a textbook; one paragraph a line."""

    title: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def read_documents(corpus: Path, sources: Path) -> list[Document]:
    """Read the documents, which a blank line separates, in the order of `sources`.

    `sources` is a JSON list of {"title", "gutenberg_id"?, "chars", "licence"}. Books
    (those with a gutenberg_id) are one document each and come first; what follows are
    the sections of the textbooks.
    """
    opened = lzma.open if corpus.suffix == ".xz" else open
    with opened(corpus, "rt", encoding="utf-8", newline="\n") as file:
        blocks = [block.strip("\n") for block in file.read().split("\n\n")]
    entries = json.loads(sources.read_text(encoding="utf-8"))
    books = [entry["title"] for entry in entries if "gutenberg_id" in entry]
    for title, block in zip(books, blocks, strict=False):
        if not block.startswith(title.strip()):
            raise ValueError(
                f"{corpus}: expected the book {title!r}, came {block[:60]!r}"
            )
    titles = books + [f"textbook section {n}" for n in range(len(blocks) - len(books))]
    return [
        Document(title, tuple(line for line in block.split("\n") if line.strip()))
        for title, block in zip(titles, blocks, strict=True)
    ]


def split_held_out(
    documents: list[Document],
) -> tuple[list[Document], list[Document]]:
    """Divide whole documents into (for training, held out)."""
    train: list[Document] = []
    held_out: list[Document] = []
    for document in documents:
        kind, _, number = document.title.rpartition(" ")
        section = kind == "textbook section" and int(number) % HELD_OUT_SECTIONS == 0
        chosen = held_out if section or document.title in HELD_OUT_BOOKS else train
        chosen.append(document)
    return train, held_out


def sentences(document: Document) -> list[str]:
    """The document's sentences in order, without fragments."""
    found = (s for line in document.lines for s in SENTENCE_END.split(line))
    return [s.strip() for s in found if len(s.split()) >= MIN_SENTENCE_WORDS]


def paragraphs(document: Document) -> list[str]:
    """The document in order as paragraphs of about PARAGRAPH_WORDS.

    Short lines (dialogue) are joined and long ones are cut between sentences, so that
    paragraphs of different books are comparable.
    """
    made: list[str] = []
    held: list[str] = []
    n_words = 0
    for line in document.lines:
        for sentence in SENTENCE_END.split(line):
            held.append(sentence.strip())
            n_words += len(sentence.split())
            if n_words >= PARAGRAPH_WORDS:
                made.append(" ".join(held))
                held, n_words = [], 0
    return made
