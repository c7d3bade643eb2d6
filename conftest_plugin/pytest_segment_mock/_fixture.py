"""The fixture ``segment_mock``: a clean mock for each test, at the price of little more than a reset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from ._made import ARMED, made, marked, sleepless
from ._transport import intercepted, way_of
from ._used import note

if TYPE_CHECKING:
    from segment_mock import SegmentMock
    from segment_mock.transports.inprocess.registry import Interception

_CONFIG = pytest.StashKey[dict[str, Any]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixture with what it keeps from test to test."""
    config.pluginmanager.register(Fixture(config), "segment_mock_fixture")


class Fixture:
    """Knows which test is being set up, and what tests without a marker share: mocks and interceptions.

    pytest tells a fixture its test by ``request``, which takes longer than all that is done here.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._item: Any = None
        self._mocks: dict[int, SegmentMock] = {}
        self._ways: dict[tuple[int, str], Interception] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Remember whose turn it is."""
        self._item = item

    @pytest.fixture
    def segment_mock(self) -> Iterator[SegmentMock]:
        """A clean `SegmentMock`; what unchanged clients send to the vendors' hosts lands there."""
        item, common = self._item, self._common()
        # The keywords first, which have the marker's name too: to ask for a marker takes twice as long.
        plain = "segment_mock" not in item.keywords or item.get_closest_marker("segment_mock") is None
        if plain and not (common and ARMED & common.keys()):
            mock = self._shared(common)
            note(item, mock, common)
            with self._way(item, mock, common):
                yield mock
            mock.close()
            return
        with made(self._config, common, marked(item)) as mock, sleepless(item, mock):
            note(item, mock, common)
            with intercepted(item, mock, common):
                yield mock

    def _common(self) -> dict[str, Any]:
        """Return the value of ``segment_mock_config`` for this test.

        To ask for a fixture takes longer than all else we do for a test, and those of one module or
        class are given the same: so the first of them asks for all.
        """
        item = self._item
        place = item.parent
        if place is None or "segment_mock_config" in item.fixturenames:
            place = item
        common: dict[str, Any] | None = place.stash.get(_CONFIG, None)
        if common is None:
            common = place.stash[_CONFIG] = item._request.getfixturevalue("segment_mock_config")
        return common

    def _shared(self, common: dict[str, Any]) -> SegmentMock:
        """Return the mock that tests without a marker use one after the other: a reset is cheaper than a new one."""
        mock = self._mocks.get(id(common))
        if mock is not None:
            mock.reset()
            return mock
        mock = made(self._config, common, {})
        self._mocks[id(common)] = mock
        return mock

    def _way(self, item: Any, mock: SegmentMock, common: dict[str, Any]) -> Interception:
        asked = id(mock), way_of(item)
        way = self._ways.get(asked)
        if way is None:
            blocks = common.get("block_network", False)
            way = self._ways[asked] = mock.intercept(transport=asked[1], block_network=blocks)
        return way
