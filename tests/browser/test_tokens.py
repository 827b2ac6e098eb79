"""A browser makes the tokens that Hugging Face's tokenizers make on the server."""

import json
import random
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checkpoints import TEXTS, write_json
from playwright.sync_api import Browser, Page
from tokenizers import Tokenizer, normalizers

from input_errors import InputError
from model_registry import resolve
from refusals import refusal_of
from text_tokenizer import TextTokenizer

OPEN = """async ({json, manifest}) => {
    const {openTokenizer} = await import("/text_tokenizer.js");
    const bytes = new TextEncoder().encode(json).buffer;
    globalThis.tokenizer = await openTokenizer(bytes, manifest);
}"""
ROWS = """(texts) => texts.map((text) => tokenizer.library.encode(text).ids)"""
REFUSAL = """(texts) => {
    try {
        tokenizer.encode(texts);
    } catch ({message, status, error_type}) {
        return {message, status, error_type};
    }
}"""

CORPUS = [
    *TEXTS,
    " ",
    "\n\t",
    "   leading, trailing   ",
    "it's we've I'm you'll he'd 'S 'T",
    "UPPER, Größe, Straße, ǅ, İstanbul, ΟΔΥΣΣΕΥΣ ΟΣ",
    "emoji 👩‍👩‍👧 🏳️‍🌈 👍🏽 and ﬁ ligature, e\u0301 combining, Å Å Å",
    "[CLS] in the text [SEP][MASK] <|endoftext|>x<|endoftext|> [cls]",
    "汉字 漢字 ひらがな カタカナ ｶﾅ 한국어 각 𠀀𪛖𫝀𬺠",
    "नमस्ते สวัสดี שָׁלוֹם العَرَبِيَّة Tiếng Việt",
    "control \x01\x1f\x7f\x80\x9f and \ufeff\u200b\u202e\u00ad\ufffd\ue000\U0010ffff",
    "spaces \x85\xa0\u1680\u2003\u2028\u3000 end\ufeff!\ufeff \x85!\x85",
    "1,024 ²³ ½ Ⅷ ٣٤ \U0001d7d8 $5 €6 ±7 x_y a-b don\u2019t “quoted” `code` ~tilde^",
    "x" * 99,
    "x" * 100,
    "x" * 101,
    "ab" * 3000,
    "word " * 3000,
    "\U0001d4b3" * 101,
    "constructor __proto__ toString hasOwnProperty",
]
MODELS = ["gpt2-mini", "small-gpt2", "small-bert", "all-MiniLM-L6-v2", "cased", "lower"]


@pytest.fixture(scope="module")
def folders(
    gpt2_folder: Path, bert_folder: Path, minilm_folder: Path, tmp_path_factory: Any
) -> dict[str, Path]:
    here = tmp_path_factory.mktemp("tokens")
    cased = Path(shutil.copytree(bert_folder, here / "cased"))
    change(cased, lambda file: file["normalizer"].update(lowercase=False))
    lower = Path(shutil.copytree(bert_folder, here / "lower"))
    change(lower, lambda file: file["normalizer"].update(strip_accents=False))
    return {
        "gpt2-mini": resolve("gpt2-mini").folder,
        "small-gpt2": gpt2_folder,
        "small-bert": bert_folder,
        "all-MiniLM-L6-v2": minilm_folder,
        "cased": cased,
        "lower": lower,
    }


def change(folder: Path, edit: Any) -> None:
    """A folder's tokenizer.json, edited."""
    file = json.loads((folder / "tokenizer.json").read_text())
    edit(file)
    write_json(folder / "tokenizer.json", file)


@pytest.fixture(scope="module")
def blank(browser: Browser, static_url: str) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(f"{static_url}/blank.html")
    yield page
    page.close()


def served(
    folder: Path, max_tokens: int = 100, vocab_size: int = 10**6
) -> TextTokenizer:
    """The server's own."""
    return TextTokenizer(folder, max_tokens, vocab_size, folder.name == "lower")


def open_tokenizer(page: Page, tokenizer: TextTokenizer) -> None:
    manifest = {
        "max_tokens": tokenizer.max_tokens,
        "config": {"vocab_size": tokenizer.vocab_size},
    }
    page.evaluate(OPEN, {"json": tokenizer.to_json(), "manifest": manifest})


