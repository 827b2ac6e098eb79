"""The recipe on a CPU, in its smallest setting: it learns, repeats and goes on."""

import json
import random
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoTokenizer, GPT2LMHeadModel

from model_registry import resolve
from split_model import SplitModel
from training.bm25 import bm25_scores
from training.card import write_card
from training.corpus import (
    Document,
    paragraphs,
    read_documents,
    sentences,
    split_held_out,
)
from training.evaluate import Evaluation, Student
from training.measures import Retrieval, spearman
from training.recipe import HELD_OUT_BOOKS, RECIPES, TINY
from training.student import mean_pool
from training.teacher import Teacher, default_folder, principal_directions
from training.train import train, train_stage, without_teacher

CPU = torch.device("cpu")
NOUNS = "river castle letter garden captain mother winter carriage market soldier"
VERBS = "crossed watched remembered painted followed answered guarded left"


class WordTeacher:
    """Stands in for MiniLM: texts that share words are similar."""

    device = CPU

    def embed(self, texts: list[str]) -> Tensor:
        return F.normalize(torch.stack([self._sum(text) for text in texts]), dim=-1)

    def _sum(self, text: str) -> Tensor:
        seeds = [crc32(word.encode()) for word in text.lower().split()] or [0]
        vectors = [
            torch.randn(64, generator=torch.Generator().manual_seed(seed))
            for seed in seeds
        ]
        return torch.stack(vectors).sum(0)


def sentence(rng: random.Random) -> str:
    words = [rng.choice(NOUNS.split()) for _ in range(3)]
    verb = rng.choice(VERBS.split())
    return f"The {words[0]} of the {words[1]} {verb} the old {words[2]}."


def story(title: str) -> Document:
    rng = random.Random(title)
    lines = (" ".join(sentence(rng) for _ in range(6)) for _ in range(30))
    return Document(title, (title, *lines))


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [story(f"Volume {n}") for n in "ABCDE"]


@pytest.fixture(scope="module")
def held_out() -> list[Document]:
    return [story(f"Volume {n}") for n in "XY"]


@pytest.fixture(scope="module")
def teacher() -> WordTeacher:
    return WordTeacher()


@pytest.fixture(scope="module")
def trained(documents, held_out, teacher, tmp_path_factory) -> tuple[Path, list[str]]:
    lines: list[str] = []
    folder = tmp_path_factory.mktemp("run")
    recipe = RECIPES["tiny"]
    model = train(documents, held_out, folder, recipe, 1, teacher, lines.append)
    return model, lines


def quiet(line: str) -> None:
    del line


def weights(model: GPT2LMHeadModel) -> Tensor:
    return torch.cat([parameter.flatten() for parameter in model.parameters()])


def test_same_seed_gives_the_same_file(documents, held_out, teacher, trained, tmp_path):
    recipe = RECIPES["tiny"]
    again = train(documents, held_out, tmp_path, recipe, 1, teacher, quiet)
    name = "model.safetensors"
    assert (again / name).read_bytes() == (trained[0] / name).read_bytes()


@pytest.mark.parametrize("stop_at", [3, 4], ids=["after a checkpoint", "at one"])
def test_a_resumed_run_equals_one_that_never_stopped(
    documents, held_out, teacher, tmp_path, stop_at
):
    stage = replace(TINY, dropout=0.1)

    def go_on(folder: str, stop_at: int | None = None) -> GPT2LMHeadModel:
        return train_stage(
            documents,
            held_out,
            tmp_path / folder,
            stage,
            1,
            teacher,
            quiet,
            stop_at=stop_at,
        )

    whole = go_on("whole")
    go_on("cut", stop_at)
    assert torch.equal(weights(go_on("cut")), weights(whole))


def test_another_seed_refuses_the_checkpoint(documents, held_out, teacher, trained):
    folder = trained[0].parents[1]
    with pytest.raises(ValueError, match="another recipe or seed"):
        train(documents, held_out, folder, RECIPES["tiny"], 2, teacher, quiet)


def test_progress_names_the_step_the_losses_and_the_time_left(trained):
    *_, last, examined = trained[1]
    assert last.startswith("step 6/6  next token ")
    assert last.endswith("0 min left")
    assert examined.startswith("held out:  next token ")


def held_out_losses(lines: list[str]) -> list[tuple[float, float]]:
    words = [line.split() for line in lines if line.startswith("held out:")]
    return [(float(line[4]), float(line[6])) for line in words]


def test_both_objectives_are_learnt(documents, held_out, teacher, tmp_path):
    longer = replace(TINY, steps=40, checkpoint_steps=1)
    lines: list[str] = []
    train(documents, held_out, tmp_path, (longer,), 1, teacher, lines.append)
    (token_early, direction_early), *_, (token_late, direction_late) = held_out_losses(
        lines
    )
    assert token_late < token_early
    assert direction_late < direction_early


