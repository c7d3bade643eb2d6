"""Which line of the user's own code made a call."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from segment_mock import SegmentMock, callsite

PATH = "/api/integration/ext/v1/metrics"


def test_call_without_a_users_frame_has_no_line() -> None:
    """In a thread that runs a library's function from its first frame on there is no line to tell."""
    with SegmentMock() as mock, mock.session() as session:
        client = threading.Thread(target=session.get, args=(PATH,), kwargs={"headers": {"authToken": "t"}})
        client.start()
        client.join()
        (entry,) = mock.journal

    assert ("", 200) == (entry.caller, entry.status)


def test_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test run names files as its user does; others keep their whole path."""
    code = "def made():\n    return caller()\n"
    places = []
    for place in (tmp_path / "here" / "sync.py", tmp_path / "there.py"):
        names = {"caller": callsite.caller}
        exec(compile(code, str(place), "exec"), names)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "here").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / "here")
        places.append(names["made"]())  # type: ignore[operator]

    assert ["sync.py:2", f"{tmp_path / 'there.py'}:2"] == places


def test_no_test_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside pytest there is no test to name."""
    assert callsite.running_test().endswith("::test_no_test_runs")
    monkeypatch.delenv("PYTEST_CURRENT_TEST")

    assert "" == callsite.running_test()
