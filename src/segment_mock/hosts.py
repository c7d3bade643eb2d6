"""Hosts and request targets: split them into parts, and compare hosts with patterns."""

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
"""The host that `SegmentMock.session` uses for a URL that is only a path."""
_LOOPBACK = re.compile(r"localhost|::1|127(\.(25[0-5]|(2[0-4]|1[0-9]|0?[0-9])?[0-9])){1,3}")


def is_control(target: str) -> bool:
    """Return whether *target* belongs to the control plane, ``/_mock``."""
    return target.startswith("/_mock") and (len(target) == 6 or target[6] in "/?")


def is_browser_noise(target: str) -> bool:
    """Return whether browsers request *target* on their own: an icon, a manifest, ``robots.txt``."""
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
    """Return whether *host* is this machine, or the wildcard address of all its interfaces."""
    return host in ("", "0.0.0.0", "::") or is_loopback(host)  # noqa: S104 - nothing is bound here


def is_loopback(host: str) -> bool:
    """Return whether *host* can only be this machine. ``127.evil.example`` is an ordinary name, so it is not."""
    return _LOOPBACK.fullmatch(host) is not None


def matches(host: str, pattern: str) -> bool:
    """Return whether *host* equals *pattern*, or ends with the part of the pattern after ``*``."""
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern


def host_pattern(text: str) -> str:
    """Return *text* as a pattern for `is_listed`: a host, or ``*.`` and a domain, with an optional ``!`` before it.

    Raises ValueError for anything else, such as a URL.
    """
    sign, name = ("!", text[1:]) if text.startswith("!") else ("", text)
    if not _HOST_PATTERN.fullmatch(normalized(name)):
        raise ValueError(text)
    return sign + normalized(name)


def is_listed(host: str, patterns: Iterable[str]) -> bool | None:
    """Return whether the last of *patterns* that matches *host* includes it, or None if none matches.

    A pattern after ``!`` excludes the host.
    """
    is_hit = None
    for pattern in patterns:
        if matches(host, pattern.removeprefix("!")):
            is_hit = not pattern.startswith("!")
    return is_hit


def authority_of(host: str, port: int) -> str:
    """Return ``host:port``, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
