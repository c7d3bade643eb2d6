"""TLS for the live server: a certificate authority, and the handshake on a connection."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...forking import new_lock
from ...hosts import normalized
from .context import ServerContext, close_socket

if TYPE_CHECKING:
    from trustme import CA

_CONTEXTS = 256  # cached certificates; the oldest is dropped, and issued again on demand
TLS_HANDSHAKE = 0x16
_LOCAL = ("localhost", "127.0.0.1", "::1")


class CertificateAuthority:
    """A new certificate authority, and SSL contexts with certificates that it signs.

    The certificate of ``context`` is for *hosts* (``*.`` is allowed) and for the names of this machine. It is also for
    *address*, on which a server listens, if such a certificate is possible. `publish` writes the CA certificate for
    clients to ``file``, which only its owner can read; `close` removes the file.
    """

    def __init__(self, hosts: Iterable[str], address: str = "localhost") -> None:
        from trustme import CA  # takes 60 ms, and few servers use TLS

        self._ca, self._lock = CA(), new_lock()
        self._other: CA | None = None
        self._contexts: dict[str, ssl.SSLContext] = {}
        names = (*_LOCAL, *hosts)
        try:
            self.context = self._issue(*dict.fromkeys((*names, address)))
        except ValueError:
            self.context = self._issue(*dict.fromkeys(names))
        self.file: Path | None = None

    @property
    def pem(self) -> bytes:
        """The CA certificate."""
        return self._ca.cert_pem.bytes()

    def context_for(self, host: str) -> ssl.SSLContext:
        """Return a server context with a certificate for *host*, issued on first use; for ``""``, return ``context``.

        Raises ValueError if no certificate is possible for *host*.
        """
        if not host:
            return self.context
        with self._lock:
            if host not in self._contexts:
                if len(self._contexts) >= _CONTEXTS:
                    del self._contexts[next(iter(self._contexts))]
                self._contexts[host] = self._issue(host)
            return self._contexts[host]

    def untrusted_context_for(self, host: str) -> ssl.SSLContext:
        """Return a server context with a certificate for *host* that no client trusts, of another authority."""
        from trustme import CA

        with self._lock:
            if self._other is None:
                self._other = CA()
        return self._issue(host, ca=self._other)

    def publish(self) -> None:
        """Write the CA certificate to a file in a new folder, on the first call."""
        if self.file is None:
            from tempfile import mkdtemp  # slow to import

            self.file = Path(mkdtemp(prefix="segment-mock-")) / "ca.pem"
            with os.fdopen(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(self.pem)

    def close(self) -> None:
        """Remove the file."""
        file, self.file = self.file, None
        if file is not None:
            from shutil import rmtree  # slow to import

            rmtree(file.parent, ignore_errors=True)

    def _issue(self, *names: str, ca: CA | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        (ca or self._ca).issue_cert(*names).configure_cert(context)
        return context


def server_name(hello: bytes) -> str:
    """Return the host (SNI) that the first bytes of a TLS handshake name, ``""`` if they name none."""
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    incoming = ssl.MemoryBIO()
    incoming.write(hello)
    with suppress(ssl.SSLError):
        context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True).do_handshake()
    return normalized(names[0]) if names and names[0] else ""


class Handshake:
    """A TLS handshake on *transport*, after which the protocol that *connect* returns takes over.

    *early* are bytes of the client that were read already. If the client breaks off, *host* is counted, unless it is
    None.
    """

    def __init__(
        self,
        context: ServerContext,
        transport: asyncio.Transport,
        ssl_context: ssl.SSLContext,
        connect: Callable[[], asyncio.Protocol],
        host: str | None,
        early: bytes = b"",
    ) -> None:
        self._context, self._transport, self._host = context, transport, host
        self._is_dropped = False
        self._task = context.loop.create_task(self._run(ssl_context, connect, early))
        context.connections.add(self)

    def drop(self) -> None:
        """Break off the handshake, and close the connection immediately; the task ends with it."""
        self._is_dropped = True
        self._transport.abort()

    def close_inherited(self) -> None:
        """Close a forked child's copy of the socket."""
        close_socket(self._transport)

    async def _run(self, ssl_context: ssl.SSLContext, connect: Callable[[], asyncio.Protocol], early: bytes) -> None:
        loop, timeout = self._context.loop, self._context.request_timeout
        buffer = BufferingProtocol()
        if early:
            # Wait one iteration of the loop, until the callbacks that start_tls schedules have run.
            loop.call_soon(loop.call_soon, self._feed, early)
        try:
            secured = await loop.start_tls(
                self._transport, buffer, ssl_context, server_side=True, ssl_handshake_timeout=timeout
            )
        except OSError:  # the client does not trust the CA, does not use TLS, or left
            self._transport.abort()
            self._count_failure()
            return
        finally:
            self._context.connections.discard(self)
        if secured is None:  # the connection was lost meanwhile, which not every loop reports as an error
            self._count_failure()
        elif self._transport.is_closing():
            secured.close()
        else:
            buffer.hand_over(secured, connect())

    def _count_failure(self) -> None:
        if not self._is_dropped and self._host is not None:
            self._context.count_failed_handshake(self._host)

    def _feed(self, data: bytes) -> None:
        protocol = self._transport.get_protocol()
        if isinstance(protocol, asyncio.BufferedProtocol):
            while data:
                buffer = memoryview(protocol.get_buffer(len(data)))
                size = min(len(buffer), len(data))
                buffer[:size] = data[:size]
                protocol.buffer_updated(size)
                data = data[size:]
        elif isinstance(protocol, asyncio.Protocol):  # Python 3.10
            protocol.data_received(data)


class HandshakeFirst(asyncio.Protocol):
    """The protocol of a TLS port: starts the handshake on every connection."""

    def __init__(self, handshake: Callable[[asyncio.Transport], object]) -> None:
        self._handshake = handshake

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the handshake."""
        assert isinstance(transport, asyncio.Transport)
        self._handshake(transport)


class BufferingProtocol(asyncio.Protocol):
    """Buffers the data of a client until the protocol that follows the handshake can receive it.

    The first bytes after a handshake arrive before the loop reports that the handshake is complete.
    """

    def __init__(self) -> None:
        self._data = b""
        self._lost = False

    def data_received(self, data: bytes) -> None:
        """Buffer *data*."""
        self._data += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember that the connection is lost, so that it is not passed on."""
        self._lost = True

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        """Connect *protocol* to *transport*, and pass it the buffered data."""
        if self._lost:
            transport.close()
            return
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._data:
            protocol.data_received(self._data)
