"""The fixtures. Tests with equal settings share one mock, which is reset between tests because that is fast."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from .settings import (
    PLUGIN_KEYS,
    SWEEP,
    Settings,
    item_of_fixture,
    line_of,
    seed,
    setting_problems,
    settings_of,
    setup_error,
    source_of_urls,
    transport_of,
    transports_of_run,
    url_of,
)

if TYPE_CHECKING:
    from segment_mock import SegmentMock
    from segment_mock.vendors.salsa.data import SalsaState
    from segment_mock.vendors.segmenter.data import SegmenterState

_POOL = pytest.StashKey["_Pool"]()
_USE = pytest.StashKey["_Use"]()
_REMOTE = pytest.StashKey[Any]()
_MOST_SHARED = 16
ON_USE = pytest.StashKey[Any]()
"""A function that is called with each mock of the test before its first call."""


class LiveMock(NamedTuple):
    """A live server and its mock, as the fixture ``segment_mock_server`` gives them.

    *url* is the base URL of the server, without a trailing slash. *mock* is the `SegmentMock`, or a `RemoteMock` with
    ``--segment-mock-url``.
    """

    url: str
    mock: SegmentMock


class MockFactory:
    """Creates mocks for fixtures of module, class or session scope. The fixture ``segment_mock_factory`` returns it.

    A call returns a context manager that gives a mock, which intercepts calls until the block ends. The keyword
    arguments are the arguments of the marker ``segment_mock``, except *strict*. ``segment_mock_config`` is not applied,
    because its scope may be narrower. Invalid arguments fail the setup of the test.

        @pytest.fixture(scope="module")
        def mock(segment_mock_factory):
            with segment_mock_factory(data="demo") as mock:
                yield mock
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.open: list[SegmentMock] = []
        """The mocks whose ``with`` blocks are open."""
        self.closed: list[SegmentMock] = []
        """The mocks whose ``with`` blocks have ended since the current test began."""

    @contextmanager
    def __call__(self, **settings: Any) -> Iterator[SegmentMock]:
        """Return a context manager that gives a mock with *settings*, which intercepts calls until the block ends."""
        problems = [*setting_problems(settings, without=("strict",))]
        if url_of(self._config):
            problems.append(
                "the server of --segment-mock-url is reset before each test, so no fixture of a wider scope can use it"
            )
        if problems:
            setup_error("\n".join(f"segment_mock_factory: {problem}" for problem in problems))
        own = {name: settings.pop(name) for name in PLUGIN_KEYS if name in settings}
        transport: Any = own.get("transport") or transports_of_run(self._config)[0]
        blocks = own.get("block_network", False)
        mock = _make_mock(self._config, settings)
        _name_origin(mock, "the arguments of segment_mock_factory")
        with (
            mock,
            _sleep_and_children(mock, own),
            mock.intercept(transport=transport, block_network=blocks),
        ):
            self.open.append(mock)
            try:
                yield mock
            finally:
                self.open.remove(mock)
                self.closed.append(mock)


def pytest_configure(config: pytest.Config) -> None:
    """Prepare an empty pool of mocks for the run."""
    config.stash[_POOL] = _Pool(config)


@pytest.fixture(scope="session")
def segment_mock_config() -> dict[str, Any]:
    """Settings of all mocks of the run, as a dictionary: override this fixture in any scope to change them.

    The keys are the arguments of the marker ``segment_mock``, whose own arguments take precedence. Relative paths of
    files are looked up beside the file with the fixture.

        @pytest.fixture(scope="session")
        def segment_mock_config():
            return {"data": "data.yaml", "segmenter_key": "test-key"}
    """
    return {}


@pytest.fixture
def segment_mock(segment_mock_config: Mapping[str, Any]) -> Iterator[SegmentMock]:
    """A clean `SegmentMock` that answers calls to the vendors' hosts during the test.

    Clients need no change. The settings come from ``segment_mock_config`` and the marker ``segment_mock``. With
    ``--segment-mock-url`` it is a `RemoteMock`.

        def test_sync(segment_mock):
            sync_groups()
            segment_mock.journal.assert_called("salsa.upsert_segments", times=1)
    """
    item = item_of_fixture()
    config = item.config
    settings = settings_of(item, segment_mock_config)
    if url_of(config):
        mock = _remote_mock(item, settings)
        with intercept(item, mock, settings):
            yield mock
        return
    if settings.can_share:
        shared = config.stash[_POOL].shared(settings)
        mock = shared.clean_mock()
        _use(item, mock, settings)
        with shared.interception(item):
            if settings.plugin:
                with _sleep_and_children(mock, settings.plugin):
                    yield mock
            else:
                yield mock
        mock.close()
        return
    with _make_mock(config, settings.mock, f"{line_of(item)}: ") as mock:
        _use(item, mock, settings)
        with intercept(item, mock, settings), _sleep_and_children(mock, settings.plugin):
            yield mock


