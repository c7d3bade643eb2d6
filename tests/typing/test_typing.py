"""mypy --strict and pyright accept correct use, and report misspelt settings, faults, conditions and names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import segment_mock
from segment_mock import faults
from segment_mock.core.call import all_options
from segment_mock.faults import WHEN, kinds
from segment_mock.mock_settings import MockSettings
from segment_mock.vendors import find_vendors

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REFUSED = {
    number
    for number, line in enumerate((HERE / "refused.py").read_text(encoding="utf-8").splitlines(), 1)
    if line.endswith("# error")
}
PYRIGHT = shutil.which("pyright") or shutil.which("basedpyright")


def mypy_errors(file: str) -> set[int]:
    """Return the numbers of the lines in which mypy reports an error."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(HERE / file)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "" == printed.stderr
    return {int(line) for line in re.findall(rf"{file}:(\d+): error", printed.stdout)}


def pyright_errors(file: str) -> set[int]:
    """Return the numbers of the lines in which pyright reports an error."""
    command = [str(PYRIGHT), "--outputjson", "--pythonpath", sys.executable, "--project", str(HERE), str(HERE / file)]
    printed = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    report = json.loads(printed.stdout)
    rows = [row for row in report["generalDiagnostics"] if row["severity"] == "error" and row["file"].endswith(file)]
    return {row["range"]["start"]["line"] + 1 for row in rows}


@pytest.mark.skipif(find_spec("mypy") is None, reason="no mypy in this environment")
def test_mypy_reports_exactly_the_expected_lines() -> None:
    assert set() == mypy_errors("accepted.py")
    assert mypy_errors("refused.py") == REFUSED


@pytest.mark.skipif(PYRIGHT is None, reason="no pyright on this machine")
def test_pyright_reports_exactly_the_expected_lines() -> None:
    assert set() == pyright_errors("accepted.py")
    assert pyright_errors("refused.py") == REFUSED


def test_type_annotations_list_every_setting_fault_and_condition() -> None:
    options = {option.name for option in all_options(find_vendors())}
    text = Path(faults.__file__).read_text(encoding="utf-8")
    lines = [f"from .{name} import {kind.__name__} as {kind.__name__}" for name, kind in kinds().items()]

    assert set() == options ^ MockSettings.__annotations__.keys(), "write each setting in mock_settings.py"
    assert {kind.__name__ for kind in kinds().values()} <= set(dir(faults))
    assert [] == [line for line in lines if line not in text], "add these lines to faults/__init__.py"
    assert {option.name.replace("from", "from_") for option in WHEN} == faults.Conditions.__annotations__.keys()


def test_dir_lists_only_public_names() -> None:
    assert sorted(segment_mock.__all__) == dir(segment_mock)
    assert all(getattr(segment_mock, name) is not None for name in dir(segment_mock))
    with segment_mock.SegmentMock() as mock:
        assert {"salsa", "segmenter", "faults", "journal", "stub"} <= set(dir(mock))
        assert not [name for name in dir(mock) if name.startswith("_")]
