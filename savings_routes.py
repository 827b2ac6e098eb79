"""What the routes do that count browsers' work and show what it saved."""

from __future__ import annotations

import time
from dataclasses import asdict

from flask import Response, jsonify

from loaded_models import LoadedModels
from metrics import Metrics
from refusals import INVALID, Refusal
from routes import parse_body, show_page
from savings import Savings, Work
from savings_schemas import (
    LayerTokens,
    ModelWork,
    MoneyShown,
    PricesShown,
    ReportRequest,
    SavingsShown,
    TrafficShown,
)


class SavingsRoutes:
    """The view functions of one application."""

    def __init__(
        self, savings: Savings, models: LoadedModels, metrics: Metrics
    ) -> None:
        self.savings_so_far = savings
        self.models = models
        self.metrics = metrics
        self._started = time.monotonic()

    def report(self) -> Response:
        asked = parse_body(ReportRequest)
        model = self.models.named(asked.model)
        if len(asked.layer_tokens) != model.n_layer:
            raise Refusal(
                INVALID,
                f"layer_tokens: expected {model.n_layer} numbers, one a layer, came "
                f"{len(asked.layer_tokens)}",
            )
        self.metrics.count_report(model.name, asked.layer_tokens, asked.fallbacks)
        self.metrics.count_answers(model.name, asked.alone, asked.finished)
        return Response(status=204)

    def dashboard(self) -> Response:
        return show_page("dashboard.html")

    def savings(self) -> Response:
        so_far = self.savings_so_far
        traffic, money = so_far.traffic(), so_far.money()
        shown = SavingsShown(
            uptime_s=time.monotonic() - self._started,
            models=[_shown(work) for work in so_far.work()],
            bytes=TrafficShown(**asdict(traffic), extra=traffic.extra),
            prices=PricesShown(**asdict(so_far.prices)),
            money=MoneyShown(**asdict(money), total=money.total),
        )
        return jsonify(shown.model_dump())


def _shown(work: Work) -> ModelWork:
    return ModelWork(
        name=work.model,
        n_layer=len(work.server_layer_tokens),
        layer_tokens=LayerTokens(
            server=work.server_layer_tokens, browser=work.browser_layer_tokens
        ),
        requests_by_split=work.requests_by_split,
        requests_alone=work.requests_alone,
        fallbacks=work.fallbacks,
        parity_checks=work.parity_checks,
        seconds_a_layer_token=work.seconds_a_layer_token,
        seconds_avoided=work.seconds_avoided,
    )
