"""Every block of the README, and every curl command of the page on servers, is run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from segment_mock import SegmentMock
from segment_mock.conform import differences

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the language and the text of each code block of *page*."""
    return re.findall(r"^```([\w ]+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


BLOCKS, SERVER = blocks(ROOT / "README.md"), blocks(DOCS / "how-to" / "running-a-server.md")
PYTHON = [text for language, text in BLOCKS if language == "python"]
CURLS = [
    (text, SERVER[index + 1][1])
    for index, (language, text) in enumerate(SERVER)
    if language == "sh" and text.startswith("curl")
]


def test_tests_of_the_readme_pass(pytester: pytest.Pytester) -> None:
    """The tests run in an empty project."""
    tests = [text for text in PYTHON if "def test_" in text]
    pytester.makepyfile(**{f"test_block_{number}": text for number, text in enumerate(tests)})

    pytester.runpytest().assert_outcomes(passed=len(tests))


def test_the_failing_test_and_its_report_are_also_on_the_page_on_testing() -> None:
    """The test of that page runs them."""
    printed = [text for language, text in BLOCKS if language in ("python red", "text")][:2]
    run = [text for _, text in blocks(DOCS / "how-to" / "pytest.md")]

    assert len(printed) == 2
    assert all(text in run for text in printed)


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
@pytest.mark.parametrize(("command", "printed"), CURLS)
def test_curl_commands_return_the_printed_members(command: str, printed: str) -> None:
    """The server has the demo data."""
    with SegmentMock(data="demo") as mock:
        script = command.replace("http://127.0.0.1:7357", mock.serve().url)
        result = subprocess.run(["bash", "-ec", script.replace("curl", "curl -s")], capture_output=True, check=True)

    assert [] == list(differences(json.loads(printed), json.loads(result.stdout)))


def test_the_commands_of_the_readme_exist() -> None:
    """The port in the README is the default port."""
    commands = next(text for language, text in BLOCKS if language == "sh" and "dev.py" in text)
    words = re.findall(r"python3 dev\.py (\w+)", commands)
    usage = subprocess.run(["python3", ROOT / "dev.py", "--help"], capture_output=True, text=True, check=True).stdout

    assert ["serve", "test"] == words
    assert all(f"  {word} " in usage for word in words)
    assert "http://127.0.0.1:7357" in commands
