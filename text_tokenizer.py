"""Text to token ids, with the folder's own tokenizer."""

import os
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import torch
from tokenizers import Encoding, Tokenizer, normalizers

from config_json import CheckpointError
from input_errors import EmptyText, InputError, TextTooLong
from ragged import Ragged

Direction = Literal["Left", "Right"]
Kept = TypeVar("Kept", str, list[int])
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "merges.txt", "vocab.txt")
# What transformers reads too where a vocabulary must be converted.
CONVERSION_FILES = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
# Characters that are encoded at a time: while the tokenizer works it holds about half a
# kilobyte for each. Of a longer text, no more than decides the answer is encoded.
CHUNK = 2**16
# As many callers encode at once as cores can work for; the others' texts cost nothing.
# Short ones cost little, and need not wait for the long ones.
SHORT = 2**10
_turns = threading.BoundedSemaphore(os.cpu_count() or 1)


@dataclass(frozen=True)
class Token:
    """One token of a text, as text-embeddings-inference's /tokenize shows it."""

    id: int
    text: str
    special: bool
    start: int | None  # in characters; None for a token that is not in the text
    stop: int | None


class TextTokenizer:
    """Thread-safe: the tokenizer behind it is never changed after loading."""

    def __init__(
        self, folder: Path, max_tokens: int, vocab_size: int, lowercase: bool
    ) -> None:
        self.max_tokens = max_tokens
        self.vocab_size = vocab_size
        self._tokenizer = _load(folder)
        self._tokenizer.no_padding()  # a folder may ask for 128 tokens, padded: the
        self._tokenizer.no_truncation()  # length is the model's matter, and checked
        special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        if max_tokens <= special:
            raise CheckpointError(
                f"max_tokens: expected more than the {special} special tokens, came "
                f"{max_tokens}"
            )
        if lowercase:
            steps = [normalizers.Lowercase(), self._tokenizer.normalizer]
            self._tokenizer.normalizer = normalizers.Sequence(
                [step for step in steps if step is not None]
            )

    @staticmethod
    def files(folder: Path) -> list[Path]:
        """All of a folder's files that decide which tokens a text becomes."""
        whole = (folder / "tokenizer.json").is_file()
        names = TOKENIZER_FILES if whole else TOKENIZER_FILES + CONVERSION_FILES
        return [folder / name for name in names if (folder / name).is_file()]

    def encode(
        self, texts: list[str], truncate: bool = False, direction: Direction = "Right"
    ) -> Ragged:
        """Raises InputError, EmptyText, TextTooLong; each says which text.

        A word of more than 32,768 characters may be cut in the wrong place.
        """
        rows = []
        limit = self.max_tokens
        for index, (encoding, whole) in enumerate(self._encode(texts, direction)):
            ids = encoding.ids
            if not ids:
                raise EmptyText(f"text {index}: expected tokens, came none", index)
            if len(ids) > limit:
                if not truncate:
                    raise TextTooLong(len(ids), limit, index, exact=whole)
                ids = _truncate(encoding, limit, direction)
            rows.append(ids)
        return self.from_ids(rows)

    def from_ids(
        self,
        ids: list[list[int]],
        truncate: bool = False,
        direction: Direction = "Right",
    ) -> Ragged:
        """Token ids as they are: nothing is added to them. Errors as encode's."""
        if not ids:
            raise EmptyText("`inputs` cannot be empty")
        rows = []
        for index, row in enumerate(ids):
            if not row:
                raise EmptyText("`inputs` cannot be empty", index)
            for token in row:
                if type(token) is not int or not 0 <= token < self.vocab_size:
                    raise InputError(
                        f"token id {_shown(token)}: expected an integer from 0 to "
                        f"{self.vocab_size - 1}",
                        index,
                    )
            if len(row) > self.max_tokens:
                if not truncate:
                    raise TextTooLong(len(row), self.max_tokens, index)
                row = _kept(row, self.max_tokens, direction)
            rows.append(row)
        flat = [token for row in rows for token in row]
        return Ragged(torch.tensor(flat), tuple(len(row) for row in rows))

    def tokens(
        self, text: str, add_special_tokens: bool = True, most: int | None = None
    ) -> list[Token]:
        """A text's tokens, and where each lies; where there are more than `most`, the
        first most + 1. Raises InputError, EmptyText."""
        _check_text(text, 0)
        encoding, _ = self._encode_one(text, add_special_tokens, most)
        if most is not None:
            encoding.truncate(most + 1)
        return [
            Token(id, content, True, None, None)
            if special
            else Token(id, text[start:stop], False, start, stop)
            for id, content, special, (start, stop) in zip(
                encoding.ids,
                encoding.tokens,
                encoding.special_tokens_mask,
                encoding.offsets,
                strict=True,
            )
        ]

    def to_json(self) -> str:
        """A tokenizer.json that makes the same tokens of a text as encode() does."""
        return str(self._tokenizer.to_str())

    def _encode(
        self, texts: list[str], direction: Direction
    ) -> Iterator[tuple[Encoding, bool]]:
        """Each text's tokens, and whether they are all; max_tokens are enough."""
        if not texts:
            raise EmptyText("`inputs` cannot be empty")
        for index, text in enumerate(texts):
            _check_text(text, index)
        for chunk in _chunks(texts):
            if len(chunk) == 1:
                yield self._encode_one(chunk[0], True, self.max_tokens, direction)
                continue
            for encoding in self._encode_batch(chunk, True):
                yield encoding, True

    def _encode_one(
        self,
        text: str,
        add_special_tokens: bool,
        most: int | None = None,
        direction: Direction = "Right",
    ) -> tuple[Encoding, bool]:
        """A text's tokens, and whether they are all. Where there are more than `most`,
        those of one end may do; next to where it ends they are not the text's own."""
        size = len(text) if most is None else CHUNK
        while True:
            part = _kept(text, size, direction)
            [encoding] = self._encode_batch([part], add_special_tokens)
            if size >= len(text):
                return encoding, True
            # Whatever follows changes words at the cut, not those half a chunk away.
            if direction == "Right":
                sure = sum(stop <= size // 2 for _, stop in encoding.offsets)
            else:
                sure = sum(start >= size // 2 for start, _ in encoding.offsets)
            if most is not None and sure > most:
                return encoding, False
            size *= 2

    def _encode_batch(
        self, texts: list[str], add_special_tokens: bool
    ) -> list[Encoding]:
        short = sum(map(len, texts)) <= SHORT
        with nullcontext() if short else _turns:
            # Of a single text too: encode() would keep Python's lock meanwhile.
            return self._tokenizer.encode_batch(
                texts, add_special_tokens=add_special_tokens
            )


def _chunks(texts: list[str]) -> Iterator[list[str]]:
    """Of at most CHUNK characters, or one text."""
    chunk: list[str] = []
    room = CHUNK
    for text in texts:
        if chunk and len(text) > room:
            yield chunk
            chunk, room = [], CHUNK
        chunk.append(text)
        room -= len(text)
    yield chunk


def _load(folder: Path) -> Tokenizer:
    present = [name for name in TOKENIZER_FILES if (folder / name).is_file()]
    if not present:
        raise CheckpointError(f"{folder}: expected tokenizer.json, came none")
    try:
        if present[0] == "tokenizer.json":
            return Tokenizer.from_file(str(folder / present[0]))
        return _converted(folder)
    except Exception as error:  # the libraries raise Exception itself
        reason = str(error).split("\n", 1)[0]
        raise CheckpointError(f"{folder / present[0]}: {reason}") from None


def _converted(folder: Path) -> Tokenizer:
    """From vocabularies alone, as older folders have them."""
    from transformers import AutoTokenizer  # here, since it costs a start two seconds

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    backend = tokenizer.backend_tokenizer
    assert isinstance(backend, Tokenizer)
    return backend


def _check_text(text: str, index: int) -> None:
    if not text:
        raise EmptyText("`inputs` cannot be empty", index)
    if "\0" in text:
        raise InputError(f"text {index}: expected no NUL character, came one", index)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"text {index}: expected valid Unicode, came half a surrogate pair at "
            f"character {error.start}",
            index,
        ) from None


def _shown(number: object) -> str:
    """Python writes no integer of more than 4,300 digits, and nobody reads one."""
    if isinstance(number, int) and number.bit_length() > 64:
        return f"of {number.bit_length()} bits"
    return repr(number)


def _truncate(encoding: Encoding, limit: int, direction: Direction) -> list[int]:
    """Cut the text, not the special tokens around it ([CLS] … [SEP])."""
    ids, special = encoding.ids, encoding.special_tokens_mask
    first = special.index(0)
    last = len(ids) - special[::-1].index(0)
    room = limit - first - (len(ids) - last)
    return ids[:first] + _kept(ids[first:last], room, direction) + ids[last:]


def _kept(sequence: Kept, room: int, direction: Direction) -> Kept:
    return sequence[:room] if direction == "Right" else sequence[-room:]
