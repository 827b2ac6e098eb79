"""Any split gives the full model's result, and does the work of its layers alone."""

import random
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest
import torch
from references import Reference
from tolerances import BF16, F32
from torch import nn

from input_errors import EmptyText, InputError, NotFinite, TextTooLong
from model_registry import ModelSource
from ragged import Ragged
from split_model import GPU_PASS_TOKENS, SplitModel

MODELS = ["gpt2", "odd_gpt2", "bert", "plain_bert", "minilm"]


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> SplitModel:
    loaded = request.getfixturevalue(request.param)
    assert isinstance(loaded, SplitModel)
    return loaded


@pytest.fixture
def reference(model: SplitModel) -> Reference:
    return reference_of(model)


REFERENCES: dict[Path, Reference] = {}


def reference_of(model: SplitModel) -> Reference:
    folder = model.weights.checkpoint.folder
    if folder not in REFERENCES:
        REFERENCES[folder] = Reference(folder)
    return REFERENCES[folder]


def random_ids(model: SplitModel, lengths: list[int], seed: int = 0) -> list[list[int]]:
    dice = random.Random(seed)
    return [
        [dice.randrange(model.config.vocab_size) for _ in range(length)]
        for length in lengths
    ]


def expected_embeddings(model: SplitModel, ids: list[list[int]]) -> torch.Tensor:
    reference = reference_of(model)
    rows = [reference.embedding(row, model.pooling, True) for row in ids]
    return torch.stack(rows)


# Several of one length, several of others, the shortest and the longest
def mixed_lengths(model: SplitModel) -> list[int]:
    return [5, 1, 17, 5, 2, 17, 17, model.max_tokens]


def test_any_split_equals_the_full_model(model: SplitModel) -> None:
    ids = random_ids(model, mixed_lengths(model))
    expected = expected_embeddings(model, ids)
    tokens = model.tokens_from_ids(ids)
    for split in range(model.config.n_layer + 1):
        hidden = model.hidden_states(tokens, split)
        assert hidden.lengths == tokens.lengths
        assert hidden.values.shape == (len(tokens.values), model.config.n_embd)
        result = model.resume(hidden, split, normalize=True)
        torch.testing.assert_close(result, expected, atol=F32, rtol=0)


def test_hidden_states_are_those_of_hugging_face(model: SplitModel) -> None:
    ids = random_ids(model, [7, 3, 7])
    expected = [reference_of(model).hidden_states(row) for row in ids]
    tokens = model.tokens_from_ids(ids)
    for split in range(model.config.n_layer):
        whole = torch.cat([states[split] for states in expected])
        hidden = model.hidden_states(tokens, split).values
        size = whole.abs().max()
        torch.testing.assert_close(hidden / size, whole / size, atol=F32, rtol=0)


def test_embed_equals_hugging_face_at_every_length(model: SplitModel) -> None:
    longest = model.max_tokens
    lengths = sorted({*range(1, 33), 64, longest // 2, longest - 1, longest})
    ids = random_ids(model, lengths)
    result = model.embed(model.tokens_from_ids(ids), normalize=True)
    expected = expected_embeddings(model, ids)
    torch.testing.assert_close(result, expected, atol=F32, rtol=0)


def test_a_text_has_the_same_embedding_alone_and_among_others(
    model: SplitModel,
) -> None:
    ids = random_ids(model, mixed_lengths(model))
    together = model.embed(model.tokens_from_ids(ids), normalize=True)
    for row, embedding in zip(ids, together, strict=True):
        alone = model.embed(model.tokens_from_ids([row]), normalize=True)[0]
        torch.testing.assert_close(alone, embedding, atol=F32, rtol=0)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "last"])
def test_every_pooling_is_that_of_the_formula(
    gpt2_folder: Path, cache_dir: Path, pooling: str
) -> None:
    source = ModelSource("gpt2", gpt2_folder)
    model = SplitModel(source, pooling=pooling, cache_dir=cache_dir)
    ids = random_ids(model, [3, 1, 9, 3])
    result = model.embed(model.tokens_from_ids(ids))
    expected = expected_embeddings(model, ids)
    torch.testing.assert_close(result, expected, atol=F32, rtol=0)


