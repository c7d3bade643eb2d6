"""A store that fails while a mock uses it: calls get a 503, partial changes are undone, and the mock recovers."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, SettingError, create_app
from segment_mock.messages import Request, Response
from tests.lasting.test_opening import UPSERT, add_group, names, open_mock
from tests.persistence.engines import sqlite_url

HOST = "http://localhost"


@contextmanager
def no_space(mock: SegmentMock) -> Iterator[None]:
    """Prevent the store's SQLite file from growing within the ``with`` block."""
    store = mock._core._store  # type: ignore[attr-defined]
    writer: sqlite3.Connection = store._writer
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        writer.execute("PRAGMA max_page_count = 1000000")


def fill(mock: SegmentMock) -> None:
    """Create groups until the file has no free pages left and a call gets a 503."""
    for number in range(200):
        if add_group(mock, f"fills {number}").status_code == 503:
            return
    raise AssertionError("the file still has free pages after 200 groups")


def test_call_that_cannot_be_saved_gets_503_and_changes_nothing(tmp_path: Path) -> None:
    with open_mock(tmp_path) as mock, SegmentMock() as memory:
        for subject in (mock, memory):
            subject.clock.freeze("2026-01-01")
            add_group(subject, "before")
        with no_space(mock):
            fill(mock)
            refusal = add_group(mock, "refused")
            assert (refusal.status_code, refusal.headers["Content-Type"]) == (503, "application/problem+json")
            assert refusal.json()["title"] == "Store unavailable"
            assert "full" in refusal.json()["detail"]
            assert refusal.headers["X-Segment-Mock-Hint"].startswith("segment-mock: the store sqlite:///")
        with mock.session() as session:
            assert session.get(f"{HOST}/_mock/clock").status_code == 200
        for name in names(mock)[1:]:
            add_group(memory, name)
        first, second = (add_group(subject, "after") for subject in (mock, memory))
        assert first.json() == second.json()
        assert mock.state(deleted=True) == memory.state(deleted=True)
        assert [entry.as_dict()["response"] for entry in mock.journal] == [
            entry.as_dict()["response"] for entry in memory.journal
        ]
        assert "refused" not in names(mock)
    with open_mock(tmp_path) as reopened:
        assert names(reopened)[-1] == "after"


def test_control_plane_gets_503_except_on_paths_without_state(tmp_path: Path) -> None:
    with open_mock(tmp_path) as mock, mock.session() as session:
        add_group(mock, "before")
        with no_space(mock):
            fill(mock)
            response = session.post(f"{HOST}/_mock/faults", json={"kind": "hang"})
            assert (response.status_code, response.json()["title"]) == (503, "Store unavailable")
            assert session.get(f"{HOST}/_mock/state").status_code == 503
            for path in ("health", "settings", "vendors", "openapi.json", "schemas/data.json"):
                assert session.get(f"{HOST}/_mock/{path}").status_code == 200
        assert session.get(f"{HOST}/_mock/faults").json() == {"faults": []}
        assert session.post(f"{HOST}/_mock/faults", json={"kind": "hang"}).status_code == 201


def test_reset_that_cannot_be_saved_is_undone(tmp_path: Path) -> None:
    with open_mock(tmp_path) as mock, mock.session() as session:
        add_group(mock, "kept")
        with failing_store(mock):
            assert session.post(f"{HOST}/_mock/reset").status_code == 503
        assert session.get(f"{HOST}/_mock/state").json()["salsa"]["segments"][0]["name"] == "kept"


@contextmanager
def failing_store(mock: SegmentMock) -> Iterator[None]:
    """Let every write to the store of *mock* fail within the ``with`` block."""
    store = mock._core._store  # type: ignore[attr-defined]
    writer, store._writer = store._writer, sqlite3.connect(":memory:", isolation_level=None)
    try:
        yield
    finally:
        store._writer.close()
        store._writer = writer


def test_waiting_call_gets_503_if_the_state_is_reloaded_meanwhile(tmp_path: Path) -> None:
    with open_mock(tmp_path) as mock:
        add_group(mock, "before")
        mock.faults.add({"kind": "latency", "seconds": 5, "after": True}, times=1)
        waiting: Any = mock._core.answer(_upsert("waits"))
        waiting.send(None)
        with failing_store(mock):
            assert add_group(mock, "fails").status_code == 503
        assert add_group(mock, "later").status_code == 200
        with pytest.raises(StopIteration) as end:
            waiting.send(None)
        response: Response = end.value.value
        assert (response.status, "unavailable meanwhile" in response.body.decode()) == (503, True)
        assert names(mock) == ["before", "waits", "later"]  # the group was saved before the call began to wait


