"""Requests that run together: who joins where, who leaves where, who is refused.

The model is a fake whose every step is seen, so that nothing depends on the clock.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable

import pytest
import torch
from references import Reference
from tolerances import F32
from torch import Tensor

from batching import Ahead, Batcher, QueueFull, layers_thread
from input_errors import NotFinite
from jobs import ClientGone, Job, Turn, Want, Work
from ragged import Ragged
from split_model import SplitModel

N_LAYER = 4


class Fake:
    """Each layer multiplies by 10 and adds its number, counted from 1.

    Token 7 through layers 0 and 1 is 712; a row holds it beside the token itself.
    """

    def __init__(self) -> None:
        self.ran: list[tuple[int, list[int]]] = []  # layer, first token of each text
        self.before: Callable[[int, list[int]], None] = lambda layer, texts: None

    def embed(self, tokens: Ragged) -> Ragged:
        values = tokens.values.float()
        return Ragged(torch.stack([values, values], dim=1), tokens.lengths)

    def run_layers(self, hidden: Ragged, start: int, stop: int) -> Ragged:
        assert stop == start + 1
        texts = [int(hidden.values[row, 0]) for row in hidden.bounds[:-1]]
        self.before(start, texts)
        self.ran.append((start, texts))
        values = hidden.values.clone()
        values[:, 1] = values[:, 1] * 10 + start + 1
        return Ragged(values, hidden.lengths)

    def finish(self, hidden: Ragged, normalize: bool | None = None) -> Tensor:
        rows = hidden.values[hidden.bounds[:-1]]
        return rows / rows.norm(dim=1, keepdim=True) if normalize else rows


@pytest.fixture
def fake() -> Fake:
    return Fake()


def batcher_of(
    fake: Fake, pass_tokens: int = 100, max_waiting_tokens: int | None = None
) -> Batcher:
    return Batcher(fake, N_LAYER, torch.empty(0), pass_tokens, max_waiting_tokens)


def texts(*tokens: int, length: int = 1, stop: int = N_LAYER, **more: object) -> Job:
    """One text for each token, which it repeats."""
    values = torch.tensor(tokens).repeat_interleave(length)
    return Job(Ragged(values, (length,) * len(tokens)), 0, stop, "hidden", **more)  # type: ignore[arg-type]


def state(token: int, start: int, stop: int = N_LAYER) -> Job:
    """A text that has been through layers [0, start)."""
    value = float(after(token, start))
    values = torch.tensor([[float(token), value]])
    return Job(Ragged(values, (1,)), start, stop, "hidden")


def after(token: int, layers: int) -> int:
    return int(str(token) + "1234"[:layers])


def result(job: Job) -> list[int]:
    return [int(value) for value in job.future.result(timeout=10)[:, 1]]


class Meanwhile:
    """Does something while layer `layer` runs for the first time."""

    def __init__(
        self,
        fake: Fake,
        layer: int,
        do: Callable[[], None],
        always: Callable[[int, list[int]], None] = lambda layer, texts: None,
    ) -> None:
        self.layer, self.do, self.done = layer, do, False
        self.always = always
        fake.before = self

    def __call__(self, layer: int, texts: list[int]) -> None:
        if layer == self.layer and not self.done:
            self.done = True
            self.do()
        self.always(layer, texts)


def while_one_runs(
    fake: Fake,
    batcher: Batcher,
    *jobs: Job,
    always: Callable[[int, list[int]], None] = lambda layer, texts: None,
) -> Job:
    """Submit jobs while another, of token 9, runs through the last layer alone."""

    def submit() -> None:
        for job in jobs:
            batcher.submit(job)

    Meanwhile(fake, N_LAYER - 1, submit, always)
    first = state(9, start=N_LAYER - 1)
    batcher.submit(first)
    return first


def test_one_request_alone_runs_at_once_through_its_layers(fake: Fake) -> None:
    job = texts(7, stop=2)
    batcher_of(fake).submit(job)
    assert result(job) == [712]
    assert fake.ran == [(0, [7]), (1, [7])]


def test_each_leaves_at_its_own_cut(fake: Fake) -> None:
    jobs = [texts(stop + 1, stop=stop) for stop in range(N_LAYER + 1)]
    batcher = batcher_of(fake)
    while_one_runs(fake, batcher, *jobs)
    assert [result(job) for job in jobs] == [
        [after(stop + 1, stop)] for stop in range(N_LAYER + 1)
    ]
    assert fake.ran[1:] == [(0, [2, 3, 4, 5]), (1, [3, 4, 5]), (2, [4, 5]), (3, [5])]


def test_a_hidden_state_joins_the_pass_at_its_layer(fake: Fake) -> None:
    """It comes while layer 1 runs, and need not wait for the pass to end."""
    batcher = batcher_of(fake)
    resumed, finished = state(3, start=2), state(4, start=N_LAYER)

    def submit() -> None:
        batcher.submit(resumed)
        batcher.submit(finished)

    Meanwhile(fake, 1, submit)
    job = texts(7)
    batcher.submit(job)
    assert [result(each) for each in (job, resumed, finished)] == [
        [71234],
        [31234],
        [41234],
    ]
    assert fake.ran == [(0, [7]), (1, [7]), (2, [7, 3]), (3, [7, 3])]


def test_who_comes_too_late_for_its_layer_has_the_next_pass(fake: Fake) -> None:
    batcher = batcher_of(fake)
    late = texts(3)
    Meanwhile(fake, 2, lambda: batcher.submit(late))
    job = texts(7)
    batcher.submit(job)
    assert (result(job), result(late)) == ([71234], [31234])
    assert [ran for _, ran in fake.ran] == [[7]] * 4 + [[3]] * 4


def test_a_pass_holds_no_more_tokens_than_its_budget(fake: Fake) -> None:
    batcher = batcher_of(fake, pass_tokens=10)
    jobs = [texts(token, length=4, stop=1) for token in range(1, 6)]
    while_one_runs(fake, batcher, *jobs)
    assert [result(job)[0] for job in jobs] == [11, 21, 31, 41, 51]
    assert [ran for _, ran in fake.ran] == [[9], [1, 2], [3, 4], [5]]


def test_what_leaves_makes_room_for_what_joins(fake: Fake) -> None:
    """Six tokens leave after layer 1, where a hidden state of one token waits."""
    batcher = batcher_of(fake, pass_tokens=10)
    short, long = texts(1, length=6, stop=2), texts(2, length=4)
    resumed = state(3, start=2)
    while_one_runs(fake, batcher, short, long, resumed)
    for job in (short, long, resumed):
        job.future.result(timeout=10)
    assert fake.ran[1:] == [(0, [2, 1]), (1, [2, 1]), (2, [3, 2]), (3, [3, 2])]


def test_who_came_first_keeps_its_place_further_on(fake: Fake) -> None:
    """Nobody who came later and starts earlier may take it, however many they are."""
    batcher = batcher_of(fake, pass_tokens=10)
    resumed = state(3, start=2)
    later = [texts(token, length=5) for token in (4, 5, 6)]
    while_one_runs(fake, batcher, resumed, *later)
    assert result(resumed) == [31234]
    assert [result(job)[0] for job in later] == [41234, 51234, 61234]
    assert fake.ran[1:5] == [(0, [4]), (1, [4]), (2, [3, 4]), (3, [3, 4])]


def test_a_text_longer_than_the_budget_runs_alone(fake: Fake) -> None:
    batcher = batcher_of(fake, pass_tokens=3)
    jobs = [texts(1, length=8, stop=1), texts(2, stop=1)]
    while_one_runs(fake, batcher, *jobs)
    assert [result(job)[0] for job in jobs] == [11, 21]
    assert [ran for _, ran in fake.ran] == [[9], [1], [2]]


def test_the_rest_of_a_large_request_lets_others_go_first(fake: Fake) -> None:
    batcher = batcher_of(fake, pass_tokens=4)
    large, small = texts(1, 2, 3, 4, 5, 6, 7, 8, stop=1), texts(50, stop=1)
    while_one_runs(fake, batcher, large, small)
    assert result(large) == [11, 21, 31, 41, 51, 61, 71, 81]
    assert result(small) == [501]
    assert [ran for _, ran in fake.ran[1:]] == [[1, 2, 3, 4], [50, 5, 6, 7], [8]]


def test_texts_of_like_length_share_a_pass_and_come_back_in_order(fake: Fake) -> None:
    batcher = batcher_of(fake, pass_tokens=6)
    lengths = (1, 5, 2, 1, 3)
    values = torch.arange(1, 6).repeat_interleave(torch.tensor(lengths))
    job = Job(Ragged(values, lengths), 0, 1, "rows")
    batcher.submit(job)
    assert result(job) == [11, 21, 31, 41, 51]
    assert [ran for _, ran in fake.ran] == [[2], [1, 3, 5], [4]]


def test_finished_rows_are_normalised_only_where_that_is_asked(fake: Fake) -> None:
    batcher = batcher_of(fake)
    wants: tuple[Want, ...] = ("rows", "unit rows", "hidden")
    jobs = [
        Job(Ragged(torch.tensor([1, 2]), (1, 1)), 0, N_LAYER, want) for want in wants
    ]
    while_one_runs(fake, batcher, *jobs)
    rows, unit, hidden = (job.future.result(timeout=10) for job in jobs)
    assert rows.tolist() == hidden.tolist() == [[1, 11234], [2, 21234]]
    torch.testing.assert_close(unit, rows / rows.norm(dim=1, keepdim=True))
    assert fake.ran[1] == (0, [1, 2] * 3)


def test_the_queue_is_bounded_in_tokens_for_singles_and_batches_alike(
    fake: Fake,
) -> None:
    batcher = batcher_of(fake, max_waiting_tokens=10)
    jobs = [texts(1, length=5), texts(2, 3, 4, 5)]
    refused: list[str] = []

    def overload() -> None:
        for job in jobs:
            batcher.submit(job)
        assert batcher.waiting_tokens == 9
        batcher.submit(one_more)
        for too_much in (texts(5), texts(6, 7, 8)):
            with pytest.raises(QueueFull, match="10 tokens wait, at most 10 may") as it:
                batcher.submit(too_much)
            refused.append(str(it.value))
        with pytest.raises(QueueFull):
            batcher.check_room(1)

    one_more = texts(4)
    Meanwhile(fake, 0, overload)
    first = texts(9)
    batcher.submit(first)
    for job in (first, *jobs, one_more):
        job.future.result(timeout=10)
    assert len(refused) == 2
    batcher.check_room(10)


def test_a_request_beyond_the_bound_is_taken_if_nothing_waits(fake: Fake) -> None:
    batcher = batcher_of(fake, pass_tokens=4, max_waiting_tokens=4)
    large = texts(*range(1, 8), stop=1)
    while_one_runs(fake, batcher, large)
    assert len(result(large)) == 7


def test_a_request_beyond_the_bound_leaves_half_of_it_to_others(fake: Fake) -> None:
    """One comes while each of its passes runs: all are let in, and none waits for
    more than two."""
    batcher = batcher_of(fake, pass_tokens=4, max_waiting_tokens=8)
    large = texts(*range(100, 140))
    others: list[Job] = []

    def come(layer: int, among: list[int]) -> None:
        if layer == 0 and large.waiting_tokens:
            others.append(texts(len(others) + 1))
            batcher.submit(others[-1])
            with pytest.raises(QueueFull, match="tokens wait, at most 8 may"):
                batcher.submit(texts(*range(50, 55)))

    fake.before = come
    batcher.submit(large)
    assert len(result(large)) == 40
    assert len(others) > 8
    for number, job in enumerate(others, 1):
        assert result(job) == [after(number, N_LAYER)]
    passes = [set(among) for layer, among in fake.ran if layer == 0]
    for number in range(1, len(others) + 1):  # it came while pass number - 1 ran
        assert any(number in among for among in passes[number : number + 2])


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority there")
def test_the_layers_leave_the_cores_to_those_who_read_and_refuse() -> None:
    with layers_thread() as thread:
        there = thread.submit(os.getpriority, os.PRIO_PROCESS, 0).result()
    assert there == os.getpriority(os.PRIO_PROCESS, 0) + 10


def test_a_newcomer_hears_what_runs_before_it(fake: Fake) -> None:
    """What is left of the pass under way, and one pass's share of each that waits."""
    batcher = batcher_of(fake, pass_tokens=4)
    heard: list[Ahead] = []

    def come() -> None:
        heard.append(batcher.ahead())
        batcher.submit(texts(1, 2, stop=2))
        batcher.submit(texts(*range(10, 50), stop=1))
        heard.append(batcher.ahead())

    Meanwhile(fake, 1, come)
    assert batcher.ahead() == Ahead(Work(), Work(), 0)
    first = texts(9, length=3)
    batcher.submit(first)
    result(first)
    running = Work(N_LAYER - 1, 3 * (N_LAYER - 1))
    # Six tokens of one layer and a third on average: a pass and a half.
    waiting = Work(1.5 * 8 / 6, 2 * 2 + 4 * 1)
    assert heard == [Ahead(running, Work(), 0), Ahead(running, waiting, 1.5)]


