"""One pass over the layers: requests join at their first layer, leave at their cut."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from input_errors import NotFinite
from jobs import Job, Member, Want, Work
from ragged import Ragged


class Stages(Protocol):
    """What is asked of a model. run_layers must not change its input."""

    def embed(self, tokens: Ragged) -> Ragged: ...
    def run_layers(self, hidden: Ragged, start: int, stop: int) -> Ragged: ...
    def finish(self, hidden: Ragged, normalize: bool | None = None) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Rows:
    """Members and their rows end to end, by length."""

    members: list[Member]
    batch: Ragged
    jobs: list[Job]

    @staticmethod
    def of(members: list[Member], values: Tensor) -> Rows:
        lengths = tuple([member.tokens for member in members])
        jobs = list(dict.fromkeys([member.job for member in members]))
        return Rows(members, Ragged(values, lengths), jobs)

    def where(self, wanted: Callable[[Job], bool]) -> Rows | None:
        if all(wanted(job) for job in self.jobs):
            return self
        kept = [n for n, member in enumerate(self.members) if wanted(member.job)]
        if not kept:
            return None
        parts = self.parts()
        return Rows.of(
            [self.members[n] for n in kept], torch.cat([parts[n] for n in kept])
        )

    def parts(self) -> tuple[Tensor, ...]:
        """Each member's own."""
        return self.batch.values.split_with_sizes(self.batch.lengths)

    @staticmethod
    def together(groups: list[Rows]) -> Rows | None:
        if len(groups) <= 1:
            return groups[0] if groups else None
        parts = [
            part
            for group in groups
            for part in zip(group.members, group.parts(), strict=True)
        ]
        parts.sort(key=lambda part: part[0].tokens)
        return Rows.of(
            [member for member, _ in parts], torch.cat([x for _, x in parts])
        )


T = TypeVar("T")


def attempt(rows: Rows, stage: Callable[[Ragged], T]) -> list[tuple[Rows, T]]:
    """What a stage makes of rows. Where it fails, each request tries alone, so that
    only those fail that must."""
    try:
        return [(rows, stage(rows.batch))]
    except Exception as error:
        if len(rows.jobs) == 1:
            rows.jobs[0].fail(error)
            return []
    alone = [rows.where({job}.__contains__) for job in rows.jobs]
    return [done for one in alone if one for done in attempt(one, stage)]


def advance(rows: Rows, stage: Callable[[Ragged], Ragged]) -> list[Rows]:
    """Those that a stage does not fail for, with what it makes of their rows."""
    return [
        Rows(done.members, batch, done.jobs) for done, batch in attempt(rows, stage)
    ]


def by_job(
    rows: Rows, values: Tensor, sizes: tuple[int, ...]
) -> Iterator[tuple[Job, list[Member], Tensor]]:
    """Each request with its members and their part of values, `sizes` rows a member."""
    if len(rows.jobs) == 1:
        yield rows.jobs[0], rows.members, values
        return
    parts = values.split_with_sizes(sizes)
    places: dict[Job, list[int]] = {job: [] for job in rows.jobs}
    for place, member in enumerate(rows.members):
        places[member.job].append(place)
    for job, own in places.items():
        members = [rows.members[place] for place in own]
        yield job, members, torch.cat([parts[place] for place in own])


