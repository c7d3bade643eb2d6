"""The prose check reports what its rules forbid, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prose.check import Finding, findings, texts

LONG = " ".join(["word"] * 31)


def rules_broken(tmp_path: Path, name: str, content: str) -> list[str]:
    file = tmp_path / name
    file.write_text(content)
    broken: list[Finding] = [finding for text in texts(file) for finding in findings(text)]
    return [f"{finding.text.line} {finding.rule}" for finding in broken]


@pytest.mark.parametrize(
    ("name", "content", "broken"),
    [
        ("page.md", "# Page\n\n'x' that is none.\n", ["3 withdrawn"]),
        ("page.md", "| a | b |\n| --- | --- |\n| bad weather | 2 |\n", ["3 withdrawn"]),
        ("page.md", f"{LONG}.\n", ["1 long"]),
        ("page.md", "```sh\necho bad weather\n```\n\nUse `bad weather` as a name.\n", []),
        (
            "page.md",
            "The file is opened and it is not closed and the data is sorted and then printed.\n",
            ["1 passive"],
        ),
        ("module.py", '"""A fault of ours."""\n', ["1 withdrawn"]),
        ("module.py", "LIMIT = 3\n'''As many as nobody reads.'''\n", ["2 withdrawn"]),
        ("module.py", "# first line,\n# bad weather\nx = 1\n", ["1 withdrawn"]),
        ("module.py", "def f(told):\n    found = 1\n    return found\n", ["1 name", "2 name"]),
        ("module.py", "raise ValueError('host lets others in')\n", ["1 withdrawn"]),
        ("module.py", '"""Return the records of an index."""\nfounder = 1\n', []),
    ],
)
def test_broken_rules(tmp_path: Path, name: str, content: str, broken: list[str]) -> None:
    assert rules_broken(tmp_path, name, content) == broken
