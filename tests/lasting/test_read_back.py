"""What a store gives back is what was there, whatever the moment of a call, a reset, a snapshot or a compaction."""

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
from tests.lasting.any_store import picture
from tests.lasting.test_opening import UPSERT, add_group, names, opened
from tests.lasting.test_outage import broken
from tests.persistence.engines import sqlite_url


def core_of(mock: SegmentMock) -> LastingEmulator:
    core = mock._core
    assert isinstance(core, LastingEmulator)
    return core


def assert_reopens_as_it_is(mock: SegmentMock, place: Path, **settings: Any) -> None:
    """End *mock* as if its process had been killed, and compare what comes back."""
    core = core_of(mock)
    core.save()
    expected = picture(core)
    core._store.close()
    with opened(place, **settings) as again:
        assert picture(core_of(again)) == expected


def request(name: str) -> Request:
    body = b'{"payload":{"segments":[{"name":"%s"}]}}' % name.encode()
    return Request("PUT", UPSERT.removeprefix("http://localhost"), {"host": "localhost", "authtoken": "t"}, body)


def begin(mock: SegmentMock, name: str) -> Callable[[], Response]:
    """Begin a call that a fault lets wait, and return what ends it."""
    waiting: Any = mock._core.answer(request(name))
    waiting.send(None)

    def finish() -> Response:
        with pytest.raises(StopIteration) as end:
            waiting.send(None)
        response: Response = end.value.value
        return response

    return finish


def test_snapshot_without_a_name_that_outlives_the_journal_can_be_restored(tmp_path: Path) -> None:
    mock = opened(tmp_path, journal_size=2)
    add_group(mock, "before")
    snapshot = mock.snapshot()
    for number in range(9):
        add_group(mock, f"undone {number}")
    mock.restore(snapshot)
    add_group(mock, "after")
    assert names(mock) == ["before", "after"]
    assert_reopens_as_it_is(mock, tmp_path, journal_size=2)


def test_entry_that_is_dropped_while_its_call_waits_counts_once(tmp_path: Path) -> None:
    mock = opened(tmp_path, journal_size=2)
    mock.faults.add({"kind": "latency", "seconds": 1, "after": True}, times=1)
    finish = begin(mock, "waits")
    for number in range(5):
        add_group(mock, f"passes {number}")
    assert finish().status == 200
    add_group(mock, "last")
    assert mock._core.journal.forgotten == 5
    assert_reopens_as_it_is(mock, tmp_path, journal_size=2)


@pytest.mark.parametrize("drop", [lambda mock: mock.reset(), lambda mock: mock.journal.clear()], ids=["reset", "clear"])
def test_call_that_began_before_the_journal_was_emptied_is_not_in_it(
    tmp_path: Path, drop: Callable[[SegmentMock], None]
) -> None:
    mock = opened(tmp_path)
    mock.faults.add({"kind": "latency", "seconds": 1}, times=1)
    finish = begin(mock, "waits")
    drop(mock)
    add_group(mock, "later")
    finish()
    assert [entry.request_json["payload"]["segments"][0]["name"] for entry in mock.journal] == ["later"]
    assert_reopens_as_it_is(mock, tmp_path)


def test_call_that_is_saved_by_another_one_while_it_ends_is_counted_once(tmp_path: Path) -> None:
    mock = opened(tmp_path)
    add_group(mock, "first")
    core = core_of(mock)
    (count,) = core._journal.tally.calls.values()
    close = core._journal.__class__.__mro__[1].close

    def save_meanwhile(journal: Any, entry: Any, end: int) -> int:
        oldest: int = close(journal, entry, end)
        core.save()  # as another thread does whose call has just ended
        return oldest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segment_mock.journal.Journal.close", save_meanwhile)
        add_group(mock, "second")
    assert [*core._journal.tally.calls.values()] == [count + 1]
    assert_reopens_as_it_is(mock, tmp_path)


def test_call_that_ends_while_the_log_is_compacted_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mock = opened(tmp_path)
    mock.faults.add({"kind": "latency", "seconds": 1}, times=1)
    finish = begin(mock, "waits")
    core = core_of(mock)
    definitions = core.fault_rules.definitions

    def finish_meanwhile() -> dict[str, Any]:
        monkeypatch.setattr(core.fault_rules, "definitions", definitions)
        with monkeypatch.context() as patch:
            patch.setattr(core, "_save", lambda *_: None)  # it waits for the thread that compacts
            finish()
        return definitions()

    monkeypatch.setattr(core.fault_rules, "definitions", finish_meanwhile)
    core._compact()
    assert [entry.status for entry in mock.journal] == [200]
    assert_reopens_as_it_is(mock, tmp_path)


