"""The threads that answer requests."""

from __future__ import annotations

import logging
import time
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

log = logging.getLogger(__name__)


class Task(Protocol):
    def service(self) -> None: ...


class Threads:
    """In place of waitress' ThreadedTaskDispatcher.

    Giving them a task waits for nobody. waitress' threads reach for a lock when they
    are woken and hold it while they wait for Python's; beside 250 of them, the loop
    that accepts and refuses waited for that lock for a tenth of a second. Here a thread
    that has taken a task wakes the next one.
    """

    def __init__(self, count: int) -> None:
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._run, name=f"http-{n}", daemon=True)
            for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def add_task(self, task: Task) -> None:
        self._tasks.put(task)

    def shutdown(self, timeout: float) -> None:
        """Wait so many seconds for tasks under way. Those not begun are dropped."""
        try:
            while True:
                self._tasks.get_nowait()
        except Empty:
            pass
        for _ in self._threads:
            self._tasks.put(None)
        end = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0))

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task.service()
            except BaseException:
                log.exception("An answer failed")
