"""What browsers' work saved this server and what their traffic cost, as an estimate.

    work    = browsers' layer-tokens × the server's seconds a layer-token
    traffic = hidden states + layer files - the replies to texts that browsers finished
    money   = work in hours × the price of an hour - traffic in GB × the price of a GB

A layer-token is one token through one layer. The seconds are measured in use, over all
passes of this server through the model; before the first, nobody knows what browsers'
work is worth. Which texts were finished is what browsers report: a request to /split
does not tell, since a browser that fails is answered after all. Left out, as small or
not to be known here: what scripts finish, which report nothing, the processor's part in
serving files, HTTP's headers, and what is received, which networks do not charge for.
Work that is avoided is money only where the machine is given back or does something
else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from prometheus_client import Counter

from auto_split import JSON_BYTES_A_NUMBER
from loaded_models import LoadedModels
from metrics import Cause, Metrics, Verdict, by_label
from model_service import ModelService
from operations import rule_of

LAYER_FILES = ("piece", "tokenizer")  # the views that hand out files of a model
SECONDS_AN_HOUR = 3600
BYTES_A_GB = 10**9


@dataclass(frozen=True)
class Work:
    """Of one model, since the server started."""

    model: str
    server_layer_tokens: list[int]  # by layer
    browser_layer_tokens: list[int]
    requests_by_split: list[int]  # 0 … n_layer, as they were cut when they came
    requests_alone: int  # which came to no server
    fallbacks: dict[Cause, int]
    parity_checks: dict[Verdict, int]
    seconds_a_layer_token: float | None  # None before the server ran a layer

    @property
    def seconds_avoided(self) -> float | None:
        """None where browsers ran layers whose time is not known."""
        tokens = sum(self.browser_layer_tokens)
        if tokens == 0:
            return 0.0
        seconds = self.seconds_a_layer_token
        return None if seconds is None else tokens * seconds


@dataclass(frozen=True)
class Traffic:
    """Bytes of bodies since the server started."""

    received: int
    sent: int
    hidden_states: int
    layer_files: int
    replies_avoided: int

    @property
    def extra(self) -> int:
        """What was sent for the split's sake; negative where that sent less."""
        return self.hidden_states + self.layer_files - self.replies_avoided


@dataclass(frozen=True)
class Prices:
    """In any one currency; None where not given."""

    gpu_hour: float | None
    egress_gb: float | None


@dataclass(frozen=True)
class Money:
    """Negative where the split costs more than it saves. None without a price, and
    work while its seconds are not known."""

    work: float | None
    traffic: float | None

    @property
    def total(self) -> float | None:
        if self.work is None or self.traffic is None:
            return None
        return self.work + self.traffic


def money(seconds_avoided: float | None, extra_bytes: int, prices: Prices) -> Money:
    hour, gigabyte = prices.gpu_hour, prices.egress_gb
    return Money(
        None
        if hour is None or seconds_avoided is None
        else seconds_avoided / SECONDS_AN_HOUR * hour,
        None if gigabyte is None else -extra_bytes / BYTES_A_GB * gigabyte,
    )


class Savings:
    """Reads what the metrics have counted so far."""

    def __init__(self, models: LoadedModels, metrics: Metrics, prices: Prices) -> None:
        self._models = models
        self._metrics = metrics
        self.prices = prices
        metrics.watch(
            "avoided_seconds",
            "Time of the server that browsers' layer-tokens would have taken; NaN "
            "while it has run no layer of a model that they ran.",
            lambda: _or_nan(self._seconds_avoided()),
        )
        metrics.watch(
            "extra_egress_bytes",
            "Hidden states and layer files sent, less the replies to texts that "
            "browsers report to have finished.",
            lambda: self.traffic().extra,
        )
        metrics.watch(
            "saved_money",
            "Estimate in the prices' currency; negative is a cost, NaN without prices "
            "and while the seconds avoided are NaN.",
            lambda: _or_nan(self.money().total),
        )

    def work(self) -> list[Work]:
        return [self._work_of(model.name, model.n_layer) for model in self._models]

    def _work_of(self, model: str, n_layer: int) -> Work:
        def counted(counter: Counter, label: str, keys: Iterable[object]) -> list[int]:
            values = by_label(counter, label, model=model)
            return [int(values[str(key)]) for key in keys]

        metrics, causes, verdicts = self._metrics, get_args(Cause), get_args(Verdict)
        by_server = counted(metrics.layer_tokens, "layer", range(n_layer))
        seconds = by_label(metrics.model_seconds, "model")[model]
        tokens = sum(by_server)
        return Work(
            model,
            by_server,
            counted(metrics.browser_layer_tokens, "layer", range(n_layer)),
            counted(metrics.splits, "split", range(n_layer + 1)),
            int(by_label(metrics.alone_requests, "model")[model]),
            dict(zip(causes, counted(metrics.fallbacks, "cause", causes), strict=True)),
            dict(
                zip(
                    verdicts,
                    counted(metrics.parity_checks, "verdict", verdicts),
                    strict=True,
                )
            ),
            seconds / tokens if tokens else None,
        )

    def traffic(self) -> Traffic:
        sent = by_label(self._metrics.bytes_out, "route")
        hidden = by_label(self._metrics.hidden_bytes, "model")
        return Traffic(
            received=int(sum(by_label(self._metrics.bytes_in, "route").values())),
            sent=int(sum(sent.values())),
            hidden_states=int(sum(hidden.values())),
            layer_files=int(sum(sent.get(rule_of(view), 0) for view in LAYER_FILES)),
            replies_avoided=sum(self._replies_avoided(model) for model in self._models),
        )

    def _replies_avoided(self, model: ModelService) -> int:
        texts = by_label(self._metrics.finished_texts, "model")[model.name]
        return int(texts) * JSON_BYTES_A_NUMBER * model.model.config.n_embd

    def money(self) -> Money:
        return money(self._seconds_avoided(), self.traffic().extra, self.prices)

    def _seconds_avoided(self) -> float | None:
        """Of all models; None where one's are not known."""
        total = 0.0
        for work in self.work():
            if work.seconds_avoided is None:
                return None
            total += work.seconds_avoided
        return total


def _or_nan(number: float | None) -> float:
    """As Prometheus has it, which has no null."""
    return math.nan if number is None else number
