"""``segment_mock_guard``: during the whole run, refuse calls to the vendors' hosts that no mock intercepts."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from segment_mock.transports.inprocess.registry import Route

_ROUTE: pytest.StashKey[Route] = pytest.StashKey()
_PROXY: pytest.StashKey[dict[str, str | None]] = pytest.StashKey()
_IS_UNDER_EXEC: pytest.StashKey[bool] = pytest.StashKey()
_REASON = (
    "no mock is in force here, and segment_mock_guard refuses the vendors' hosts; "
    "use the fixture segment_mock, or mock.intercept()"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini key."""
    about = "Refuse calls to the vendors' hosts from the start of the run, unless a segment_mock is in force."
    parser.addini("segment_mock_guard", about, type="bool", default=False)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start the guard before the first conftest is imported."""
    _start(early_config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the guard if the plugin was loaded too late to do it earlier."""
    config.stash[_IS_UNDER_EXEC] = _is_under_exec()
    _start(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the guard."""
    if _ROUTE in config.stash:
        from segment_mock.transports.inprocess.registry import REGISTRY

        REGISTRY.remove(config.stash[_ROUTE])
        for name, value in config.stash[_PROXY].items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        del config.stash[_ROUTE]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Put back patches that another library has removed, and forget the calls from threads of earlier tests.

    Patches that are in force before a test are those of the guard, and of mocks of wider scopes.
    """
    module = sys.modules.get("segment_mock.transports.inprocess.registry")  # if it is not imported, nothing is patched
    if module is None:
        return
    registry = module.REGISTRY
    if registry.routes:
        registry.reapply()
    if registry.calls_of_older_threads:
        registry.calls_of_older_threads = {}


def refused_calls() -> list[Any]:
    """Return the calls of this process that the guard or ``block_network`` refused so far."""
    module = sys.modules.get("segment_mock.refused")  # if it is not imported, no call was refused
    return module.calls if module else []


def hanging_calls() -> list[str]:
    """Return the messages of the calls of this process that would have hung without end so far."""
    module = sys.modules.get("segment_mock.refused")
    return module.hanging_calls if module else []


def hosts_refused_by_exec(config: pytest.Config) -> dict[str, int]:
    """Return how often the proxy of ``segment-mock exec``, if it runs these tests, refused each host so far."""
    if not config.stash[_IS_UNDER_EXEC]:
        return {}
    import json
    from urllib.request import ProxyHandler, Request, build_opener

    from segment_mock.messages import header_value

    token = os.environ.get("SEGMENT_MOCK_ADMIN_TOKEN")
    headers = {"Authorization": f"Bearer {header_value(token)}"} if token else {}
    request = Request(f"{os.environ['SEGMENT_MOCK_URL']}/_mock/refused", headers=headers)  # noqa: S310 - exec's own
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=5) as response:
            hosts: dict[str, int] = json.load(response)["hosts"]
    except (OSError, ValueError, KeyError):
        return {}
    return hosts


def is_up(config: pytest.Config) -> bool:
    """Return whether the guard of this run is in force."""
    return _ROUTE in config.stash


def is_by_guard(call: Any) -> bool:
    """Return whether the guard refused *call*."""
    return bool(call.why == _REASON)


def _is_wanted(config: pytest.Config) -> bool:
    try:
        return bool(config.getini("segment_mock_guard"))
    except (ValueError, pytest.UsageError) as error:  # pytest names the value, but not the key
        raise pytest.UsageError(f"segment_mock_guard (ini file): {error}; expected true or false") from None


def _start(config: pytest.Config) -> None:
    if _ROUTE in config.stash or not _is_wanted(config) or _is_under_exec():
        return
    from segment_mock.transports.inprocess.registry import LOOKUP, REGISTRY, Route

    config.stash[_ROUTE] = Route(_owns, _REASON, modules=LOOKUP, thread=None)
    REGISTRY.add(config.stash[_ROUTE])
    proxied = any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in os.environ)
    config.stash[_PROXY] = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY") if proxied}
    for name, value in config.stash[_PROXY].items():  # a proxy would look up the vendors' names outside the guard
        hosts = [host.removeprefix("*") for host in _hosts()]
        os.environ[name] = ",".join([value, *hosts] if value else hosts)


def _is_under_exec() -> bool:
    """Return whether ``segment-mock exec`` runs these tests; its proxy refuses all other hosts."""
    url = os.environ.get("SEGMENT_MOCK_URL")
    return bool(url) and os.environ.get("HTTPS_PROXY") == url


def _owns(host: str) -> bool:
    from segment_mock.hosts import matches

    return any(matches(host, pattern) for pattern in _hosts())


@cache
def _hosts() -> tuple[str, ...]:
    from segment_mock.vendors import find_vendors  # imported when a host is first called

    return tuple(host for vendor in find_vendors() for host in vendor.hosts)
