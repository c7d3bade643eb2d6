"""What a request names: a path, a whole address, or for CONNECT a host."""

from __future__ import annotations

import re

_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


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
