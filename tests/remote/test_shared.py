"""Behaviour that a mock in this process and a remote mock share; each test runs with both."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta, timezone
from threading import Thread
from typing import Any
from unittest.mock import ANY

import pytest

from segment_mock import SettingError, added, anything, faults, removed, updated
from tests.waiting import PATIENCE

ROOT = "/api/integration/ext/v1"
SALSA, SEGMENTER = {"authToken": "t"}, {"x-api-key": "k"}
ALL = {"payload": {"offset": 0, "count": 20}}


def search(mock: Any, **options: Any) -> Any:
    """Search all groups and return the response."""
    return mock.session().post(f"{ROOT}/segments/search", json=ALL, headers=SALSA, **options)


def upsert(mock: Any, *groups: dict[str, Any]) -> Any:
    """Add or update *groups* and return the response."""
    return mock.session().put(f"{ROOT}/segments", json={"payload": {"segments": [*groups]}}, headers=SALSA)


# Faults.


@pytest.mark.parametrize(
    "fault",
    ["error", {"kind": "error"}, {"kind": "error", "status": 503, "operation": "salsa.*"}, faults.Error(status=503)],
)
def test_a_fault_can_be_added_in_every_form(mock: Any, fault: Any) -> None:
    rule = mock.faults.add(fault)
    response = search(mock)

    assert 500 <= response.status_code
    assert (1, 1, 1, 0) == (rule.seen, rule.matched, rule.fired, rule.suppressed)
    assert "fired once" == rule.explain()
    assert "error" == rule.kind
    assert [rule.id] == [armed.id for armed in mock.faults]
    assert mock.journal.entries(fault="error")


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ({"status": "200"}, "status: '200' is not a whole number"),
        ({"status": True}, "status: True is not a whole number"),
        ({"fault": "eror"}, r"fault: unknown fault kind 'eror' \(did you mean 'error'\?\)"),
        ({"headers": {"authToken": "t"}}, "headers.authToken: the journal redacts credentials"),
        ({"query": {"apiKey": "k"}}, "query.apiKey: the journal redacts credentials"),
        ({"json": '{"payload": {}}'}, "json: .* is JSON text; expected the parsed value"),
        ({"exact": True}, "exact: json is missing; exact=True compares the whole body with it"),
        ({"within": -1}, "within: -1 is not a number of seconds, at least 0"),
    ],
)
def test_a_filter_that_no_call_can_match_is_an_error(mock: Any, filters: dict[str, Any], problem: str) -> None:
    """Otherwise ``assert_not_called`` would pass if its name were misspelt."""
    search(mock)

    with pytest.raises(SettingError, match=problem):
        mock.journal.assert_not_called("salsa.*", **filters)
    if "within" not in filters:
        with pytest.raises(SettingError, match=problem):
            mock.journal.entries(**filters)


def test_calls_whose_body_is_too_long_to_compare_are_named_in_a_warning(mock: Any) -> None:
    """They would be missing otherwise, without a word."""
    long_body = {"payload": {"segments": [{"name": "long", "description": "d" * 70_000}]}}
    for body in (long_body, {"payload": {"segments": [{"name": "short"}]}}, long_body):
        mock.session().put(f"{ROOT}/segments", json=body, headers=SALSA)
    members = {"payload.segments[0].name": ANY}
    warning = r"^json: 2 calls left out that may match, because the journal keeps only the first 64 KiB .*: #1, #3$"

    with pytest.warns(UserWarning, match=warning) as warnings:
        assert [2] == [entry.id for entry in mock.journal.entries(json=members)]
    assert __file__ == warnings[0].filename
    with pytest.warns(UserWarning, match=warning):
        assert warnings[0].message.args == (mock.journal.har(json=members)["log"]["comment"],)
    with pytest.warns(UserWarning, match=r"1 call left out .*: #3$"):
        mock.journal.entries(json=members, limit=1)
    with pytest.warns(UserWarning, match=r"1 call left out .*: #3$"):
        assert [] == mock.journal.entries(json={"payload": []}, since=1)
    for filters in ({"status": 500}, {"operation": "search_segments"}, {"limit": 0}):
        assert [] == mock.journal.entries(json=members, **filters)
    assert [1, 2, 3] == [entry.id for entry in mock.journal.entries()]
    assert "comment" not in mock.journal.har()["log"]


def test_calls_can_be_filtered_by_a_fault_whose_rule_was_removed(mock: Any) -> None:
    rule = mock.faults.add("embedded")
    search(mock)
    mock.faults.clear()

    assert [1, 1] == [len(mock.journal.entries(fault=name)) for name in ("embedded", rule.id)]


@pytest.mark.parametrize("times", ["1", -1, True, 1.5, [1]])
def test_an_invalid_number_of_calls_is_an_error(mock: Any, times: Any) -> None:
    for assertion in (mock.journal.assert_called, mock.journal.wait_for):
        with pytest.raises(SettingError, match=r"times: .* is not a whole number, at least 0"):
            assertion("salsa.*", times=times)


def test_wait_for_needs_a_number_of_calls_and_of_seconds(mock: Any) -> None:
    search(mock)

    for times in (None, ANY):
        with pytest.raises(SettingError, match=r"times: .* is not a whole number, at least 0"):
            mock.journal.wait_for("salsa.*", times=times)
    for timeout in ("1", None, True, -1, math.nan):
        with pytest.raises(SettingError, match=r"timeout: .* is not a number of seconds, at least 0"):
            mock.journal.wait_for("salsa.*", timeout=timeout)
    assert 1 == len(mock.journal.wait_for("salsa.*", timeout=math.inf))


def test_assert_order_without_a_valid_step_is_an_error(mock: Any) -> None:
    with pytest.raises(SettingError, match="assert_order: there is no step, so it would assert nothing"):
        mock.journal.assert_order()
    with pytest.raises(SettingError, match=r"assert_order: \['salsa.\*'\] is neither an operation nor"):
        mock.journal.assert_order(["salsa.*"])


def test_a_header_filter_accepts_a_number(mock: Any) -> None:
    mock.session().get(f"{ROOT}/metrics", headers={**SALSA, "X-Attempt": "2"})

    assert 1 == len(mock.journal.entries(headers={"x-attempt": 2}))


@pytest.mark.parametrize("tables", [anything, [added(1)], None, 1])
def test_expected_changes_must_be_a_dictionary_of_tables(mock: Any, tables: Any) -> None:
    with pytest.raises(SettingError, match=r"salsa: expected a dictionary of tables, such as \{'segments': anything\}"):
        mock.expect_changes(salsa=tables)


def test_a_list_of_faults_is_armed_completely_or_not_at_all(mock: Any) -> None:
    rules = mock.faults.add(["error", {"kind": "hang", "when": {"times": 1}}])
    with pytest.raises(SettingError, match="unknown fault kind 'hnag'"):
        mock.faults.load(["error", "hnag"])

    assert ["error", "hang"] == [rule.kind for rule in rules]
    assert 2 == len(mock.faults)


def test_a_rule_has_its_conditions_match_and_operation(mock: Any) -> None:
    rule = mock.faults.add(
        faults.Error(status=500), "salsa.search_segments", {"json": {"payload.count": 20}}, skip=1, times=1, from_=0
    )
    statuses = [search(mock).status_code for _ in range(3)]

    assert [200, 500, 200] == statuses
    assert {"skip": 1, "times": 1, "from": 0} == rule.when.as_dict()
    assert rule.is_spent
    assert ("salsa.search_segments", {"json": {"payload.count": 20}}) == (rule.operation, rule.match)
    assert faults.Error(status=500) == rule.fault
    assert rule.as_dict()["fired"] == 1


def test_an_injected_fault_is_disarmed_after_its_block_and_keeps_its_counters(mock: Any) -> None:
    with mock.faults.injected("error", "salsa.*") as rule:
        during = search(mock).status_code
    after = search(mock).status_code

    assert during >= 500
    assert 200 == after
    assert 1 == rule.fired
    assert rule.until is not None
    assert [rule.id] == [armed.id for armed in mock.faults.armed]
    assert 0 == len(mock.faults)


def test_rules_can_be_looked_up_removed_and_cleared(mock: Any) -> None:
    rule = mock.faults.add("error")

    assert rule == mock.faults.get(rule.id)
    assert mock.faults.remove(rule.id)
    assert not mock.faults.remove(rule.id)
    assert mock.faults.get(rule.id) is None
    mock.faults.add("hang")
    mock.faults.clear()
    assert () == mock.faults.armed


def test_a_rule_has_the_line_that_armed_it(mock: Any) -> None:
    mock.faults.add("hang")

    assert "test_shared.py:" in next(iter(mock.faults)).where


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (("hnag",), "unknown fault kind 'hnag' (did you mean 'hang'?)"),
        (({"kind": "error", "statsu": 500},), "did you mean 'status'?"),
        (("error", "salsa.serch_segments"), "did you mean 'salsa.search_segments'?"),
        (
            ({"kind": "error", "operation": "salsa.*"}, "segmenter.*"),
            "operation: given both in the dictionary and as an argument",
        ),
        (("error", "*", {"vendor": "slasa"}), "match.vendor: unknown vendor 'slasa'"),
    ],
)
def test_an_invalid_fault_has_the_same_error_message(mock: Any, arguments: Any, phrase: str) -> None:
    with pytest.raises(SettingError) as raised:
        mock.faults.add(*arguments)

    assert phrase in str(raised.value)
    assert 0 == len(mock.faults)


# The journal.


def test_a_journal_entry_has_request_response_and_changes(mock: Any) -> None:
    upsert(mock, {"name": "Äpfel"})
    entry = mock.journal.entries(operation="upsert_segments")[0]

    assert (1, "salsa", "salsa.upsert_segments", "PUT", 200, "answered") == (
        entry.id, entry.vendor, entry.operation, entry.method, entry.status, entry.outcome,
    )  # fmt: skip
    assert f"{ROOT}/segments" == entry.path == entry.target
    assert "[redacted]" == entry.request_headers["authtoken"]
    assert {"payload": {"segments": [{"name": "Äpfel"}]}} == entry.request_json
    assert b"payload" in entry.request_body
    assert "application/json" == entry.response_headers["Content-Type"]
    assert "ADDED" == entry.response_json["payload"]["segments"][0]["result"]
    assert [("segments", None, "Äpfel")] == [(row.table, row.before, row.after["name"]) for row in entry.changes]
    assert entry == mock.journal.get(1)
    assert [entry] == [*mock.journal]
    assert abs(entry.time - mock.clock.now()) < 60
    assert entry.as_dict()["response"]["body"] == entry.response_json


def test_the_entry_of_a_disconnected_call_has_its_outcome(mock: Any) -> None:
    mock.faults.add("disconnect")
    with pytest.raises(OSError, match=r"."):
        search(mock)
    entry = mock.journal.get(1)

    assert (None, "closed", b"") == (entry.status, entry.outcome, entry.response_body)
    assert ("1 disconnect",) == entry.faults


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 1, 31, 12, tzinfo=timezone.utc), "2026-01-31T12:00:00.000Z"),
        (datetime(2026, 1, 31, 12, 0, 0, 250_000, timezone(timedelta(hours=-5))), "2026-01-31T17:00:00.250Z"),
        (datetime(2026, 1, 31, 12), "2026-01-31T12:00:00.000Z"),  # UTC, like a string without a zone
    ],
)
def test_clock_and_journal_accept_a_datetime(mock: Any, moment: datetime, expected: str) -> None:
    mock.clock.freeze(moment)
    search(mock)

    assert (expected, True) == (mock.clock.iso(), mock.clock.frozen)
    assert [1] == [entry.id for entry in mock.journal.entries(after=moment)]
    assert [] == mock.journal.entries(before=moment)

    mock.clock.freeze(0)
    mock.clock.set(moment)
    assert (expected, True) == (mock.clock.iso(), mock.clock.frozen)

    mock.clock.set(moment, frozen=False)
    assert not mock.clock.frozen


@pytest.mark.parametrize("moment", [date(2026, 1, 31), timedelta(seconds=1), [2026]])
def test_an_invalid_time_is_an_error(mock: Any, moment: Any) -> None:
    with pytest.raises(ValueError, match=r"^only JSON can be sent|expected freeze with|is not a time such as 2018-"):
        mock.clock.freeze(moment)

    assert not mock.clock.frozen


def test_every_filter_of_the_journal_selects_entries(make_mock: Any) -> None:
    mock = make_mock(credentials="isolated")
    mock.clock.freeze("2026-01-01T00:00:00Z")
    search(mock)
    mock.clock.advance(60)
    mock.session().put("/segments?dry=1", json={"id": "x"}, headers={"x-api-key": "other", "X-Trace": "7"})
    entries = mock.journal.entries

    assert [1] == [entry.id for entry in entries("salsa")]
    assert [1] == [entry.id for entry in entries(operation="salsa.search*")]
    assert [2] == [entry.id for entry in entries(status=404)]
    assert [2] == [entry.id for entry in entries(organization="other")]
    assert [2] == [entry.id for entry in entries(organization=mock.journal.get(2).organization)]
    assert [] == entries(organization="nobody")
    assert [2] == [entry.id for entry in entries(after="2026-01-01T00:01:00Z")]
    assert [1] == [entry.id for entry in entries(before="2026-01-01T00:01:00Z")]
    assert [2] == [entry.id for entry in entries(headers={"x-trace": "7"}, query={"dry": 1})]
    assert [1] == [entry.id for entry in entries(json={"payload": {"count": 20}})]
    assert [] == entries(json={"payload": {"count": 20}}, exact=True)
    assert [2] == [entry.id for entry in entries(since=1)]
    assert [2] == [entry.id for entry in entries(limit=1)]


class AnyNumber:
    """Equal to every integer, like the objects of dirty-equals."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int)

    __hash__ = None  # type: ignore[assignment]