def test_one_large_request_alone_makes_no_crowd(fake: Fake) -> None:
    batcher = batcher_of(fake, pass_tokens=4, max_waiting_tokens=8)
    crowded = []

    def come() -> None:
        for job in (texts(*range(10, 50)), texts(1, 2), texts(3)):
            batcher.submit(job)
            crowded.append(batcher.is_crowded)

    Meanwhile(fake, 1, come)
    first = texts(9)
    batcher.submit(first)
    result(first)
    assert crowded == [False, False, True]
    assert not batcher_of(fake).is_crowded


def test_those_who_went_away_are_skipped_and_leave_room(fake: Fake) -> None:
    batcher = batcher_of(fake, max_waiting_tokens=2)
    gone = [False]
    leavers = [texts(token, turn=Turn(lambda: gone[0])) for token in (1, 2)]
    stayer = texts(3)

    def leave() -> None:
        for leaver in leavers:
            batcher.submit(leaver)
        with pytest.raises(QueueFull):
            batcher.submit(stayer)
        gone[0] = True
        batcher.submit(stayer)

    Meanwhile(fake, 0, leave)
    batcher.submit(texts(9))
    assert result(stayer) == [31234]
    for leaver in leavers:
        with pytest.raises(ClientGone):
            leaver.future.result(timeout=10)
    assert [ran for _, ran in fake.ran] == [[9]] * 4 + [[3]] * 4


