"""Leads a Python program's connections to the vendors' hosts to a server of segment-mock, as ``exec`` and ``env`` ask.

Python imports this module by itself, because its folder is on PYTHONPATH. Behind a proxy urllib3 takes a lost reply for
a failure of the proxy and sends a POST again, which it would not do with the vendor. So the vendors' hosts resolve to
an address of this machine that stands for the server, which speaks TLS on its port, and no proxy is used for them. The
proxy remains where names are resolved by other means: uvloop, aiodns, gevent. Runs on Python 3.7 and later.
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


def _redirect(address: tuple[str, int], patterns: list[str]) -> None:
    resolve, by_name = socket.getaddrinfo, socket.gethostbyname
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:  # noqa: A002
        if _is_vendors(host, patterns):
            return resolve(_STAND_IN, port, socket.AF_INET, type, proto, 0)
        return resolve(host, port, family, type, proto, flags)

    def gethostbyname(host: str) -> str:
        return _STAND_IN if _is_vendors(host, patterns) else by_name(host)

    def target(wanted: Any) -> Any:
        return address if isinstance(wanted, tuple) and wanted[0] == _STAND_IN else wanted

    socket.getaddrinfo, socket.gethostbyname = getaddrinfo, gethostbyname
    socket.socket.connect = lambda self, wanted: connect(self, target(wanted))  # type: ignore[method-assign]
    socket.socket.connect_ex = lambda self, wanted: connect_ex(self, target(wanted))  # type: ignore[method-assign]


def _bypass_proxy(patterns: list[str]) -> None:
    from urllib import request

    real = request.getproxies_environment
    bypassed = ",".join(name[1:] if name.startswith("*") else name for name in patterns if not name.startswith("!"))

    def getproxies_environment() -> dict[str, str]:
        proxies = real()
        if not any(name in sys.modules for name in _OTHER_RESOLVERS):
            proxies["no"] = ",".join(filter(None, [proxies.get("no"), bypassed]))
        return proxies

    if request.getproxies is real:  # macOS and Windows ask the system too, which knows nothing of the vendors
        request.getproxies = getproxies_environment
    request.getproxies_environment = getproxies_environment


def _run_shadowed() -> None:
    """Run the sitecustomize that this one hides, if there is one."""
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
