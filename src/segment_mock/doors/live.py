"""The live server: a socket of its own, one event loop in one daemon thread; start, stop, interrupt."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from segment_mock.clock import Clock
from segment_mock.doors._http import Connection
from segment_mock.doors._service import Service
from segment_mock.messages import Answer, Request, Response

if TYPE_CHECKING:
    from segment_mock.doors.tls import Authority

BACKLOG = 1024
PATIENCE = 5.0  # so many seconds may the thread take to end,
GRACE = 1.0  # and so many may an interrupt take


class LiveServer:
    """Answers HTTP/1.1 on *host* and *port* (0: a free one) from *answer*, the core, called inline.

    Paths under ``/_mock`` go to *control*, on a worker thread. *body_limit* and
    *control_body_limit* are bytes. *time_scale* multiplies every pause the core asks for and every
    pause of a delivery; *request_timeout* is real seconds from a request's first byte to its last.
    With *authority* the server speaks TLS (*tls*), or else answers CONNECT for the hosts that
    *admits* lets pass; it closes the authority when it stops.
    """

    def __init__(
        self,
        answer: Answer,
        control: Callable[[Request], Response],
        clock: Clock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        body_limit: int = 16 * 2**20,
        control_body_limit: int = 256 * 2**20,
        time_scale: float = 1.0,
        request_timeout: float = 30.0,
        admits: Callable[[str], bool] = lambda host: True,
        authority: Authority | None = None,
        tls: bool = False,
    ) -> None:
        self.host, self.port, self._authority = host, port, authority
        self._context = authority.context if authority and tls else None
        self._service = partial(
            Service, answer, control, clock, body_limit=body_limit, control_body_limit=control_body_limit,
            time_scale=time_scale, request_timeout=request_timeout, admits=admits,
            context_for=authority.context_for if authority and not tls else None,
        )  # fmt: skip
        self._lock = threading.Lock()
        self._running: tuple[Service, asyncio.Server, threading.Thread] | None = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"{'https' if self._context else 'http'}://{_authority(self.host, self.port)}"

    @property
    def ca_file(self) -> str | None:
        """The file of the CA that clients have to trust, if this server speaks TLS or is a proxy."""
        return str(self._authority.file) if self._authority else None

    def start(self) -> LiveServer:
        """Bind and serve; returns once connections are accepted.

        Raises OSError, naming the address, if it can't be bound; RuntimeError if started already.
        """
        with self._lock:
            if self._running is not None:
                raise RuntimeError(f"{self.url} is being served already")
            listener = _bind(self.host, self.port)
            self.port = listener.getsockname()[1]
            loop = asyncio.new_event_loop()
            service = self._service(loop=loop)
            thread = threading.Thread(target=_run, args=(loop,), name="segment-mock", daemon=True)
            thread.start()
            accepting = loop.create_server(
                lambda: Connection(service), sock=listener, backlog=BACKLOG, ssl=self._context
            )
            server = asyncio.run_coroutine_threadsafe(accepting, loop).result()
            self._running = service, server, thread
        return self

    def stop(self) -> None:
        """Close the socket, every connection and every waiting call, and end the thread."""
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return
        service, server, thread = running
        asyncio.run_coroutine_threadsafe(_close(service, server), service.loop)
        if thread is not threading.current_thread():
            thread.join(PATIENCE)
        service.retire()
        if self._authority:
            self._authority.close()

    def interrupt(self) -> None:
        """Close every call that waits in a pause, unperformed, and its connection.

        Returns when that is done; does nothing on a server that is not running.
        """
        running = self._running
        if running is None:
            return
        service, _, thread = running
        if thread is threading.current_thread():
            service.drop_waiting()
            return
        done = threading.Event()
        with suppress(RuntimeError):  # the loop is closed: stopped meanwhile, so nothing waits
            service.loop.call_soon_threadsafe(_then, service.drop_waiting, done)
            # Bounded, for a caller that holds a lock which a call being closed wants.
            done.wait(GRACE)


def _then(action: Callable[[], None], done: threading.Event) -> None:
    action()
    done.set()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _close(service: Service, server: asyncio.Server) -> None:
    try:
        # A closed server trips over the connections that it is just accepting: let these be first.
        with suppress(NotImplementedError):  # Windows' loop has no readers
            for listener in server.sockets:
                service.loop.remove_reader(listener)
        accepting = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*accepting, return_exceptions=True)
        server.close()
        service.drop_all()
        await asyncio.sleep(0)  # lets each connection hear that it is lost, and close its socket
    finally:
        service.loop.stop()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise OSError(error.errno, f"{why}: {_authority(host, port)}") from None


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
