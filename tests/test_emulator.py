"""The whole from outside: what the journal records of each call, waiting, and the moments that can be returned to."""

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


def world(*names, **settings):
    return SegmentMock(data={"salsa": {"segments": [{"name": name} for name in names]}}, **settings)


def put(mock, *names, **options):
    items = [{"name": name} for name in names]
    return mock.session().put(UPSERT, data=json.dumps({"payload": {"segments": items}}), headers=HEADERS, **options)


def search(mock, **options):
    return mock.session().post(SEARCH, data=b'{"payload":{}}', headers=HEADERS, **options)


def found_names(mock):
    return [segment["name"] for segment in search(mock).json()["payload"]["segments"]]


def names(mock):
    return [segment["name"] for segment in mock.salsa.segments]


def test_every_call_is_in_the_journal():
    """A call that fits no vendor, an unknown path and an unknown verb too, each with its vendor and operation."""
    mock = world()
    for method, path in (("PUT", "/x"), ("PUT", "/segments/a/b"), ("GET", UPSERT), ("PUT", UPSERT)):
        mock.session().request(method, path, data=b"{}", headers=HEADERS)

    expected = [
        "unmatched", "segmenter.no_such_operation", "salsa.no_such_method", "salsa.upsert_segments",
    ]  # fmt: skip
    assert expected == [entry.operation for entry in mock.journal.entries()]
    assert [404, 404, 405, 400] == [entry.status for entry in mock.journal.entries()]


@pytest.mark.parametrize("seconds", [30.0, math.inf])
def test_a_call_that_its_client_abandons_is_never_performed(seconds):
    """The client's own timeout strikes, the clock has moved by it, and the journal has the call."""

    async def late(call, proceed):
        await sleep(seconds)
        return await proceed()

    mock = world()
    mock.clock.freeze("2018-03-21T15:12:09Z")
    mock.faults.add(late)
    with pytest.raises(requests.ReadTimeout):
        put(mock, "a", timeout=2)

    assert "2018-03-21T15:12:11.000Z" == mock.clock.iso()
    assert [] == names(mock)
    entry = mock.journal.entries()[0]
    assert ("salsa.upsert_segments", None, "abandoned", ()) == (
        entry.operation, entry.status, entry.outcome, entry.changes,
    )  # fmt: skip


def test_a_late_answer_moves_the_clock_and_tells_how_late_it_is():
    """A client that waits longer gets it; processingTime and the journal's duration say how long it took."""

    async def late(call, proceed):
        await sleep(1.234)
        return await proceed()

    mock = world()
    mock.clock.freeze("2018-03-21T15:12:09Z")
    mock.faults.add(late)
    reply = search(mock, timeout=2).json()

    assert ("2018-03-21T15:12:10.234Z", 1234) == (reply["timestamp"], reply["header"]["processingTime"])
    assert 1.234 == pytest.approx(mock.journal.entries()[0].duration)


def test_waiting_for_ever_without_a_timeout_is_an_error_of_the_test():
    """It names the call instead of hanging the run; the call is in the journal, unperformed."""

    async def hang(call, proceed):
        await sleep(math.inf)
        return await proceed()

    mock = world()
    mock.faults.add(hang)
    with pytest.raises(WouldHangForever, match=f"PUT {UPSERT}"):
        put(mock, "a")
    with pytest.raises(requests.ReadTimeout):
        put(mock, "a", timeout=2)

    assert ([], ["abandoned"] * 2) == (names(mock), [entry.outcome for entry in mock.journal.entries()])


@pytest.mark.parametrize("loaded", [False, True])
def test_lag_shows_an_earlier_moment_to_reads_only(loaded):
    """Reads see what was, across a loaded state too; writes, records and log are as if nothing lagged."""
    mock = world("old")
    search(mock)
    if loaded:
        mock.load({"salsa": {"segments": [{"name": "old"}]}})
    put(mock, "new")
    moment = mock.snapshot().mark

    async def lag(call, proceed):
        call.lag = Lag(calls=5)
        return await proceed()

    mock.faults.add(lag)

    assert ["old"] == found_names(mock)
    assert (["old", "new"], moment) == (names(mock), mock.snapshot().mark)
    assert () == mock.journal.entries()[-1].changes
    assert "VALIDATION_ERROR" == put(mock, "new").json()["payload"]["segments"][0]["result"]
    mock.faults.clear()
    assert ["old", "new"] == found_names(mock)


def test_a_snapshot_of_another_mock_is_refused():
    """Its position in the change log is one of this mock, too."""
    mock, other = world("a"), world("b")
    put(mock, "c")

    with pytest.raises(LookupError, match="that snapshot was taken of another mock"):
        mock.restore(other.snapshot())
    assert ["a", "c"] == names(mock)


def test_a_snapshot_is_returned_to_across_writes_and_loads():
    """As often as wanted, forward too; ids that were retired since are unknown again."""
    mock = world("a")
    first = mock.snapshot()
    put(mock, "b")
    second = mock.snapshot()
    mock.load({"salsa": {"segments": [{"name": "c"}]}})
    put(mock, "d")
    seen = []
    for snapshot in (first, second, first):
        mock.restore(snapshot)
        seen.append((names(mock), found_names(mock)))

    assert [(["a"], ["a"]), (["a", "b"], ["a", "b"]), (["a"], ["a"])] == seen


def test_a_snapshot_outlives_the_journal():
    """However little the journal keeps, what a snapshot needs is kept."""
    mock = world(journal_size=1)
    snapshot = mock.snapshot()
    for n in range(50):
        put(mock, str(n))
    mock.restore(snapshot)

    assert [] == names(mock)


@pytest.mark.parametrize("write", [False, True])
def test_a_snapshot_does_not_outlive_a_reset(write):
    """A reset lies between, whether or not anything was written since: LookupError, and nothing changes."""
    mock = world("a")
    put(mock, "b")
    snapshot = mock.snapshot()
    mock.reset()
    if write:
        put(mock, "c")

    with pytest.raises(LookupError):
        mock.restore(snapshot)
    assert (["a", "c"] if write else ["a"]) == names(mock)


def test_a_reset_returns_to_the_beginning():
    """Records, journal, clock, faults and limits; not what was loaded since, but the initial data."""

    async def refuse(call, proceed):
        return call.refuse("broken")

    mock = world("initial", seed=3)
    put(mock, "first")
    first = mock.salsa.segments[-1]
    mock.clock.freeze("2018-03-21T15:12:09Z")
    mock.faults.add(refuse)
    mock.load({"salsa": {"segments": [{"name": "loaded"}]}})
    mock.reset()

    assert ["initial"] == names(mock)
    assert ([], False) == (mock.journal.entries(), mock.clock.frozen)
    assert 200 == put(mock, "first").status_code
    assert first == mock.salsa.segments[-1]


def test_a_state_that_cannot_be_loaded_changes_nothing():
    """The error names the row, and every record is as it was."""
    mock = world("a")
    before = mock.state()

    with pytest.raises(SettingError, match=r"salsa\.segments\[1\]\.name"):
        mock.load({"salsa": {"segments": [{"name": "b"}, {"name": ""}]}})
    assert before == mock.state()


@pytest.mark.memory_only("until the end of a test, its mocks are needed to compare them with their stores")
def test_a_mock_is_let_go_at_once():
    """Nothing holds an emulator in a circle: with the last name of a mock all its records are gone, uncollected."""
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