def test_assertions_pass_and_return_the_calls(mock: Any) -> None:
    search(mock)
    upsert(mock, {"name": "A"})

    assert [1] == [
        e.id for e in mock.journal.assert_called("search_segments", json={"payload": {"count": AnyNumber()}})
    ]
    assert [1] == [e.id for e in mock.journal.assert_called("salsa.search_segments", times=1, within=60)]
    assert [1, 2] == [e.id for e in mock.journal.assert_order("search_segments", ("upsert_segments", None))]
    mock.journal.assert_not_called("delete_segments")
    assert 2 == len(mock.journal)


def test_a_failed_assertion_explains_itself(mock: Any) -> None:
    upsert(mock, {"name": "volunteers"})
    with pytest.raises(AssertionError) as raised:
        mock.journal.assert_called("upsert_segments", json={"payload": {"segments": [{"name": "Volunteers"}]}})
    with pytest.raises(AssertionError) as other:
        mock.journal.assert_order("upsert_segments", "search_segments")
    text = str(raised.value)

    assert "expected at least 1 call with this json, found 0 of 1" in text
    assert "nearest: call 1 salsa.upsert_segments: PUT" in text
    assert "it differs only in upper and lower case" in text
    assert "called instead" not in text
    assert "step 2 of 2 after call 1" in str(other.value)


