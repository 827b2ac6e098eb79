"""Many more requests at once than the server takes: some are refused, none is lost."""

from __future__ import annotations

import json
import random
import selectors
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from time import monotonic, time

from tolerances import F32

from benchmarks.soaking.rig import Sample, ServerProcess
from benchmarks.soaking.sockets import JSON, Broken, Reply, parse_reply, request_head

SO_TIMESTAMPNS = 35  # Linux's, which Python has no name for
REPLY_BYTES = 65_536


@dataclass
class Crowd:
    answered: int = 0
    # Of each 429, the seconds from when its client connected to when its last byte
    sent: list[float] = field(default_factory=list)  # was sent by the server,
    read: list[float] = field(default_factory=list)  # and was read by the client.
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        times = ""
        if self.sent:
            times = f", sent within {_spread(self.sent)}; read within "
            times += _spread(self.read)
        return (
            f"{self.answered} requests answered, {len(self.sent)} refusals on the way"
            f"{times}; {len(self.wrong)} lost or wrong"
        )


def _spread(seconds: list[float]) -> str:
    times = sorted(seconds)
    shown = [f"{times[len(times) * p // 100] * 1000:.0f} ms ({p}%)" for p in (50, 95)]
    return f"{', '.join(shown)}, {times[-1] * 1000:.0f} ms (all)"


@dataclass
class Asked:
    """A request under way."""

    index: int  # of its text
    connection: socket.socket
    began: float  # time()
    parts: list[bytes] = field(default_factory=list)
    arrived: float = 0.0  # the last part of the reply, says the kernel


def ask_at_once(
    sample: Sample,
    server: ServerProcess,
    count: int,
    at_once: int,
    rng: random.Random,
    seconds: float,
) -> Crowd:
    """Each asks again after a 429 when Retry-After says so, until it is answered.

    On loopback what is sent has arrived, so the kernel's time of arrival is when the
    server sent it, however late this process, on the same cores, comes to read it. It
    does little meanwhile: requests are prepared, answers compared at the end.
    """
    found, end = Crowd(), monotonic() + seconds
    requests = [_request(text) for text in sample.texts]
    rest = deque(rng.randrange(len(sample.texts)) for _ in range(count))
    refused: list[tuple[float, int]] = []  # when to ask again, with which text
    answers: list[tuple[int, Reply]] = []
    with selectors.DefaultSelector() as under_way:

        def ask(index: int) -> None:
            asked = _ask(server.port, index, requests[index])
            under_way.register(asked.connection, selectors.EVENT_READ, asked)

        while rest or refused or under_way.get_map():
            if monotonic() > end:
                found.wrong.append("out of time")
                break
            while refused and refused[0][0] <= monotonic():
                ask(heappop(refused)[1])
            while rest and len(under_way.get_map()) + len(refused) < at_once:
                ask(rest.popleft())
            pause = refused[0][0] - monotonic() if refused else 1
            for key, _ in under_way.select(max(pause, 0)):
                asked = key.data
                if not _has_ended(asked):
                    continue
                under_way.unregister(asked.connection)
                asked.connection.close()
                seconds = time() - asked.began
                try:
                    reply = parse_reply(b"".join(asked.parts), seconds)
                except Broken as error:
                    found.wrong.append(str(error))
                    continue
                if reply.status != 429:
                    answers.append((asked.index, reply))
                    continue
                found.sent.append(asked.arrived - asked.began)
                found.read.append(seconds)
                wait = reply.headers.get("retry-after")
                if wait is None:
                    found.wrong.append("429 without Retry-After")
                heappush(refused, (monotonic() + float(wait or 1), asked.index))
    for index, reply in answers:
        found.answered += reply.status == 200
        if reply.status != 200:
            found.wrong.append(f"{reply.status} {reply.body[:100]!r}")
        elif not sample.error(index, json.loads(reply.body)[0]) <= F32:
            found.wrong.append(f"text {index}: another embedding")
    return found


def _request(text: str) -> bytes:
    body = json.dumps({"inputs": text}).encode()
    return request_head("/embed", len(body), JSON) + body


def _ask(port: int, index: int, request: bytes) -> Asked:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    asked = Asked(index, connection, time())
    connection.connect(("127.0.0.1", port))
    connection.setblocking(False)
    connection.send(request)
    return asked


def _has_ended(asked: Asked) -> bool:
    """Read what has come of its reply."""
    try:
        data, notes, *_ = asked.connection.recvmsg(REPLY_BYTES, 64)
    except OSError as error:
        asked.parts = [repr(error).encode()]  # which is no reply
        return True
    for level, kind, note in notes:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("qq", note)
            asked.arrived = seconds + nanoseconds / 1e9
    asked.parts.append(data)
    return not data
