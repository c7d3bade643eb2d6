"""Credentials for Schemathesis: each of the listed tokens in turn, so that no call exceeds the rate limit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import schemathesis

HEADERS = ("authToken", "x-api-key")
TOKENS: Iterator[str] = cycle(os.environ.get("CONTRACT_TOKENS", "token").split(","))


@schemathesis.auth(refresh_interval=None)
class ListedToken:
    """Adds the next listed token to the headers of a request, for either vendor."""

    def get(self, case: Any, context: Any) -> str:
        """Return the next token."""
        return next(TOKENS)

    def set(self, case: Any, data: str, context: Any) -> None:
        """Add the token *data* to the headers of *case*."""
        case.headers.update(dict.fromkeys(HEADERS, data))
