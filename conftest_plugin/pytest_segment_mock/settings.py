"""Command-line options, ini keys and markers, and the settings of a test that result from them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

MARKER, SWEEP = "segment_mock", "segment_mock_sweep"
TRANSPORTS = ("inprocess", "live", "tls")
STRICT = ("faults", "operations", "stubs", "credentials", "fields", "network")
"""The names that `strict` allows."""
SWEEP_LIMIT = 500
PLUGIN_KEYS = ("block_network", "children", "sleep", "strict", "transport")
"""The keys of a marker and of ``segment_mock_config`` in addition to the settings of SegmentMock."""
_CLEARED_BY_RESET = frozenset({"faults", "scenario"})
_FILES = ("data", "faults", "stubs")
_MARKERS = (
    f"{MARKER}(data=None, faults=None, seed=None, sleep=False, strict=None, transport=None, block_network=False, "
    "children=False, ...): "
    "settings of this test's mock, any keyword of segment_mock.SegmentMock. With sleep=True, time.sleep and "
    "asyncio.sleep move the mock's clock. With children=True, child processes reach the mock too. *strict* says what "
    f"fails the test: True, False, or some of {', '.join(STRICT)}.",
    f"{SWEEP}(faults=..., operations='*', limit={SWEEP_LIMIT}): run the test once clean, then once for each call and "
    "fault.",
)
_TRANSPORTS_OF_RUN = pytest.StashKey[tuple[str, ...]]()
_TRANSPORT_PARAMETER = "_segment_mock_transport"
TRANSPORT = pytest.StashKey[str]()
"""The transport of a test that can't be parametrized: one of a unittest.TestCase."""
_FIXTURE = threading.local()
_CONFIG_FILE = pytest.StashKey[Path]()
_FREE_URLS = pytest.StashKey[list[str]]()
_URL = pytest.StashKey["str | None"]()
_WORKER_INPUT = "segment_mock_url"


class Settings(NamedTuple):
    """The settings of one test: keyword arguments of its mock, and what the plugin itself reads."""

    mock: dict[str, Any]
    plugin: dict[str, Any]
    has_marker: bool

    @property
    def can_share(self) -> bool:
        """Whether other tests with equal settings can use the same mock, reset in between."""
        return not self.has_marker and _CLEARED_BY_RESET.isdisjoint(self.mock)


