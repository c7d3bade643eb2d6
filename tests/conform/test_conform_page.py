"""The commands of docs/how-to/contract-tests.md run as written."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from segment_mock import SegmentMock
from segment_mock.conform import differences
from tests.conform.targets import TOKEN, run

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "contract-tests.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [shlex.split(text.splitlines()[-1])[2:] for language, text in BLOCKS if language == "sh"]
HERE = "http://127.0.0.1:7357"


def test_the_first_command_prints_the_lines_of_the_page() -> None:
    """Against the demo data, except for the number of examples."""
    with SegmentMock(data="demo") as mock:
        url = mock.serve().url
        result = run(url, *COMMANDS[0][2:])

    assert HERE == COMMANDS[0][1]
    assert lines_of(BLOCKS[1][1]) <= lines_of(result.stdout.replace(url, HERE))


def lines_of(text: str) -> set[str]:
    """Return the lines of *text*, without the number of examples that passed."""
    return {*re.sub(r"^\d+ passed", "N passed", text, flags=re.MULTILINE).splitlines()}


def test_the_sandbox_command_passes(sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves nothing behind in the sandbox."""
    monkeypatch.chdir(tmp_path)
    target = sandbox()
    before = target.state()
    result = run(target.url, *COMMANDS[1][2:], "--only", "salsa/upsert*", env={"SEGMENT_MOCK_SALSA_TOKEN": TOKEN})

    assert 0 == result.exit_code, result.output
    assert (tmp_path / "conform.xml").is_file()
    assert before == target.state()


def test_the_json_has_every_member_of_the_page() -> None:
    printed = next(text for language, text in BLOCKS if language == "json")
    with SegmentMock() as mock:
        url = mock.serve().url
        result = run(url, *COMMANDS[2][2:])

    assert [] == list(differences(json.loads(printed), json.loads(result.stdout.replace(url, HERE))))
