"""Fixtures and settings for all tests."""

from __future__ import annotations

import gc
import logging
import signal
from collections.abc import Iterator
from functools import partialmethod
from inspect import signature

import pytest
import trustme  # noqa: F401 - a nested run removes its imports, and C extensions can't be imported twice
import yaml  # noqa: F401
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]
collect_ignore = ["wheel_smoke"]  # tests of the built wheel
# Independent of the speed of the machine.
settings.register_profile("untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs the tests in the background passes this on to them, and so to the programs that they interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


if "mix_stderr" in signature(CliRunner).parameters:  # click before 8.2: use the default of later versions
    CliRunner.__init__ = partialmethod(CliRunner.__init__, mix_stderr=False)  # type: ignore[assignment, method-assign]
    Result.output = property(lambda result: result.stdout + result.stderr)  # type: ignore[assignment, method-assign]


@pytest.fixture(autouse=True)
def _logger() -> Iterator[None]:
    """Restore the handlers of the log after each test, as commands that run in this process replace them."""
    logger = logging.getLogger("segment_mock")
    handlers, propagate = logger.handlers, logger.propagate
    yield
    logger.handlers, logger.propagate = handlers, propagate


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Disable garbage collection during a test with deep nesting.

    Before Python 3.12, a collection can begin within a parser, where finalizers find no room on the stack.
    """
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session")
def _clients() -> None:
    """Import client libraries, and our modules for them, before a nested run.

    Such a run removes its imports. Our modules that stay would patch another copy of a library than the next run uses.
    """
    from importlib import import_module

    from segment_mock import SegmentMock

    for name in ("aiohttp", "httpx", "requests"):
        import_module(name)
    with SegmentMock() as mock, mock.intercept():
        pass


@pytest.fixture
def pytester(_clients: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Run nested test suites with our plugin only, whatever other plugins are installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_segment_mock -W 'ignore:Module already imported'")
    return pytester
