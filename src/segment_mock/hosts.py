"""Hosts and request targets: what a request names, and whose host it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qs

_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_HOST_PATTERN = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:]*:[0-9a-f:.]*")
_BROWSER_NOISE = re.compile(
    r"/(favicon[^/?]*\.(ico|png|svg)|apple-touch-icon[^/?]*\.png|robots\.txt|(site|app)\.webmanifest|manifest\.json"
    r"|browserconfig\.xml|\.well-known/[^?]*)(\?|\Z)"
)
SESSION_HOST = "segment-mock"
"""The host of a URL that is a path alone, of `SegmentMock.session`."""
_LOOPBACK = re.compile(r"localhost|::1|127(\.[0-9]{1,3}){1,3}")


def is_control(target: str) -> bool:
    """Return whether *target* belongs to the control plane, ``/_mock``."""
    return target.startswith("/_mock") and (len(target) == 6 or target[6] in "/?")


def is_browser_noise(target: str) -> bool:
    """Return whether browsers ask for *target* by themselves: an icon, a manifest, what a site allows robots."""
    return _BROWSER_NOISE.match(target) is not None


def split_target(target: str) -> tuple[str, str]:
    """Return authority (``""`` if there is none) and path of a request target, which may be an absolute URL."""
    match = _ABSOLUTE.match(target)
    if match is None:
        return "", target
    authority, path = match.groups()
    return authority.rpartition("@")[2], path if path[:1] == "/" else f"/{path}"


def query_of(target: str) -> dict[str, list[str]]:
    """Return the values of each parameter in the query of *target*."""
    return parse_qs(target.partition("?")[2], keep_blank_values=True)


def host_of(authority: str) -> str:
    """Return the host of ``host``, ``host:port`` or ``[address]:port``: lower case, without a trailing dot."""
    host, _, port = authority.rpartition(":")
    return normalized((host if port.isascii() and port.isdigit() else authority).strip("[]"))


def normalized(host: str) -> str:
    """Return *host* in lower case and without the dot that may end a fully qualified name."""
    return host.lower().removesuffix(".")


def is_local(host: str) -> bool:
    """Return whether *host* is this machine, or the address that stands for all of its addresses."""
    return host in ("", "0.0.0.0", "::") or is_loopback(host)  # noqa: S104 - nothing is bound here


def is_loopback(host: str) -> bool:
    """Return whether *host* can only be this machine; ``127.evil.example`` is a name like any other."""
    return _LOOPBACK.fullmatch(host) is not None


def matches(host: str, pattern: str) -> bool:
    """Return whether *host* equals *pattern*, or ends with the part of it after ``*``."""
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern


def host_pattern(text: str) -> str:
    """Return *text*, a host or ``*.`` and a domain, perhaps behind ``!``, as `is_listed` takes it.

    Raises ValueError if it is anything else, such as a URL.
    """
    sign, name = ("!", text[1:]) if text.startswith("!") else ("", text)
    if not _HOST_PATTERN.fullmatch(normalized(name)):
        raise ValueError(text)
    return sign + normalized(name)


def is_listed(host: str, patterns: Iterable[str]) -> bool | None:
    """Return whether *host* is taken in by the last of *patterns* that it matches, or left out by it, behind a ``!``.

    None if it matches none of them.
    """
    listed = None
    for pattern in patterns:
        if matches(host, pattern.removeprefix("!")):
            listed = not pattern.startswith("!")
    return listed


def authority_of(host: str, port: int) -> str:
    """Return ``host:port``, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
