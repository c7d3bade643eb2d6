"""The engines that tests of lasting state run on: a file of SQLite, and a Redis server of the test's own."""

from __future__ import annotations

from pathlib import Path


def sqlite_url(place: Path) -> str:
    """Return the URL of a store in the folder *place*."""
    return f"sqlite:///{place / 'state.db'}"
