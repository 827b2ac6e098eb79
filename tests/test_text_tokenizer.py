"""Texts become the tokens that the Hugging Face tokenizer of the folder gives."""

import json
import shutil
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from checkpoints import TEXTS, write_json, write_sentence_files
from tokenizers import Encoding, Tokenizer

from config_json import CheckpointError
from input_errors import EmptyText, InputError, TextTooLong
from model_registry import ModelSource, resolve
from split_model import SplitModel
from text_tokenizer import CHUNK, Direction, TextTokenizer, Token

HARD_TEXTS = [
    *TEXTS,
    " ",
    "\n\t",
    "a",
    "UPPER and lower",
    "emoji 👩‍👩‍👧 and ﬁ ligature, e\u0301 combining",
    "[CLS] in the text [SEP] <|endoftext|>",
    "x" * 300,
    "\ufffd\u200b\u202e right to left",
]


def rows(
    tokenizer: TextTokenizer, texts: list[str], **options: object
) -> list[list[int]]:
    ragged = tokenizer.encode(texts, **options)  # type: ignore[arg-type]
    return [row.tolist() for row in ragged.values.split(ragged.lengths)]


def test_minilm_tokens_are_those_of_transformers(minilm: SplitModel) -> None:
    """Though its tokenizer.json asks for 128 tokens, cut and padded."""
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(minilm.weights.checkpoint.folder)
    texts = [*HARD_TEXTS, "word " * 200]
    assert rows(minilm.tokenizer, texts) == theirs(texts)["input_ids"]


@pytest.mark.parametrize("direction", ["Right", "Left"])
def test_truncation_keeps_special_tokens(minilm: SplitModel, direction: str) -> None:
    from transformers import AutoTokenizer

    folder = minilm.weights.checkpoint.folder
    theirs = AutoTokenizer.from_pretrained(folder, truncation_side=direction.lower())
    texts = [f"{n} " * n for n in (100, 253, 254, 255, 256, 257, 300)]
    expected = theirs(texts, truncation=True, max_length=256)["input_ids"]
    came = rows(minilm.tokenizer, texts, truncate=True, direction=direction)
    assert came == expected
    assert all(row[0] == 101 and row[-1] == 102 for row in came)


