"""The page on security says what is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (.+)\n(.+)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("command", "printed"), COMMANDS)
def test_commands_print_what_is_shown(command: str, printed: str, tmp_path: Path) -> None:
    """Each command of the page is refused with exit code 2, and the line below it is the last that it prints."""
    script = command.replace("segment-mock", f"{sys.executable} -m segment_mock")
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)

    assert (2, printed) == (done.returncode, done.stderr.strip().splitlines()[-1])
