"""The server's counters, by their Prometheus names.

Those of browsers' work hold what browsers report: they are shown, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# Why a server ran layers that a browser had been asked to run.
Cause = Literal[
    "no_gpu",  # no WebGPU, or none for this page any more
    "no_weights",  # the server keeps its layers to itself
    "load",  # layers did not come, or were gone
    "gpu",  # lost, failed, or NaN
    "memory",
    "worker",  # died
    "revision",  # the server's changed
    "too_large",  # for a hidden state
    "parity",  # the browser was found to give wrong numbers
]
Verdict = Literal["same", "different", "unanswered"]
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One application's counters; each application has a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "splitcompute_requests",
            "Requests answered.",
            ["route", "method", "status"],
            registry=registry,
        )
        self.duration = Histogram(
            "splitcompute_request_duration_seconds",
            "From the whole request read to the answer handed over.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "splitcompute_requests_in_flight",
            "Requests being answered now.",
            registry=registry,
        )
        self.bytes_in = Counter(
            "splitcompute_request_bytes",
            "Bytes of request bodies.",
            ["route"],
            registry=registry,
        )
        self.bytes_out = Counter(
            "splitcompute_response_bytes",
            "Bytes of response bodies, counted when they are handed over to be sent.",
            ["route"],
            registry=registry,
        )
        self.tokens = Counter(
            "splitcompute_tokens",
            "Tokens asked for, by the route that took them.",
            ["model", "route"],
            registry=registry,
        )
        self.layer_runs = Counter(
            "splitcompute_layer_runs",
            "Times that the server ran a layer.",
            ["model", "layer"],
            registry=registry,
        )
        self.layer_tokens = Counter(
            "splitcompute_layer_tokens",
            "Tokens that went through a layer on the server.",
            ["model", "layer"],
            registry=registry,
        )

        self.model_seconds = Counter(
            "splitcompute_model_seconds",
            "Time that the server's passes through the model took.",
            ["model"],
            registry=registry,
        )
        self.texts = Counter(
            "splitcompute_texts",
            "Texts answered, by the route that took them.",
            ["model", "route"],
            registry=registry,
        )
        self.splits = Counter(
            "splitcompute_split_requests",
            "Requests, by how many layers the server was to run when they came. Where "
            "a browser failed then, it ran them all: see splitcompute_fallbacks. What "
            "is sent anew counts anew.",
            ["model", "split"],
            registry=registry,
        )
        self.kept_texts = Counter(
            "splitcompute_kept_texts",
            "Texts that browsers kept: they came to /resume as hidden states.",
            ["model"],
            registry=registry,
        )
        self.alone_requests = Counter(
            "splitcompute_browser_requests",
            "Requests that browsers answered alone, as they report.",
            ["model"],
            registry=registry,
        )
        self.finished_texts = Counter(
            "splitcompute_finished_texts",
            "Texts whose embeddings browsers made, as they report. Scripts that finish "
            "a hidden state report nothing.",
            ["model"],
            registry=registry,
        )
        self.hidden_bytes = Counter(
            "splitcompute_hidden_state_bytes",
            "Bytes of the hidden states in answers to /split.",
            ["model"],
            registry=registry,
        )
        self.browser_layer_tokens = Counter(
            "splitcompute_browser_layer_tokens",
            "Tokens that went through a layer in browsers, as they report.",
            ["model", "layer"],
            registry=registry,
        )
        self.fallbacks = Counter(
            "splitcompute_fallbacks",
            "Requests whose layers browsers left to the server, as they report.",
            ["model", "cause"],
            registry=registry,
        )

        self.parity_checks = Counter(
            "splitcompute_parity_checks",
            "Browsers' embeddings that were computed here too: same, different, or "
            "not sent in two minutes.",
            ["model", "verdict"],
            registry=registry,
        )

    def add_model(self, model: str, n_layer: int) -> None:
        """Start each layer's counters at 0, so that a layer never run is seen too."""
        for layer in range(n_layer):
            self.layer_runs.labels(model, str(layer))
            self.layer_tokens.labels(model, str(layer))
            self.browser_layer_tokens.labels(model, str(layer))
        for split in range(n_layer + 1):
            self.splits.labels(model, str(split))
        for cause in get_args(Cause):
            self.fallbacks.labels(model, cause)
        for verdict in get_args(Verdict):
            self.parity_checks.labels(model, verdict)
        for counter in (
            self.kept_texts,
            self.alone_requests,
            self.finished_texts,
            self.hidden_bytes,
        ):
            counter.labels(model)
        self.model_seconds.labels(model)

    def count_layer(self, model: str, layer: int, tokens: int) -> None:
        self.layer_runs.labels(model, str(layer)).inc()
        self.layer_tokens.labels(model, str(layer)).inc(tokens)

    def count_report(
        self, model: str, layer_tokens: list[int], fallbacks: Mapping[Cause, int]
    ) -> None:
        """What a browser says that it ran, by layer, and left to the server."""
        for layer, tokens in enumerate(layer_tokens):
            self.browser_layer_tokens.labels(model, str(layer)).inc(tokens)
        for cause, count in fallbacks.items():
            self.fallbacks.labels(model, cause).inc(count)

    def count_answers(self, model: str, alone: int, finished: int) -> None:
        """What a browser says that it answered: requests without this server, and
        texts, those of other requests too."""
        self.alone_requests.labels(model).inc(alone)
        self.finished_texts.labels(model).inc(finished)

    def watch(self, name: str, help: str, read: Callable[[], float]) -> None:
        """A gauge that is read whenever /metrics is."""
        gauge = Gauge(f"splitcompute_{name}", help, registry=self.registry)
        gauge.set_function(read)

    def text(self) -> bytes:
        return generate_latest(self.registry)


def by_label(counter: Counter, name: str, **labels: str) -> dict[str, float]:
    """The values of what has these labels, by its label of that name."""
    return {
        sample.labels[name]: sample.value
        for family in counter.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and labels.items() <= sample.labels.items()
    }
