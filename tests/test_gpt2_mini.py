"""The shipped gpt2-mini: small, GPT-2 for us and for transformers, and sensible."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoTokenizer, GPT2LMHeadModel

from model_registry import resolve
from ragged import Ragged
from split_model import SplitModel

MAX_BYTES = 25_000_000
# Both sides compute in float32 on a CPU; sums run in another order.
CPU_TOLERANCE = {"atol": 2e-4, "rtol": 1e-4}

TEXTS = [
    "The old sailor told the boy a story about the sea.",
    "Supply and demand decide the price of bread.",
    "She opened the letter with trembling hands.",
]
# A text, one that says the same in other words, and one about something else.
PARAPHRASES = [
    (
        "The ship sank in the storm and the sailors drowned.",
        "A tempest sent the vessel to the bottom of the sea with all her crew.",
        "When wages rise, firms hire fewer workers.",
    ),
    (
        "The price of corn goes up when the harvest is poor.",
        "A bad crop makes grain more expensive.",
        "She sat down at the piano and began to sing.",
    ),
    (
        "The doctor came at night to see the sick child.",
        "A physician visited the ill boy in the evening.",
        "The army crossed the river with its cannon.",
    ),
    (
        "They were married in the village church.",
        "The wedding was held at the parish chapel.",
        "The detective examined the footprints with his lens.",
    ),
    (
        "The king gathered his army to fight the enemy.",
        "The monarch raised troops for the war.",
        "He drank a cup of tea by the fire.",
    ),
]


@pytest.fixture(scope="module")
def folder() -> Path:
    return resolve("gpt2-mini").folder


@pytest.fixture(scope="module")
def mini(cache_dir: Path) -> SplitModel:
    return SplitModel(resolve("gpt2-mini"), cache_dir=cache_dir)


@pytest.fixture(scope="module")
def reference(folder: Path) -> GPT2LMHeadModel:
    return GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()


def test_weights_are_small_half_precision_safetensors(folder):
    weights = folder / "model.safetensors"
    assert weights.stat().st_size <= MAX_BYTES
    size = int.from_bytes(weights.read_bytes()[:8], "little")
    header = json.loads(weights.read_bytes()[8 : 8 + size])
    dtypes = {entry["dtype"] for name, entry in header.items() if name[0] != "_"}
    assert dtypes == {"F16"}


def test_it_is_gpt2_with_twelve_layers_to_cut(mini):
    config = mini.config
    assert (config.n_layer, config.n_embd, config.n_positions) == (12, 256, 512)
    assert (mini.architecture, mini.pooling, mini.normalize) == ("gpt2", "mean", True)


def test_transformers_and_we_tokenise_alike(mini, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        assert mini.tokenize([text]).values.tolist() == ids
        assert tokenizer.decode(ids) == text


@torch.inference_mode()
@pytest.mark.parametrize("split", [0, 5, 12])
def test_any_split_has_transformers_hidden_states_and_logits(mini, reference, split):
    tokens = mini.tokenize(TEXTS)
    hidden = mini.hidden_states(tokens, split)
    rows = mini.model.run_layers(hidden, split, mini.config.n_layer).values
    found = F.layer_norm(
        rows,
        (mini.config.n_embd,),
        reference.transformer.ln_f.weight,
        reference.transformer.ln_f.bias,
        mini.config.layer_norm_epsilon,
    )
    expected = [
        reference.transformer(ids[None]).last_hidden_state[0] for ids in each(tokens)
    ]
    torch.testing.assert_close(found, torch.cat(expected), **CPU_TOLERANCE)
    logits = [reference(ids[None]).logits[0] for ids in each(tokens)]
    torch.testing.assert_close(
        reference.lm_head(found), torch.cat(logits), atol=1e-2, rtol=1e-3
    )
    pooled = torch.stack([states.mean(0) for states in expected])
    torch.testing.assert_close(
        mini.resume(hidden, split), F.normalize(pooled, dim=-1), **CPU_TOLERANCE
    )


def test_paraphrases_are_closer_than_other_subjects(mini):
    for texts in PARAPHRASES:
        text, same, other = mini.embed(mini.tokenize(list(texts)))
        assert text @ same > text @ other, texts
        assert text @ same > same @ other, texts


def test_the_card_credits_the_textbooks_licence(folder):
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "CC BY 4.0" in card
    assert "OpenStax" in card


def each(tokens: Ragged) -> tuple[Tensor, ...]:
    return tokens.values.split(list(tokens.lengths))
