"""What all tests share."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]
collect_ignore = ["stranger"]  # runs against the built wheel


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Runs suites elsewhere, without pytest-asyncio, which warns of every run that does not configure it."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:asyncio")
    return pytester