_DEFAULT = Settings({}, {}, False)
"""The settings of a test that changes none."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini keys of seed, transport and running server."""
    group = parser.getgroup("segment-mock")
    seed_help = "Random seed of every mock (default 0)."
    group.addoption("--segment-mock-seed", metavar="N", help=seed_help)
    parser.addini("segment_mock_seed", seed_help)
    transport_help = (
        "How calls that segment_mock intercepts travel: inprocess (default), live (a plain socket), tls (verified); "
        "with several, separated by commas, each test runs once for each."
    )
    group.addoption("--segment-mock-transport", metavar="NAMES", help=transport_help)
    parser.addini("segment_mock_transport", transport_help)
    url_help = (
        "Base URL of a running segment-mock that the fixtures use; it is reset before each test. With pytest-xdist, "
        "give one URL for each worker, separated by commas."
    )
    group.addoption("--segment-mock-url", metavar="URL", help=f"{url_help} [SEGMENT_MOCK_URL]")
    group.addoption(
        "--segment-mock-admin-token", metavar="TOKEN", help="Admin token of that server. [SEGMENT_MOCK_ADMIN_TOKEN]"
    )
    parser.addini("segment_mock_url", url_help)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and read servers, transports and seed; raises UsageError for options that can't be used."""
    _read_urls(config)
    for line in _MARKERS:
        config.addinivalue_line("markers", line)
    text = config.getoption("--segment-mock-transport") or config.getini("segment_mock_transport") or TRANSPORTS[0]
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in TRANSPORTS:
            transport = config.getoption("--segment-mock-transport")
            place = "--segment-mock-transport" if transport else "segment_mock_transport (ini file)"
            raise pytest.UsageError(f"{place}: {_unknown('transport', name, TRANSPORTS)}")
    config.stash[_TRANSPORTS_OF_RUN] = names
    try:
        int(seed(config) or 0)
    except ValueError:
        place = "--segment-mock-seed" if config.getoption("--segment-mock-seed") else "segment_mock_seed (ini file)"
        raise pytest.UsageError(f"{place}: {seed(config)!r} is not a whole number") from None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give each worker of pytest-xdist its own server."""
    free = node.config.stash.get(_FREE_URLS, None)
    if free:
        node.workerinput[_WORKER_INPUT] = free.pop(0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Release the server of a worker that has ended, because another one may replace it."""
    url = node.workerinput.get(_WORKER_INPUT)
    if url:
        node.config.stash[_FREE_URLS].append(url)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Add the fixture to tests with the marker, and run a test once for each transport unless its marker names one."""
    bring_fixture(metafunc.definition, metafunc.fixturenames)
    transports = metafunc.config.stash[_TRANSPORTS_OF_RUN]
    if len(transports) > 1 and MARKER in metafunc.fixturenames and not _names_transport(metafunc.definition):
        metafunc.fixturenames.append(_TRANSPORT_PARAMETER)
        metafunc.parametrize(_TRANSPORT_PARAMETER, transports)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Add the fixture to marked tests of a unittest.TestCase."""
    names = getattr(item, "fixturenames", None)
    if names is not None and MARKER in item.keywords:
        bring_fixture(item, names)


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Remember the test for which ``segment_mock`` is created, and the file that defines ``segment_mock_config``.

    Relative paths in ``segment_mock_config`` are looked up beside that file.
    """
    if fixturedef.argname == MARKER:
        _FIXTURE.item = request.node
    elif fixturedef.argname == "segment_mock_config":
        code = getattr(fixturedef.func, "__code__", None)
        if code is not None:
            request.config.stash[_CONFIG_FILE] = Path(code.co_filename)


def item_of_fixture() -> Any:
    """Return the test for which ``segment_mock`` is being created.

    The fixture does not use ``request``, because pytest inspects the signature of a function to create that fixture,
    which takes longer than the rest of ``segment_mock``.
    """
    return _FIXTURE.item


def bring_fixture(node: pytest.Item, fixture_names: list[str]) -> None:
    """Add ``segment_mock`` to a test with the marker, unless it uses a fixture of this plugin.

    A marker with nothing but *strict*, as of a module, does not ask for a mock.
    """
    if MARKER in fixture_names or "segment_mock_server" in fixture_names:
        return
    if any(mark.kwargs.keys() != {"strict"} for mark in node.iter_markers(MARKER)):
        fixture_names.insert(0, MARKER)


def settings_of(item: pytest.Item, common: Any) -> Settings:
    """Return the settings of *item*: *common* (the value of ``segment_mock_config``), overridden by its markers.

    Fails the test for an invalid setting, with the line of the user's code.
    """
    # The keywords are a quick look: they have the names of all markers, but also those of functions, for example.
    if not common and (MARKER not in item.keywords or item.get_closest_marker(MARKER) is None):
        return _DEFAULT
    if not isinstance(common, Mapping):
        setup_error(f"segment_mock_config: expected a dictionary of settings, got {common!r}")
    problems = [f"segment_mock_config: {problem}" for problem in setting_problems(common)]
    if problems:
        setup_error("\n".join(problems))
    marked: dict[str, Any] = {}
    for mark in [*item.iter_markers(MARKER)][::-1]:
        marked |= mark.kwargs
    beside_test, root = item.path.parent, item.config.rootpath
    config_file = item.config.stash.get(_CONFIG_FILE, None)
    beside_config = [config_file.parent] if config_file else []
    settings = {
        **_with_files(common, [*beside_config, beside_test, root]),
        **_with_files(marked, [beside_test, root]),
    }
    own = {name: settings.pop(name) for name in PLUGIN_KEYS if name in settings}
    return Settings(settings, own, any(name not in PLUGIN_KEYS for name in marked))


def setup_error(message: str) -> NoReturn:
    """Fail the setup of a test with *message*, without a traceback, which would have only frames of the plugin."""
    raise pytest.fail.Exception(message, pytrace=False) from None


def seed(config: pytest.Config) -> str | None:
    """Return the seed of the run, or None for the default."""
    return config.getoption("--segment-mock-seed") or config.getini("segment_mock_seed") or None


def url_of(config: pytest.Config) -> str | None:
    """Return the URL of the server that the fixtures of this process use, or None if they use mocks in this process."""
    try:
        return config.stash[_URL]  # cached, because each test needs it
    except KeyError:
        worker_input = getattr(config, "workerinput", None)
        url = next(iter(_urls(config)), None) if worker_input is None else worker_input.get(_WORKER_INPUT)
        config.stash[_URL] = url
        return url


def source_of_urls(config: pytest.Config) -> tuple[str, str]:
    """Return the name of the option, the variable or the ini key that has the URLs, and its text."""
    sources = {
        "--segment-mock-url": config.getoption("--segment-mock-url"),
        "SEGMENT_MOCK_URL": os.environ.get("SEGMENT_MOCK_URL"),
        "segment_mock_url": config.getini("segment_mock_url"),
    }
    return next(((name, text) for name, text in sources.items() if text), ("--segment-mock-url", ""))


def transports_of_run(config: pytest.Config) -> tuple[str, ...]:
    """Return the transports that the options or ini keys of the run select."""
    return config.stash[_TRANSPORTS_OF_RUN]


def transport_of(item: Any) -> str:
    """Return the transport with which *item* runs."""
    transports = transports_of_run(item.config)
    if len(transports) == 1:
        return transports[0]
    callspec = getattr(item, "callspec", None)
    if callspec is not None and _TRANSPORT_PARAMETER in callspec.params:
        return str(callspec.params[_TRANSPORT_PARAMETER])
    return str(item.stash.get(TRANSPORT, transports[0]))


def is_unittest_with_transports(item: pytest.Item) -> bool:
    """Return whether *item* has to run once for each transport, but is a unittest, which can't be parametrized."""
    if len(transports_of_run(item.config)) == 1 or MARKER not in getattr(item, "fixturenames", ()):
        return False
    return getattr(item, "callspec", None) is None and _is_test_case(item) and not _names_transport(item)


