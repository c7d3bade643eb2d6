"""Every block of the README is run."""

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
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
PYTHON = [text for language, text in BLOCKS if language == "python"]
CURLS = [
    (text, BLOCKS[index + 1][1])
    for index, (language, text) in enumerate(BLOCKS)
    if language == "sh" and text.startswith("curl")
]


def test_tests_of_the_readme_pass(pytester: pytest.Pytester) -> None:
    """The test functions it shows are green in an empty project."""
    tests = [text for text in PYTHON if "def test_" in text]
    pytester.makepyfile(**{f"test_block_{number}": text for number, text in enumerate(tests)})

    pytester.runpytest().assert_outcomes(passed=len(tests))


@pytest.mark.parametrize("text", [text for text in PYTHON if "def test_" not in text])
def test_scripts_of_the_readme_run(text: str) -> None:
    """The scripts it shows run, and what they assert holds."""
    exec(compile(text, "README.md", "exec"), {})


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
@pytest.mark.parametrize(("command", "printed"), CURLS)
def test_curls_of_the_readme_answer_as_printed(command: str, printed: str) -> None:
    """Each curl, sent to the demo world, gets every member that is printed below it."""
    with SegmentMock(data="demo") as mock:
        script = command.replace("http://127.0.0.1:7357", mock.serve().url)
        done = subprocess.run(["bash", "-ec", script.replace("curl", "curl -s")], capture_output=True, check=True)

    assert [] == list(differences(json.loads(printed), json.loads(done.stdout)))


def test_its_two_commands_are_there() -> None:
    """The commands it promises exist in the script it names, and the served port is the default one."""
    commands = next(text for language, text in BLOCKS if language == "sh")
    words = re.findall(r"python3 dev\.py (\w+)", commands)
    told = subprocess.run(["python3", ROOT / "dev.py"], capture_output=True, text=True, check=False).stderr

    assert ["serve", "test"] == words
    assert all(f"  {word} " in told for word in words)
    assert "http://127.0.0.1:7357" in commands
