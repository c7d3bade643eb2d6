"""The emulator as a whole: the journal, delays, snapshots, reset and lag."""

import gc
import json
import math
import weakref

import pytest
import requests

from segment_mock import SegmentMock, SettingError, WouldHangForever
from segment_mock.clock import sleep
from segment_mock.core import Lag
from segment_mock.messages import Request, run_sync

UPSERT, SEARCH = "/api/integration/ext/v1/segments", "/api/integration/ext/v1/segments/search"
HEADERS = {"authToken": "t", "x-api-key": "k"}


def make_mock(*group_names, **settings):
    """Return a mock with groups of these names."""
    return SegmentMock(data={"salsa": {"segments": [{"name": name} for name in group_names]}}, **settings)


def put(mock, *group_names, **options):
    """Upsert groups of these names and return the response."""
    items = [{"name": name} for name in group_names]
    return mock.session().put(UPSERT, data=json.dumps({"payload": {"segments": items}}), headers=HEADERS, **options)


def search(mock, **options):
    """Search all groups and return the response."""
    return mock.session().post(SEARCH, data=b'{"payload":{}}', headers=HEADERS, **options)


def names_in_search(mock):
    """Return the names of the groups that a search returns."""
    return [segment["name"] for segment in search(mock).json()["payload"]["segments"]]


def group_names(mock):
    """Return the names of the groups in the mock's records."""
    return [segment["name"] for segment in mock.salsa.segments]


def test_every_call_is_in_the_journal():
    """The journal also has calls of no vendor, unknown paths and unknown methods."""
    mock = make_mock()
    for method, path in (("PUT", "/x"), ("PUT", "/segments/a/b"), ("GET", UPSERT), ("PUT", UPSERT)):
        mock.session().request(method, path, data=b"{}", headers=HEADERS)

    expected = [
        "unmatched", "segmenter.no_such_operation", "salsa.no_such_method", "salsa.upsert_segments",
    ]  # fmt: skip
    assert expected == [entry.operation for entry in mock.journal.entries()]
    assert [404, 404, 405, 400] == [entry.status for entry in mock.journal.entries()]


@pytest.mark.parametrize("seconds", [30.0, math.inf])
def test_a_call_whose_client_times_out_is_not_performed(seconds):
    """The clock advances by the timeout, and the journal has the call as abandoned."""

    async def delay(call, proceed):
        await sleep(seconds)
        return await proceed()

    mock = make_mock()
    mock.clock.freeze("2018-03-21T15:12:09Z")
    mock.faults.add(delay)
    with pytest.raises(requests.ReadTimeout):
        put(mock, "a", timeout=2)

    assert "2018-03-21T15:12:11.000Z" == mock.clock.iso()
    assert [] == group_names(mock)
    entry = mock.journal.entries()[0]
    assert ("salsa.upsert_segments", None, "abandoned", ()) == (
        entry.operation, entry.status, entry.outcome, entry.changes,
    )  # fmt: skip


def test_a_delay_advances_the_clock_and_is_in_the_response_and_the_journal():
    """processingTime of the response and the duration of the entry include the delay."""

    async def delay(call, proceed):
        await sleep(1.234)
        return await proceed()

    mock = make_mock()
    mock.clock.freeze("2018-03-21T15:12:09Z")
    mock.faults.add(delay)
    response = search(mock, timeout=2).json()

    assert ("2018-03-21T15:12:10.234Z", 1234) == (response["timestamp"], response["header"]["processingTime"])
    assert 1.234 == pytest.approx(mock.journal.entries()[0].duration)


def test_an_endless_delay_without_a_timeout_is_an_error():
    """The error names the call, which is not performed, and is in the journal."""

    async def hang(call, proceed):
        await sleep(math.inf)
        return await proceed()

    mock = make_mock()
    mock.faults.add(hang)
    with pytest.raises(WouldHangForever, match=f"PUT {UPSERT}"):
        put(mock, "a")
    with pytest.raises(requests.ReadTimeout):
        put(mock, "a", timeout=2)

    assert ([], ["abandoned"] * 2) == (group_names(mock), [entry.outcome for entry in mock.journal.entries()])


