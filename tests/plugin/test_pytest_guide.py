"""docs/how-to/pytest.md: the examples print the output that the page shows."""

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
OUTPUTS = [text for kind, text in BLOCKS if kind == "text"]


def block(kind: str, words: str) -> str:
    """Return the first code block of *kind* on the page that contains *words*."""
    return next(text for language, text in BLOCKS if language == kind and words in text)


def has_lines(output: str, expected: str) -> bool:
    """Return whether *output* has the lines of *expected* in their order; ``...`` matches any text."""
    lines = iter(output.splitlines())
    patterns = [line.replace("[", "[[]").replace("...", "*") for line in expected.splitlines() if line != "..."]
    return all(any(fnmatchcase(line, pattern) for line in lines) for pattern in patterns)


def test_has_lines_notices_missing_and_misplaced_lines() -> None:
    assert has_lines("a\nb [1]\nc", "a\nb [...]")
    assert not has_lines("a\nb", "b\na")
    assert not has_lines("a", "a\nc")


def test_the_failing_example_prints_the_report_of_the_page(pytester: pytest.Pytester) -> None:
    """This includes the output of ``segment-mock replay``."""
    assert IMPORTED
    pytester.makepyfile(test_lost=block("python red", "def push"))

    output = pytester.runpytest(*RUN, "--basetemp=tmp").stdout.str()

    assert has_lines(output, block("text", "VALIDATION_ERROR"))
    (capsule,) = Path("tmp/segment-mock").glob("*.json")
    replay = CliRunner().invoke(main, ["replay", str(capsule)])
    assert (0, block("text", "same")) == (replay.exit_code, replay.output)


@pytest.mark.parametrize(
    ("name", "kind", "words", "expected"),
    [
        ("test_outage", "python strict", "def test_an_outage", "armed by test_outage"),
        ("test_people", "python sweep", "def test_the_people_arrive", "passed 4"),
    ],
)
def test_strict_and_sweep_examples_print_the_output_of_the_page(
    pytester: pytest.Pytester, name: str, kind: str, words: str, expected: str
) -> None:
    pytester.makepyfile(**{name: block(kind, words)})

    assert has_lines(pytester.runpytest(*RUN).stdout.str(), block("text", expected))
