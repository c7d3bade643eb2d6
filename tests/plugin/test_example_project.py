"""The example project: its tests pass, and with the fault planted that it once had, its sweep finds it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.plugin.suite import IMPORTED, RUN

PROJECT = Path(__file__).parents[2] / "examples" / "nightly_sync"
SHOWN = re.findall(
    r"^```text\n(.*?)^```", (PROJECT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
MENDED = "    if find(group, token):\n        return\n"


@pytest.mark.parametrize(("planted", "passed", "shown"), [(False, 50, SHOWN[0]), (True, 42, SHOWN[1])])
def test_the_sweep_finds_the_planted_bug(pytester: pytest.Pytester, planted: bool, passed: int, shown: str) -> None:
    """It prints the tables that the README shows, the one without the lines that mended it and the one with them."""
    assert IMPORTED
    for file in PROJECT.glob("*.py"):
        shutil.copy(file, pytester.path)
    if planted:
        source = (pytester.path / "sync.py").read_text()
        assert MENDED in source
        (pytester.path / "sync.py").write_text(source.replace(MENDED, ""))

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(passed=passed, failed=50 - passed)
    assert shown in result.stdout.str()