def test_who_goes_away_in_the_middle_of_a_pass_leaves_it(fake: Fake) -> None:
    batcher = batcher_of(fake)
    gone = [False]
    leaver, stayer = texts(1, turn=Turn(lambda: gone[0])), texts(2)

    def leave(layer: int, among: list[int]) -> None:
        gone[0] = layer == 2 or gone[0]

    while_one_runs(fake, batcher, leaver, stayer, always=leave)
    assert result(stayer) == [21234]
    with pytest.raises(ClientGone):
        leaver.future.result(timeout=10)
    assert fake.ran[-1] == (3, [2])


def test_who_cannot_tell_whether_it_is_gone_fails_alone(fake: Fake) -> None:
    """Whether it waits or runs."""
    batcher = batcher_of(fake)
    broken = [False]

    def gone() -> bool:
        if broken[0]:
            raise OSError("no such connection")
        return False

    runs, waits = texts(1, turn=Turn(gone)), texts(2, turn=Turn(gone))
    with_it, behind = texts(3), texts(4)

    def come_and_break(layer: int, among: list[int]) -> None:
        if 1 in among and layer == 1:
            for job in (waits, behind):
                batcher.submit(job)
            broken[0] = True

    while_one_runs(fake, batcher, runs, with_it, always=come_and_break)
    for job in (runs, waits):
        with pytest.raises(OSError, match="no such connection"):
            job.future.result(timeout=10)
    assert result(with_it) == [31234]
    assert result(behind) == [41234]


