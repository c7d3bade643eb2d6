"""What a request names: a path, a whole address, or for CONNECT a host."""

from __future__ import annotations

import re

_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_LOOPBACK = re.compile(r"localhost|::1|127(\.[0-9]{1,3}){1,3}")


def is_control(target: str) -> bool:
    """Return whether *target* belongs to the control plane, ``/_mock``."""
    return target.startswith("/_mock") and (len(target) == 6 or target[6] in "/?")


def split(target: str) -> tuple[str, str]:
    """Return authority (``""`` if there is none) and path of a target, which may be a whole address."""
    found = _ABSOLUTE.match(target)
    if found is None:
        return "", target
    authority, path = found.groups()
    return authority.rpartition("@")[2], path if path[:1] == "/" else f"/{path}"


def host_of(authority: str) -> str:
    """Return the host of ``host``, ``host:port`` or ``[address]:port``, in lower case."""
    host, _, port = authority.rpartition(":")
    return (host if port.isdigit() else authority).strip("[]").lower()


def is_local(host: str) -> bool:
    """Return whether *host* is this machine's own, or a listener's word for all its addresses."""
    return host in ("", "0.0.0.0", "::") or is_loopback(host)  # noqa: S104 - none is bound


def is_loopback(host: str) -> bool:
    """Return whether *host* can only be this machine; ``127.evil.example`` is a name like any other."""
    return _LOOPBACK.fullmatch(host) is not None


def fits(host: str, pattern: str) -> bool:
    """Return whether *host* is *pattern*, or ends as it does after ``*``."""
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern
