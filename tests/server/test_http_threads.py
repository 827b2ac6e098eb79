"""The threads that answer requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from http_threads import Threads


@dataclass
class Call:
    service: Callable[[], object]


@pytest.fixture
def one() -> Iterator[Threads]:
    threads = Threads(1)
    yield threads
    threads.shutdown(timeout=10)


def test_an_answer_that_fails_is_logged_and_the_next_is_given(
    one: Threads, caplog: pytest.LogCaptureFixture
) -> None:
    answered = threading.Event()
    with caplog.at_level(logging.ERROR):
        one.add_task(Call(lambda: 1 / 0))
        one.add_task(Call(answered.set))
        assert answered.wait(timeout=10)
    assert "ZeroDivisionError" in caplog.text


def test_at_the_end_what_is_under_way_goes_on_and_what_is_not_is_dropped() -> None:
    begun, go, done = threading.Event(), threading.Event(), threading.Event()
    dropped: list[int] = []

    def answer() -> None:
        begun.set()
        assert go.wait(timeout=10)
        done.set()

    threads = Threads(1)
    threads.add_task(Call(answer))
    assert begun.wait(timeout=10)
    threads.add_task(Call(lambda: dropped.append(1)))
    threads.shutdown(timeout=0.01)
    assert not done.is_set()  # who did not wait for it
    go.set()
    threads.shutdown(timeout=10)
    assert done.is_set()
    assert dropped == []


def test_as_many_answers_at_once_as_there_are_threads() -> None:
    together = threading.Barrier(3, timeout=10)
    threads = Threads(2)
    for _ in range(2):
        threads.add_task(Call(together.wait))
    together.wait()  # breaks where one of them waits for the other's thread
    threads.shutdown(timeout=10)