def test_an_unknown_operation_or_filter_is_refused(mock: Any) -> None:
    with pytest.raises(SettingError, match=r"did you mean 'salsa.upsert_segments'"):
        mock.journal.assert_called("salsa.upser_segments")
    with pytest.raises(SettingError, match="did you mean 'status'"):
        mock.journal.entries(statsu=200)
    with pytest.raises(SettingError, match="slasa"):
        mock.journal.entries("slasa")


def test_wait_for_waits_for_a_call_of_another_thread(mock: Any) -> None:
    thread = Thread(target=search, args=[mock])
    thread.start()
    entries = mock.journal.wait_for("search_segments", timeout=PATIENCE)
    thread.join()

    assert [1] == [entry.id for entry in entries]
    with pytest.raises(AssertionError, match=r"waited 0.05 s"):
        mock.journal.wait_for("upsert_segments", timeout=0.05)


def test_dropped_calls_are_counted_and_named_in_errors(make_mock: Any) -> None:
    mock = make_mock(journal_size=1)
    search(mock)
    search(mock)

    assert 1 == mock.journal.forgotten
    assert mock.journal.get(1) is None
    with pytest.raises(AssertionError, match="Earlier calls were dropped: it has 2 to 2"):
        mock.journal.assert_not_called("upsert_segments")


