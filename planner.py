"""Chooses the split of a request: how many layers the server runs."""

from __future__ import annotations

from collections.abc import Collection


def choose_split(n_layer: int, held: Collection[int]) -> int:
    """The lowest split for which the browser holds every layer from it to the last.

    `held` are the layers in the browser, in any order. A gap ends the run, because
    hidden states cross from server to browser once: with 0, 4 and 5 held of 6, the
    split is 4. With the last layer missing the server runs everything: n_layer.
    """
    split = n_layer
    while split > 0 and split - 1 in held:
        split -= 1
    return split