@pytest.mark.parametrize("direction", ["Right", "Left"])
@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "gpt2-mini"])
def test_a_long_text_is_truncated_as_if_all_of_it_were_encoded(
    name: str, direction: Direction
) -> None:
    """Though it is not: where a chunk ends does not show."""
    tokenizer = TextTokenizer(resolve(name).folder, 256, 50_257, lowercase=False)
    words = "It's 3.14 naïve  well-known\n\tfoo_bar, 北京 👩‍👩‍👧 antidisestablishment!"
    texts = [
        " ".join(f"{words}{n}" for n in range(6 * CHUNK // len(words))),
        f"{words}{' ' * CHUNK}" * 4,
        "short",
    ]
    whole = [
        [token.id for token in tokenizer.tokens(text, add_special_tokens=False)]
        for text in texts
    ]
    special = len(tokenizer.tokens("a")) - len(tokenizer.tokens("a", False))
    room = tokenizer.max_tokens - special
    kept = [row[:room] if direction == "Right" else row[-room:] for row in whole]
    came = rows(tokenizer, texts, truncate=True, direction=direction)
    assert [row[1:-1] if special else row for row in came] == kept
    # Not of BERT, which drops spaces: nothing of that text may be cut.
    assert [len(row) > room for row in whole] == [True, special == 0, False]


class Counted:
    """A tokenizer that notes how many characters it is given at a time."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.characters: list[int] = []

    def encode_batch(self, texts: list[str], **how: bool) -> list[Encoding]:
        self.characters.append(sum(map(len, texts)))
        return self.tokenizer.encode_batch(texts, **how)


@pytest.mark.parametrize("direction", ["Right", "Left"])
def test_of_a_text_far_too_long_little_is_encoded(
    gpt2: SplitModel, monkeypatch: pytest.MonkeyPatch, direction: Direction
) -> None:
    """So that what is refused costs neither time nor memory by its length."""
    tokenizer = gpt2.tokenizer
    counted = Counted(tokenizer._tokenizer)
    monkeypatch.setattr(tokenizer, "_tokenizer", counted)
    long = "a b " * 480_000
    with pytest.raises(TextTooLong, match=r"Given: \d+ or more$"):
        tokenizer.encode([long])
    tokenizer.encode([long], truncate=True, direction=direction)
    shown = tokenizer.tokens(long, most=500)
    assert shown == tokenizer.tokens(long[:4000])[:501]
    assert counted.characters == [CHUNK, CHUNK, CHUNK, 4000]


def test_many_texts_are_encoded_a_chunk_at_a_time(
    gpt2: SplitModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = gpt2.tokenizer
    texts = [f"{n} and more" for n in range(3 * CHUNK // 10)]
    theirs = tokenizer._tokenizer.encode_batch(texts)
    counted = Counted(tokenizer._tokenizer)
    monkeypatch.setattr(tokenizer, "_tokenizer", counted)
    assert rows(tokenizer, texts) == [encoding.ids for encoding in theirs]
    assert len(counted.characters) > 3
    assert max(counted.characters) <= CHUNK


def test_a_long_text_does_not_keep_pythons_lock(gpt2: SplitModel) -> None:
    """Other requests, and the layers, need it all the time."""
    long = "a b " * 200_000
    beats: list[float] = []
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.001):
            beats.append(time.perf_counter())

    thread = threading.Thread(target=beat)
    thread.start()
    started = time.perf_counter()
    gpt2.tokenizer._encode_batch([long], True)
    took = time.perf_counter() - started
    over.set()
    thread.join()
    longest = max(later - beat for beat, later in pairwise([started, *beats]))
    assert longest < took / 3


def test_gpt2_truncation_keeps_either_end(odd_gpt2: SplitModel) -> None:
    text = "abcdefghij" * 30
    [whole] = [[token.id for token in odd_gpt2.show_tokens(text)]]
    limit = odd_gpt2.max_tokens
    assert len(whole) > limit
    tokenizer = odd_gpt2.tokenizer
    assert rows(tokenizer, [text], truncate=True) == [whole[:limit]]
    left = rows(tokenizer, [text], truncate=True, direction="Left")
    assert left == [whole[-limit:]]


def test_a_text_of_the_greatest_length_is_taken_and_one_token_more_is_not(
    bert: SplitModel,
) -> None:
    fits = "a " * 98  # and [CLS], [SEP]: 100
    assert bert.tokenize([fits]).lengths == (100,)
    with pytest.raises(TextTooLong) as caught:
        bert.tokenize(["a", fits + "a"])
    assert str(caught.value) == "`inputs` must have less than 100 tokens. Given: 101"
    assert caught.value.index == 1


def test_tokens_say_where_they_lie(minilm: SplitModel) -> None:
    assert minilm.show_tokens("Héllo wörld!") == [
        Token(101, "[CLS]", True, None, None),
        Token(7592, "Héllo", False, 0, 5),
        Token(2088, "wörld", False, 6, 11),
        Token(999, "!", False, 11, 12),
        Token(102, "[SEP]", True, None, None),
    ]
    bare = minilm.show_tokens("Héllo", add_special_tokens=False)
    assert [token.text for token in bare] == ["Héllo"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", EmptyText, "`inputs` cannot be empty"),
        ("a\0b", InputError, "text 1: expected no NUL character, came one"),
        ("ab\ud800", InputError, "text 1: .* half a surrogate pair at character 2"),
    ],
)
def test_a_text_that_is_none_is_refused_by_its_place(
    bert: SplitModel, text: str, error: type[InputError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        bert.tokenize(["fine", text])
    assert caught.value.index == 1
    with pytest.raises(InputError):
        bert.show_tokens(text)


def test_an_empty_list_is_refused(bert: SplitModel) -> None:
    for refuse in (bert.tokenize, bert.tokens_from_ids):
        with pytest.raises(EmptyText) as caught:
            refuse([])
        assert caught.value.index is None


def test_ids_are_taken_as_they_are(bert: SplitModel) -> None:
    tokens = bert.tokens_from_ids([[7, 8], [9]])
    assert tokens.values.tolist() == [7, 8, 9]
    assert tokens.lengths == (2, 1)
    long = list(range(150))
    with pytest.raises(TextTooLong):
        bert.tokens_from_ids([long])
    assert bert.tokens_from_ids([long], truncate=True).values.tolist() == long[:100]
    left = bert.tokens_from_ids([long], truncate=True, truncation_direction="Left")
    assert left.values.tolist() == long[50:]


@pytest.mark.parametrize("bad", [-1, 10**6, 2**70, True, 1.0, "7", None])
def test_an_id_that_no_token_has_is_refused(bert: SplitModel, bad: object) -> None:
    with pytest.raises(InputError, match="expected an integer from 0 to") as caught:
        bert.tokens_from_ids([[1], [2, bad]])  # type: ignore[list-item]
    assert caught.value.index == 1


def test_a_token_outside_the_models_table_is_refused(
    gpt2_folder: Path, tmp_path: Path
) -> None:
    """Fine-tuned folders add a padding token and forget to grow the model."""
    folder = Path(shutil.copytree(gpt2_folder, tmp_path / "copy"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    added = {**tokenizer["added_tokens"][0], "id": size, "content": "[PAD]"}
    tokenizer["added_tokens"].append(added)
    write_json(folder / "tokenizer.json", tokenizer)
    model = SplitModel(ModelSource("padded", folder), cache_dir=tmp_path)
    model.tokenize(["fine"])
    with pytest.raises(InputError, match=f"token id {size}: expected"):
        model.tokenize(["fine", "not [PAD]"])


def test_folders_with_vocabularies_alone_are_read(
    minilm: SplitModel, gpt2: SplitModel, tmp_path: Path
) -> None:
    bert_folder = minilm.weights.checkpoint.folder
    words = tmp_path / "words"
    words.mkdir()
    for name in ("config.json", "vocab.txt", "tokenizer_config.json"):
        shutil.copy(bert_folder / name, words)
    mine = TextTokenizer(words, 256, minilm.config.vocab_size, lowercase=False)
    assert rows(mine, HARD_TEXTS) == rows(minilm.tokenizer, HARD_TEXTS)

    gpt2_folder = gpt2.weights.checkpoint.folder
    merges = tmp_path / "merges"
    merges.mkdir()
    model = json.loads((gpt2_folder / "tokenizer.json").read_text())["model"]
    shutil.copy(gpt2_folder / "config.json", merges)
    write_json(merges / "vocab.json", model["vocab"])
    pairs = "\n".join(" ".join(pair) for pair in model["merges"])
    (merges / "merges.txt").write_text(f"#version: 0.2\n{pairs}\n")
    write_json(merges / "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer"})
    mine = TextTokenizer(merges, 1024, gpt2.config.vocab_size, lowercase=False)
    assert rows(mine, HARD_TEXTS) == rows(gpt2.tokenizer, HARD_TEXTS)


def test_a_length_that_special_tokens_fill_is_refused(bert_folder: Path) -> None:
    with pytest.raises(CheckpointError, match="more than the 2 special tokens, came 2"):
        TextTokenizer(bert_folder, 2, 300, lowercase=False)
    tokenizer = TextTokenizer(bert_folder, 3, 300, lowercase=False)
    for direction in ("Left", "Right"):
        [row] = rows(tokenizer, ["a b c"], truncate=True, direction=direction)
        assert len(row) == 3


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer\.json, came none"):
        TextTokenizer(tmp_path, 10, 10, lowercase=False)


def test_a_vocabulary_without_its_merges_is_refused(
    gpt2_folder: Path, tmp_path: Path
) -> None:
    shutil.copy(gpt2_folder / "config.json", tmp_path)
    (tmp_path / "merges.txt").write_text("#version: 0.2")
    with pytest.raises(CheckpointError, match=r"merges\.txt: ") as caught:
        TextTokenizer(tmp_path, 10, 10, lowercase=False)
    assert "\n" not in str(caught.value)


def test_lower_case_is_made_where_the_folder_asks(
    gpt2_folder: Path, gpt2: SplitModel, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(gpt2_folder, tmp_path / "copy"))
    pooling = {"pooling_mode_mean_tokens": True}
    write_sentence_files(folder, pooling, transformer={"do_lower_case": True})
    model = SplitModel(ModelSource("lower", folder), cache_dir=tmp_path)
    assert rows(model.tokenizer, ["LAYER ÄÖ"]) == rows(gpt2.tokenizer, ["layer äö"])
    assert "".join(token.text for token in model.show_tokens("LAYER")) == "LAYER"


def test_a_text_of_two_megabytes_is_truncated_in_seconds(bert: SplitModel) -> None:
    for text in ("a" * 2_000_000, "a " * 200_000):
        tokens = bert.tokenize([text], truncate=True)
        assert tokens.lengths[0] <= bert.max_tokens