def test_the_journal_has_ignored_fields_hints_har_and_a_capsule(mock: Any) -> None:
    upsert(mock, {"name": "A", "descripton": "B"})
    (row,) = mock.journal.ignored_fields()

    assert ("payload.segments[*].descripton", " (did you mean 'description'?)") == (row.path, row.suggestion)
    assert "descripton" in mock.journal.hint(mock.journal.get(1))
    assert 1 == len(mock.journal.har()["log"]["entries"])
    capsule = mock.journal.capsule("a test")
    assert ("a test", 1) == (capsule["about"], len(capsule["calls"]))


def test_the_journal_can_be_cleared(mock: Any) -> None:
    search(mock)
    mock.journal.clear()
    search(mock)

    assert [2] == [entry.id for entry in mock.journal]


# Clock, records, snapshots.


def test_the_clock_can_be_frozen_advanced_set_and_resumed(mock: Any) -> None:
    mock.clock.freeze("2026-01-01T00:00:00Z")
    mock.clock.advance(1.5)

    assert mock.clock.frozen
    assert "2026-01-01T00:00:01.500Z" == mock.clock.iso()
    assert 1767225601.5 == mock.clock.now()
    mock.clock.set("2027-01-01", frozen=False)
    assert not mock.clock.frozen
    mock.clock.set("2028-01-01", frozen=True)
    assert "2028-01-01T00:00:00.000Z" == mock.clock.iso()
    mock.clock.resume()
    mock.clock.freeze()
    assert mock.clock.frozen
    for change in (lambda: mock.clock.advance(-1), lambda: mock.clock.set("noon")):
        with pytest.raises(ValueError, match=r"."):
            change()


