"""Turns a /split request into a split: what the planner needs to know, put together."""

from __future__ import annotations

from estimates import Affine
from model_service import ModelService, count_characters
from planner import (
    LATENCY_GOAL_MS,
    Browser,
    Choice,
    Cut,
    Network,
    Server,
    Situation,
    Task,
    choose_cut,
    lowest_split,
)
from ragged import Ragged
from schemas import BrowserMeasured, SplitRequest
from wire import hidden_bytes

# A float32 as /embed writes it: sign, 17 digits or so, a comma and a space.
JSON_BYTES_A_NUMBER = 21


def choose_split(
    asked: SplitRequest, model: ModelService, tokens: Ragged
) -> tuple[int, str]:
    """(split, the reason in words)."""
    if asked.split != "auto":
        return asked.split, "fixed: as asked"
    if asked.browser is None:
        split = lowest_split(model.n_layer, set(asked.held))
        return split, "the fewest layers that the browser's allow; it measured nothing"
    choice = _choice(asked, asked.browser, model, tokens)
    return choice.cut.at, choice.reason


def _choice(
    asked: SplitRequest, measured: BrowserMeasured, model: ModelService, tokens: Ragged
) -> Choice:
    layer, goal = measured.layer_ms, asked.latency_goal_ms
    return choose_cut(
        Situation(
            _task(asked, model, tokens),
            Server(model.load.layer, model.load.queue_ms, model.crowded),
            Browser(
                frozenset(asked.held),
                None if layer is None else Affine(layer.per_request, layer.per_token),
                measured.overhead_ms,
            ),
            Network(
                measured.round_trip_ms,
                measured.download_bytes_per_s / 1000,
                measured.upload_bytes_per_s / 1000,
            ),
        ),
        asked.policy,
        LATENCY_GOAL_MS if goal is None else goal,
        None if asked.previous is None else Cut(asked.previous),
    )


def _task(asked: SplitRequest, model: ModelService, tokens: Ragged) -> Task:
    count, n_embd = len(tokens.values), model.model.config.n_embd
    return Task(
        n_layer=model.n_layer,
        tokens=count,
        text_bytes=count_characters(asked.inputs),
        hidden_bytes=hidden_bytes(count, n_embd, asked.dtype),
        answer_bytes=JSON_BYTES_A_NUMBER * n_embd * len(tokens.lengths),
    )
