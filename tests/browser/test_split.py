"""Any split between the real server and a real browser gives the full result."""

import copy
import random
from pathlib import Path

import pytest
import torch
from client_page import ClientPage
from live_server import LiveServer
from model_page import ModelPage
from playwright.sync_api import Browser, Page
from references import Reference
from tokenizers import Tokenizer
from tolerances import BY_DTYPE, F32
from torch import Tensor
from web_pages import open_webgpu_page

from model_registry import resolve
from quantize import WEIGHT_DTYPES, WeightDtype

TEXTS = [
    "The server runs the first layers, the browser the rest.",
    "one",
    "Größe, naïve, 言語モデル",
]

# name: n_layer
MODELS = {
    "small-gpt2": 4,
    "odd-gpt2": 2,
    "small-bert": 3,
    "all-MiniLM-L6-v2": 6,
    "gpt2-mini": 12,
}


class Expected:
    """What the Hugging Face class makes of texts."""

    def __init__(self, folder: Path) -> None:
        self.reference = Reference(folder)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text).ids)

    def rows(
        self, texts: list[str], pooling: str = "mean", normalize: bool = True
    ) -> Tensor:
        embed = self.reference.embedding
        ids = map(self.ids, texts)
        return torch.stack([embed(row, pooling, normalize) for row in ids])


@pytest.fixture(scope="module")
def expected(
    gpt2_folder: Path, odd_gpt2_folder: Path, bert_folder: Path, minilm_folder: Path
) -> dict[str, Expected]:
    folders = {
        "small-gpt2": gpt2_folder,
        "odd-gpt2": odd_gpt2_folder,
        "small-bert": bert_folder,
        "all-MiniLM-L6-v2": minilm_folder,
        "gpt2-mini": resolve("gpt2-mini").folder,
    }
    return {name: Expected(folder) for name, folder in folders.items()}


@pytest.fixture(scope="module")
def client(page: Page) -> ClientPage:
    return ClientPage(page)


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
@pytest.mark.parametrize("model", MODELS)
def test_any_split_equals_hugging_face(
    client: ClientPage, expected: dict[str, Expected], model: str, dtype: WeightDtype
) -> None:
    """On the weights as each side has them: the browser's are rounded to the dtype."""
    client.connect(model=model, dtype=dtype)
    rounding = copy.deepcopy(expected[model])
    for split in reversed(range(MODELS[model] + 1)):
        if split < MODELS[model]:
            rounding.reference.round_layer(split, dtype)
        rows = client.rows(TEXTS, split=split)
        torch.testing.assert_close(rows, rounding.rows(TEXTS), atol=F32, rtol=0)
    client.evaluate("async () => sc.load(0, {embed: true})")
    rounding.reference.round_embed(dtype)
    result = client.embed(TEXTS, split=0)
    assert result["bytes"] == {"up": 0, "down": 0}
    rows = torch.tensor(result["embeddings"])
    torch.testing.assert_close(rows, rounding.rows(TEXTS), atol=F32, rtol=0)
    exact = expected[model].rows(TEXTS)
    torch.testing.assert_close(rows, exact, atol=BY_DTYPE[dtype], rtol=0)


@pytest.mark.parametrize(
    ("model", "dtype"), [*((model, "f32") for model in MODELS), ("small-gpt2", "f16")]
)
def test_client_first_any_split_equals_hugging_face(
    client: ClientPage, expected: dict[str, Expected], model: str, dtype: WeightDtype
) -> None:
    client.connect(model=model, dtype=dtype, direction="client-first")
    rounding = copy.deepcopy(expected[model])
    rounding.reference.round_embed(dtype)
    for split in range(MODELS[model] + 1):
        if split > 0:
            rounding.reference.round_layer(split - 1, dtype)
        result = client.embed(TEXTS, split=split)
        assert "note" not in result
        assert result["embed"] == "browser"
        where = [layer["where"] for layer in result["layers"]]
        server_layers = MODELS[model] - split
        assert where == ["browser"] * split + ["server"] * server_layers
        rows = torch.tensor(result["embeddings"])
        torch.testing.assert_close(rows, rounding.rows(TEXTS), atol=F32, rtol=0)