def test_records_of_vendors_can_be_read_and_added(make_mock: Any) -> None:
    mock = make_mock(credentials="isolated", seed=7)
    group = mock.salsa.add_segment("Volunteers", description="d")
    supporter = mock.salsa.add_supporter("a@example.org", firstName="A")
    member = mock.salsa.add_member(group["segmentId"], supporter["supporterId"])
    segment = mock.segmenter.add_segment("VIP", persons=[{"externalId": "1"}])

    assert [group] == mock.salsa.segments == mock.salsa.rows("segments")
    assert ([supporter], [member]) == (mock.salsa.supporters, mock.salsa.members)
    assert [segment] == mock.segmenter.segments
    assert 1 == len(mock.segmenter.persons)
    assert [] == mock.salsa.of("other").segments
    with pytest.raises(SettingError, match="no record has the id"):
        mock.salsa.add_member("nobody", supporter["supporterId"])
    assert segment == mock.vendor("segmenter").segments[0]
    assert {"salsa", "segmenter", "journal"} <= {*dir(mock)}
    with pytest.raises(AttributeError, match="has no attribute or vendor"):
        _ = mock.slasa
    with pytest.raises(SettingError, match="slasa"):
        mock.vendor("slasa")
    with pytest.raises(AttributeError, match=r"has no attribute 'segment' \(did you mean '.*segment.*'\?\)"):
        _ = mock.salsa.segment


def test_the_repr_of_a_rule_has_its_settings_and_conditions(mock: Any) -> None:
    mock.faults.add(faults.Error(status=503), "salsa.*", times=2)
    mock.session().get("/api/integration/ext/v1/metrics", headers={"authToken": "any"})

    assert "[<rule 1: error on salsa.* status=503 times=2 fired=1>]" == str([*mock.faults])


