"""Redirect a Python program's connections to the vendors' hosts to a server of segment-mock, for ``exec`` and ``env``.

Python imports this module automatically, because its folder is on PYTHONPATH. With a proxy, urllib3 treats a lost
response as a failure of the proxy and sends a POST again, which it would not do with the vendor. So the vendors' hosts
resolve to an address of this machine that represents the server, which accepts TLS on its port, and no proxy is used
for them. The proxy remains for other resolvers: uvloop, aiodns, gevent. Runs on Python 3.7 and later.
"""

from __future__ import annotations

import os
import socket
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

_STAND_IN = "127.83.77.75"
_REFUSING, _SILENT = "127.83.77.76", "127.83.77.77"
_CLOSED = ("127.0.0.1", 1)
"""A port where nothing listens."""
_ASK = "CONNECT {0}:443 HTTP/1.1\r\nHost: {0}:443\r\nX-Segment-Mock-Ask: connect\r\n\r\n"
_OTHER_RESOLVERS = ("uvloop", "aiodns", "gevent")


def _is_vendors(host: Any, patterns: list[str]) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str):
        return False
    host, is_listed = host.lower()[:-1] if host.endswith(".") else host.lower(), False
    for pattern in patterns:
        name = pattern[1:] if pattern.startswith("!") else pattern
        if host.endswith(name[1:]) if name.startswith("*") else host == name:
            is_listed = name is pattern
    return is_listed


def _failure(response: str) -> str:
    """Return how a connection would fail, according to the server's *response*; ``""`` if it would not."""
    for line in response.split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "x-segment-mock-fault":
            return value.partition(" ")[2]
    return ""


def _redirect(address: tuple[str, int], patterns: list[str]) -> None:
    resolve, by_name = socket.getaddrinfo, socket.gethostbyname
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    silent: list[socket.socket] = []

    def stand_in(host: Any) -> str:
        """Return the address of the server, or one at which the connection fails as a fault demands."""
        failure = ask(host.decode("ascii") if isinstance(host, bytes) else host)
        if failure == "dns":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return {"refused": _REFUSING, "timeout": _SILENT}.get(failure, _STAND_IN)

    def ask(host: str) -> str:
        with socket.socket() as sock:
            try:
                sock.settimeout(5)
                connect(sock, address)
                sock.sendall(_ASK.format(host).encode("ascii"))
                return _failure(sock.recv(4096).decode("latin-1"))
            except OSError:  # the connection itself will show the error
                return ""

    def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:  # noqa: A002
        if _is_vendors(host, patterns):
            return resolve(stand_in(host), port, socket.AF_INET, type, proto, 0)
        return resolve(host, port, family, type, proto, flags)

    def gethostbyname(host: str) -> str:
        return stand_in(host) if _is_vendors(host, patterns) else by_name(host)

    def target(requested_address: Any) -> Any:
        name = requested_address[0] if isinstance(requested_address, tuple) else ""
        if name == _SILENT:
            return silence()
        return {_STAND_IN: address, _REFUSING: _CLOSED}.get(name, requested_address)

    def silence() -> tuple[str, int]:
        """Return the address of a listener that accepts no connection and whose queue is full."""
        if not silent:
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            silent.append(listener)
            for _ in range(4):
                sock = socket.socket()
                sock.setblocking(False)
                connect_ex(sock, listener.getsockname())
                silent.append(sock)
        return silent[0].getsockname()  # type: ignore[no-any-return]

    socket.getaddrinfo, socket.gethostbyname = getaddrinfo, gethostbyname
    socket.socket.connect = lambda self, requested_address: connect(self, target(requested_address))  # type: ignore[method-assign]
    socket.socket.connect_ex = lambda self, requested_address: connect_ex(self, target(requested_address))  # type: ignore[method-assign]


def _bypass_proxy(patterns: list[str]) -> None:
    from urllib import request

    real = request.getproxies_environment
    bypassed = ",".join(name[1:] if name.startswith("*") else name for name in patterns if not name.startswith("!"))

    def getproxies_environment() -> dict[str, str]:
        proxies = real()
        if not any(name in sys.modules for name in _OTHER_RESOLVERS):
            proxies["no"] = ",".join(filter(None, [proxies.get("no"), bypassed]))
        return proxies

    if request.getproxies is real:  # on macOS and Windows, system settings count too
        request.getproxies = getproxies_environment
    request.getproxies_environment = getproxies_environment


def _run_shadowed() -> None:
    """Run the sitecustomize that this one shadows, if any."""
    here = Path(__file__).resolve().parent
    spec = PathFinder.find_spec("sitecustomize", [path for path in sys.path if Path(path).resolve() != here])
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(module)


def _start() -> None:
    server, _, hosts = os.environ.get("_SEGMENT_MOCK_DIRECT", "").partition(" ")
    if hosts:
        host, _, port = server.rpartition(":")
        _redirect((host, int(port)), hosts.split(","))
        _bypass_proxy(hosts.split(","))


_start()
_run_shadowed()
