"""docs/how-to/pytest.md: each shown output is printed."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment_mock.cli import main
from tests.plugin.suite import IMPORTED, RUN

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "pytest.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python red|python strict|python sweep|text)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TEXTS = [text for kind, text in BLOCKS if kind == "text"]


def block(kind: str, holding: str) -> str:
    return next(text for language, text in BLOCKS if language == kind and holding in text)


def holds(printed: str, expected: str) -> bool:
    """Return whether each line of *expected*, in which ``...`` stands for anything, is printed, in that order."""
    lines = iter(printed.splitlines())
    patterns = [line.replace("[", "[[]").replace("...", "*") for line in expected.splitlines() if line != "..."]
    return all(any(fnmatchcase(line, pattern) for line in lines) for pattern in patterns)


def test_a_check_of_what_is_shown_can_fail() -> None:
    """A line that is not printed, or out of order, is noticed."""
    assert holds("a\nb [1]\nc", "a\nb [...]")
    assert not holds("a\nb", "b\na")
    assert not holds("a", "a\nc")


def test_the_red_test_prints_what_the_story_reads(pytester: pytest.Pytester) -> None:
    """Traceback, report and replay are those of the page."""
    assert IMPORTED
    pytester.makepyfile(test_lost=block("python red", "def push"))

    printed = pytester.runpytest(*RUN, "--basetemp=tmp").stdout.str()

    assert holds(printed, block("text", "VALIDATION_ERROR"))
    (capsule,) = Path("tmp/segment-mock").glob("*.json")
    again = CliRunner().invoke(main, ["replay", str(capsule)])
    assert (0, block("text", "same")) == (again.exit_code, again.output)


@pytest.mark.parametrize(
    ("name", "kind", "holding", "expected"),
    [
        ("test_outage", "python strict", "def test_an_outage", "armed by test_outage"),
        ("test_people", "python sweep", "def test_the_people_arrive", "passed 4"),
    ],
)
def test_strictness_and_sweep_print_what_is_shown(
    pytester: pytest.Pytester, name: str, kind: str, holding: str, expected: str
) -> None:
    """The printed lines of both sections are on the page."""
    pytester.makepyfile(**{name: block(kind, holding)})

    assert holds(pytester.runpytest(*RUN).stdout.str(), block("text", expected))
