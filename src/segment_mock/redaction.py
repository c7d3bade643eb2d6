"""What must not be kept: credentials, in headers and queries, and which of them look as if a vendor issued them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_plus

REDACTED = "[redacted]"
REAL = "[redacted: it looks like a real one]"
_SECRET = re.compile(
    "authorization|cookie|(auth|access|refresh|admin|bearer|session|api)[-_]?token|^(x-)?token$|api[-_]?key"
    "|secret|passw|credential",
    re.IGNORECASE,
)
_ISSUED = re.compile(r"[\w-]{101,}")
_PAIR = re.compile(r"(?P<name>[^=&;]*)(?P<equals>=?)[^&;]*")
"""A name and a value of a query, whose pairs ``&`` or ``;`` separates."""
_VARIED = 16
"""How many different characters a long credential has at least, if no test made it up by repeating some."""


def redacted(secret: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return *headers* with each credential replaced.

    *secret* is the name (lower case) of the vendor's own, besides those known to carry one.
    """
    visible = {**headers}
    for name in _secrets(secret, tuple(headers)):
        text = visible[name]
        is_issued = len(text) > 100 and _ISSUED.fullmatch(text) and len(set(text)) > _VARIED
        visible[name] = REAL if is_issued else REDACTED
    return visible


def without(secret: str, target: str) -> str:
    """Return *target* with the credentials in its query replaced."""
    # A credential that was put into the query by mistake is still a credential.
    path, mark, query = target.partition("?")
    if not mark:
        return target
    return path + mark + _PAIR.sub(lambda pair: _hidden_pair(secret, pair), query)


def _hidden_pair(secret: str, pair: re.Match[str]) -> str:
    name, equals = pair["name"], pair["equals"]
    return name + equals + REDACTED if _is_secret(secret, unquote_plus(name)) else pair[0]


@lru_cache(maxsize=256)
def _secrets(secret: str, names: tuple[str, ...]) -> tuple[str, ...]:
    # A client sends the same names again and again.
    return tuple(name for name in names if _is_secret(secret, name))


def _is_secret(secret: str, name: str) -> bool:
    # A call that reaches no vendor, or the wrong one, still brings a key.
    return name.lower() == secret != "" or _SECRET.search(name) is not None
