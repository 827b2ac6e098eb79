"""Attention and pooling over sequences end to end equal each sequence's own."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import F32
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from ragged import Ragged, pool, ragged_attention

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=10)


@settings(max_examples=40, deadline=None)
@given(lengths=LENGTHS, causal=st.booleans(), seed=st.integers(0, 1000))
def test_attention_stays_within_each_sequence(
    lengths: list[int], causal: bool, seed: int
) -> None:
    random = torch.Generator().manual_seed(seed)
    qkv = torch.randn(sum(lengths), 3, 2, 8, generator=random)
    came = attention(qkv, tuple(lengths), causal)
    expected = torch.cat(
        [
            own_attention(*parts, causal)
            for parts in zip(*splits(qkv, lengths), strict=True)
        ]
    )
    torch.testing.assert_close(came, expected, atol=F32, rtol=0)


def attention(qkv: Tensor, lengths: tuple[int, ...], causal: bool) -> Tensor:
    """(total, 3, n_head, D) -> (total, n_head, D)"""
    came = ragged_attention(qkv.flatten(1), lengths, qkv.shape[2], causal)
    return came.view_as(qkv[:, 0])


def splits(qkv: Tensor, lengths: list[int]) -> list[tuple[Tensor, ...]]:
    return [part.split(lengths) for part in qkv.unbind(1)]


def own_attention(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:
    """By the formula, in float64: softmax(q k' / sqrt(D)) v."""
    q, k, v = (x.double().transpose(0, 1) for x in (q, k, v))  # (n_head, T, D)
    scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
    if causal:
        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(future, -torch.inf)
    return (scores.softmax(-1) @ v).transpose(0, 1).float()


def test_sequences_of_one_length_share_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []

    def counted(q: Tensor, k: Tensor, v: Tensor, is_causal: bool) -> Tensor:
        shapes.append(tuple(q.shape))
        return scaled_dot_product_attention(q, k, v, is_causal=is_causal)

    monkeypatch.setattr("torch.nn.functional.scaled_dot_product_attention", counted)
    for lengths, calls in (((4, 4, 4), [3]), ((4, 2, 4, 1, 2), [2, 2, 1])):
        shapes.clear()
        attention(torch.randn(sum(lengths), 3, 2, 8), lengths, causal=True)
        assert [shape[0] for shape in shapes] == calls


def test_the_flash_kernel_is_told_where_each_sequence_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It runs on a GPU alone; here a stand-in of its schema does as it is told."""
    schema = torch.ops.aten._flash_attention_forward.default._schema
    told = "query key value cum_seq_q cum_seq_k max_q max_k dropout_p is_causal"
    names = [*told.split(), "return_debug_mask"]
    assert [argument.name for argument in schema.arguments][: len(names)] == names
    assert schema.returns[0].name == "output"

    def by_bounds(*arguments: Any) -> tuple[Tensor, ...]:
        assert len(arguments) == len(names)
        at = dict(zip(names, arguments, strict=True))
        bounds = at["cum_seq_q"].tolist()
        assert bounds == at["cum_seq_k"].tolist()
        assert at["cum_seq_q"].dtype == torch.int32  # the kernel takes no other
        sizes = [stop - start for start, stop in pairwise(bounds)]
        assert at["max_q"] == at["max_k"] == max(sizes)
        parts = zip(*(at[name].split(sizes) for name in names[:3]), strict=True)
        return (torch.cat([own_attention(*part, at["is_causal"]) for part in parts]),)

    monkeypatch.setattr("ragged._flash_serves", lambda qkv, n_head: True)
    monkeypatch.setattr(torch.ops.aten, "_flash_attention_forward", by_bounds)
    lengths = (3, 1, 5, 3)
    qkv = torch.randn(sum(lengths), 3, 2, 8)
    for causal in (False, True):
        came = attention(qkv, lengths, causal)
        each = zip(*splits(qkv, list(lengths)), strict=True)
        expected = torch.cat([own_attention(*parts, causal) for parts in each])
        torch.testing.assert_close(came, expected, atol=F32, rtol=0)


@given(lengths=LENGTHS)
def test_positions_start_anew_in_each_sequence(lengths: list[int]) -> None:
    tokens = Ragged(torch.zeros(sum(lengths), dtype=torch.int64), tuple(lengths))
    expected = [place for length in lengths for place in range(length)]
    assert tokens.positions().tolist() == expected


@settings(deadline=None)
@given(lengths=LENGTHS, seed=st.integers(0, 1000))
def test_pooling_is_over_each_sequence(lengths: list[int], seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(sum(lengths), 6, generator=random)
    hidden = Ragged(values, tuple(lengths))
    own = values.split(lengths)
    for pooling, expected in {
        "mean": [x.mean(0) for x in own],
        "max": [x.amax(0) for x in own],
        "cls": [x[0] for x in own],
        "last": [x[-1] for x in own],
    }.items():
        came = pool(hidden, pooling)
        torch.testing.assert_close(came, torch.stack(expected), atol=F32, rtol=0)


@pytest.mark.parametrize("lengths", [(), (3,), (5,), (4, 0), (5, -1), (2, 1)])
def test_lengths_must_cover_the_rows(lengths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="lengths: "):
        Ragged(torch.zeros(4), lengths)
