"""Batches of sequences laid end to end without padding: their attention and pooling."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

POOLINGS = ("mean", "cls", "max", "last")


@dataclass(frozen=True)
class Ragged:
    """Sequences laid end to end, without padding."""

    values: Tensor  # (total_tokens,) token ids or (total_tokens, n_embd) hidden
    lengths: tuple[int, ...]  # tokens of each sequence, each >= 1

    def __post_init__(self) -> None:
        if sum(self.lengths) != len(self.values) or min(self.lengths, default=0) < 1:
            raise ValueError(
                f"lengths: {self.lengths}, expected numbers >= 1 that sum to "
                f"{len(self.values)}"
            )

    @property
    def bounds(self) -> Tensor:
        """The row at which each sequence starts, then where the last ends:
        (batch + 1,) int32, beside values."""
        return _bounds(self.lengths, self.values.device)

    def positions(self) -> Tensor:
        """Each row's place in its own sequence, (total_tokens,)."""
        rows = torch.arange(len(self.values), device=self.values.device)
        if len(self.lengths) == 1:
            return rows
        starts, lengths = self.bounds[:-1], self.bounds.diff()
        return rows - starts.repeat_interleave(lengths, output_size=len(rows))


def ragged_attention(
    qkv: Tensor, lengths: tuple[int, ...], n_head: int, causal: bool
) -> Tensor:
    """Attention within each sequence: (total, 3 * n_embd) -> (total, n_embd)."""
    if _flash_serves(qkv, n_head):
        return _flash_attention(qkv, lengths, n_head, causal)
    if lengths.count(lengths[0]) == len(lengths):
        return _equal_length_attention(qkv, len(lengths), n_head, causal)
    out = qkv.new_empty(len(qkv), qkv.shape[1] // 3)
    for rows, batch in _equal_length_groups(lengths, qkv.device):
        out[rows] = _equal_length_attention(qkv[rows], batch, n_head, causal)
    return out


@lru_cache(maxsize=8)
def _bounds(lengths: tuple[int, ...], device: torch.device) -> Tensor:
    """Kept, since every layer asks anew: on its way to a GPU it would wait each time
    for all that the GPU has been told to do."""
    bounds = [0, *accumulate(lengths)]
    return torch.tensor(bounds, dtype=torch.int32, device=device)


def _flash_serves(qkv: Tensor, n_head: int) -> bool:
    """PyTorch has the kernel for half precision, from Ampere on, and such widths."""
    if not qkv.is_cuda:
        return False
    D = qkv.shape[1] // (3 * n_head)
    return (
        qkv.dtype in (torch.float16, torch.bfloat16)
        and D % 8 == 0
        and D <= 256
        and _has_flash(qkv.device)
    )


@cache
def _has_flash(device: torch.device) -> bool:
    return (
        torch.backends.cuda.is_flash_attention_available()
        and torch.cuda.get_device_capability(device) >= (8, 0)
    )


def _flash_attention(
    qkv: Tensor, lengths: tuple[int, ...], n_head: int, causal: bool
) -> Tensor:
    """All sequences in one kernel.

    torch.nn.attention.varlen.varlen_attn calls the same through Python, at the price of
    loading PyTorch's compiler and of more time a layer than the kernel takes.
    """
    q, k, v = qkv.view(len(qkv), 3, n_head, -1).unbind(1)  # (total, n_head, D)
    bounds, longest = _bounds(lengths, q.device), max(lengths)
    out: Tensor = torch.ops.aten._flash_attention_forward(
        q, k, v, bounds, bounds, longest, longest, 0.0, causal, False
    )[0]
    return out.flatten(1)


def _equal_length_attention(qkv: Tensor, B: int, n_head: int, causal: bool) -> Tensor:
    total = len(qkv)
    q, k, v = (
        qkv.view(B, total // B, 3, n_head, -1)
        .permute(2, 0, 3, 1, 4)  # (3, B, n_head, T, D)
        .unbind(0)
    )
    out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return out.transpose(1, 2).reshape(total, -1)


def _equal_length_groups(
    lengths: tuple[int, ...], device: torch.device
) -> Iterator[tuple[slice | Tensor, int]]:
    """The rows of all sequences of one length, and how many sequences they are."""
    starts = defaultdict(list)
    for length, end in zip(lengths, accumulate(lengths), strict=True):
        starts[length].append(end - length)
    for length, group in starts.items():
        stop = group[0] + length * len(group)
        if stop == group[-1] + length:  # side by side: a slice is a view, no copy
            yield slice(group[0], stop), len(group)
        else:
            first_rows = torch.tensor(group, device=device)[:, None]
            rows = first_rows + torch.arange(length, device=device)
            yield rows.flatten(), len(group)


def pool(hidden: Ragged, pooling: str) -> Tensor:
    """One float32 row a sequence: (total_tokens, n_embd) -> (batch, n_embd)."""
    values = hidden.values.float()  # a sum of 1,024 bfloat16 rows would lose digits
    bounds = hidden.bounds
    match pooling:
        case "mean" | "max":
            # unsafe: a check would wait for the GPU, and Ragged has made it.
            return torch.segment_reduce(values, pooling, offsets=bounds, unsafe=True)
        case "cls":
            return values[bounds[:-1]]
        case "last":
            return values[bounds[1:] - 1]
    raise ValueError(f"pooling: {pooling!r}, expected one of {', '.join(POOLINGS)}")