@pytest.mark.parametrize("loaded", [False, True])
def test_lag_affects_only_reads(loaded):
    """Searches return earlier records, even from before a load; writes and the change log are not affected."""
    mock = make_mock("old")
    search(mock)
    if loaded:
        mock.load({"salsa": {"segments": [{"name": "old"}]}})
    put(mock, "new")
    moment = mock.snapshot().mark

    async def lag(call, proceed):
        call.lag = Lag(calls=5)
        return await proceed()

    mock.faults.add(lag)

    assert ["old"] == names_in_search(mock)
    assert (["old", "new"], moment) == (group_names(mock), mock.snapshot().mark)
    assert () == mock.journal.entries()[-1].changes
    assert "VALIDATION_ERROR" == put(mock, "new").json()["payload"]["segments"][0]["result"]
    mock.faults.clear()
    assert ["old", "new"] == names_in_search(mock)


def test_restoring_a_snapshot_of_another_mock_is_an_error():
    """This holds even if the snapshot's log position exists in this mock."""
    mock, other = make_mock("a"), make_mock("b")
    put(mock, "c")

    with pytest.raises(LookupError, match="that snapshot was taken of another mock"):
        mock.restore(other.snapshot())
    assert ["a", "c"] == group_names(mock)


def test_snapshots_can_be_restored_repeatedly_across_writes_and_loads():
    """Earlier and later snapshots can be restored in any order."""
    mock = make_mock("a")
    first = mock.snapshot()
    put(mock, "b")
    second = mock.snapshot()
    mock.load({"salsa": {"segments": [{"name": "c"}]}})
    put(mock, "d")
    seen = []
    for snapshot in (first, second, first):
        mock.restore(snapshot)
        seen.append((group_names(mock), names_in_search(mock)))

    assert [(["a"], ["a"]), (["a", "b"], ["a", "b"]), (["a"], ["a"])] == seen


def test_a_snapshot_can_be_restored_after_its_entries_were_dropped():
    """A small journal does not shorten the change log that a snapshot needs."""
    mock = make_mock(journal_size=1)
    snapshot = mock.snapshot()
    for n in range(50):
        put(mock, str(n))
    mock.restore(snapshot)

    assert [] == group_names(mock)


@pytest.mark.parametrize("write", [False, True])
def test_restoring_a_snapshot_after_a_reset_is_an_error(write):
    """Nothing changes."""
    mock = make_mock("a")
    put(mock, "b")
    snapshot = mock.snapshot()
    mock.reset()
    if write:
        put(mock, "c")

    with pytest.raises(LookupError):
        mock.restore(snapshot)
    assert (["a", "c"] if write else ["a"]) == group_names(mock)


def test_a_reset_restores_everything():
    """Records return to the initial data; journal, clock, faults, limits and ids start again."""

    async def refuse(call, proceed):
        return call.refuse("broken")

    mock = make_mock("initial", seed=3)
    put(mock, "first")
    first = mock.salsa.segments[-1]
    mock.clock.freeze("2018-03-21T15:12:09Z")
    mock.faults.add(refuse)
    mock.load({"salsa": {"segments": [{"name": "loaded"}]}})
    mock.reset()

    assert ["initial"] == group_names(mock)
    assert ([], False) == (mock.journal.entries(), mock.clock.frozen)
    assert 200 == put(mock, "first").status_code
    assert first == mock.salsa.segments[-1]


def test_loading_an_invalid_state_changes_nothing():
    """The error names the row."""
    mock = make_mock("a")
    before = mock.state()

    with pytest.raises(SettingError, match=r"salsa\.segments\[1\]\.name"):
        mock.load({"salsa": {"segments": [{"name": "b"}, {"name": ""}]}})
    assert before == mock.state()


@pytest.mark.memory_only("until the end of a test, its mocks are needed to compare them with their stores")
def test_a_mock_is_freed_without_garbage_collection():
    """The emulator is in no reference cycle, so its records are freed with the last reference to the mock."""
    gc.disable()
    try:
        mock = SegmentMock(data="demo")
        request = Request("GET", "/api/integration/ext/v1/metrics", {"authtoken": "t"})
        assert 200 == run_sync(mock._emulator.answer(request), mock.clock.advance).status
        core = weakref.ref(mock._emulator)
        mock.close()
        del mock

        assert core() is None
    finally:
        gc.enable()
