"""``--segment-mock-url``: the fixtures use a running server instead of mocks in this process."""

from __future__ import annotations

import os
from typing import Any

import pytest

from .settings import SWEEP, Settings, line_of, seed, setup_error

_MOCK = pytest.StashKey[Any]()
_FREE = pytest.StashKey[list[str]]()
_URL = pytest.StashKey["str | None"]()
_WORKER_INPUT = "segment_mock_url"
_HELP = (
    "Base URL of a running segment-mock that the fixtures use; it is reset before each test. With pytest-xdist, give "
    "one URL for each worker, separated by commas."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--segment-mock-url`` and its ini key."""
    group = parser.getgroup("segment-mock")
    group.addoption("--segment-mock-url", metavar="URL", help=f"{_HELP} [SEGMENT_MOCK_URL]")
    group.addoption(
        "--segment-mock-admin-token", metavar="TOKEN", help="Admin token of that server. [SEGMENT_MOCK_ADMIN_TOKEN]"
    )
    parser.addini("segment_mock_url", _HELP)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that do not work with a running server, before any test."""
    urls = _urls(config)
    if not urls or hasattr(config, "workerinput"):
        return
    _check(config)
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
    config.stash[_FREE] = urls


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give each worker of pytest-xdist its own server."""
    free = node.config.stash.get(_FREE, None)
    if free:
        node.workerinput[_WORKER_INPUT] = free.pop(0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Release the server of a worker that has ended, because another one may replace it."""
    url = node.workerinput.get(_WORKER_INPUT)
    if url:
        node.config.stash[_FREE].append(url)


def url_of(config: pytest.Config) -> str | None:
    """Return the URL of the server that the fixtures of this process use, or None if they use mocks in this process."""
    try:
        return config.stash[_URL]  # cached, because each test needs it
    except KeyError:
        worker_input = getattr(config, "workerinput", None)
        url = next(iter(_urls(config)), None) if worker_input is None else worker_input.get(_WORKER_INPUT)
        config.stash[_URL] = url
        return url


def remote_mock(item: pytest.Item, settings: Settings, *, is_used: bool) -> Any:
    """Return the mock of the server, reset and with *settings*, or unchanged if the test already uses it."""
    from segment_mock import SettingError, connect

    for name in ("sleep", "children"):
        if settings.plugin.get(name):
            setup_error(f"{line_of(item)}: {name}: it needs a mock in this process, not --segment-mock-url")
    if item.get_closest_marker(SWEEP) is not None:
        setup_error(f"{line_of(item)}: {SWEEP} needs a mock in this process, not --segment-mock-url")
    config = item.config
    remote_settings = {"seed": seed(config), **settings.mock} if seed(config) is not None else settings.mock
    try:
        if _MOCK not in config.stash:
            token = config.getoption("--segment-mock-admin-token") or os.environ.get("SEGMENT_MOCK_ADMIN_TOKEN")
            config.stash[_MOCK] = connect(str(url_of(config)), token)
        mock = config.stash[_MOCK]
        if not is_used:
            mock.prepare(**remote_settings)
    except (OSError, SettingError) as error:
        is_of_url = isinstance(error, OSError) or str(error).startswith("url: ")
        setup_error(f"{line_of(item)}: segment_mock: {error}{f' ({_source(config)[0]})' if is_of_url else ''}")
    return mock


def _source(config: pytest.Config) -> tuple[str, str]:
    """Return the name of the option, the variable or the ini key that has the URLs, and its text."""
    sources = {
        "--segment-mock-url": config.getoption("--segment-mock-url"),
        "SEGMENT_MOCK_URL": os.environ.get("SEGMENT_MOCK_URL"),
        "segment_mock_url": config.getini("segment_mock_url"),
    }
    return next(((name, text) for name, text in sources.items() if text), ("--segment-mock-url", ""))


def _urls(config: pytest.Config) -> list[str]:
    text = _source(config)[1]
    # A URL that is given twice is one server, which two workers can't share.
    return [*dict.fromkeys(url.strip().rstrip("/") for url in text.split(",") if url.strip())]


def _check(config: pytest.Config) -> None:
    from segment_mock import SettingError
    from segment_mock.control_client import ControlClient

    for url in _urls(config):
        try:
            ControlClient(url)
        except SettingError as error:
            raise pytest.UsageError(f"{_source(config)[0]}: {str(error).removeprefix('url: ')}") from None
