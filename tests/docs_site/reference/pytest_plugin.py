"""The page of the pytest plugin, with fixtures, markers, options and ini keys that are read from the plugin."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest.mock import MagicMock

import pytest_segment_mock
from pytest_segment_mock import fixtures, guard, report, settings, strict, sweep
from tests.docs_site.reference.markdown import block, code, page, prose, table

PARTS = (settings, strict, report, sweep, guard, fixtures)
_INTRO = """\
The plugin comes with the extra `pytest` of segment-mock and needs no line in `conftest.py`. [Testing with
pytest](../how-to/pytest.md) shows how its parts are used.
"""
_KEYS = {
    "block_network": "refuse the calls of this test to every host but the vendors'",
    "children": "start a live server first, so that child processes reach the mock too",
    "sleep": "`time.sleep` and `asyncio.sleep` move the mock's clock ([Virtual time](../explanation/virtual-time.md))",
    "strict": "what fails the test although it passed, see the ini key `segment_mock_strict`",
    "transport": "how calls travel: `inprocess`, `live` or `tls`",
}
_SWEEP = {
    "faults": "kinds, dicts and `Fault` objects to strike with, each at each call",
    "operations": "glob of the operations that are struck, `*` for all",
    "limit": "how many runs a sweep may have at most",
}


class Declaration(NamedTuple):
    """An option or an ini key that a part of the plugin declares."""

    name: str
    about: str
    takes: str = ""
    default: str = ""


class Recorder:
    """Stands in for pytest's parser and records the options and ini keys that the plugin declares."""

    def __init__(self) -> None:
        self.options: list[Declaration] = []
        self.keys: list[Declaration] = []
        for part in PARTS:
            if hasattr(part, "pytest_addoption"):
                part.pytest_addoption(self)  # type: ignore[arg-type]

    def getgroup(self, name: str) -> Recorder:
        """Return this object, so that it also records the options of a group."""
        return self

    def addoption(self, name: str, **words: Any) -> None:
        """Record an option."""
        self.options.append(Declaration(name, words["help"], words["metavar"]))

    def addini(self, name: str, about: str, **words: Any) -> None:
        """Record an ini key."""
        takes, default = {"bool": "true or false"}.get(words.get("type", ""), "text"), words.get("default")
        self.keys.append(Declaration(name, about, takes, "" if default is None else code(str(default).lower())))


class Fixture(NamedTuple):
    """A public fixture of the plugin."""

    name: str
    scope: str
    function: Any

    @property
    def result(self) -> str:
        """The type of the fixture's value."""
        hint = str(self.function.__annotations__.get("return", ""))
        return re.sub(r"^Iterator\[(.*)\]$", r"\1", hint)


def declared_fixtures() -> Iterator[Fixture]:
    """Yield the public fixtures of each part, in order."""
    for part in PARTS:
        for name, value in vars(part).items():
            marker = getattr(value, "_fixture_function_marker", None) or getattr(value, "_pytestfixturefunction", None)
            if marker is None or name.startswith("_"):
                continue
            function = getattr(value, "_fixture_function", None) or inspect.unwrap(value)
            yield Fixture(marker.name or name, str(marker.scope), function)


def declared_markers() -> list[tuple[str, str]]:
    """Return the signature and the description of each marker that the plugin registers."""
    config = MagicMock(getoption=lambda name: None, getini=lambda name: None)
    settings.pytest_configure(config)
    lines = [call.args[1] for call in config.addinivalue_line.call_args_list]
    return [(signature, about) for signature, _, about in (line.partition(": ") for line in lines)]


def pytest_page() -> str:
    """Return the page as Markdown."""
    recorder = Recorder()
    fixture_rows = [
        part
        for fixture in declared_fixtures()
        for part in (
            f"### `{fixture.name}`",
            f"Scope: {fixture.scope}. Gives: `{fixture.result}`.",
            prose(fixture.function.__doc__),
        )
    ]
    marked = [
        part
        for signature, about in declared_markers()
        for part in (
            f"### `@pytest.mark.{signature.partition('(')[0]}`",
            block(f"@pytest.mark.{signature}"),
            _sentence(about),
        )
    ]
    sweep_at = next(i for i, part in enumerate(marked) if part == f"### `@pytest.mark.{settings.SWEEP}`")
    keys = table(("keyword", "description"), [(code(name), about) for name, about in _KEYS.items()])
    marked[sweep_at:sweep_at] = [
        "Keywords are every [setting](settings.md) of `SegmentMock`, and these of the plugin itself:",
        keys,
    ]
    marked.append(table(("keyword", "description"), [(code(name), about) for name, about in _SWEEP.items()]))
    options = [(f"`{row.name}={row.takes}`", prose(row.about)) for row in recorder.options]
    ini = [(code(row.name), row.takes, row.default, prose(row.about)) for row in recorder.keys]
    names = [
        (code(name), _first(getattr(pytest_segment_mock, name).__doc__)) for name in sorted(pytest_segment_mock.__all__)
    ]
    return page(
        "pytest",
        _INTRO,
        "## Fixtures",
        *fixture_rows,
        "## Markers",
        *marked,
        "## Options",
        table(("option", "description"), options),
        "## Ini keys",
        table(("key", "takes", "default", "description"), ini),
        "## Names of `pytest_segment_mock`",
        "For annotations and for `filterwarnings`.",
        table(("name", "description"), names),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _first(text: str | None) -> str:
    return prose(text).partition("\n")[0]
