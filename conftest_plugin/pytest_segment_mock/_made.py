"""Mocks from the settings of a run, of a place and of a test's markers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from segment_mock import SegmentMock

ARMED = {"faults", "scenario"}
"""Settings that a reset clears: with them each test gets a mock of its own."""
_OWN = {"block_network", "sleep", "strict", "transport"}
"""What markers and ``segment_mock_config`` may have beside settings: the plugin's own."""


def made(config: pytest.Config, common: dict[str, Any], own: dict[str, Any]) -> SegmentMock:
    """Return a mock of the *common* settings and of a test's *own*; raises UsageError for one that can't be used."""
    from segment_mock import SegmentMock, SettingError

    common = {name: value for name, value in common.items() if name not in _OWN}
    try:
        return SegmentMock(**{"seed": seed(config), **common, **own})
    except SettingError as error:
        raise pytest.UsageError(f"segment_mock: {error}") from None


def seed(config: pytest.Config) -> str | None:
    """Return the seed of the run, None if nobody names one."""
    return config.getoption("--segment-mock-seed") or config.getini("segment_mock_seed") or None


def marked(item: pytest.Item) -> dict[str, Any]:
    """Return the settings of the test's markers, those nearest to it last and winning."""
    settings: dict[str, Any] = {}
    for marker in [*item.iter_markers("segment_mock")][::-1]:
        settings |= marker.kwargs
    return {name: value for name, value in settings.items() if name not in _OWN}


def sleepless(item: pytest.Item, mock: SegmentMock) -> AbstractContextManager[None]:
    """Let the test's own sleeps move the mock's clock, if a marker says ``sleep=True``."""
    told = [marker.kwargs["sleep"] for marker in item.iter_markers("segment_mock") if "sleep" in marker.kwargs]
    return mock.clock.patch_sleep() if told and told[0] else nullcontext()