def test_without_a_teacher_only_the_next_token_is_learnt(
    documents, held_out, teacher, tmp_path
):
    lines: list[str] = []
    recipe = (without_teacher(TINY),)
    train(documents, held_out, tmp_path, recipe, 1, teacher, lines.append)
    assert {direction for _, direction in held_out_losses(lines)} == {0.0}


def test_the_finished_model_evaluates_and_fills_its_card(
    held_out, teacher, trained, tmp_path
):
    folder = trained[0]
    loaded = GPT2LMHeadModel.from_pretrained(folder)
    assert loaded.dtype == torch.float16
    assert loaded.config.activation_function == "gelu_new"
    student = Student(folder, CPU)
    text = "The river crossed the castle."
    ids = AutoTokenizer.from_pretrained(folder)(text)["input_ids"]
    assert ids == student.tokenizer.encode(text).ids

    evaluation = Evaluation(held_out, teacher.embed, n_texts=64, n_paragraphs=8)
    rows = {"gpt2-mini": evaluation.student(student), "BM25": evaluation.bm25()}
    samples = evaluation.samples(student, 1)
    measured, sources = tmp_path / "evaluation.json", tmp_path / "sources.json"
    measured.write_text(json.dumps({"rows": rows, "samples": samples}))
    book = {"title": "Volume A", "gutenberg_id": 1, "chars": 9, "licence": "free"}
    sources.write_text(json.dumps([book]))
    write_card(sources, measured, tmp_path / "README.md")
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "[Project Gutenberg 1](https://www.gutenberg.org/ebooks/1): free" in card
    assert f"| {rows['gpt2-mini']['spearman_near']:.3f} |" in card


def test_the_teacher_agrees_with_itself(held_out, teacher):
    evaluation = Evaluation(held_out, teacher.embed, n_texts=64, n_paragraphs=8)
    row = evaluation.embeddings(teacher.embed)
    assert row["spearman_random"] == pytest.approx(1)
    assert row["spearman_near"] == pytest.approx(1)


def test_the_teacher_is_the_minilm_that_the_server_serves(cache_dir):
    texts = ["A short text.", "The river crossed the castle, and left it behind."]
    served = SplitModel(resolve("all-MiniLM-L6-v2"), cache_dir=cache_dir)
    torch.testing.assert_close(
        Teacher(default_folder(), CPU).embed(texts),
        served.embed(served.tokenize(texts)),
        atol=1e-5,
        rtol=1e-4,
    )


def test_documents_are_read_and_held_out_whole(tmp_path):
    held_out_book = HELD_OUT_BOOKS[0]
    blocks = ["Emma\nChapter one.", f"{held_out_book}\nA case."]
    blocks += [f"Section {n}" for n in range(12)]
    corpus, sources = tmp_path / "corpus.txt", tmp_path / "sources.json"
    corpus.write_text("\n\n".join(blocks) + "\n")
    books = [{"title": t, "gutenberg_id": 1} for t in ("Emma", held_out_book)]
    sources.write_text(json.dumps([*books, {"title": "Textbook"}]))
    train_documents, held_out = split_held_out(read_documents(corpus, sources))
    assert [d.title for d in held_out] == [
        held_out_book,
        "textbook section 0",
        "textbook section 10",
    ]
    assert train_documents[0] == Document("Emma", ("Emma", "Chapter one."))
    assert len(train_documents) + len(held_out) == len(blocks)


def test_sentences_keep_quotes_and_titles_whole():
    line = '"Is it true?" said Mr. Holmes. "It is true, my dear Watson." He sat down.'
    document = Document("", (line,))
    assert sentences(document) == [
        '"Is it true?" said Mr. Holmes.',
        '"It is true, my dear Watson."',
    ]
    assert paragraphs(document) == []


def test_principal_directions_keep_dot_products():
    torch.manual_seed(0)
    rows = F.normalize(torch.randn(50, 4) @ torch.randn(4, 10), dim=-1)
    directions = principal_directions(rows, 4)
    seen = rows @ directions
    torch.testing.assert_close(seen @ seen.T, rows @ rows.T)


def test_mean_pool_leaves_the_padding_out():
    hidden = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]])
    pooled = mean_pool(hidden, torch.tensor([2]))
    torch.testing.assert_close(pooled, torch.full((1, 2), 0.5**0.5))


def test_bm25_matches_the_formula_by_hand():
    scores = bm25_scores(["cat"], ["cat cat dog", "dog", "a b"])
    idf = np.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    norm = 1.2 * (1 - 0.75 + 0.75 * 3 / 2)
    expected = idf * 2 * 2.2 / (2 + norm)
    np.testing.assert_allclose(scores, [[expected, 0, 0]])


def test_a_tie_counts_against_retrieval():
    found = Retrieval.of(np.array([[1.0, 1.0], [0.0, 1.0]]))
    assert found == Retrieval(first=0.5, top_ten=1.0, reciprocal_rank=0.75)


def test_spearman_sees_ranks_only():
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert spearman(a, np.exp(a)) == pytest.approx(1)
    assert spearman(a, -a) == pytest.approx(-1)
