"""The markers: what they are, and that nobody gives them what they don't take."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import pytest

from ._strict import chosen
from ._sweep import LIMIT, MARKER
from ._sweep_case import cases

_OWN = ("block_network", "sleep", "strict", "transport")
"""Keywords of the marker that are the plugin's; all others are settings of SegmentMock."""
_SWEEP = ("faults", "operations", "limit")
_LINES = (
    "segment_mock(data=None, faults=None, seed=None, sleep=False, strict=None, ...): settings of this test's mock, any "
    "keyword of segment_mock.SegmentMock; with sleep=True time.sleep and asyncio.sleep move the mock's clock; strict "
    "says what fails the test: True, False, or some of faults, operations, credentials.",
    f"{MARKER}(faults=..., operations='*', limit={LIMIT}): run the test once clean, then once a call and fault.",
)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for line in _LINES:
        config.addinivalue_line("markers", line)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse to collect what has a marker with an argument that there is not."""
    report = yield
    nodes = report.result if report.passed else []
    seen = {id(mark): (item, mark) for item in nodes if isinstance(item, pytest.Item) for mark in item.iter_markers()}
    wrong = [f"{item.nodeid}: {told}" for item, mark in seen.values() if mark.name in _CHECKS for told in _wrong(mark)]
    if wrong:
        report.outcome, report.result, report.longrepr = "failed", [], "\n".join(wrong)
    return report


def _wrong(mark: pytest.Mark) -> Iterator[str]:
    if mark.args:
        yield f"{mark.name} takes keywords only, got {mark.args!r}: data=..., seed=..."
    else:
        yield from (f"{mark.name}: {told}" for told in _CHECKS[mark.name](mark.kwargs))


def _settings(told: Mapping[str, Any]) -> Iterator[str]:
    from segment_mock.core import all_options
    from segment_mock.vendors import find_vendors

    yield from _unknown(told, [*_OWN, *(option.name for option in all_options(find_vendors()))])
    try:
        chosen(told.get("strict"))
    except ValueError as error:
        yield f"strict: {error}"


def _swept(told: Mapping[str, Any]) -> Iterator[str]:
    from segment_mock import SettingError

    yield from _unknown(told, _SWEEP)
    try:
        cases(["any"], **{name: value for name, value in told.items() if name == "faults"})
    except SettingError as error:
        yield str(error)


def _unknown(told: Mapping[str, Any], names: Any) -> Iterator[str]:
    for name in told:
        if name not in names:
            near = get_close_matches(name, names, n=1, cutoff=0.5)
            yield f"{name}: no such setting" + (f" (did you mean {near[0]!r}?)" if near else f"; there are {[*names]}")


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {"segment_mock": _settings, MARKER: _swept}