def fail_on(token: int, at: int) -> Callable[[int, list[int]], None]:
    def before(layer: int, among: list[int]) -> None:
        if layer == at and token in among:
            raise RuntimeError(f"cannot bear {token}")

    return before


def test_an_exception_fails_only_the_request_that_it_belongs_to(fake: Fake) -> None:
    batcher = batcher_of(fake)
    jobs = [texts(1), texts(2, 3), texts(4, stop=1)]
    while_one_runs(fake, batcher, *jobs, always=fail_on(3, at=2))
    assert (result(jobs[0]), result(jobs[2])) == ([11234], [41])
    with pytest.raises(RuntimeError, match="cannot bear 3"):
        jobs[1].future.result(timeout=10)
    fake.before = lambda layer, among: None
    batcher.submit(again := texts(3))
    assert result(again) == [31234]


def test_the_rest_of_a_request_that_failed_is_not_run(fake: Fake) -> None:
    batcher = batcher_of(fake, pass_tokens=2)
    fake.before = fail_on(1, at=1)
    batcher.submit(large := texts(1, 2, 3, 4, 5, 6))
    with pytest.raises(RuntimeError, match="cannot bear 1"):
        large.future.result(timeout=10)
    batcher.submit(following := texts(8, stop=1))
    assert result(following) == [81]
    assert {token for _, among in fake.ran for token in among} == {1, 2, 8}