def test_normalize_is_the_folders_wish_unless_asked_otherwise(
    bert: SplitModel, plain_bert: SplitModel
) -> None:
    for model, normalized in ((bert, True), (plain_bert, False)):
        tokens = model.tokens_from_ids([[5, 6, 7]])
        as_is = model.embed(tokens)
        unit = model.embed(tokens, normalize=True)
        raw = model.embed(tokens, normalize=False)
        assert torch.equal(as_is, unit if normalized else raw)
        assert unit.norm().item() == pytest.approx(1)
        assert raw.norm().item() != pytest.approx(1, abs=0.01)
        torch.testing.assert_close(raw / raw.norm(), unit)


def test_minilm_equals_transformers_with_mean_pooling(minilm: SplitModel) -> None:
    """From text to vector, as sentence-transformers' own recipe says."""
    from transformers import AutoModel, AutoTokenizer

    texts = [
        "Paste a text, get an embedding.",
        "Ein Schnitt durch das Modell: Größe, naïve, 言語モデル.",
        "one",
        "word " * 400,
    ]
    folder = minilm.weights.checkpoint.folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(
        texts, padding=True, truncation=True, max_length=256, return_tensors="pt"
    )
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(folder)(**batch).last_hidden_state
    mask = batch["attention_mask"][:, :, None].float()
    mean = (hidden * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.normalize(mean, dim=1)
    result = minilm.embed(minilm.tokenize(texts, truncate=True))
    torch.testing.assert_close(result, expected, atol=F32, rtol=0)


def test_split_k_runs_layers_0_to_k_and_no_more(
    model: SplitModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[int, int]] = []
    monkeypatch.setattr(
        model, "on_layer", lambda layer, tokens: ran.append((layer, tokens))
    )
    calls: Counter[str] = Counter()

    def count(name: str, module: nn.Module) -> None:
        forward = module.forward

        def counted(*args: object, **keywords: object) -> object:
            calls.update([name])
            return forward(*args, **keywords)

        monkeypatch.setattr(module, "forward", counted)

    for name, module in model.model.named_modules():
        if name not in ("", "layers"):
            count(name, module)
    tokens = model.tokens_from_ids([[1, 2, 3], [4, 5]])
    n_layer = model.config.n_layer
    for split in range(n_layer + 1):
        ran.clear(), calls.clear()
        hidden = model.hidden_states(tokens, split)
        assert ran == [(layer, 5) for layer in range(split)]
        assert called_layers(calls) == set(range(split))
        assert calls["ln_f"] == 0
        ran.clear(), calls.clear()
        model.resume(hidden, split)
        assert ran == [(layer, 5) for layer in range(split, n_layer)]
        assert called_layers(calls) == set(range(split, n_layer))
        assert calls["wte"] == 0


def called_layers(calls: Counter[str]) -> set[int]:
    """Those of which anything was called, and nothing of them twice."""
    modules = {name for name in calls if name.startswith("layers.")}
    assert all(calls[name] == 1 for name in modules)
    return {int(name.split(".")[1]) for name in modules}


def test_a_batch_too_large_for_one_pass_runs_in_several(
    bert: SplitModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = random_ids(bert, [40, 70, 10, 100, 3, 3])
    tokens = bert.tokens_from_ids(ids)
    expected = bert.embed(tokens)
    monkeypatch.setattr(bert.batcher, "pass_tokens", 100)
    sizes: list[int] = []
    bert.on_layer = lambda layer, tokens: sizes.append(tokens) if layer == 0 else None
    result = bert.resume(bert.hidden_states(tokens, 1), 1)
    bert.on_layer = None
    assert sizes == [100, 70, 56]  # longest first
    torch.testing.assert_close(result, expected, atol=F32, rtol=0)


def test_threads_share_a_model(gpt2: SplitModel) -> None:
    batches = [random_ids(gpt2, [n + 1, 2 * n + 1], seed=n) for n in range(8)]
    expected = [gpt2.embed(gpt2.tokens_from_ids(ids)) for ids in batches]
    results: dict[int, torch.Tensor] = {}

    def work(n: int) -> None:
        for split in range(gpt2.config.n_layer + 1):
            hidden = gpt2.hidden_states(gpt2.tokens_from_ids(batches[n]), split)
            results[n] = gpt2.resume(hidden, split)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, embeddings in enumerate(expected):
        torch.testing.assert_close(results[n], embeddings, atol=F32, rtol=0)


def test_bf16_is_close_to_f32(
    bert: SplitModel, bert_folder: Path, cache_dir: Path
) -> None:
    source = ModelSource("bert", bert_folder)
    model = SplitModel(source, dtype="bf16", cache_dir=cache_dir)
    tokens = bert.tokens_from_ids(random_ids(bert, [9, 4]))
    for split in range(model.config.n_layer + 1):
        hidden = model.hidden_states(tokens, split)
        assert hidden.values.dtype == torch.float32
        result = model.resume(hidden, split)
        torch.testing.assert_close(result, bert.embed(tokens), atol=BF16, rtol=0)


@pytest.mark.parametrize("layer", [-1, 5, 10**30])
def test_a_layer_outside_the_model_is_refused(gpt2: SplitModel, layer: int) -> None:
    tokens = gpt2.tokens_from_ids([[1, 2]])
    with pytest.raises(InputError, match=f"expected 0 to 4, came {layer}"):
        gpt2.hidden_states(tokens, layer)
    with pytest.raises(InputError, match=f"expected 0 to 4, came {layer}"):
        gpt2.resume(gpt2.hidden_states(tokens, 0), layer)


def test_a_hidden_state_of_another_width_is_refused(gpt2: SplitModel) -> None:
    with pytest.raises(InputError, match=r"total_tokens, 64.*came .2, 63"):
        gpt2.resume(Ragged(torch.zeros(2, 63), (2,)), 0)


def test_an_answer_that_is_no_number_names_its_text(gpt2: SplitModel) -> None:
    hidden = Ragged(torch.zeros(6, 64), (1, 2, 3))
    hidden.values[3] = torch.inf
    with pytest.raises(NotFinite, match="text 2") as caught:
        gpt2.resume(hidden, 0)
    assert caught.value.index == 2
    row = gpt2.model.wte.weight[7]
    whole = row.clone()
    row.fill_(torch.nan)
    with pytest.raises(NotFinite, match="text 1"):
        gpt2.hidden_states(gpt2.tokens_from_ids([[1, 2], [3, 7], [7]]), 0)
    row.copy_(whole)
    gpt2.embed(gpt2.tokens_from_ids([[7]]))


def test_errors_in_a_text_name_it(gpt2: SplitModel, bert: SplitModel) -> None:
    with pytest.raises(EmptyText) as empty:
        gpt2.tokenize(["a", "b", ""])
    assert empty.value.index == 2
    with pytest.raises(TextTooLong) as long:
        bert.tokenize(["short", "word " * 200])
    assert (long.value.index, long.value.limit) == (1, 100)
    assert long.value.got > 200


def test_equal_folders_share_a_revision_and_others_do_not(
    gpt2: SplitModel, gpt2_folder: Path, cache_dir: Path, tmp_path: Path
) -> None:
    def revision(folder: Path, pooling: str | None = None) -> str:
        source = ModelSource("x", folder)
        return SplitModel(source, pooling=pooling, cache_dir=cache_dir).revision

    copy = tmp_path / "copy"
    shutil.copytree(gpt2_folder, copy)
    assert revision(copy) == gpt2.revision
    assert revision(copy, pooling="last") != gpt2.revision
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert revision(copy) != gpt2.revision


def test_a_pass_is_bounded_for_the_largest_model() -> None:
    """gpt2-xl's MLP is 6,400 wide: its activations stay under half a gigabyte."""
    assert GPU_PASS_TOKENS * 6400 * 4 < 2**29
