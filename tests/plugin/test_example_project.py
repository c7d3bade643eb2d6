"""The example project: its tests pass, and each of five planted bugs is reported as the project's README shows."""

from __future__ import annotations

import re
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.plugin.suite import IMPORTED, RUN

PROJECT = Path(__file__).parents[2] / "examples" / "nightly_sync"
README = (PROJECT / "README.md").read_text(encoding="utf-8")
OUTPUTS = re.findall(r"^```text\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
BUGS = [
    ("", "", {"passed": 53}),
    ("    if find(group, token):\n        return\n", "", {"passed": 45, "failed": 8}),
    ('"email": mail', '"mail": mail', {"passed": 53}),
    ('"/metrics"', '"/metric"', {"passed": 52, "failed": 1}),
    ("    segment = find(group, token)\n", "    segment = None\n", {"passed": 36, "failed": 1}),
    ("    groups = {}\n", '    groups = {}\n    calls_left("any")\n', {"passed": 52, "failed": 1}),
]


@pytest.mark.parametrize(("before", "after", "outcomes"), BUGS)
def test_each_planted_bug_is_reported_by_default(
    pytester: pytest.Pytester, before: str, after: str, outcomes: dict[str, int]
) -> None:
    """The run prints the lines of the README's example in their order; ``...`` matches any text."""
    assert IMPORTED
    for file in (*PROJECT.glob("*.py"), PROJECT / "pytest.ini"):
        shutil.copy(file, pytester.path)
    source = (pytester.path / "sync.py").read_text()
    assert before in source
    (pytester.path / "sync.py").write_text(source.replace(before, after, 1))

    result = pytester.runpytest(*RUN, "-W", "default")

    result.assert_outcomes(**outcomes)
    lines = iter(result.stdout.lines)
    for line in OUTPUTS[BUGS.index((before, after, outcomes))].splitlines():
        pattern = line.replace("[", "[[]").replace("...", "*")
        assert any(fnmatchcase(output_line, pattern) for output_line in lines), line
