"""TLS for the live door: a certificate authority of its own, and a certificate for each host on demand."""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from trustme import CA

_CONTEXTS = 256
"""So many hosts keep their certificate; the one that got it first has to get another."""
LOCAL = ("localhost", "127.0.0.1", "::1")


class Authority:
    """A CA that nobody trusts until told so, and server contexts with certificates that it signed.

    *hosts* are names of the first certificate, beside this machine's own; ``*.`` is allowed.
    ``file`` is where clients find the CA: readable by its owner alone, removed by `close`.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._ca, self._lock = CA(), Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.context = self._issued(*LOCAL, *hosts)
        self._folder = Path(tempfile.mkdtemp(prefix="segment-mock-"))
        self.file = self._folder / "ca.pem"
        with os.fdopen(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(self.pem)

    @property
    def pem(self) -> bytes:
        """The CA's certificate."""
        return self._ca.cert_pem.bytes()

    def context_for(self, host: str) -> ssl.SSLContext:
        """Return a server context with a certificate for *host*, issued when first asked for.

        Raises ValueError if *host* is no name that one can be for.
        """
        with self._lock:
            if host not in self._contexts:
                if len(self._contexts) >= _CONTEXTS:
                    del self._contexts[next(iter(self._contexts))]
                self._contexts[host] = self._issued(host)
            return self._contexts[host]

    def close(self) -> None:
        """Remove the file."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _issued(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        self._ca.issue_cert(*names).configure_cert(context)
        return context
