"""Fixtures and the marker of segment-mock; imports it only once a test asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from . import _fixture, _guard, _marks, _report, _strict, _sweep, _transport
from ._made import ARMED, made, marked, seed, sleepless
from ._strict import CredentialWarning
from ._used import note

if TYPE_CHECKING:
    from segment_mock import SegmentMock

# Not named in pytest_plugins: for each name there pytest reads the entry points of all that is installed.
_PARTS = (_marks, _strict, _report, _sweep, _guard, _transport, _fixture)

__all__ = ["CredentialWarning", "LiveMock"]


class LiveMock(NamedTuple):
    """A live server and the mock behind it."""

    url: str
    mock: SegmentMock


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add ``--segment-mock-seed`` and its ini key, and the plugin's other parts with theirs."""
    for part in _PARTS:
        pluginmanager.register(part, part.__name__)
    group = parser.getgroup("segment-mock")
    told = "Seed of the ids and the luck of every mock (default 0)."
    group.addoption("--segment-mock-seed", metavar="N", help=told)
    parser.addini("segment_mock_seed", told)


def pytest_report_header(config: pytest.Config) -> str:
    """Tell the version and the seed at the head of the run."""
    return f"segment-mock: {version('segment-mock')}, seed {seed(config) or 0}"


@pytest.fixture(scope="session")
def segment_mock_config() -> dict[str, Any]:
    """Settings of every mock of the run; override it to change them."""
    return {}


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
    with made(pytestconfig, segment_mock_config, {}) as mock:
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
    settings = marked(request.node)
    if settings or ARMED & segment_mock_config.keys():
        with made(request.config, segment_mock_config, settings) as mock, sleepless(request.node, mock):
            note(request.node, mock, segment_mock_config)
            yield LiveMock(mock.serve().url, mock)
        return
    live: LiveMock = request.getfixturevalue("_segment_mock_server")
    live.mock.reset()
    note(request.node, live.mock, segment_mock_config)
    with sleepless(request.node, live.mock):
        yield live
