"""A store that fails while a mock uses it: calls get a clear 503, nothing is half-done, and the mock recovers."""

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
from tests.lasting.test_opening import UPSERT, add_group, names, opened
from tests.persistence.engines import sqlite_url

HOST = "http://localhost"


@contextmanager
def full(mock: SegmentMock) -> Iterator[None]:
    """Let the file of the store have no room."""
    store = mock._core._store  # type: ignore[attr-defined]
    writer: sqlite3.Connection = store._writer
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        writer.execute("PRAGMA max_page_count = 1000000")


def fill(mock: SegmentMock) -> None:
    """Use up the free pages of the file."""
    for number in range(200):
        if add_group(mock, f"fills {number}").status_code == 503:
            return
    raise AssertionError("the file is never full")


def test_call_that_can_not_be_saved_is_a_problem_and_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as mock, SegmentMock() as memory:
        for each in (mock, memory):
            each.clock.freeze("2026-01-01")
            add_group(each, "before")
        with full(mock):
            fill(mock)
            refused = add_group(mock, "refused")
            assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")
            assert refused.json()["title"] == "Store unavailable"
            assert "full" in refused.json()["detail"]
            assert refused.headers["X-Segment-Mock-Hint"].startswith("segment-mock: the store sqlite:///")
        with mock.session() as session:
            assert session.get(f"{HOST}/_mock/clock").status_code == 200
        for name in names(mock)[1:]:
            add_group(memory, name)
        first, second = (add_group(each, "after") for each in (mock, memory))
        assert first.json() == second.json()
        assert mock.state(deleted=True) == memory.state(deleted=True)
        assert [entry.as_dict()["response"] for entry in mock.journal] == [
            entry.as_dict()["response"] for entry in memory.journal
        ]
        assert "refused" not in names(mock)
    with opened(tmp_path) as again:
        assert names(again)[-1] == "after"


def test_control_plane_is_refused_too_but_for_what_needs_no_state(tmp_path: Path) -> None:
    with opened(tmp_path) as mock, mock.session() as session:
        add_group(mock, "before")
        with full(mock):
            fill(mock)
            reply = session.post(f"{HOST}/_mock/faults", json={"kind": "hang"})
            assert (reply.status_code, reply.json()["title"]) == (503, "Store unavailable")
            assert session.get(f"{HOST}/_mock/state").status_code == 503
            for path in ("health", "settings", "vendors", "openapi.json", "schemas/data.json"):
                assert session.get(f"{HOST}/_mock/{path}").status_code == 200
        assert session.get(f"{HOST}/_mock/faults").json() == {"faults": []}
        assert session.post(f"{HOST}/_mock/faults", json={"kind": "hang"}).status_code == 201


def test_reset_that_can_not_be_saved_is_undone(tmp_path: Path) -> None:
    with opened(tmp_path) as mock, mock.session() as session:
        add_group(mock, "kept")
        with broken(mock):
            assert session.post(f"{HOST}/_mock/reset").status_code == 503
        assert session.get(f"{HOST}/_mock/state").json()["salsa"]["segments"][0]["name"] == "kept"


@contextmanager
def broken(mock: SegmentMock) -> Iterator[None]:
    """Let every write to the store fail."""
    store = mock._core._store  # type: ignore[attr-defined]
    writer, store._writer = store._writer, sqlite3.connect(":memory:", isolation_level=None)
    try:
        yield
    finally:
        store._writer.close()
        store._writer = writer


def test_call_that_waits_while_the_state_is_read_back_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as mock:
        add_group(mock, "before")
        mock.faults.add({"kind": "latency", "seconds": 5, "after": True}, times=1)
        waiting: Any = mock._core.answer(_upsert("waits"))
        waiting.send(None)
        with broken(mock):
            assert add_group(mock, "fails").status_code == 503
        assert add_group(mock, "later").status_code == 200
        with pytest.raises(StopIteration) as end:
            waiting.send(None)
        response: Response = end.value.value
        assert (response.status, "unavailable meanwhile" in response.body.decode()) == (503, True)
        assert names(mock) == ["before", "waits", "later"]  # it was saved before it began to wait