@pytest.fixture
def salsa_mock(segment_mock: SegmentMock) -> SalsaState:
    """The records of Salsa Engage: the same as ``segment_mock.salsa``."""
    return segment_mock.salsa


@pytest.fixture
def segmenter_mock(segment_mock: SegmentMock) -> SegmenterState:
    """The records of the Segmenter: the same as ``segment_mock.segmenter``."""
    return segment_mock.segmenter


@pytest.fixture(scope="session")
def segment_mock_factory(pytestconfig: pytest.Config) -> MockFactory:
    """A factory of mocks for fixtures of module, class and session scope; `MockFactory` has an example."""
    return pytestconfig.stash[_POOL].factory


@pytest.fixture(scope="session")
def _segment_mock_servers(pytestconfig: pytest.Config) -> Iterator[_Pool]:
    pool = _Pool(pytestconfig)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def segment_mock_server_url(request: pytest.FixtureRequest, _segment_mock_servers: _Pool) -> str:
    """The base URL of the run's live server, without a trailing slash. Each worker of pytest-xdist has its own server.

    Use it to configure clients once. A test that needs the mock itself uses ``segment_mock_server``.
    """
    if url := url_of(request.config):
        return url.rstrip("/")
    try:
        common = request.getfixturevalue("segment_mock_config")
    except (pytest.FixtureLookupError, pytest.fail.Exception):
        setup_error(
            "segment_mock_server_url is one server for the whole run, so it can't use your segment_mock_config, which "
            "has a narrower scope; use segment_mock_server.url, or give segment_mock_config scope='session'"
        )
    settings = settings_of(request.node, common)
    if not settings.can_share:
        setup_error(
            "segment_mock_server_url is reset between tests, which would clear the faults and scenario of "
            "segment_mock_config; use segment_mock_server.url"
        )
    return _segment_mock_servers.shared(settings).server().url


@pytest.fixture
def segment_mock_server(
    request: pytest.FixtureRequest, segment_mock_config: Mapping[str, Any], _segment_mock_servers: _Pool
) -> Iterator[LiveMock]:
    """The run's live server (``.url``) and its mock (``.mock``), reset before each test.

    Use it for clients in other processes and in other languages. A test whose marker has settings of the mock gets a
    server of its own.
    """
    item: Any = request.node
    settings = settings_of(item, segment_mock_config)
    for name in ("transport", "block_network"):
        if settings.plugin.get(name) and "segment_mock" not in item.fixturenames:
            setup_error(
                f"{line_of(item)}: {name}: segment_mock_server intercepts nothing, its clients call its URL; "
                f"use the fixture segment_mock for {name}"
            )
    if url_of(request.config):
        remote = _remote_mock(item, settings)
        yield LiveMock(remote.url, remote)
        return
    if settings.can_share:
        live = _segment_mock_servers.shared(settings).server()
        live.mock.reset()
        _use(item, live.mock, settings)
        with _sleep_and_children(live.mock, settings.plugin):
            yield live
        return
    with _make_mock(request.config, settings.mock, f"{line_of(item)}: ") as mock:
        _use(item, mock, settings)
        with _sleep_and_children(mock, settings.plugin):
            yield LiveMock(mock.serve().url, mock)


def used_mocks(item: pytest.Item) -> Sequence[SegmentMock]:
    """Return the mocks that *item* uses, in order of their fixtures."""
    if _USE not in item.stash:
        return ()
    use = item.stash[_USE]
    return use.mocks if use.process == os.getpid() else ()  # a child that the test forked has none


def used_settings(item: pytest.Item) -> Settings | None:
    """Return the settings of *item*, or None if it uses no mock."""
    use = item.stash.get(_USE, None)
    return None if use is None else use.settings


def mock_factory(config: pytest.Config) -> MockFactory:
    """Return the `segment_mock_factory` of this run, which knows the mocks of wider scopes."""
    return config.stash[_POOL].factory


def forget_mocks(item: pytest.Item) -> None:
    """Forget the mocks that *item* used, before it runs again."""
    if _USE in item.stash:
        del item.stash[_USE]


def intercept(item: Any, mock: SegmentMock, settings: Settings) -> AbstractContextManager[Any]:
    """Return a context manager that routes the clients of the test to *mock*."""
    is_remote = url_of(item.config) is not None
    transport: Any = settings.plugin.get("transport") or (None if is_remote else transport_of(item))
    return mock.intercept(transport=transport, block_network=settings.plugin.get("block_network", False))


def _make_mock(config: pytest.Config, settings: Mapping[str, Any], where: str = "") -> SegmentMock:
    """Return a mock with *settings* and the seed of the run; fails the test at *where* for an invalid setting."""
    from segment_mock import SegmentMock, SettingError

    try:
        return SegmentMock(**{"seed": seed(config), **settings})
    except SettingError as error:
        setup_error(f"{where}segment_mock: {error}")