class Pass:
    """A run from layer to layer. `join` gives those who wait for a layer: (layer,
    tokens that are still free, whether nobody is in the pass)."""

    def __init__(
        self,
        model: Stages,
        n_layer: int,
        like: Tensor,
        join: Callable[[int, int, bool], list[Member]],
        most_tokens: int,
        ran: Callable[[int, int, float], None],
    ) -> None:
        """like: an empty tensor of the device and the dtype that the layers take. ran:
        hears, before anybody gets an answer, of (layers that ran since it last heard,
        the tokens of each added up, seconds)."""
        self.model, self.n_layer, self.like = model, n_layer, like
        self.join, self.most_tokens = join, most_tokens
        self.ran = ran
        self.rows: Rows | None = None
        self.layer = 0  # that runs, or is next
        self._layers = self._layer_tokens = 0
        self._told = time.perf_counter()

    def run(self, start: int) -> None:
        """From layer `start` as far as anybody goes."""
        for layer in range(start, self.n_layer + 1):
            self.layer = layer
            self._drop_gone()
            self._leave(layer)
            if self._join(layer):
                self._leave(layer)  # who only wanted to be embedded, or finished
            self._run_layer(layer)
        self._tell()

    @property
    def left(self) -> Work:
        """What those in it still have before them. For any thread."""
        rows, layer = self.rows, self.layer
        if rows is None:
            return Work()
        left = {job: max(job.stop - layer, 0) for job in rows.jobs}
        layer_tokens = sum(member.tokens * left[member.job] for member in rows.members)
        return Work(max(left.values()), layer_tokens)

    def _tell(self) -> None:
        if self._layers == 0:
            return  # what comes after the last answer is nobody's
        now = time.perf_counter()
        self.ran(self._layers, self._layer_tokens, now - self._told)
        self._layers, self._layer_tokens, self._told = 0, 0, now

    def fail(self, error: BaseException) -> None:
        for job in self.rows.jobs if self.rows else []:
            job.fail(error)

    def _drop_gone(self) -> None:
        if self.rows is None:
            return
        over = [job for job in self.rows.jobs if job.is_over()]
        if over:
            self.rows = self.rows.where(lambda job: job not in over)

    def _join(self, layer: int) -> bool:
        """Whether anybody did."""
        here = 0 if self.rows is None else len(self.rows.batch.values)
        joining = self.join(layer, self.most_tokens - here, self.rows is None)
        if not joining:
            return False
        joining.sort(key=lambda member: member.tokens)
        texts = [member for member in joining if member.values.ndim == 1]
        hidden = [member for member in joining if member.values.ndim == 2]
        groups = [] if self.rows is None else [self.rows]
        if texts:
            ids = torch.cat([member.values for member in texts]).to(self.like.device)
            groups += advance(Rows.of(texts, ids), self.model.embed)
        if hidden:
            values = torch.cat([member.values for member in hidden]).to(self.like)
            groups.append(Rows.of(hidden, values))
        self.rows = Rows.together(groups)
        return True

    def _run_layer(self, layer: int) -> None:
        if self.rows is None:
            return
        self._layers += 1
        self._layer_tokens += len(self.rows.batch.values)
        run_layers = self.model.run_layers
        self.rows = Rows.together(
            advance(self.rows, lambda hidden: run_layers(hidden, layer, layer + 1))
        )

    def _leave(self, layer: int) -> None:
        if self.rows is None:
            return
        leaving = [job for job in self.rows.jobs if job.stop == layer]
        if not leaving:
            return
        for want in sorted({job.want for job in leaving}):
            alike = {job for job in leaving if job.want == want}
            if rows := self.rows.where(alike.__contains__):
                self._answer(rows, want)
        self.rows = self.rows.where(lambda job: job.stop != layer)

    def _answer(self, rows: Rows, want: Want) -> None:
        answered = attempt(rows, self._stage_of(want))
        self._tell()
        for done, values in answered:
            sizes = done.batch.lengths if want == "hidden" else (1,) * len(done.members)
            broken = self._not_finite(done, values, sizes)
            for job, members, found in by_job(done, values, sizes):
                if job in broken:
                    job.fail(broken[job])
                else:
                    job.leave(members, found)

    def _not_finite(
        self, rows: Rows, values: Tensor, sizes: tuple[int, ...]
    ) -> dict[Job, NotFinite]:
        """Whose values are no numbers, and which of its texts is the first."""
        # One pass over them: NaN and infinity reach the sum, which else is finite but
        # where it overflows.
        if isfinite(values.sum().item()):
            return {}
        finite = values.isfinite()
        first: dict[Job, int] = {}
        for member, fine in zip(
            rows.members, finite.split_with_sizes(sizes), strict=True
        ):
            if not fine.all():
                first[member.job] = min(
                    member.index, first.get(member.job, member.index)
                )
        dtype = self.like.dtype
        return {
            job: NotFinite(
                f"text {index}: the model gave NaN or infinity in {dtype}", index
            )
            for job, index in first.items()
        }

    def _stage_of(self, want: Want) -> Callable[[Ragged], Tensor]:
        if want == "hidden":
            return lambda hidden: hidden.values.float().cpu()
        unit = want == "unit rows"
        return lambda hidden: self.model.finish(hidden, unit).cpu()
