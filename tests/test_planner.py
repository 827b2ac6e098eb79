"""The split that the layers in the browser allow."""

import pytest

from planner import choose_split


@pytest.mark.parametrize(
    ("held", "split"),
    [
        ([], 6),
        ([5], 5),
        ([5, 4, 3], 3),
        ([0, 1, 2, 3, 4, 5], 0),
        ([0, 4, 5], 4),
        ([0, 1, 2], 6),
        ([-1, 6, 7], 6),
    ],
)
def test_the_split_is_the_lowest_that_the_held_layers_allow(
    held: list[int], split: int
) -> None:
    assert choose_split(6, held) == split