def reference(folder: Path) -> Tokenizer:
    """As Hugging Face reads the folder; the model's length is another matter."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if folder.name == "lower":
        steps = [normalizers.Lowercase(), tokenizer.normalizer]
        tokenizer.normalizer = normalizers.Sequence(steps)
    return tokenizer


def random_texts(count: int) -> list[str]:
    """Of all scripts mixed, so that rules meet that no writer lets meet."""
    dice = random.Random(5)
    blocks = (0x20, 0xA0, 0x300, 0x370, 0x400, 0x590, 0x900, 0xAC00, 0x1F600, 0x2000)
    pools = [[chr(start + n) for n in range(96)] for start in blocks]
    pools += [
        list("  \t\n.,'#abcABC123"),
        list("Σ\u03c3ςİI\u0131ßẞ"),
        list("e\u0301\u0323\u0f71"),
    ]
    return [
        "".join(dice.choice(dice.choice(pools)) for _ in range(dice.randint(1, 60)))
        for _ in range(count)
    ]


@pytest.mark.parametrize("model", MODELS)
def test_a_text_becomes_the_same_tokens(
    blank: Page, folders: dict[str, Path], model: str
) -> None:
    open_tokenizer(blank, served(folders[model]))
    texts = [text for text in CORPUS + random_texts(400) if "\0" not in text]
    expected = reference(folders[model])
    came = blank.evaluate(ROWS, texts)
    for text, row, encoding in zip(
        texts, came, expected.encode_batch(texts), strict=True
    ):
        assert row == encoding.ids, repr(text)


@pytest.mark.parametrize("model", ["all-MiniLM-L6-v2", "cased", "gpt2-mini"])
def test_every_character_is_classified_alike(
    blank: Page, folders: dict[str, Path], model: str
) -> None:
    """Inside a word and between words; a hundred to a text, to be quick."""
    open_tokenizer(blank, served(folders[model]))
    characters = []
    for point in range(1, 0x110000):
        category = unicodedata.category(chr(point))
        # Letters without case are alike, but for those that BERT calls Chinese. What is
        # none yet, by this Python's tables, may be something by the browser's.
        sparse = {"Lo": 16, "Co": 4096, "Cn": 64 if point < 0x20000 else 4096}
        if category != "Cs" and point % sparse.get(category, 1) == 0:
            characters.append(chr(point))
    blocks = (0x3400, 0x4E00, 0xF900, 0x20000, 0x2A700, 0x2B740, 0x2B820, 0x2CEB0)
    ends = (0x2B920, 0x2F800, 0x2FA20, 0x30000, 0x4DC0, 0xA000, 0xFB00, 0x2A6E0)
    characters += [chr(edge + n) for edge in (*blocks, *ends) for n in (-1, 0)]
    later = (0x897, 0x1ACF, 0x1AE0, 0x1C89, 0x10D6E, 0x10EFA, 0x113CE, 0x1611E)
    characters += map(chr, later)
    texts = [
        "".join(f"a{each}b {each} " for each in characters[at : at + 100])
        for at in range(0, len(characters), 100)
    ]
    came = blank.evaluate(ROWS, texts)
    encodings = reference(folders[model]).encode_batch(texts)
    for text, row, encoding in zip(texts, came, encodings, strict=True):
        assert row == encoding.ids, text


def test_a_token_outside_the_models_table_is_refused(
    blank: Page, folders: dict[str, Path]
) -> None:
    tokenizer = served(folders["small-bert"], vocab_size=10)
    open_tokenizer(blank, tokenizer)
    with pytest.raises(InputError) as caught:
        tokenizer.encode(["a"])
    came = blank.evaluate(REFUSAL, ["a"])
    assert came["message"] == refusal_of(caught.value).message
    assert came["status"] == 422


@pytest.mark.parametrize("model", ["small-gpt2", "small-bert"])
@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["fine", ""],
        ["a\0b"],
        ["fine", "👍 ab\ud800"],
        ["ab " * 2000],
        ["fine", "x" * 99 + " " + "ab " * 1100],
    ],
)
def test_a_text_is_refused_in_the_servers_words(
    blank: Page, folders: dict[str, Path], model: str, texts: list[str]
) -> None:
    tokenizer = served(folders[model])
    open_tokenizer(blank, tokenizer)
    with pytest.raises(InputError) as caught:
        tokenizer.encode(texts)
    expected = refusal_of(caught.value)
    came = blank.evaluate(f"(json) => ({REFUSAL})(JSON.parse(json))", json.dumps(texts))
    assert came == {
        "message": expected.message,
        "status": expected.status,
        "error_type": expected.error_type,
    }


def test_the_greatest_length_is_taken(blank: Page, folders: dict[str, Path]) -> None:
    open_tokenizer(blank, served(folders["small-bert"]))
    lengths = "(texts) => [...tokenizer.encode(texts).lengths]"
    assert blank.evaluate(lengths, ["a " * 98, "a"]) == [100, 3]


@pytest.mark.parametrize(
    ("change_to", "says"),
    [
        ({"pre_tokenizer": {"type": "Whitespace"}}, "WordPiece after Whitespace"),
        ({"normalizer": {"type": "NFKC"}}, "NFKC"),
        ({"post_processor": {"type": "RobertaProcessing"}}, "RobertaProcessing"),
        (
            {"added_tokens": [{"content": "x", "id": 5, "lstrip": True}]},
            "added tokens with rules of their own",
        ),
    ],
)
def test_what_may_come_out_otherwise_is_left_to_the_server(
    blank: Page, folders: dict[str, Path], change_to: dict[str, Any], says: str
) -> None:
    file = json.loads((folders["small-bert"] / "tokenizer.json").read_text())
    message = blank.evaluate(
        """async (json) => {
            const {openTokenizer} = await import("/text_tokenizer.js");
            const bytes = new TextEncoder().encode(json).buffer;
            return openTokenizer(bytes, {}).catch(({message}) => message);
        }""",
        json.dumps({**file, **change_to}),
    )
    assert message == f"Only the server has this model's tokenizer: {says}"
