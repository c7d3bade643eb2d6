"""Commands of the page on security print the errors that the page shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (.+)\n(.+)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("command", "last_line"), COMMANDS)
def test_commands_print_the_errors_of_the_page(command: str, last_line: str, tmp_path: Path) -> None:
    """Each command exits with 2, and its last line of output is the line below it on the page."""
    script = command.replace("segment-mock", f"{sys.executable} -m segment_mock")
    result = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)

    assert (2, last_line) == (result.returncode, result.stderr.strip().splitlines()[-1])
