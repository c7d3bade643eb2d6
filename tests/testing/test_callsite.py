"""The line of the user's code that made a call."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from segment_mock import SegmentMock, callsite

PATH = "/api/integration/ext/v1/metrics"


def test_a_call_without_a_frame_of_the_user_has_no_line() -> None:
    """The thread runs a function of a library, without any code of the user."""
    with SegmentMock() as mock, mock.session() as session:
        client = threading.Thread(target=session.get, args=(PATH,), kwargs={"headers": {"authToken": "t"}})
        client.start()
        client.join()
        (entry,) = mock.journal

    assert ("", 200) == (entry.caller, entry.status)


def test_the_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files outside that directory have their absolute path."""
    code = "def call():\n    return caller()\n"
    places = []
    for place in (tmp_path / "here" / "sync.py", tmp_path / "there.py"):
        names = {"caller": callsite.caller}
        exec(compile(code, str(place), "exec"), names)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "here").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / "here")
        places.append(names["call"]())  # type: ignore[operator]

    assert ["sync.py:2", f"{tmp_path / 'there.py'}:2"] == places


def test_outside_pytest_there_is_no_running_test(monkeypatch: pytest.MonkeyPatch) -> None:
    assert callsite.running_test().endswith("::test_outside_pytest_there_is_no_running_test")
    monkeypatch.delenv("PYTEST_CURRENT_TEST")

    assert "" == callsite.running_test()
