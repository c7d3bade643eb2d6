"""A mock reopened from its store has the same state, also if calls, resets, snapshots and compactions overlap."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import segment_mock.mock
from segment_mock import SegmentMock, SettingError, create_app
from segment_mock.lasting.emulator import LastingEmulator
from segment_mock.messages import Request, Response
from segment_mock.persistence import StoreUnavailable
from segment_mock.vendors import find_vendors
from tests.lasting.any_store import visible_state
from tests.lasting.test_opening import UPSERT, add_group, names, open_mock
from tests.lasting.test_outage import failing_store
from tests.persistence.engines import sqlite_url


def core_of(mock: SegmentMock) -> LastingEmulator:
    """Return the emulator of *mock*, which has a store."""
    core = mock._core
    assert isinstance(core, LastingEmulator)
    return core


def assert_state_survives(mock: SegmentMock, folder: Path, **settings: Any) -> None:
    """Close the store of *mock* as a killed process would, and check that a new mock with it has the same state.

    *settings* are those of the new mock, whose store is in *folder*.
    """
    core = core_of(mock)
    core.save()
    expected = visible_state(core)
    core._store.close()
    with open_mock(folder, **settings) as reopened:
        assert visible_state(core_of(reopened)) == expected


def upsert_request(name: str) -> Request:
    """Return the request that creates the group *name*."""
    body = b'{"payload":{"segments":[{"name":"%s"}]}}' % name.encode()
    return Request("PUT", UPSERT.removeprefix("http://localhost"), {"host": "localhost", "authtoken": "t"}, body)


def begin(mock: SegmentMock, name: str) -> Callable[[], Response]:
    """Start a call that creates the group *name* and that a fault delays; return a function that finishes the call."""
    waiting: Any = mock._core.answer(upsert_request(name))
    waiting.send(None)

    def finish() -> Response:
        with pytest.raises(StopIteration) as end:
            waiting.send(None)
        response: Response = end.value.value
        return response

    return finish


def test_unnamed_snapshot_older_than_the_journal_can_be_restored(tmp_path: Path) -> None:
    mock = open_mock(tmp_path, journal_size=2)
    add_group(mock, "before")
    snapshot = mock.snapshot()
    for number in range(9):
        add_group(mock, f"undone {number}")
    mock.restore(snapshot)
    add_group(mock, "after")
    assert names(mock) == ["before", "after"]
    assert_state_survives(mock, tmp_path, journal_size=2)


def test_entry_dropped_while_its_call_waits_is_counted_once(tmp_path: Path) -> None:
    mock = open_mock(tmp_path, journal_size=2)
    mock.faults.add({"kind": "latency", "seconds": 1, "after": True}, times=1)
    finish = begin(mock, "waits")
    for number in range(5):
        add_group(mock, f"passes {number}")
    assert finish().status == 200
    add_group(mock, "last")
    assert mock._core.journal.forgotten == 5
    assert_state_survives(mock, tmp_path, journal_size=2)


@pytest.mark.parametrize("drop", [lambda mock: mock.reset(), lambda mock: mock.journal.clear()], ids=["reset", "clear"])
def test_call_that_began_before_the_journal_was_cleared_is_not_in_it(
    tmp_path: Path, drop: Callable[[SegmentMock], None]
) -> None:
    mock = open_mock(tmp_path)
    mock.faults.add({"kind": "latency", "seconds": 1}, times=1)
    finish = begin(mock, "waits")
    drop(mock)
    add_group(mock, "later")
    finish()
    assert [entry.request_json["payload"]["segments"][0]["name"] for entry in mock.journal] == ["later"]
    assert_state_survives(mock, tmp_path)


def test_call_that_another_thread_saves_while_it_ends_is_counted_once(tmp_path: Path) -> None:
    mock = open_mock(tmp_path)
    add_group(mock, "first")
    core = core_of(mock)
    (count,) = core._journal.tally.calls.values()
    close = core._journal.__class__.__mro__[1].close

    def save_meanwhile(*args: Any) -> int:
        oldest: int = close(*args)
        core.save()  # as another thread would at the end of its call
        return oldest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segment_mock.journal.Journal.close", save_meanwhile)
        add_group(mock, "second")
    assert [*core._journal.tally.calls.values()] == [count + 1]
    assert_state_survives(mock, tmp_path)


def test_call_that_ends_while_the_log_is_compacted_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mock = open_mock(tmp_path)
    mock.faults.add({"kind": "latency", "seconds": 1}, times=1)
    finish = begin(mock, "waits")
    core = core_of(mock)
    definitions = core.fault_rules.definitions

    def finish_meanwhile() -> dict[str, Any]:
        monkeypatch.setattr(core.fault_rules, "definitions", definitions)
        with monkeypatch.context() as patch:
            patch.setattr(core, "_save", lambda *_: None)  # a real save would wait for the thread that compacts
            finish()
        return definitions()

    monkeypatch.setattr(core.fault_rules, "definitions", finish_meanwhile)
    core._compact()
    assert [entry.status for entry in mock.journal] == [200]
    assert_state_survives(mock, tmp_path)


def test_call_that_another_thread_saved_is_acknowledged_although_the_store_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = open_mock(tmp_path)
    add_group(mock, "first")
    core, save = core_of(mock), core_of(mock)._save
    main = threading.current_thread()

    def save_late(*arguments: Any) -> None:
        if threading.current_thread() is main:
            thread = threading.Thread(target=lambda: status_codes.append(add_group(mock, "of a thread").status_code))
            thread.start()
            thread.join()
            mock.clock.advance(1)
            with failing_store(mock), pytest.raises(StoreUnavailable):
                core.save()
        save(*arguments)

    status_codes: list[int] = []
    monkeypatch.setattr(core, "_save", save_late)
    with monkeypatch.context() as patch:
        patch.setattr(core, "save", lambda *_: save(None))
        status_codes.append(add_group(mock, "saved").status_code)
    monkeypatch.setattr(core, "_save", save)
    assert status_codes == [200, 200]
    assert add_group(mock, "last").status_code == 200
    assert names(mock) == ["first", "saved", "of a thread", "last"]


def test_call_is_acknowledged_if_the_compaction_after_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mock = open_mock(tmp_path)
    core = core_of(mock)

    def fail(*_: Any) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(core._store, "compact", fail)
        core._compact_at = 0
        assert add_group(mock, "saved").status_code == 200
        assert "can't be compacted: the disk is full" in core._outage
        assert add_group(mock, "next").status_code == 200  # the state was reloaded; no compaction is tried
    assert names(mock) == ["saved", "next"]
    assert_state_survives(mock, tmp_path)


def test_source_line_added_to_a_rule_later_is_kept(tmp_path: Path) -> None:
    mock = open_mock(tmp_path, faults=[{"kind": "hang"}])
    for rule in mock.faults:
        rule.where = "the settings of test_sync.py:3"
    assert_state_survives(mock, tmp_path)


def test_match_of_an_invalid_type_is_refused(tmp_path: Path) -> None:
    with open_mock(tmp_path) as mock:
        match: Any = 5
        with pytest.raises(SettingError, match="match: 5 is not a dictionary of names and values"):
            mock.faults.add("hang", match=match)


def test_data_that_is_not_json_is_refused(tmp_path: Path) -> None:
    data: Any = {"salsa": {"segments": [{"name": object()}]}}
    with pytest.raises(SettingError, match=r"data\.salsa\.segments\[0\]"):
        open_mock(tmp_path, data=data)


def test_store_is_unlocked_after_a_vendor_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_mock.mock.SegmentMock, find_vendors()[0].name, None, raising=False)
    with pytest.raises(SettingError, match="needs another name"):
        open_mock(tmp_path)
    monkeypatch.undo()
    open_mock(tmp_path).close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_answers_503_with_a_hint(tmp_path: Path) -> None:
    app = create_app(store=sqlite_url(tmp_path))
    call = partial(app.test_client().get, "/api/integration/ext/v1/metrics", headers={"authToken": "t"})
    read, write = os.pipe()
    child = os.fork()
    if not child:
        response = call()
        os.write(write, f"{response.status_code} {response.json['detail']} {response.json['hint']}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        output = pipe.read()
    assert output.startswith(f"503 this process was forked from process {os.getpid()}, which opened the store")
    assert "create_app(upstream=URL)" in output
    assert "can't use its store (--store) from this process" in output
    assert call().status_code == 200
    app.extensions["segment_mock.emulator"].close()


def test_create_app_with_a_store_in_use_names_the_upstream_option(tmp_path: Path) -> None:
    with open_mock(tmp_path), pytest.raises(SettingError, match=r"writes to it; .* create_app\(upstream=URL\)$"):
        create_app(store=sqlite_url(tmp_path))


def test_exception_of_the_client_is_raised_in_the_waiting_fault(tmp_path: Path) -> None:
    with open_mock(tmp_path) as mock:
        mock.faults.add({"kind": "latency", "seconds": 1}, times=1)
        waiting: Any = mock._core.answer(upsert_request("waits"))
        waiting.send(None)
        with pytest.raises(KeyError, match="of the client"):
            waiting.throw(KeyError("of the client"))
        add_group(mock, "next")
        assert [entry.outcome for entry in mock.journal] == ["abandoned", "answered"]
