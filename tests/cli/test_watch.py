"""``serve --watch``, and `SegmentMock.reload`, which it calls."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from segment_mock import SegmentMock, SettingError
from segment_mock.cli.serve import FileWatch
from tests.waiting import count_calls


def names(mock: SegmentMock) -> list[str]:
    """Return the names of all Salsa groups."""
    return [group["name"] for group in mock.salsa.segments]


def test_reload_gives_the_same_state_as_a_new_mock(tmp_path: Path) -> None:
    data, faults, stubs = tmp_path / "data.json", tmp_path / "faults.yaml", tmp_path / "stubs.yaml"
    data.write_text('{"salsa": {"segments": [{"name": "A"}]}}')
    faults.write_text("[hang]")
    stubs.write_text("[{method: GET, path: /a}]")
    settings = {"data": [str(data), "demo"], "faults": str(faults), "stubs": str(stubs)}
    with SegmentMock(**settings) as mock:
        mock.salsa.add_segment("C")
        mock.clock.freeze("2026-01-01")
        data.write_text('{"salsa": {"segments": [{"name": "B"}]}}')
        faults.write_text("[error, hang]")
        stubs.write_text("[{method: GET, path: /b}]")
        mock.reload()
        with SegmentMock(**settings) as fresh:
            assert fresh.state() == mock.state()

        assert "B" == names(mock)[0]
        assert ["error", "hang"] == [rule.kind for rule in mock.faults]
        assert ["/b"] == [stub.path for stub in mock.stubs]
        assert not mock.clock.frozen
        mock.reset()
        assert "B" == names(mock)[0]


@pytest.mark.parametrize(("file", "text"), [("data.json", "{"), ("faults.json", '["error", "hnag"]')])
def test_reload_applies_all_files_or_none(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / "data.json").write_text('{"salsa": {"segments": [{"name": "A"}]}}')
    (tmp_path / "faults.json").write_text('["hang"]')
    with SegmentMock(data=str(tmp_path / "data.json"), faults=str(tmp_path / "faults.json")) as mock:
        mock.salsa.add_segment("C")
        (tmp_path / "data.json").write_text('{"salsa": {"segments": [{"name": "B"}]}}')
        (tmp_path / file).write_text(text)
        with pytest.raises(SettingError, match=rf"{file}: "):
            mock.reload()

        assert ["A", "C"] == names(mock)
        assert ["hang"] == [rule.kind for rule in mock.faults]


def test_watch_reloads_a_changed_file_and_logs_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "data.json"
    file.write_text('{"salsa": {"segments": [{"name": "A"}]}}')

    lines, reloads = count_calls(monkeypatch, caplog.handler, "emit"), count_calls(monkeypatch, SegmentMock, "reload")

    def wait_for(sentence: str) -> None:
        lines.wait_until(lambda: sentence in caplog.text)

    with caplog.at_level(logging.WARNING, "segment_mock"), SegmentMock(data=str(file)) as mock, FileWatch(mock, [file]):
        file.write_text("{ this is no JSON")
        wait_for("nothing was reloaded")
        assert ["A"] == names(mock)
        file.write_text(json.dumps({"salsa": {"segments": [{"name": "Another"}]}}))
        wait_for("changed: reloaded")
        assert ["Another"] == names(mock)
        file.unlink()
        wait_for("data.json can't be found; no file is reloaded until it is there again")
        file.write_text(json.dumps({"salsa": {"segments": [{"name": "Back"}]}}))
        reloads.wait_until(lambda: names(mock) == ["Back"])