def test_the_state_can_be_exported_and_loaded(mock: Any) -> None:
    mock.salsa.add_segment("A")
    document = mock.state()
    mock.load({})

    assert [] == mock.salsa.segments
    mock.load(document)
    assert document == mock.state()
    with pytest.raises(SettingError, match="segmnets"):
        mock.load({"salsa": {"segmnets": []}})
    assert "deleted" not in mock.state(deleted=True)["salsa"]


def test_records_can_be_restored_rewound_and_reset(mock: Any) -> None:
    start = mock.snapshot()
    upsert(mock, {"name": "A"})
    upsert(mock, {"name": "B"})
    first = mock.journal.get(1)
    mock.rewind(first)

    assert ["A"] == [group["name"] for group in mock.salsa.segments]
    mock.restore(start)
    assert [] == mock.salsa.segments
    mock.rewind(2)
    assert 2 == len(mock.salsa.segments)
    mock.faults.add("error")
    mock.reset()
    assert (0, 0, []) == (len(mock.journal), len(mock.faults), mock.salsa.segments)
    for stale in (lambda: mock.restore(start), lambda: mock.rewind(first), lambda: mock.rewind(1)):
        with pytest.raises(LookupError):
            stale()


def test_expected_changes_pass(mock: Any) -> None:
    with mock.expect_changes(salsa={"segments": added({"name": "A"})}):
        upsert(mock, {"name": "A"})
    with mock.expect_changes(salsa={"segments": updated({"description": "new"}) + added(1)}):
        upsert(
            mock, {"segmentId": mock.salsa.segments[0]["segmentId"], "name": "A", "description": "new"}, {"name": "B"}
        )
    with mock.expect_changes(salsa={"segments": anything}):
        mock.load({})
    with mock.expect_changes():
        search(mock)


def test_an_unexpected_change_is_an_error_that_names_its_call(mock: Any) -> None:
    with (
        pytest.raises(AssertionError) as raised,
        mock.expect_changes(salsa={"segments": removed(1)}, segmenter={"segments": added(1)}),
    ):
        upsert(mock, {"name": "A"})
    text = str(raised.value)

    assert "salsa.segments: expected 1 removed, got 1 added" in text
    assert "<- call 1 salsa.upsert_segments" in text
    assert "segmenter.segments: expected 1 added, got no change" in text
    with pytest.raises(SettingError, match="did you mean 'segments'"):
        mock.expect_changes(salsa={"segmnets": added(1)})
    with pytest.raises(LookupError), mock.expect_changes():
        mock.reset()


# Stubs, settings and interception.


def test_a_stub_answers_and_counts_its_calls(mock: Any) -> None:
    stub = mock.stub("GET", "/api/neighbour", json={"a": 1}, times=1)
    responses = [mock.session().get("/api/neighbour", headers=SALSA) for _ in range(2)]

    assert ({"a": 1}, 404) == (responses[0].json(), responses[1].status_code)
    assert [1] == [row.calls for row in mock.stubs]
    assert "GET /api/neighbour" == str(stub)
    assert not mock.stubs.is_initial(next(iter(mock.stubs)))
    with pytest.raises(SettingError, match=r"belongs to the operation salsa.search_segments"):
        mock.stub("POST", f"{ROOT}/segments/search")
    mock.stubs.clear()
    assert 0 == len(mock.stubs)


def test_settings_of_the_mock_can_be_read(make_mock: Any) -> None:
    mock = make_mock(seed=7, limits="off")

    assert (7, "off", 1000) == (mock.settings["seed"], mock.settings["limits"], mock.settings["journal_size"])


def test_intercept_routes_clients_to_the_mock(mock: Any) -> None:
    import urllib.request

    request = urllib.request.Request("http://api.salsalabs.org" + ROOT + "/metrics", headers=SALSA)
    options: Any = {"transport": "live"}
    with mock.intercept(block_network=True, **options), urllib.request.urlopen(request) as response:
        assert 200 == response.status

    assert ["salsa.get_metrics"] == [entry.operation for entry in mock.journal]