@pytest.mark.parametrize("pooling", ["cls", "last", "max"])
def test_every_pooling_is_that_of_the_models_files(
    client: ClientPage, pooled_folders: list[Path], pooling: str
) -> None:
    folder = next(path for path in pooled_folders if path.name.startswith(pooling))
    info = client.connect(model=folder.name, dtype="f32")["info"]
    assert info["pooling"] == pooling
    reference = Expected(folder).rows(TEXTS, pooling, info["normalize"])
    size = reference.norm(dim=1, keepdim=True)  # the tolerance is for unit vectors
    for split in (0, 1):
        rows = client.rows(TEXTS, split=split)
        torch.testing.assert_close(rows / size, reference / size, atol=F32, rtol=0)


@pytest.mark.parametrize("wire", ["f16", "q8"])
@pytest.mark.parametrize("model", ["small-gpt2", "all-MiniLM-L6-v2"])
def test_a_narrow_hidden_state_stays_within_its_tolerance(
    client: ClientPage, expected: dict[str, Expected], model: str, wire: str
) -> None:
    client.connect(model=model, dtype="f32", wire=wire)
    reference = expected[model].rows(TEXTS)
    for split in (0, MODELS[model] - 1):
        rows = client.rows(TEXTS, split=split)
        torch.testing.assert_close(rows, reference, atol=BY_DTYPE[wire], rtol=0)


def test_at_split_k_the_server_runs_k_layers_and_no_more(
    client: ClientPage, server: LiveServer
) -> None:
    client.connect(model="small-gpt2")
    for split in range(MODELS["small-gpt2"] + 1):
        before = server.layer_runs("small-gpt2")
        result = client.embed(TEXTS, split=split)
        ran = server.layer_runs("small-gpt2") - before
        assert ran == dict.fromkeys(range(split), 1)
        where = [layer["where"] for layer in result["layers"]]
        assert where == ["server"] * split + ["browser"] * (4 - split)
        assert result["finish"] == ("server" if split == 4 else "browser")


@pytest.mark.parametrize(
    ("model", "lengths"),
    [
        ("small-gpt2", [1, 2, 31, 32, 33, 64, 129, 1024]),
        ("small-bert", [3, 4, 15, 16, 17, 99, 100]),
        ("all-MiniLM-L6-v2", [3, 17, 64, 65, 129, 256]),
        ("gpt2-mini", [1, 2, 31, 33, 64, 65, 511, 512]),
    ],
)
def test_every_length_equals_hugging_face(
    client: ClientPage,
    expected: dict[str, Expected],
    model: str,
    lengths: list[int],
) -> None:
    client.connect(model=model, dtype="f32")
    texts = [text_of(expected[model], length) for length in lengths]
    split = MODELS[model] - 1
    reference = expected[model].rows(texts)
    for text, row in zip(texts, reference, strict=True):
        alone = client.rows([text], split=split)[0]
        torch.testing.assert_close(alone, row, atol=F32, rtol=0)
    result = client.embed(texts, split=split)
    assert result["tokens"] == lengths
    together = torch.tensor(result["embeddings"])
    torch.testing.assert_close(together, reference, atol=F32, rtol=0)


@pytest.mark.parametrize("model", ["small-gpt2", "small-bert"])
def test_a_gpus_kernels_equal_hugging_face(
    browser: Browser, server: LiveServer, expected: dict[str, Expected], model: str
) -> None:
    """The software adapter gets kernels of its own; here it runs a GPU's."""
    page = open_webgpu_page(browser, f"{server.url}/health")
    model_page = ModelPage(page, model, caps={"software": False})
    texts = [*TEXTS, text_of(expected[model], 70)]
    reference = expected[model].rows(texts)
    for split in (0, MODELS[model] - 1):
        rows = torch.tensor(model_page.rows(texts, split)).view_as(reference)
        torch.testing.assert_close(rows, reference, atol=F32, rtol=0)
    page.close()


def text_of(expected: Expected, length: int) -> str:
    """A text of so many tokens."""
    dice = random.Random(length)
    added = len(expected.ids(""))  # [CLS] and [SEP]
    words = [" a", " b", " c", " the"] if added else list("~^|{}`")
    text = "".join(dice.choice(words) for _ in range(length - added))
    assert len(expected.ids(text)) == length
    return text