def _remote_mock(item: pytest.Item, settings: Settings) -> Any:
    """Return the mock of ``--segment-mock-url``, reset and with *settings*, or unchanged if *item* already uses it."""
    from segment_mock import SettingError, connect

    for name in ("sleep", "children"):
        if settings.plugin.get(name):
            setup_error(f"{line_of(item)}: {name}: it needs a mock in this process, not --segment-mock-url")
    if item.get_closest_marker(SWEEP) is not None:
        setup_error(f"{line_of(item)}: {SWEEP} needs a mock in this process, not --segment-mock-url")
    config = item.config
    remote_settings = {"seed": seed(config), **settings.mock} if seed(config) is not None else settings.mock
    try:
        if _REMOTE not in config.stash:
            token = config.getoption("--segment-mock-admin-token") or os.environ.get("SEGMENT_MOCK_ADMIN_TOKEN")
            config.stash[_REMOTE] = connect(str(url_of(config)), token)
        mock = config.stash[_REMOTE]
        if not used_mocks(item):
            mock.prepare(**remote_settings)
    except (OSError, SettingError) as error:
        is_of_url = isinstance(error, OSError) or str(error).startswith("url: ")
        setup_error(f"{line_of(item)}: segment_mock: {error}{f' ({source_of_urls(config)[0]})' if is_of_url else ''}")
    _use(item, mock, settings)
    return mock


def _use(item: pytest.Item, mock: SegmentMock, settings: Settings) -> None:
    """Record that *item* uses *mock*, and that the rules armed so far come from the test's settings."""
    stash = item.stash
    mocks = stash[_USE].mocks if _USE in stash else []
    if mock not in mocks:
        mocks.append(mock)
    stash[_USE] = _Use(settings, os.getpid(), mocks)
    if not settings.can_share:
        _name_origin(mock, f"the settings of {line_of(item)}")
    if ON_USE in stash:
        stash[ON_USE](mock)


def _name_origin(mock: SegmentMock, where: str) -> None:
    """Record that the rules armed so far come from *where*, if not from a scenario."""
    for rule in mock.faults:
        if not rule.where.startswith("scenario "):
            rule.where = where


@contextmanager
def _sleep_and_children(mock: SegmentMock, plugin: Mapping[str, Any]) -> Iterator[None]:
    """Apply the settings ``sleep`` and ``children`` within a ``with`` block."""
    with (
        mock.clock.patch_sleep() if plugin.get("sleep") else nullcontext(),
        mock.child_environment() if plugin.get("children") else nullcontext(),
    ):
        yield


class _Use:
    """The settings of a test, the process that runs it, and the mocks that it uses."""

    def __init__(self, settings: Settings, process: int, mocks: list[SegmentMock]) -> None:
        self.settings, self.process, self.mocks = settings, process, mocks


class _Shared:
    """A mock that tests with equal settings use in turn."""

    def __init__(self, mock: SegmentMock, settings: Settings) -> None:
        self.settings, self._mock, self._is_new = settings, mock, True
        self._interceptions: dict[str, AbstractContextManager[Any]] = {}
        self._only_interception: AbstractContextManager[Any] | None = None
        self._live: LiveMock | None = None

    def clean_mock(self) -> SegmentMock:
        if self._is_new:
            self._is_new = False
        else:
            self._mock.reset()
        return self._mock

    def interception(self, item: Any) -> AbstractContextManager[Any]:
        if self._only_interception is not None:
            return self._only_interception
        transport = self.settings.plugin.get("transport") or transport_of(item)
        if transport not in self._interceptions:
            self._interceptions[transport] = intercept(item, self._mock, self.settings)
            if len(transports_of_run(item.config)) == 1:
                self._only_interception = self._interceptions[transport]
        return self._interceptions[transport]

    def server(self) -> LiveMock:
        if self._live is None:
            self._live = LiveMock(self._mock.serve().url, self._mock)
        return self._live

    def close(self) -> None:
        self._mock.close()


class _Pool:
    """The shared mocks of a run, by their settings."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._shared: list[_Shared] = []
        self._process = os.getpid()
        self.factory = MockFactory(config)

    def shared(self, settings: Settings) -> _Shared:
        if self._process != os.getpid():  # a test in a forked process, whose parent has the mocks
            self._process, self._shared = os.getpid(), []
        for shared in self._shared:
            if shared.settings == settings:
                return shared
        shared = _Shared(_make_mock(self._config, settings.mock), settings)
        self._shared.append(shared)
        if len(self._shared) > _MOST_SHARED:
            self._shared.pop(1).close()  # keep the first one, which most tests and segment_mock_server_url use
        return shared

    def close(self) -> None:
        for shared in self._shared:
            shared.close()
