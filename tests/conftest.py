"""What all tests share."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]
collect_ignore = ["stranger"]  # runs against the built wheel


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Runs suites elsewhere, with our plugin and no other that happens to be installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_segment_mock")
    return pytester