def fail_before_the_next_save(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another call fail just before the next change is saved, so that the mock reloads its state meanwhile."""
    core: Any = mock._core
    save = core._save

    def save_late(*arguments: Any) -> None:
        monkeypatch.setattr(core, "_save", save)
        with failing_store(mock):
            assert add_group(mock, "fails").status_code == 503
        assert core.outage == ""
        save(*arguments)

    monkeypatch.setattr(core, "_save", save_late)


def test_call_undone_before_it_is_saved_gets_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_mock(tmp_path) as mock:
        add_group(mock, "before")
        fail_before_the_next_save(mock, monkeypatch)
        assert add_group(mock, "undone").status_code == 503
        assert names(mock) == ["before"]


def test_control_plane_change_undone_before_it_is_saved_gets_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_mock(tmp_path) as mock, mock.session() as session:
        fail_before_the_next_save(mock, monkeypatch)
        assert session.post(f"{HOST}/_mock/snapshots/undone").status_code == 503
        assert [*mock._core.snapshots] == []


def test_changes_of_a_call_are_saved_before_a_fault_delays_its_response(tmp_path: Path) -> None:
    mock = open_mock(tmp_path)
    mock.faults.add({"kind": "latency", "seconds": 9, "after": True})
    hanging: Any = mock._core.answer(_upsert("written"))
    hanging.send(None)
    mock._core._store.close()  # type: ignore[attr-defined]
    hanging.close()
    with open_mock(tmp_path) as reopened:
        assert names(reopened) == ["written"]
        (entry,) = reopened.journal
        assert entry.outcome == "abandoned"
        reopened.rewind(entry)
        assert names(reopened) == ["written"]


def test_call_with_a_fault_gets_503_if_its_save_fails(tmp_path: Path) -> None:
    with open_mock(tmp_path) as mock:
        add_group(mock, "before")
        mock.faults.add({"kind": "latency", "seconds": 1, "after": True})
        with failing_store(mock):
            assert add_group(mock, "fails").status_code == 503
        assert names(mock) == ["before", "fails"]  # the mock reloads its state at the next call
        assert add_group(mock, "later").status_code == 200
        assert names(mock) == ["before", "later"]


def test_fault_on_a_connection_is_counted_in_the_store(tmp_path: Path) -> None:
    with open_mock(tmp_path) as mock:
        mock.faults.add({"kind": "connect", "how": "refused"}, times=1)
        with mock.intercept(), pytest.raises(requests.ConnectionError):
            requests.get("https://api.salsalabs.org/api/integration/ext/v1/metrics", timeout=1)
        mock._core._store.close()  # type: ignore[attr-defined]
    with open_mock(tmp_path) as reopened:
        assert [rule.fired for rule in reopened.faults] == [1]


def test_closed_mock_answers_503(tmp_path: Path) -> None:
    mock = open_mock(tmp_path)
    mock.close()
    mock.close()
    response = add_group(mock, "late")
    assert (response.status_code, "was closed" in response.text) == (503, True)
    open_mock(tmp_path).close()


def test_garbage_collected_mock_releases_its_store(tmp_path: Path) -> None:
    mock = open_mock(tmp_path)
    add_group(mock, "A")
    del mock
    gc.collect()
    with open_mock(tmp_path) as reopened:
        assert names(reopened) == ["A"]


def test_flask_application_saves_to_its_store(tmp_path: Path) -> None:
    app = create_app(store=sqlite_url(tmp_path))
    client = app.test_client()
    body = {"payload": {"segments": [{"name": "A"}]}}
    path = UPSERT.removeprefix(HOST)
    assert client.put(path, json=body, headers={"authToken": "t"}).status_code == 200
    assert client.post("/_mock/snapshots/s").status_code == 200
    app.extensions["segment_mock.emulator"].close()
    with open_mock(tmp_path) as mock:
        assert names(mock) == ["A"]
        assert [*mock._core.snapshots] == ["s"]


def test_changes_by_python_code_are_saved_when_the_mock_is_closed(tmp_path: Path) -> None:
    with open_mock(tmp_path) as mock:
        mock.salsa.add_segment("Prepared")
        mock.clock.freeze("2026-01-01")
        mock.faults.add("hang")
    with open_mock(tmp_path) as reopened:
        assert names(reopened) == ["Prepared"]
        assert (reopened.clock.iso(), len(reopened.faults)) == ("2026-01-01T00:00:00.000Z", 1)


def test_replaced_states_are_removed_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segment_mock.lasting.emulator._SMALLEST", 100_000)
    with open_mock(tmp_path, journal_size=1) as mock, mock.session() as session:
        for number in range(30):
            rows = [{"name": f"Group {number} {index}"} for index in range(300)]
            assert session.put(f"{HOST}/_mock/state", json={"salsa": {"segments": rows}}).status_code == 200
            add_group(mock, "A")
        blobs = mock._core._state.blobs  # type: ignore[attr-defined]
        assert len(blobs) < 15
        ((count,),) = mock._core._store._writer.execute("SELECT count(*) FROM blobs")  # type: ignore[attr-defined]
        assert count < 15
    with open_mock(tmp_path) as mock:
        assert len(names(mock)) == 301


def test_next_start_continues_from_reloaded_files(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text('{"salsa": {"segments": [{"name": "old"}]}}')
    with open_mock(tmp_path, data=str(file)) as mock:
        file.write_text('{"salsa": {"segments": [{"name": "new"}]}}')
        mock.reload()
    with open_mock(tmp_path, data=str(file)) as mock:
        assert names(mock) == ["new"]
        mock.reset()
        assert names(mock) == ["new"]


def test_reload_that_cannot_be_saved_raises_and_is_undone(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text('{"salsa": {"segments": [{"name": "old"}]}}')
    with open_mock(tmp_path, data=str(file)) as mock:
        file.write_text('{"salsa": {"segments": [{"name": "new"}]}}')
        with failing_store(mock):
            for _ in range(2):  # the first attempt detects the failure, the second one finds it already known
                with pytest.raises(SettingError, match="store: the store sqlite:///"):
                    mock.reload()
        add_group(mock, "later")
        assert names(mock) == ["old", "later"]
        mock.reload()
        assert names(mock) == ["new"]
    with open_mock(tmp_path, data=str(file)) as mock:
        assert names(mock) == ["new"]


def test_store_that_lost_all_entries_gets_the_initial_data_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_mock(tmp_path, data="demo") as mock:
        initial = len(names(mock))
        add_group(mock, "lost")
        with failing_store(mock):
            add_group(mock, "refused")
        for table in ("entries", "blobs"):
            mock._core._store._writer.execute(f"DELETE FROM {table}")  # type: ignore[attr-defined]
        add_group(mock, "new")
        assert "the store is empty" in caplog.text
        assert len(names(mock)) == initial + 1
    with open_mock(tmp_path, data="demo") as mock:
        assert len(names(mock)) == initial + 1


def test_missing_entry_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_mock(tmp_path) as mock:
        for name in "AB":
            add_group(mock, name)
        with failing_store(mock):
            add_group(mock, "refused")
        mock._core._store._writer.execute("DELETE FROM entries WHERE number = 2")  # type: ignore[attr-defined]
        for _ in range(3):
            assert "entry 2 is missing" in add_group(mock, "C").json()["detail"]
        assert caplog.text.count("entry 2 is missing") == 1


def _upsert(name: str) -> Request:
    body = b'{"payload":{"segments":[{"name":"%s"}]}}' % name.encode()
    return Request("PUT", UPSERT.removeprefix(HOST), {"host": "localhost", "authtoken": "t"}, body)


def test_record_that_is_not_json_is_logged_and_undone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_mock(tmp_path) as mock:
        add_group(mock, "A")
        table = mock._core.world.organization().store["salsa.segments"]
        with mock._core.world.lock:
            table.put({"segmentId": "x", "name": "B", "extra": object()})
        assert "can't be saved: TypeError" in add_group(mock, "C").json()["detail"]
        assert add_group(mock, "D").status_code == 200
        assert names(mock) == ["A", "D"]
    assert "object is not JSON" in caplog.text
