"""Fixtures and the marker of segment-mock; imports it only once a test asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from ._strict import CredentialWarning
from ._transport import intercepted
from ._used import note

if TYPE_CHECKING:
    from segment_mock import SegmentMock

pytest_plugins = [f"{__name__}.{part}" for part in ("_marks", "_strict", "_report", "_sweep", "_guard", "_transport")]

__all__ = ["CredentialWarning", "LiveMock"]
_ARMED = {"faults", "scenario"}
"""Settings that a reset clears: with them each test gets a mock of its own."""
_OWN = {"block_network", "sleep", "strict", "transport"}
"""What markers and ``segment_mock_config`` may have beside settings: the plugin's own."""
_CONFIG = pytest.StashKey[dict[str, Any]]()
_MOCKS = pytest.StashKey[dict[int, "SegmentMock"]]()


class LiveMock(NamedTuple):
    """A live server and the mock behind it."""

    url: str
    mock: SegmentMock


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--segment-mock-seed`` and its ini key."""
    group = parser.getgroup("segment-mock")
    told = "Seed of the ids and the luck of every mock (default 0)."
    group.addoption("--segment-mock-seed", metavar="N", help=told)
    parser.addini("segment_mock_seed", told)


def pytest_report_header(config: pytest.Config) -> str:
    """Tell the version and the seed at the head of the run."""
    return f"segment-mock: {version('segment-mock')}, seed {_seed(config) or 0}"


@pytest.fixture(scope="session")
def segment_mock_config() -> dict[str, Any]:
    """Settings of every mock of the run; override it to change them."""
    return {}


@pytest.fixture
def segment_mock(request: pytest.FixtureRequest) -> Iterator[SegmentMock]:
    """A clean `SegmentMock`; what unchanged clients send to the vendors' hosts lands there."""
    common = _config(request)
    if request.node.get_closest_marker("segment_mock") is None and not _ARMED & common.keys():
        mock = _shared(request.config, common)
        note(request.node, mock, common)
        with intercepted(request.node, mock, common):
            yield mock
        mock.close()
        return
    with _made(request.config, common, _marked(request)) as mock, _sleepless(request, mock):
        note(request.node, mock, common)
        with intercepted(request.node, mock, common):
            yield mock


@pytest.fixture
def salsa_mock(segment_mock: SegmentMock) -> Any:
    """The Salsa face of ``segment_mock``."""
    return segment_mock.salsa


@pytest.fixture
def segmenter_mock(segment_mock: SegmentMock) -> Any:
    """The Segmenter face of ``segment_mock``."""
    return segment_mock.segmenter


@pytest.fixture(scope="session")
def _segment_mock_server(pytestconfig: pytest.Config, segment_mock_config: dict[str, Any]) -> Iterator[LiveMock]:
    with _made(pytestconfig, segment_mock_config, {}) as mock:
        yield LiveMock(mock.serve().url, mock)


@pytest.fixture(scope="session")
def segment_mock_server_url(_segment_mock_server: LiveMock) -> str:
    """Base URL of the one live server of the run (of this xdist worker)."""
    return _segment_mock_server.url


@pytest.fixture
def segment_mock_server(request: pytest.FixtureRequest, segment_mock_config: dict[str, Any]) -> Iterator[LiveMock]:
    """``.url`` and ``.mock`` of the run's live server, reset for this test.

    A test whose marker has settings gets a server of its own.
    """
    settings = _marked(request)
    if settings or _ARMED & segment_mock_config.keys():
        with _made(request.config, segment_mock_config, settings) as mock, _sleepless(request, mock):
            note(request.node, mock, segment_mock_config)
            yield LiveMock(mock.serve().url, mock)
        return
    live: LiveMock = request.getfixturevalue("_segment_mock_server")
    live.mock.reset()
    note(request.node, live.mock, segment_mock_config)
    with _sleepless(request, live.mock):
        yield live


def _config(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the value of ``segment_mock_config`` for this test.

    To ask for a fixture takes longer than all else we do for a test, and those of one module or
    class are given the same: so the first of them asks for all.
    """
    place = request.node.parent
    if place is None or "segment_mock_config" in request.fixturenames:
        place = request.node
    if _CONFIG not in place.stash:
        place.stash[_CONFIG] = request.getfixturevalue("segment_mock_config")
    common: dict[str, Any] = place.stash[_CONFIG]
    return common


def _shared(config: pytest.Config, common: dict[str, Any]) -> SegmentMock:
    """Return the mock that tests without a marker use one after the other: a reset is cheaper than a new one."""
    mocks = config.stash.setdefault(_MOCKS, {})
    mock = mocks.get(id(common))
    if mock is None:
        mock = mocks[id(common)] = _made(config, common, {})
    else:
        mock.reset()
    return mock


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the settings of the test's markers, those nearest to it last and winning."""
    settings: dict[str, Any] = {}
    for marker in [*request.node.iter_markers("segment_mock")][::-1]:
        settings |= marker.kwargs
    return {name: value for name, value in settings.items() if name not in _OWN}


def _sleepless(request: pytest.FixtureRequest, mock: SegmentMock) -> AbstractContextManager[None]:
    """Let the test's own sleeps move the mock's clock, if a marker says ``sleep=True``."""
    told = [marker.kwargs["sleep"] for marker in request.node.iter_markers("segment_mock") if "sleep" in marker.kwargs]
    return mock.clock.patch_sleep() if told and told[0] else nullcontext()


def _seed(config: pytest.Config) -> str | None:
    return config.getoption("--segment-mock-seed") or config.getini("segment_mock_seed") or None


def _made(config: pytest.Config, common: dict[str, Any], own: dict[str, Any]) -> SegmentMock:
    from segment_mock import SegmentMock, SettingError

    common = {name: value for name, value in common.items() if name not in _OWN}
    try:
        return SegmentMock(**{"seed": _seed(config), **common, **own})
    except SettingError as error:
        raise pytest.UsageError(f"segment_mock: {error}") from None
