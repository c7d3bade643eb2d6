"""The proxy's half of CONNECT: a tunnel that ends here, under a certificate for the host that was asked for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from segment_mock.doors._service import Drop, Service

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Held(asyncio.Protocol):
    """Keeps what arrives until its real protocol may take it.

    The first bytes after a handshake come before the loop says that it is done.
    """

    def __init__(self) -> None:
        self._bytes = b""
        self._lost = False

    def data_received(self, data: bytes) -> None:
        self._bytes += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        """Let *protocol* take *transport*, and what was held."""
        if self._lost:
            return
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._bytes:
            protocol.data_received(self._bytes)


def tunnel(
    service: Service,
    transport: asyncio.Transport,
    host: str,
    drop: Drop,
    made: Callable[[], asyncio.Protocol],
) -> None:
    """Say yes to CONNECT on *transport*, then speak TLS for *host* on it to a protocol that is *made*.

    *drop* closes the connection that asked; it is over once the tunnel stands. Raises ValueError, with nothing
    said yet, if *host* is no name that a certificate can be for.
    """
    assert service.context_for is not None
    task = service.loop.create_task(_secure(transport, service.context_for(host), made))
    service.tunnels.add(task)

    def over(ended: asyncio.Task[None]) -> None:
        service.tunnels.discard(ended)
        service.connections.discard(drop)

    task.add_done_callback(over)


async def _secure(transport: asyncio.Transport, context: ssl.SSLContext, made: Callable[[], asyncio.Protocol]) -> None:
    held = Held()
    transport.write(ESTABLISHED)
    try:
        secured = await asyncio.get_running_loop().start_tls(transport, held, context, server_side=True)
    except OSError:  # the client does not trust us, or left
        transport.abort()
        return
    assert secured is not None
    held.hand_over(secured, made())
