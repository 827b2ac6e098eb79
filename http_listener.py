"""Who is let in: connections are accepted, and requests beyond a bound refused."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress.server import TcpWSGIServer

from http_channel import Channel, channels
from http_refusals import Refused, TooManyRequests, as_refusal, whole_answer
from http_request import Limits, Parser
from http_threads import Threads
from refusals import Doorman, Refusal, overloaded

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from waitress.utilities import Error


@dataclass(frozen=True)
class Bound:
    """How many requests to some paths may be in threads at once; others are refused
    where they are read, with 429."""

    at_once: int
    paths: frozenset[str]


class Listener(TcpWSGIServer):
    """The listening socket, and the requests that no thread has started yet."""

    channel_class = Channel
    bound: Bound | None
    free: threading.Semaphore  # as many more as Bound allows
    doorman: Doorman
    seen = 0  # connections accepted and requests read

    def __init__(self, app: WSGIApplication, adj: Limits, **settings: Any) -> None:
        self._ready: list[Channel] = []
        super().__init__(app, dispatcher=Threads(adj.threads), adj=adj, **settings)

    def handle_accept(self) -> None:
        """waitress accepts one a turn, and each turn looks at every connection."""
        before = -1
        while before < len(self._map) < self.adj.connection_limit or before == -1:
            before = len(self._map)
            super().handle_accept()
        self.seen += 1

    def refused(self, request: Parser) -> Error | None:
        """By its headers, or beyond Bound as things stand."""
        try:
            if not request.is_admitted:
                self.doorman.check(request.headers)
        except Refusal as refusal:
            return Refused(refusal)
        request.is_admitted = True
        if not self._is_bounded(request):
            return None
        is_room = self.free.acquire(blocking=False)
        if is_room:
            self.free.release()
        return None if is_room else TooManyRequests(overloaded())

    def told(self, request: Parser) -> tuple[int, Mapping[str, str], bytes]:
        """The answer to a request that is refused."""
        assert request.error is not None
        return self.doorman.answer(
            as_refusal(request.error),
            request.command,
            request.path,
            request.headers.get("ORIGIN"),
        )

    def add_task(self, task: Channel) -> None:
        self.seen += 1
        request = task.requests[0]
        if request.error is None and self._is_bounded(request):
            task.is_counted = self.free.acquire(blocking=False)
            if not task.is_counted:
                request.error = TooManyRequests(overloaded())
        if isinstance(request.error, TooManyRequests):
            task.refuse(whole_answer(*self.told(request)))
        else:
            self._ready.append(task)

    def _is_bounded(self, request: Parser) -> bool:
        bound = self.bound
        return (
            bound is not None
            and request.command == "POST"
            and request.path in bound.paths
        )

    def start_tasks(self) -> None:
        ready, self._ready = self._ready, []
        for task in ready:
            super().add_task(task)

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        for channel in channels(self._map):
            channel.refuse_if_late(now)
