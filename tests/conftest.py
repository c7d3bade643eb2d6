"""What all tests share."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from functools import partialmethod
from inspect import signature

import pytest
import trustme  # noqa: F401 - a run within a test forgets its imports, and the C code of these can not be imported twice
import yaml  # noqa: F401
from click.testing import CliRunner, Result
from hypothesis import settings

pytest_plugins = ["pytester"]
collect_ignore = ["wheel_smoke"]  # runs against the built wheel
settings.register_profile("untimed", settings.default, deadline=None)  # no test depends on the speed of the machine
settings.load_profile("untimed")


if "mix_stderr" in signature(CliRunner).parameters:  # click before 8.2: as later versions have it by default
    CliRunner.__init__ = partialmethod(CliRunner.__init__, mix_stderr=False)  # type: ignore[assignment, method-assign]
    Result.output = property(lambda result: result.stdout + result.stderr)  # type: ignore[assignment, method-assign]


@pytest.fixture(autouse=True)
def _logger() -> Iterator[None]:
    """Undo what a command that ran in this process set for its log: caplog would see nothing."""
    logger = logging.getLogger("segment_mock")
    handlers, propagate = logger.handlers, logger.propagate
    yield
    logger.handlers, logger.propagate = handlers, propagate


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Collect no garbage during a test of deep nesting.

    Before Python 3.12, one can begin within a parser, where finalizers of other tests have no room on the stack.
    """
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Runs suites elsewhere, with our plugin and no other that happens to be installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_segment_mock -W 'ignore:Module already imported'")
    return pytester