def test_an_exception_in_embed_or_finish_fails_one_request_alone(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    batcher = batcher_of(fake)
    embed, finish = fake.embed, fake.finish

    def bad_embed(tokens: Ragged) -> Ragged:
        if 1 in tokens.values.tolist():
            raise RuntimeError("embed")
        return embed(tokens)

    def bad_finish(hidden: Ragged, normalize: bool | None = None) -> Tensor:
        if 2.0 in hidden.values[:, 0].tolist():
            raise RuntimeError("finish")
        return finish(hidden, normalize)

    monkeypatch.setattr(fake, "embed", bad_embed)
    monkeypatch.setattr(fake, "finish", bad_finish)
    jobs = [
        Job(Ragged(torch.tensor([token]), (1,)), 0, N_LAYER, "rows")
        for token in (1, 2, 3)
    ]
    while_one_runs(fake, batcher, *jobs)
    for job, message in zip(jobs, ("embed", "finish"), strict=False):
        with pytest.raises(RuntimeError, match=message):
            job.future.result(timeout=10)
    assert result(jobs[2]) == [31234]


def test_nan_fails_only_the_request_that_it_is_in(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_layers = fake.run_layers

    def nan_for_five(hidden: Ragged, start: int, stop: int) -> Ragged:
        after = run_layers(hidden, start, stop)
        after.values[after.values[:, 0] == 5, 1] = torch.nan
        return after

    monkeypatch.setattr(fake, "run_layers", nan_for_five)
    batcher = batcher_of(fake)
    jobs = [texts(1, 2), texts(4, 5, 5), texts(3, stop=1)]
    while_one_runs(fake, batcher, *jobs)
    assert (result(jobs[0]), result(jobs[2])) == ([11234, 21234], [31])
    with pytest.raises(NotFinite, match="text 1") as caught:
        jobs[1].future.result(timeout=10)
    assert caught.value.index == 1


def test_a_mistake_of_our_own_leaves_nobody_waiting(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    batcher = batcher_of(fake)
    first, waiting = texts(1), texts(2)

    def mistake(*args: object) -> None:
        batcher.submit(waiting)
        raise KeyError("ours")

    with monkeypatch.context() as patch:
        patch.setattr("layer_pass.Pass._run_layer", mistake)
        batcher.submit(first)
        for job in (first, waiting):
            with pytest.raises(KeyError, match="ours"):
                job.future.result(timeout=10)
    batcher.submit(again := texts(3))
    assert result(again) == [31234]


def test_a_mistake_between_passes_leaves_nobody_waiting(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    batcher = batcher_of(fake)

    def mistake() -> None:
        raise KeyError("ours")

    with monkeypatch.context() as patch:
        patch.setattr(batcher, "_drop_gone", mistake)
        batcher.submit(first := texts(1))
        with pytest.raises(KeyError, match="ours"):
            first.future.result(timeout=10)
    batcher.submit(again := texts(3))
    assert result(again) == [31234]


def test_what_is_done_is_freed_without_the_garbage_collector(fake: Fake) -> None:
    """Which holds up all threads, and finds large tensors late."""
    batcher = batcher_of(fake, pass_tokens=2)
    gc.collect()
    gc.disable()
    try:
        jobs = [texts(1), texts(2, 3, 4)]
        for job in jobs:
            batcher.run(job)
        left = [weakref.ref(job) for job in jobs]
        del job, jobs
        deadline = time.monotonic() + 10
        while any(job() for job in left):  # as long as the layers' thread looks at it
            assert time.monotonic() < deadline, "a finished request was kept"
            time.sleep(0.01)
    finally:
        gc.enable()


def test_time_is_told_apart_into_waiting_and_running(fake: Fake) -> None:
    batcher = batcher_of(fake, pass_tokens=1)
    job = texts(1, 2)
    first = while_one_runs(fake, batcher, job)
    for each in (first, job):
        each.future.result(timeout=10)
        assert each.turn.run_seconds > 0
    assert job.turn.queue_seconds > first.turn.queue_seconds


def test_what_ran_is_told_before_anybody_is_answered(fake: Fake) -> None:
    batcher = batcher_of(fake)
    told: list[tuple[int, int]] = []
    jobs = [texts(1, length=5), texts(2, length=3, stop=2), texts(3, stop=0)]

    def tell(layers: int, layer_tokens: int, seconds: float) -> None:
        assert seconds > 0
        if layers:
            told.append((layers, layer_tokens))
            assert not jobs[0].future.done()

    batcher.on_ran.append(tell)
    while_one_runs(fake, batcher, *jobs)
    assert result(jobs[0])[0] == 11234
    assert told == [(1, 1), (2, 8 + 8), (2, 5 + 5)]


@pytest.mark.parametrize("name", ["gpt2", "bert", "minilm"])
def test_every_request_of_a_mixed_batch_equals_hugging_face_alone(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Splits, starts and lengths mixed; all queue behind the first, so they share."""
    model: SplitModel = request.getfixturevalue(name)
    reference = Reference(model.weights.checkpoint.folder)
    dice, n_layer = random.Random(0), model.config.n_layer
    jobs: list[Job] = []
    expected: list[Tensor] = []
    for number in range(24):
        length = dice.choice([1, 2, 7, 7, 20, 60])
        ids = [dice.randrange(model.config.vocab_size) for _ in range(length)]
        states = reference.hidden_states(ids)
        start, stop = sorted((dice.randrange(n_layer), dice.randrange(n_layer)))
        if number % 3 == 0:
            batch = Ragged(torch.tensor(ids), (length,))
            jobs.append(Job(batch, 0, stop, "hidden"))
            expected.append(states[stop])
        else:
            batch = Ragged(states[start], (length,))
            jobs.append(Job(batch, start, n_layer, "unit rows"))
            expected.append(reference.embedding(ids, model.pooling, True)[None])
    sizes: list[int] = []
    model.on_layer = lambda layer, tokens: sizes.append(tokens)
    try:
        for job in jobs:
            model.batcher.submit(job)
        results = [job.future.result(timeout=60) for job in jobs]
    finally:
        model.on_layer = None
    assert len(sizes) < sum(job.stop - job.start for job in jobs)
    for came, wanted in zip(results, expected, strict=True):
        size = max(1.0, float(wanted.abs().max()))
        torch.testing.assert_close(came / size, wanted / size, atol=F32, rtol=0)


def test_what_threads_others_compute_with_is_nothing_to_the_layers() -> None:
    """server.py leaves one thread to all others once its models are loaded."""
    before = torch.get_num_threads()
    thread = layers_thread()
    try:
        torch.set_num_threads(3)
        assert thread.submit(torch.get_num_threads).result() == 3
        torch.set_num_threads(1)
        assert thread.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)
        thread.shutdown()


def test_models_that_share_a_thread_take_turns() -> None:
    thread = layers_thread()
    seen: list[int] = []
    gate = threading.Event()

    def before(layer: int, texts: list[int]) -> None:
        gate.wait(9)
        seen.extend(texts)

    fakes = Fake(), Fake()
    for fake in fakes:
        fake.before = before
    one, two = (
        Batcher(fake, N_LAYER, torch.empty(0), 1, None, thread) for fake in fakes
    )
    jobs = [
        Job(Ragged(torch.tensor([token]), (1,)), 0, 1, "hidden")
        for token in (10, 11, 20, 21)
    ]
    for job, batcher in zip(jobs, (one, one, two, two), strict=True):
        batcher.submit(job)
    gate.set()
    for job in jobs:
        job.future.result(9)
    assert seen == [10, 20, 11, 21]
    thread.shutdown()
