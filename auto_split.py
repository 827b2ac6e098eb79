"""Turns browsers' requests into cuts: what the planner needs to know, put together."""

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
from split_schemas import BrowserMeasured, PlanRequest, SplitRequest
from wire import WireDtype, hidden_bytes

# A float32 as /embed writes it: sign, 17 digits or so, a comma and a space.
JSON_BYTES_A_NUMBER = 21


def choose_split(
    asked: SplitRequest, model: ModelService, tokens: Ragged
) -> tuple[int, str]:
    """(split, the reason in words)."""
    if asked.split != "auto":
        return asked.split, "fixed: as asked"
    if asked.browser is None:
        if asked.policy == "server":
            return model.n_layer, "server: all layers on the server, as the policy asks"
        split = lowest_split(model.n_layer, set(asked.held))
        return split, "the fewest layers that the browser's allow; it measured nothing"
    choice = choose_cut(
        _situation(
            _task(
                model,
                len(tokens.values),
                len(tokens.lengths),
                count_characters(asked.inputs),
                asked.dtype,
            ),
            asked.browser,
            asked.held,
            model,
        ),
        asked.policy,
        _goal(asked.latency_goal_ms),
        None if asked.previous is None else Cut(asked.previous),
    )
    return choice.cut.at, choice.reason


def choose_plan(asked: PlanRequest, model: ModelService) -> Choice:
    """For a browser that makes tokens itself. Raises NoCut."""
    previous = asked.previous
    task = _task(model, asked.tokens, asked.texts, asked.text_bytes, asked.dtype)
    return choose_cut(
        _situation(task, asked.browser, asked.held, model, embeds=True),
        asked.policy,
        _goal(asked.latency_goal_ms),
        None if previous is None else Cut(previous.split, previous.first),
        asked.direction,
    )


def _situation(
    task: Task,
    measured: BrowserMeasured,
    held: list[int],
    model: ModelService,
    embeds: bool = False,
) -> Situation:
    layer = measured.layer_ms
    return Situation(
        task,
        Server(model.load.layer, model.load.queue_ms, model.model.batcher.is_crowded),
        Browser(
            frozenset(held),
            None if layer is None else Affine(layer.per_request, layer.per_token),
            measured.overhead_ms,
            embeds,
        ),
        Network(
            measured.round_trip_ms,
            measured.download_bytes_per_s / 1000,
            measured.upload_bytes_per_s / 1000,
        ),
    )


def _task(
    model: ModelService, tokens: int, texts: int, text_bytes: int, dtype: WireDtype
) -> Task:
    n_embd = model.model.config.n_embd
    return Task(
        n_layer=model.n_layer,
        tokens=tokens,
        text_bytes=text_bytes,
        hidden_bytes=hidden_bytes(tokens, n_embd, dtype),
        answer_bytes=JSON_BYTES_A_NUMBER * n_embd * texts,
    )


def _goal(asked: float | None) -> float:
    return LATENCY_GOAL_MS if asked is None else asked
