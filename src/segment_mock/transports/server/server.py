"""The live server: a socket, and one event loop in one daemon thread. Start, stop, interrupt."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ...clock import Clock
from ...forking import call_after_fork, new_lock
from ...hosts import authority_of
from ...messages import BODY_LIMIT, EVERY_CONNECTION, Admission, Answer, Control
from .connection import Connection
from .context import ServerContext
from .parser import REQUEST_TIMEOUT
from .tls import Handshake, HandshakeFirst

if TYPE_CHECKING:
    from .tls import CertificateAuthority

BACKLOG = 1024
_ATTEMPTS = 10
STOP_TIMEOUT = 5.0  # seconds for the thread to end
PATIENCE = 0.02  # seconds for connections that are being accepted, or in a handshake, to end
_TURNS = 10  # iterations of the event loop, more than connections need to notice that they are lost
INTERRUPT_TIMEOUT = 1.0  # seconds that an interrupt may take

if sys.platform == "win32":
    from asyncio import ProactorEventLoop as _EventLoop
else:
    from asyncio import SelectorEventLoop as _EventLoop


class _Loop(_EventLoop):
    """An event loop on a time source that no test library replaces."""

    time = staticmethod(Clock.monotonic)


class _Running(NamedTuple):
    context: ServerContext
    servers: list[asyncio.Server]
    thread: threading.Thread


_INHERITED: list[_Running] = []
"""A forked child's copies of its parent's servers; kept, because their collection would warn about unclosed objects."""


class LiveServer:
    """A running HTTP/1.1 server of a mock. `SegmentMock.serve` starts it and returns it.

    It runs on an event loop in a thread of its own until `stop`, or until the mock is closed. ``host`` and ``port`` are
    its address.

        server = mock.serve()
        requests.get(f"{server.url}/api/integration/ext/v1/metrics", headers={"authToken": "any"})
        server.stop()
    """

    def __init__(
        self,
        answer: Answer,
        control: Control,
        clock: Clock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        body_limit: int = BODY_LIMIT,
        time_scale: float = 1.0,
        request_timeout: float = REQUEST_TIMEOUT,
        admit: Callable[[str], bool] = lambda host: True,
        admission: Admission = EVERY_CONNECTION,
        is_admitted: bool = False,
        trusts_front: Callable[[str], bool] = lambda token: True,
        authority: CertificateAuthority | None = None,
        tls: bool = False,
        on_start: Callable[[LiveServer], None] = lambda server: None,
        on_stop: Callable[[LiveServer], None] = lambda server: None,
    ) -> None:
        """Prepare a server at *host* and *port* (0: a free port), which `start` starts.

        * *answer*: the core, called on the event loop
        * *control*: answers paths under ``/_mock``, called on a worker thread
        * *body_limit*: the longest body of a call, in bytes
        * *time_scale*: a factor for every pause
        * *request_timeout*: real seconds from the first byte of a request to its last
        * *authority*, *tls*: serve HTTPS; with *authority* alone, answer CONNECT for the hosts that *admit* accepts.
          Stopping the server closes the authority.
        * *trusts_front*: returns whether a front with a token may forward its clients' calls; see `envelope`
        * *admission*: called by a proxy for each connection to a vendor's host, unless clients call it (*is_admitted*)
        * *on_start*, *on_stop*: called with this server after it started and after it stopped
        """
        self.host, self.port = host, port
        self.failed_handshakes: Counter[str] = Counter()
        """Hosts for which clients broke off the TLS handshake, and how often."""
        self._authority, self._on_start, self._on_stop = authority, on_start, on_stop
        self._ssl_context = authority.context if authority and tls else None
        self._new_context = partial(
            ServerContext, answer, control, clock, body_limit=body_limit, time_scale=time_scale,
            request_timeout=request_timeout, admit=admit, failed_handshakes=self.failed_handshakes,
            admission=admission, is_admitted=is_admitted, trusts_front=trusts_front,
            context_for=authority.context_for if authority and not tls else None,
            untrusted_context_for=authority.untrusted_context_for if authority else None,
        )  # fmt: skip
        self._lock = new_lock()
        self._running: _Running | None = None
        self._listeners: list[socket.socket] = []
        self._is_inherited = False
        call_after_fork(self)

    @property
    def url(self) -> str:
        """The base URL, such as ``http://127.0.0.1:7357``, without a trailing slash."""
        return f"{'https' if self._ssl_context else 'http'}://{authority_of(self.host, self.port)}"

    @property
    def ca_file(self) -> str | None:
        """The path of the CA certificate that clients have to trust, or None for a server without TLS and proxy."""
        return str(self._authority.file) if self._authority and self._authority.file else None

    @property
    def ca_pem(self) -> bytes | None:
        """The CA certificate in PEM format, or None for a server without TLS and proxy."""
        return self._authority.pem if self._authority else None

    @property
    def settings(self) -> dict[str, object]:
        """The settings with which this server was started: ``host``, ``port``, ``tls`` and ``proxy``."""
        tls = self._ssl_context is not None
        return {"host": self.host, "port": self.port, "tls": tls, "proxy": self._authority is not None and not tls}

    def start(self) -> LiveServer:
        """Bind the address, start the thread, and return this server once it accepts connections.

        Raises OSError with the address if it can't be bound, and RuntimeError if the server is running.
        """
        with self._lock:
            if self._running is not None:
                raise RuntimeError(f"the server at {self.url} is already running")
            if self._is_inherited:
                raise RuntimeError(f"the server at {self.url} belongs to the process from which this one was forked")
            try:
                self._listeners = _bind(self.host, self.port)
            except OSError:
                self._close_authority()
                raise
            if self._authority:
                self._authority.publish()
            self.port = self._listeners[0].getsockname()[1]
            loop = _Loop()
            context = self._new_context(loop=loop)
            thread = threading.Thread(target=_run, args=(loop,), name="segment-mock", daemon=True)
            thread.start()
            servers = []
            for listener in self._listeners:
                accepting = loop.create_server(self._protocol(context), sock=listener, backlog=BACKLOG)
                servers.append(asyncio.run_coroutine_threadsafe(accepting, loop).result())
            self._running = _Running(context, servers, thread)
        self._on_start(self)
        return self

    def stop(self) -> None:
        """Stop the server: close its socket and all connections, and end its thread.

        Calls that still wait are closed without being performed. Does nothing if the server is not running.
        """
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return
        context, servers, thread = running
        asyncio.run_coroutine_threadsafe(_close(context, servers), context.loop)
        if thread is not threading.current_thread():
            thread.join(STOP_TIMEOUT)
        context.close()
        self._close_authority()
        self._on_stop(self)

    def after_fork(self) -> None:
        """Close a forked child's copies of the server's sockets, so that the parent alone holds its connections."""
        running, self._running = self._running, None
        self._is_inherited = True
        for listener in self._listeners:
            listener.close()
        if running is not None:
            _INHERITED.append(running)
            for connection in running.context.waiting | running.context.connections:
                connection.close_inherited()

    def interrupt(self) -> None:
        """Close all waiting calls and their connections without performing the calls.

        Returns when they are closed. Does nothing if the server is not running.
        """
        running = self._running
        if running is None:
            return
        context, _, thread = running
        if thread is threading.current_thread():
            context.drop_waiting()
            return
        is_done = threading.Event()

        def drop() -> None:
            context.drop_waiting()
            is_done.set()

        with suppress(RuntimeError):  # the loop is closed: the server was stopped, so no call waits
            context.loop.call_soon_threadsafe(drop)
            # The time limit avoids a deadlock: the caller may hold a lock that a closing call needs.
            is_done.wait(INTERRUPT_TIMEOUT)

    def _close_authority(self) -> None:
        if self._authority:
            self._authority.close()

    def _protocol(self, context: ServerContext) -> Callable[[], asyncio.Protocol]:
        ssl_context = self._ssl_context
        if ssl_context is None:
            return lambda: Connection(context)
        connect = partial(Connection, context)
        return lambda: HandshakeFirst(lambda transport: Handshake(context, transport, ssl_context, connect, self.host))


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _close(context: ServerContext, servers: list[asyncio.Server]) -> None:
    try:
        with suppress(NotImplementedError):  # Windows' loop has no readers
            for listener in [listener for server in servers for listener in server.sockets]:
                context.loop.remove_reader(listener)
        context.drop_all()
        # Closing a server fails while it accepts a connection, so let it accept them first.
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if tasks:
            _, hanging = await asyncio.wait(tasks, timeout=PATIENCE)
            for task in hanging:
                task.cancel()
        for server in servers:
            server.close()
        context.drop_all()
        for _ in range(_TURNS):  # lets each connection notice that it is lost, and close its socket
            await asyncio.sleep(0)
            if not context.connections:
                break
    finally:
        context.loop.stop()


def _bind(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets, one for each IP family of ``localhost``, all with the same port; raises OSError."""
    if host != "localhost":
        return [_listen(host, port)]
    listeners: list[socket.socket] = []
    for attempt in reversed(range(_ATTEMPTS)):
        try:
            listeners.append(_listen("127.0.0.1", port))
            with suppress(OSError) if not _has_ipv6() else nullcontext():
                listeners.append(_listen("::1", listeners[0].getsockname()[1]))
        except OSError:
            for listener in listeners:
                listener.close()
            listeners.clear()
            if port or not attempt:  # a port that is free in one family may be in use in the other
                raise
        else:
            break
    return listeners


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        raise OSError(error.errno, f"{reason}: {authority_of(host, port)}") from None
