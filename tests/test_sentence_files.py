"""Pooling and norm are what sentence-transformers' files ask for, or are refused."""

from pathlib import Path
from typing import Any

import pytest
from checkpoints import write_json, write_sentence_files

from config_json import CheckpointError
from sentence_files import SentenceSettings, read_settings

OTHERWISE = SentenceSettings(pooling="mean", normalize=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def flags(*chosen: str) -> dict[str, Any]:
    names = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    names += ("weightedmean_tokens", "lasttoken")
    return {
        "word_embedding_dimension": 64,
        **{f"pooling_mode_{name}": name in chosen for name in names},
        "include_prompt": True,
    }


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        (flags("mean_tokens"), "mean"),
        (flags("cls_token"), "cls"),
        (flags("max_tokens"), "max"),
        (flags("lasttoken"), "last"),
        ({"embedding_dimension": 64, "pooling_mode": "mean"}, "mean"),
        ({"embedding_dimension": 64, "pooling_mode": "cls"}, "cls"),
        ({"embedding_dimension": 64, "pooling_mode": ["lasttoken"]}, "last"),
    ],
)
@pytest.mark.parametrize("normalize", [True, False])
def test_both_forms_of_the_pooling_file_are_read(
    folder: Path, config: dict[str, Any], pooling: str, normalize: bool
) -> None:
    write_sentence_files(folder, config, normalize)
    settings = read_settings(folder, OTHERWISE)
    assert settings == SentenceSettings(pooling, normalize)


def test_length_and_lower_case_are_read(folder: Path) -> None:
    transformer = {"max_seq_length": 256, "do_lower_case": True}
    write_sentence_files(folder, flags("mean_tokens"), transformer=transformer)
    settings = read_settings(folder, OTHERWISE)
    assert (settings.max_tokens, settings.lowercase) == (256, True)
    write_sentence_files(
        folder, flags("cls_token"), transformer={"max_seq_length": None}
    )
    assert read_settings(folder, OTHERWISE).max_tokens is None


def test_a_plain_folder_gets_what_the_architecture_says(folder: Path) -> None:
    assert read_settings(folder, OTHERWISE) == OTHERWISE


@pytest.mark.parametrize(
    ("config", "came"),
    [
        (flags("mean_sqrt_len_tokens"), "came pooling_mode_mean_sqrt_len_tokens"),
        (flags("mean_tokens", "cls_token"), "came pooling_mode_cls_token, pooling"),
        (flags(), "came none"),
        ({"pooling_mode": "weightedmean"}, "came weightedmean"),
        ({"pooling_mode": ["mean", "max"]}, "came mean, max"),
        ({"pooling_mode": 7}, "came 7"),
        ({"pooling_mode": [{}]}, "came {}"),
    ],
)
def test_other_poolings_are_refused(
    folder: Path, config: dict[str, Any], came: str
) -> None:
    write_sentence_files(folder, config)
    with pytest.raises(CheckpointError, match=f"1_Pooling.*expected one .*{came}"):
        read_settings(folder, OTHERWISE)


MODULES: list[tuple[object, str]] = [
    ([{"type": "a.Transformer", "path": ""}, {"type": "a.Dense", "path": "2_Dense"}],
     "came Dense in 2_Dense"),
    ([{"type": "a.Transformer", "path": "0_Transformer"}], "came Transformer in 0_"),
    ([{"type": "a.Transformer", "path": ""}], "expected Pooling, came none"),
    ([{"type": "a.CNN", "path": ""}], "came CNN"),
    ([{"type": "a.Transformer"}], "expected a list of modules"),
    ([{"type": None, "path": ""}], "expected a list of modules"),
    (["Transformer"], "expected a list of modules"),
    (7, "expected a list of modules"),
    ({}, "expected Pooling, came none"),
]  # fmt: skip


@pytest.mark.parametrize(("modules", "message"), MODULES)
def test_other_modules_are_refused(folder: Path, modules: object, message: str) -> None:
    write_json(folder / "modules.json", modules)
    with pytest.raises(CheckpointError, match=rf"modules\.json: .*{message}"):
        read_settings(folder, OTHERWISE)


def test_a_default_prompt_is_refused_and_prompts_to_choose_are_not(
    folder: Path,
) -> None:
    """It would be put before every text, unseen."""
    path = folder / "config_sentence_transformers.json"
    prompts = {"prompts": {"query": "query: "}}
    write_json(path, {**prompts, "default_prompt_name": None})
    assert read_settings(folder, OTHERWISE) == OTHERWISE
    write_json(path, {**prompts, "default_prompt_name": "query"})
    with pytest.raises(CheckpointError, match="no default_prompt_name, came 'query'"):
        read_settings(folder, OTHERWISE)