def test_call_that_another_thread_has_saved_is_acknowledged_though_the_store_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = opened(tmp_path)
    add_group(mock, "first")
    core, save = core_of(mock), core_of(mock)._save
    main = threading.current_thread()

    def save_late(*arguments: Any) -> None:
        if threading.current_thread() is main:
            thread = threading.Thread(target=lambda: replies.append(add_group(mock, "of a thread").status_code))
            thread.start()
            thread.join()
            mock.clock.advance(1)
            with broken(mock), pytest.raises(StoreUnavailable):
                core.save()
        save(*arguments)

    replies: list[int] = []
    monkeypatch.setattr(core, "_save", save_late)
    with monkeypatch.context() as patch:
        patch.setattr(core, "save", lambda *_: save(None))
        replies.append(add_group(mock, "saved").status_code)
    monkeypatch.setattr(core, "_save", save)
    assert replies == [200, 200]
    assert add_group(mock, "last").status_code == 200
    assert names(mock) == ["first", "saved", "of a thread", "last"]


def test_call_is_acknowledged_if_only_the_compaction_after_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = opened(tmp_path)
    core = core_of(mock)

    def fail(*_: Any) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(core._store, "compact", fail)
        core._compact_at = 0
        assert add_group(mock, "saved").status_code == 200
        assert "can't be compacted: the disk is full" in core._outage
        assert (
            add_group(mock, "next").status_code == 200
        )  # what was saved has been read back, and it is not tried again
    assert names(mock) == ["saved", "next"]
    assert_reopens_as_it_is(mock, tmp_path)


def test_place_of_a_rule_that_is_named_later_is_kept(tmp_path: Path) -> None:
    mock = opened(tmp_path, faults=[{"kind": "hang"}])
    for rule in mock.faults:
        rule.where = "the settings of test_sync.py:3"
    assert_reopens_as_it_is(mock, tmp_path)


def test_match_that_is_neither_a_mapping_nor_a_function_is_refused_as_in_memory(tmp_path: Path) -> None:
    with opened(tmp_path) as mock:
        match: Any = 5
        with pytest.raises(SettingError, match="match: 5 is not a dictionary of names and values"):
            mock.faults.add("hang", match=match)


def test_data_that_is_not_json_is_refused_as_in_memory(tmp_path: Path) -> None:
    data: Any = {"salsa": {"segments": [{"name": object()}]}}
    with pytest.raises(SettingError, match=r"data\.salsa\.segments\[0\]"):
        opened(tmp_path, data=data)


def test_store_is_free_after_a_vendor_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_mock.mock.SegmentMock, find_vendors()[0].name, None, raising=False)
    with pytest.raises(SettingError, match="needs another name"):
        opened(tmp_path)
    monkeypatch.undo()
    opened(tmp_path).close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_refuses_calls_and_says_what_to_do(tmp_path: Path) -> None:
    app = create_app(store=sqlite_url(tmp_path))
    call = partial(app.test_client().get, "/api/integration/ext/v1/metrics", headers={"authToken": "t"})
    read, write = os.pipe()
    child = os.fork()
    if not child:
        reply = call()
        os.write(write, f"{reply.status_code} {reply.json['detail']} {reply.json['hint']}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        texts = pipe.read()
    assert texts.startswith(f"503 this process was forked from process {os.getpid()}, which opened the store")
    assert "create_app(upstream=URL)" in texts
    assert "can't use its store (--store) from this process" in texts
    assert call().status_code == 200
    app.extensions["segment_mock.emulator"].close()


def test_application_whose_store_is_in_use_names_what_serves_several_workers(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(SettingError, match=r"writes to it; .* create_app\(upstream=URL\)$"):
        create_app(store=sqlite_url(tmp_path))


def test_exception_of_the_client_reaches_the_fault_that_waits(tmp_path: Path) -> None:
    with opened(tmp_path) as mock:
        mock.faults.add({"kind": "latency", "seconds": 1}, times=1)
        waiting: Any = mock._core.answer(request("waits"))
        waiting.send(None)
        with pytest.raises(KeyError, match="of the client"):
            waiting.throw(KeyError("of the client"))
        add_group(mock, "next")
        assert [entry.outcome for entry in mock.journal] == ["abandoned", "answered"]
