"""``--segment-mock-transport``: how intercepted calls travel, and each test once for every way that is named."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from segment_mock import SegmentMock

_WAYS = ("inprocess", "live", "tls")
_PARAMETER = "_segment_mock_transport"
_NAMED = pytest.StashKey[tuple[str, ...]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and its ini key."""
    told = (
        "How calls that segment_mock intercepts travel: inprocess (default), live (a plain socket), tls (verified); "
        "with several, by commas, each test runs once for each."
    )
    parser.getgroup("segment-mock").addoption("--segment-mock-transport", metavar="WAYS", help=told)
    parser.addini("segment_mock_transport", told)


def pytest_configure(config: pytest.Config) -> None:
    """Read the ways; raises UsageError for one that is none."""
    told = config.getoption("--segment-mock-transport") or config.getini("segment_mock_transport") or _WAYS[0]
    ways = tuple(dict.fromkeys(way.strip() for way in told.split(",")))
    for way in ways:
        if way not in _WAYS:
            raise pytest.UsageError(f"--segment-mock-transport: {way!r} is no transport; there are {', '.join(_WAYS)}")
    config.stash[_NAMED] = ways


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses ``segment_mock`` once for each way, if there are several and no marker names its own."""
    ways = metafunc.config.stash[_NAMED]
    if len(ways) > 1 and "segment_mock" in metafunc.fixturenames and not _told(metafunc.definition, "transport", ""):
        metafunc.fixturenames.append(_PARAMETER)
        metafunc.parametrize(_PARAMETER, ways)


def intercepted(node: Any, mock: SegmentMock, config: dict[str, Any]) -> AbstractContextManager[Any]:
    """Return what sends the clients of the test to *mock*, by its way; *config* and markers may block other hosts."""
    way = _told(node, "transport", "") or way_of(node)
    return mock.intercept(transport=way, block_network=_told(node, "block_network", config.get("block_network", False)))


def way_of(node: Any) -> Any:
    """Return the way that the run has for this test."""
    ways = node.config.stash[_NAMED]
    return node.callspec.params[_PARAMETER] if len(ways) > 1 else ways[0]


def _told(node: pytest.Item, name: str, otherwise: Any) -> Any:
    for marker in node.iter_markers("segment_mock"):
        if name in marker.kwargs:
            return marker.kwargs[name]
    return otherwise
