"""Fixtures for the tests of the command line."""

from __future__ import annotations

import pytest

from segment_mock.cli import remote
from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def _patience_with_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command ``health`` wait long: a server imports Flask for it, which takes seconds on a busy machine."""
    monkeypatch.setattr(remote, "_HEALTH_TIMEOUT", PATIENCE)
