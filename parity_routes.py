"""What the route does at which a browser's embeddings are checked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager

from flask import Response, g, jsonify, request
from torch import Tensor

from parity import ParityChecks, Pending, UnknownCheck
from quantize import WEIGHT_DTYPES
from refusals import INVALID, NOT_FOUND, Refusal
from wire import WireError, decode_hidden

log = logging.getLogger(__name__)


class ParityRoutes:
    """The view functions of one application."""

    def __init__(
        self, checks: ParityChecks, slot: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """slot: one of the requests that may compute at once. Raises Refusal."""
        self.checks = checks
        self.slot = slot

    def parity(self) -> Response:
        weights = request.args.get("dtype")
        if weights not in WEIGHT_DTYPES:
            raise Refusal(
                INVALID,
                f"dtype: expected one of {', '.join(WEIGHT_DTYPES)}, came {weights!r}",
            )
        check = request.args.get("check", "")
        try:
            with self.slot(), self.checks.answered(check) as pending:
                came = _read_rows(request.get_data(), pending)
                expected = pending.expected(g.timings)
        except UnknownCheck as unknown:
            raise Refusal(NOT_FOUND, str(unknown)) from None
        verdict, error = self.checks.judge(pending, came, expected, weights)
        tolerance = pending.tolerance(weights)
        if verdict == "different":
            agent = request.headers.get("User-Agent", "")
            log.warning(
                "%s: a browser's embedding is off by %.2g of its length, expected at "
                "most %.2g (%r)",
                pending.model.name,
                error,
                tolerance,
                agent,
            )
        return jsonify(verdict=verdict, error=error, tolerance=tolerance)


def _read_rows(body: bytes, pending: Pending) -> Tensor:
    """(batch, n_embd): embeddings travel as a hidden state of one token a text."""
    count = len(pending.tokens.lengths)
    n_embd = pending.model.model.config.n_embd
    try:
        rows, _ = decode_hidden(body, n_embd, max_tokens=1, max_sequences=count)
    except WireError as error:
        raise Refusal(INVALID, str(error)) from None
    if len(rows.lengths) != count:
        raise Refusal(
            INVALID, f"embeddings: expected {count}, came {len(rows.lengths)}"
        )
    return rows.values
