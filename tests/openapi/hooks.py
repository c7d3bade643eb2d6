"""Credentials for Schemathesis: each listed token in turn, so that no rate limit is reached."""

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
    """The next listed token, as the header of either vendor."""

    def get(self, case: Any, context: Any) -> str:
        """Return the next token."""
        return next(TOKENS)

    def set(self, case: Any, data: str, context: Any) -> None:
        """Send it."""
        case.headers.update(dict.fromkeys(HEADERS, data))
