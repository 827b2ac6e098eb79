"""The server's counters, by their Prometheus names."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
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
            "Bytes of response bodies.",
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

    def add_model(self, model: str, n_layer: int) -> None:
        """Start each layer's counters at 0, so that a layer never run is seen too."""
        for layer in range(n_layer):
            self.layer_runs.labels(model, str(layer))
            self.layer_tokens.labels(model, str(layer))

    def count_layer(self, model: str, layer: int, tokens: int) -> None:
        self.layer_runs.labels(model, str(layer)).inc()
        self.layer_tokens.labels(model, str(layer)).inc(tokens)

    def text(self) -> bytes:
        return generate_latest(self.registry)