def read_back_before_the_next_save(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the state be read back, because of another call, between the next call and its save."""
    core: Any = mock._core
    save = core._save

    def save_late(*arguments: Any) -> None:
        monkeypatch.setattr(core, "_save", save)
        with broken(mock):
            assert add_group(mock, "fails").status_code == 503
        assert core.outage == ""
        save(*arguments)

    monkeypatch.setattr(core, "_save", save_late)


def test_call_that_is_undone_just_before_it_is_saved_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as mock:
        add_group(mock, "before")
        read_back_before_the_next_save(mock, monkeypatch)
        assert add_group(mock, "undone").status_code == 503
        assert names(mock) == ["before"]


def test_change_by_the_control_plane_that_is_undone_just_before_it_is_saved_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as mock, mock.session() as session:
        read_back_before_the_next_save(mock, monkeypatch)
        assert session.post(f"{HOST}/_mock/snapshots/undone").status_code == 503
        assert [*mock._core.snapshots] == []


def test_what_a_call_wrote_before_it_hangs_lasts(tmp_path: Path) -> None:
    mock = opened(tmp_path)
    mock.faults.add({"kind": "latency", "seconds": 9, "after": True})
    hanging: Any = mock._core.answer(_upsert("written"))
    hanging.send(None)
    mock._core._store.close()  # type: ignore[attr-defined]
    hanging.close()
    with opened(tmp_path) as again:
        assert names(again) == ["written"]
        (entry,) = again.journal
        assert entry.outcome == "abandoned"
        again.rewind(entry)
        assert names(again) == ["written"]


def test_save_that_fails_within_a_fault_refuses_the_call(tmp_path: Path) -> None:
    with opened(tmp_path) as mock:
        add_group(mock, "before")
        mock.faults.add({"kind": "latency", "seconds": 1, "after": True})
        with broken(mock):
            assert add_group(mock, "fails").status_code == 503
        assert names(mock) == ["before", "fails"]  # nothing is read back before the next call
        assert add_group(mock, "later").status_code == 200
        assert names(mock) == ["before", "later"]


def test_connection_that_a_rule_prevents_is_counted_in_the_store(tmp_path: Path) -> None:
    with opened(tmp_path) as mock:
        mock.faults.add({"kind": "connect", "how": "refused"}, times=1)
        with mock.intercept(), pytest.raises(requests.ConnectionError):
            requests.get("https://api.salsalabs.org/api/integration/ext/v1/metrics", timeout=1)
        mock._core._store.close()  # type: ignore[attr-defined]
    with opened(tmp_path) as again:
        assert [rule.fired for rule in again.faults] == [1]


def test_closed_mock_refuses_calls(tmp_path: Path) -> None:
    mock = opened(tmp_path)
    mock.close()
    mock.close()
    reply = add_group(mock, "late")
    assert (reply.status_code, "was closed" in reply.text) == (503, True)
    opened(tmp_path).close()


def test_store_of_a_mock_without_references_is_free(tmp_path: Path) -> None:
    mock = opened(tmp_path)
    add_group(mock, "A")
    del mock
    gc.collect()
    with opened(tmp_path) as again:
        assert names(again) == ["A"]


def test_flask_application_saves_too(tmp_path: Path) -> None:
    app = create_app(store=sqlite_url(tmp_path))
    client = app.test_client()
    body = {"payload": {"segments": [{"name": "A"}]}}
    path = UPSERT.removeprefix(HOST)
    assert client.put(path, json=body, headers={"authToken": "t"}).status_code == 200
    assert client.post("/_mock/snapshots/s").status_code == 200
    app.extensions["segment_mock.emulator"].close()
    with opened(tmp_path) as mock:
        assert names(mock) == ["A"]
        assert [*mock._core.snapshots] == ["s"]


def test_what_python_code_prepares_is_saved_when_the_mock_is_closed(tmp_path: Path) -> None:
    with opened(tmp_path) as mock:
        mock.salsa.add_segment("Prepared")
        mock.clock.freeze("2026-01-01")
        mock.faults.add("hang")
    with opened(tmp_path) as again:
        assert names(again) == ["Prepared"]
        assert (again.clock.iso(), len(again.faults)) == ("2026-01-01T00:00:00.000Z", 1)


def test_states_that_replace_each_other_do_not_pile_up_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segment_mock.lasting.emulator._SMALLEST", 100_000)
    with opened(tmp_path, journal_size=1) as mock, mock.session() as session:
        for number in range(30):
            rows = [{"name": f"Group {number} {index}"} for index in range(300)]
            assert session.put(f"{HOST}/_mock/state", json={"salsa": {"segments": rows}}).status_code == 200
            add_group(mock, "A")
        blobs = mock._core._state.blobs  # type: ignore[attr-defined]
        assert len(blobs) < 15
        ((count,),) = mock._core._store._writer.execute("SELECT count(*) FROM blobs")  # type: ignore[attr-defined]
        assert count < 15
    with opened(tmp_path) as mock:
        assert len(names(mock)) == 301


def test_reloaded_files_are_what_the_next_start_goes_on_from(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text('{"salsa": {"segments": [{"name": "old"}]}}')
    with opened(tmp_path, data=str(file)) as mock:
        file.write_text('{"salsa": {"segments": [{"name": "new"}]}}')
        mock.reload()
    with opened(tmp_path, data=str(file)) as mock:
        assert names(mock) == ["new"]
        mock.reset()
        assert names(mock) == ["new"]


def test_reload_that_can_not_be_saved_is_refused_and_undone(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text('{"salsa": {"segments": [{"name": "old"}]}}')
    with opened(tmp_path, data=str(file)) as mock:
        file.write_text('{"salsa": {"segments": [{"name": "new"}]}}')
        with broken(mock):
            for _ in range(2):  # the store fails, and then it is known to be gone
                with pytest.raises(SettingError, match="store: the store sqlite:///"):
                    mock.reload()
        add_group(mock, "later")
        assert names(mock) == ["old", "later"]
        mock.reload()
        assert names(mock) == ["new"]
    with opened(tmp_path, data=str(file)) as mock:
        assert names(mock) == ["new"]


def test_engine_that_has_forgotten_everything_gets_the_initial_data_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path, data="demo") as mock:
        initial = len(names(mock))
        add_group(mock, "lost")
        with broken(mock):
            add_group(mock, "refused")
        for table in ("entries", "blobs"):
            mock._core._store._writer.execute(f"DELETE FROM {table}")  # type: ignore[attr-defined]
        add_group(mock, "new")
        assert "the store is empty" in caplog.text
        assert len(names(mock)) == initial + 1
    with opened(tmp_path, data="demo") as mock:
        assert len(names(mock)) == initial + 1


def test_damaged_store_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path) as mock:
        for name in "AB":
            add_group(mock, name)
        with broken(mock):
            add_group(mock, "refused")
        mock._core._store._writer.execute("DELETE FROM entries WHERE number = 2")  # type: ignore[attr-defined]
        for _ in range(3):
            assert "entry 2 is missing" in add_group(mock, "C").json()["detail"]
        assert caplog.text.count("entry 2 is missing") == 1


def _upsert(name: str) -> Request:
    body = b'{"payload":{"segments":[{"name":"%s"}]}}' % name.encode()
    return Request("PUT", UPSERT.removeprefix(HOST), {"host": "localhost", "authtoken": "t"}, body)


def test_record_that_is_no_json_is_told_and_undone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path) as mock:
        add_group(mock, "A")
        table = mock._core.world.organization().store["salsa.segments"]
        with mock._core.world.lock:
            table.put({"segmentId": "x", "name": "B", "extra": object()})
        assert "can't be saved: TypeError" in add_group(mock, "C").json()["detail"]
        assert add_group(mock, "D").status_code == 200
        assert names(mock) == ["A", "D"]
    assert "object is not JSON" in caplog.text
