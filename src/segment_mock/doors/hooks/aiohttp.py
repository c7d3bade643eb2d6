"""aiohttp: its connector gets connections of ours to a host that is ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiohttp import TCPConnector
from aiohttp.client_proto import ResponseHandler

from .._patches import Patch
from .._switchboard import Switchboard
from ..aiohttp import SocketTransport
from ..shortcut import InProcess


def patches(board: Switchboard) -> Iterable[Patch]:
    """Return the patches that send what *board* answers for to its doors, whatever proxy is set."""
    return [
        (TCPConnector, "connect", _connect(board, TCPConnector.connect)),
        (TCPConnector, "_create_connection", _create_connection(board, TCPConnector._create_connection)),
    ]


def _connect(board: Switchboard, real: Any) -> Any:
    async def connect(self: Any, req: Any, traces: Any, timeout: Any) -> Any:
        door = board.door(req.url.raw_host)
        if door is None:
            return await real(self, req, traces, timeout)
        for idle, _ in self._conns.get(req.connection_key, ()):
            if getattr(idle, "door", None) is not door:
                idle.close()  # opened before: it leads to the vendor, or to a mock further out
        connection = await real(self, req, traces, timeout)
        if isinstance(door, InProcess):
            connection.transport.begin(req._timer, timeout.total)
        return connection

    return connect


def _create_connection(board: Switchboard, real: Any) -> Any:
    async def create_connection(self: Any, req: Any, traces: Any, timeout: Any) -> ResponseHandler:
        host = req.url.raw_host
        door = board.door(host)
        if door is None:
            made: ResponseHandler = await real(self, req, traces, timeout)
            return made
        loop = asyncio.get_running_loop()
        if isinstance(door, InProcess):
            made = self._factory()
            SocketTransport(loop, made, door.socket(host, None), door.now)
        else:
            address = door.address
            named = host if door.context else None
            _, made = await loop.create_connection(self._factory, *address, ssl=door.context, server_hostname=named)
        made.door = door  # type: ignore[attr-defined]
        return made

    return create_connection
