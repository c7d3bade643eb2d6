"""docs/testing.md: what it says is printed is printed."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment_mock.cli import main
from tests.plugin.suite import IMPORTED, RUN

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python red|python strict|python sweep|text)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TEXTS = [text for kind, text in BLOCKS if kind == "text"]


def told(kind: str, holding: str) -> str:
    return next(text for found, text in BLOCKS if found == kind and holding in text)


def holds(printed: str, shown: str) -> bool:
    """Tell whether each line of *shown*, in which ``...`` stands for anything, is printed, in that order."""
    lines = iter(printed.splitlines())
    patterns = [line.replace("[", "[[]").replace("...", "*") for line in shown.splitlines() if line != "..."]
    return all(any(fnmatchcase(line, pattern) for line in lines) for pattern in patterns)


def test_a_check_of_what_is_shown_can_fail() -> None:
    """A line that is not printed, or out of order, is noticed."""
    assert holds("a\nb [1]\nc", "a\nb [...]")
    assert not holds("a\nb", "b\na")
    assert not holds("a", "a\nc")


def test_the_red_test_prints_what_the_story_reads(pytester: pytest.Pytester) -> None:
    """Traceback, report and replay are those of the page."""
    assert IMPORTED
    pytester.makepyfile(test_lost=told("python red", "def push"))

    printed = pytester.runpytest(*RUN, "--basetemp=tmp").stdout.str()

    assert holds(printed, told("text", "VALIDATION_ERROR"))
    (capsule,) = Path("tmp/segment-mock").glob("*.json")
    again = CliRunner().invoke(main, ["replay", str(capsule)])
    assert (0, told("text", "same")) == (again.exit_code, again.output)


@pytest.mark.parametrize(
    ("name", "kind", "holding", "shown"),
    [
        ("test_outage", "python strict", "def test_an_outage", "armed by test_outage"),
        ("test_people", "python sweep", "def test_the_people_arrive", "passed 4"),
    ],
)
def test_strictness_and_sweep_print_what_is_shown(
    pytester: pytest.Pytester, name: str, kind: str, holding: str, shown: str
) -> None:
    """The printed lines of both sections are on the page."""
    pytester.makepyfile(**{name: told(kind, holding)})

    assert holds(pytester.runpytest(*RUN).stdout.str(), told("text", shown))
