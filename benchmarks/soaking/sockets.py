"""One HTTP request over a connection of its own: quickly, slowly, or left half way."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter

JSON = "application/json"
BYTES = "application/octet-stream"
SLOW_CHUNK = 4096


class Broken(Exception):
    """The connection was refused, or ended before the answer did."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes
    seconds: float  # from when the connection stood


async def post(
    port: int, path: str, body: object, pause: float = 0.0, kind: str = JSON
) -> Reply:
    """body: bytes, or what is sent as JSON. pause: seconds between small chunks."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        async with _connected(port, slow=pause > 0) as (reader, writer):
            begun = perf_counter()
            await _send(writer, request_head(path, len(data), kind) + data, pause)
            answer = await _read(reader, pause)
            seconds = perf_counter() - begun
    except OSError as error:
        raise Broken(repr(error)) from error
    return parse_reply(answer, seconds)


async def hang_up(port: int, path: str, body: object, rng: random.Random) -> None:
    """Leave within the request, while it is under way, or within the answer."""
    data = json.dumps(body).encode()
    request = request_head(path, len(data), JSON) + data
    sent = rng.choice((rng.randrange(len(request)), len(request)))
    try:
        async with _connected(port, slow=True) as (reader, writer):
            writer.write(request[:sent])
            if rng.random() < 0.5:
                await asyncio.sleep(rng.uniform(0, 0.03))
            elif sent == len(request):
                await reader.read(100)
    except OSError:
        return  # a server that is away is left, too


@asynccontextmanager
async def _connected(
    port: int, slow: bool
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Gone at the end, whatever is still on its way."""
    with socket.socket() as connection:
        connection.setblocking(False)
        if slow:  # so that the server cannot be rid of its answer at once
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_CHUNK)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        limit = SLOW_CHUNK if slow else 2**16
        reader, writer = await asyncio.open_connection(sock=connection, limit=limit)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
            await asyncio.sleep(0)  # the transport closes the socket


async def _send(writer: asyncio.StreamWriter, data: bytes, pause: float) -> None:
    step = max(len(data) // 4, 1) if pause else len(data)
    for start in range(0, len(data), step):
        writer.write(data[start : start + step])
        await writer.drain()
        if pause:
            await asyncio.sleep(pause)


async def _read(reader: asyncio.StreamReader, pause: float) -> bytes:
    if not pause:
        return await reader.read()
    parts = []
    while part := await reader.read(SLOW_CHUNK):
        parts.append(part)
        await asyncio.sleep(pause)
    return b"".join(parts)


def request_head(path: str, length: int, kind: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    return f"{head}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


def parse_reply(answer: bytes, seconds: float) -> Reply:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {
        name.lower(): value for name, value in (line.split(": ", 1) for line in lines)
    }
    if int(headers.get("content-length", -1)) != len(body):
        raise Broken(f"{len(body)} bytes came after {head!r}")
    return Reply(int(first.split()[1]), headers, body, seconds)
