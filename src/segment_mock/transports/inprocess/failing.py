"""Connections that an armed fault makes fail: the errors of the operating system or of TLS, after a realistic time."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from ...clock import Clock
from ...forking import Succession
from ...messages import Admission, ConnectFailure
from . import waiting
from .waiting import Wait

SYSTEM_TIMEOUT = 127.0
"""Seconds after which Linux gives up if a client sets no timeout."""
_REFUSED = "Connection refused"
_UNTRUSTED = "certificate verify failed: unable to get local issuer certificate"


class FallibleTransport:
    """A transport that calls *admission* for each connection; *succession* replaces it in a forked child."""

    is_real = True
    """Whether a connect timeout takes real time."""
    pools: WeakKeyDictionary[Any, Any] | None = None
    """The state of httpcore's seam for each pool of a client."""

    def __init__(self, clock: Clock, admission: Admission, succession: Succession | None) -> None:
        self.clock, self.admission, self.succession = clock, admission, succession or Succession()

    @property
    def current(self) -> Any:
        """The transport to use now: itself or, in a forked child, its successor or the reason why there is none."""
        return self.succession.successor or self

    def failure(self, host: str, *, is_tls: bool) -> ConnectFailure | None:
        """Return how a new connection to *host* fails, or None if it is established.

        Without TLS, "tls" becomes "refused".
        """
        failure = self.admission(host)
        return "refused" if failure == "tls" and not is_tls else failure

    async def refuse_connection(
        self, failure: ConnectFailure, timeout: float | None, refused: str = _REFUSED, *, is_async: bool
    ) -> NoReturn:
        """Raise the error for a client with a connect timeout of *timeout* seconds; *refused* is the refusal's text."""
        if failure == "timeout":
            await self.pause(SYSTEM_TIMEOUT if timeout is None else timeout, is_async=is_async)
        raise _error(failure, timeout, refused)

    async def pause(self, seconds: float, *, is_async: bool) -> None:
        """Wait *seconds*; in process, only the mock's clock moves."""
        if not self.is_real:
            wait = Wait(self.clock.now() + seconds, "a connection")
            await waiting.pause(self.clock, seconds, wait, is_async=is_async)
        elif is_async:
            from anyio import sleep

            await sleep(seconds)
        else:
            self.clock.wait(seconds)


def _error(failure: ConnectFailure, timeout: float | None, refused: str) -> OSError:
    if failure == "refused":
        return ConnectionRefusedError(errno.ECONNREFUSED, refused)
    if failure == "dns":
        return socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if failure == "timeout":
        if timeout is None:
            return TimeoutError(errno.ETIMEDOUT, "Connection timed out")
        return TimeoutError("timed out")
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {_UNTRUSTED}")
    error.library, error.reason = "SSL", "CERTIFICATE_VERIFY_FAILED"
    error.verify_code, error.verify_message = 20, _UNTRUSTED.partition(": ")[2]
    return error