def strict_names(value: Any) -> frozenset[str] | None:
    """Return the names that *value* (true, false, a string or a list) selects, or None for None; raises ValueError."""
    if value is None or (isinstance(value, str) and value == ""):
        return None
    if isinstance(value, (bool, str)) and str(value).lower() in ("true", "false"):
        return frozenset(STRICT if str(value).lower() == "true" else ())
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    if isinstance(names, (list, tuple, set, frozenset)):
        for name in names:
            if name not in STRICT:
                raise ValueError(f"{_unknown('name', name, STRICT)}; or true for all, false for none")
        return frozenset(names)
    raise ValueError(f"{value!r} is not true, false, or some of {', '.join(STRICT)}")


def line_of(item: pytest.Item) -> str:
    """Return the line at which *item* begins, including its decorators, as ``file:line``."""
    file, line, _ = item.location
    return f"{file}:{(line or 0) + 1}"


def _read_urls(config: pytest.Config) -> None:
    """Store the URLs of running servers for the workers of pytest-xdist; raises UsageError for unsuitable options."""
    urls = _urls(config)
    if not urls or hasattr(config, "workerinput"):
        return
    _check_urls(config, urls)
    if config.getoption("--segment-mock-transport") or config.getini("segment_mock_transport"):
        raise pytest.UsageError(
            "--segment-mock-transport: not possible with --segment-mock-url, whose server determines the transport"
        )
    workers = len(getattr(config.option, "tx", None) or ()) if getattr(config.option, "dist", "no") != "no" else 0
    if workers > len(urls):
        raise pytest.UsageError(
            f"--segment-mock-url: {workers} workers can't share {len(urls)} server{'s' * (len(urls) > 1)}: each test "
            "resets its own; start one for each worker and give their URLs separated by commas, or use -n 0"
        )
    config.stash[_FREE_URLS] = urls


def _check_urls(config: pytest.Config, urls: Iterable[str]) -> None:
    from segment_mock import SettingError
    from segment_mock.control_client import ControlClient

    for url in urls:
        try:
            ControlClient(url)
        except SettingError as error:
            raise pytest.UsageError(f"{source_of_urls(config)[0]}: {str(error).removeprefix('url: ')}") from None


def _urls(config: pytest.Config) -> list[str]:
    text = source_of_urls(config)[1]
    # A URL that is given twice is one server, which two workers can't share.
    return [*dict.fromkeys(url.strip().rstrip("/") for url in text.split(",") if url.strip())]


def _is_test_case(item: pytest.Item) -> bool:
    from unittest import TestCase

    cls = getattr(item, "cls", None)
    return isinstance(cls, type) and issubclass(cls, TestCase)


def _names_transport(node: pytest.Item) -> bool:
    return any("transport" in mark.kwargs for mark in node.iter_markers(MARKER))


def setting_problems(settings: Mapping[str, Any], without: Sequence[str] = ()) -> Iterator[str]:
    """Yield the errors in *settings* of a mock or the plugin; the names in *without* are not allowed."""
    from segment_mock.core import all_options
    from segment_mock.settings import SettingError
    from segment_mock.vendors import find_vendors

    try:
        names = [*PLUGIN_KEYS, *(option.name for option in all_options(find_vendors()))]
    except SettingError as error:  # a vendor of another package that can't be used
        yield str(error)
        return
    yield from unknown_names(settings, [name for name in names if name not in without])
    try:
        strict_names(settings.get("strict"))
    except ValueError as error:
        yield f"strict: {error}"
    transport = settings.get("transport")
    if transport is not None and transport not in TRANSPORTS:
        yield f"transport: {_unknown('transport', transport, TRANSPORTS)}"
    for name in ("block_network", "children", "sleep"):
        if not isinstance(settings.get(name, False), bool):
            yield f"{name}: {settings[name]!r} is not True or False"


def unknown_names(settings: Mapping[Any, Any], names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each name in *settings* that is not one of *names*."""
    known_names = [*names]
    for name in settings:
        if name not in known_names:
            yield _unknown("setting", name, known_names)


def _unknown(noun: str, name: Any, names: Iterable[str]) -> str:
    from segment_mock.settings import unknown_name  # imported here, because most runs have no unknown name

    return unknown_name(noun, name, names)


def _with_files(settings: Mapping[str, Any], folders: Iterable[Path]) -> dict[str, Any]:
    """Return *settings* with each relative path resolved in the first of *folders* that has the file."""
    return {name: _locate(value, folders) if name in _FILES else value for name, value in settings.items()}


def _locate(value: Any, folders: Iterable[Path]) -> Any:
    if isinstance(value, (list, tuple)):
        return [_locate(item, folders) for item in value]
    if isinstance(value, (str, Path)) and value != "demo" and not Path(value).is_absolute():
        for folder in folders:
            if (folder / value).is_file():
                return str(folder / value)
    return value
