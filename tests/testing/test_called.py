"""``mock.journal``: assertions on calls, and their messages."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from unittest.mock import ANY

import pytest
import requests
from dirty_equals import IsInt, IsStr

from segment_mock import SegmentMock, SettingError, faults

UPSERT, SEARCH = "salsa.upsert_segments", "salsa.search_segments"
ROOT = "/api/integration/ext/v1"
KEY = {"authToken": "t"}


def body_with_group(name, **members):
    """Return the body of an upsert of one group."""
    return {"payload": {"segments": [{"name": name, **members}]}}


def failure_message(action, *arguments, **options):
    """Return the message of the AssertionError that *action* raises."""
    with pytest.raises(AssertionError) as caught:
        action(*arguments, **options)
    return str(caught.value)


def test_assert_called_returns_the_matching_calls(mock, upsert):
    upsert("A")
    mock.clock.advance(60)
    upsert({"name": "B", "description": "d"})
    journal = mock.journal

    assert [1, 2] == [entry.id for entry in journal.assert_called(UPSERT)]
    assert [2] == [entry.id for entry in journal.assert_called("upsert_segments", times=1, json=body_with_group("B"))]
    assert [2] == [
        entry.id for entry in journal.assert_called("salsa.*", times=1, json=body_with_group("B", description=ANY))
    ]
    assert [1] == [entry.id for entry in journal.assert_called(UPSERT, json=body_with_group("A"), exact=True)]
    assert [2] == [entry.id for entry in journal.assert_called(UPSERT, times=1, within=30)]
    assert [1] == [entry.id for entry in journal.entries(operation=UPSERT, before="2026-01-01T00:01:00Z")]
    journal.assert_called(UPSERT, times=IsInt(gt=1), status=200, json=body_with_group(IsStr(regex="[AB]")))
    journal.assert_not_called(UPSERT, json=body_with_group(IsStr(min_length=2)))
    journal.assert_not_called(SEARCH)
    journal.assert_not_called(UPSERT, json=body_with_group("B"), exact=True)
    journal.assert_not_called(UPSERT, fault="hang")
    journal.assert_not_called(UPSERT, within=30, json=body_with_group("A"))


def test_a_failure_shows_the_nearest_calls_with_their_differences(mock, upsert, send):
    """Each difference has its path, common mistakes are explained, and each call has the line of its caller."""
    upsert({"name": "Donors", "externalSystemId": 35467})
    upsert({"name": "volunteers", "externalSystemIdId": "35467"})
    text = failure_message(
        mock.journal.assert_called, UPSERT, times=1, json=body_with_group("Volunteers", externalSystemId="35467")
    )
    lines = text.splitlines()

    assert f"{UPSERT}: expected 1 call with this json, found 0 of 2." == lines[0]
    assert f"  nearest: call 2 {UPSERT}: PUT {ROOT}/segments -> 200 at tests/testing/conftest.py:" in lines[1]
    assert [
        "    payload.segments[0].name: expected 'Volunteers', got 'volunteers'"
        "  <- it differs only in upper and lower case",
        "    payload.segments[0].externalSystemId: expected '35467', got nothing  <- sent as 'externalSystemIdId'",
        "    hint: the API ignores the unknown field payload.segments[0].externalSystemIdId"
        " (did you mean 'externalSystemId'?)",
    ] == lines[2:5]
    assert "  then: call 1 " in lines[5]
    assert "got 35467  <- a number where text is expected" in lines[7]


@pytest.mark.parametrize(
    ("expected", "actual", "explanation"),
    [
        ("a-1", "A-1", "upper and lower case"),
        ("a1", "A-1", "case and dashes"),
        ("a ", "a", "space around it"),
        ("a", None, "null, which clears a member"),
        ("true", True, "true or false where text"),
        (3, "3", "text where a number"),
    ],
)
def test_a_failure_explains_common_mistakes(mock, upsert, expected, actual, explanation):
    upsert({"name": "n", "description": actual})

    assert explanation in failure_message(
        mock.journal.assert_called, UPSERT, json=body_with_group("n", description=expected)
    )


def test_a_failure_shows_calls_to_unknown_paths_and_other_operations(mock, upsert, send):
    """The message shows them if the operation was never called."""
    upsert("A")
    send("PUT", f"{ROOT}//segmets", {})
    text = failure_message(mock.journal.assert_called, SEARCH)

    assert "expected at least 1 call, found 0 of 0" in text
    assert f"matched no operation: call 2 salsa.no_such_operation: PUT {ROOT}//segmets -> 404" in text
    assert f"the nearest operations are PUT {ROOT}/segments" in text
    assert f"called instead: {UPSERT} x1, salsa.no_such_operation x1" in text
    mock.journal.clear()
    assert "nothing was called at all" in failure_message(mock.journal.assert_called, SEARCH)


def test_a_failure_explains_a_refused_call_and_a_double_slash(mock, send):
    """The message repeats the hint of the refusal, and notes that the real vendor may not accept a double slash."""
    send("PUT", "/api//integration/ext/v1/segments", body_with_group("A"), {"auth-token": "t"})
    text = failure_message(mock.journal.assert_called, UPSERT, status=200, fault="hang")

    assert "    status: expected 200, got 401" in text
    assert "    fault: expected 'hang', got nothing" in text
    assert "hint: send your credential in the header authToken, not in auth-token" in text
    assert "double slash" in text


def test_a_failure_lists_unexpected_calls(mock, upsert):
    mock.faults.add(faults.Disconnect(after=True), UPSERT, times=1)
    with pytest.raises(requests.ConnectionError):
        upsert("A")
    upsert("A")
    text = failure_message(mock.journal.assert_not_called, UPSERT)

    assert text.startswith(f"{UPSERT}: expected 0 calls, found 2 of 2.")
    assert "-> closed by 1 disconnect at " in text
    assert "  matches: call 2 " in text


def test_the_length_of_a_failure_message_is_limited(mock, upsert):
    """The message shows the three nearest calls, and six differences of each."""
    for number in range(30):
        upsert(*(f"{number}-{item}" for item in range(10)))
    expected = {"payload": {"segments": [{"name": "x"}] * 10}}
    text = failure_message(mock.journal.assert_called, UPSERT, json=expected)

    assert (1, 2, 18) == tuple(map(text.count, ("  nearest: ", "  then: ", "expected 'x', got ")))
    assert 3 == text.count("and 4 more places")


def test_a_truncated_body_is_named_as_the_reason_of_a_failure(mock, upsert):
    """The journal keeps only the first 64 KiB of a body."""
    upsert({"name": "n", "description": "d" * 70_000})

    assert "more than the 64 KiB" in failure_message(mock.journal.assert_called, UPSERT, json=body_with_group("n"))


def test_counting_calls_fails_if_the_journal_has_dropped_entries():
    """The message names the setting; assertions that need no dropped entry still pass."""
    with SegmentMock(journal_size=2) as mock, mock.session() as session:
        for _ in range(3):
            session.get(f"{ROOT}/metrics", headers={"authToken": "t"})
        mock.journal.assert_called("salsa.get_metrics")
        mock.journal.assert_called("salsa.get_metrics", times=1, since=2)
        text = failure_message(mock.journal.assert_not_called, UPSERT)

        assert 1 == mock.journal.forgotten
        assert "it has 2 to 3; 1 older entry dropped because the limit journal_size=2 or" in text


def test_assert_order_checks_the_order_of_calls(mock, upsert, send):
    upsert("A")
    send("POST", f"{ROOT}/segments/search", {"payload": {}})
    upsert("B")

    assert [1, 3] == [entry.id for entry in mock.journal.assert_order(UPSERT, (UPSERT, body_with_group("B")))]
    text = failure_message(mock.journal.assert_order, (UPSERT, body_with_group("B")), SEARCH)
    assert text.startswith(f"step 2 of 2 after call 3 ({UPSERT}): {SEARCH}: expected at least 1 call, found 0 of 0.")
    assert "nothing was called after call 3" in text
    assert 3 == text.partition("all calls, in order:")[2].count("\n  call ")


def test_wait_for_waits_for_a_call_of_another_thread(mock, upsert):
    """It returns when the call has ended, with its changes; after the timeout, the message lists the other calls."""
    thread = threading.Thread(target=upsert, args=("A",))
    thread.start()
    (entry,) = mock.journal.wait_for(UPSERT, json=body_with_group("A"), timeout=60)
    thread.join()
    text = failure_message(mock.journal.wait_for, UPSERT, times=2, timeout=0.001)

    assert [("segments", None)] == [(change.table, change.before) for change in entry.changes]
    assert text.startswith(f"waited 0.001 s: {UPSERT}: expected 2 calls, found 1 of 1.")


class StartsThread:
    """It is equal to every value, and starts a thread as soon as it is compared."""

    def __init__(self, thread):
        self._thread = thread

    def __eq__(self, other):
        if self._thread.ident is None:
            self._thread.start()
        return True

    __hash__ = None


def test_wait_for_can_wait_without_end(mock, upsert):
    """It waits here, because the second call begins when the first one is compared."""
    upsert("A")
    thread = threading.Thread(target=upsert, args=("B",))
    body = body_with_group(StartsThread(thread))
    entries = mock.journal.wait_for(UPSERT, json=body, times=2, timeout=math.inf)
    thread.join()

    assert [1, 2] == [entry.id for entry in entries]


def test_wait_for_waits_for_a_call_over_a_socket(mock):
    """The entry of such a call does not have the line of its caller."""
    url = f"{mock.serve().url}{ROOT}/segments"
    client = threading.Thread(target=requests.put, args=(url,), kwargs={"json": body_with_group("A"), "headers": KEY})
    client.start()
    (entry,) = mock.journal.wait_for(UPSERT, status=200, timeout=60)
    client.join()

    assert ("live", "", ["A"]) == (entry.door, entry.caller, [group["name"] for group in mock.salsa.segments])


@pytest.mark.parametrize(
    ("filters", "phrase"),
    [
        ({"operation": "salsa.upsert_segment"}, "did you mean 'salsa.upsert_segments'"),
        ({"operation": "salza.*"}, "unknown operation 'salza.*'"),
        ({"vendor": "sasla"}, "did you mean 'salsa'"),
        ({"stats": 200}, "unknown filter 'stats' (did you mean 'status'?)"),
        ({"after": "yesterday"}, "after: 'yesterday' is not a time"),
    ],
)
def test_an_unknown_filter_operation_or_vendor_is_an_error(mock, filters, phrase):
    with pytest.raises(SettingError) as caught:
        mock.journal.entries(**filters)

    assert phrase in str(caught.value)


def test_calls_can_be_filtered_by_organization():
    """The filter accepts a credential, or the organization's name in the journal."""
    with SegmentMock(credentials="isolated") as mock, mock.session() as session:
        for token in ("one", "two", "one"):
            session.get(f"{ROOT}/metrics", headers={"authToken": token})
        (second,) = mock.journal.entries(organization="two")

        assert [2] == [entry.id for entry in mock.journal.entries(organization=second.organization)]
        assert 2 == len(mock.journal.entries(organization="one"))
        assert [] == mock.journal.entries(organization="three")
        assert 2 == sum(one.name != "" for one in mock.salsa.world), "a filter creates no organization"


def test_an_entry_has_the_line_of_the_caller_and_the_test(mock, upsert):
    """In process, an entry has the line of the nearest caller outside libraries, and the id of the running test."""
    upsert("A")
    (entry,) = mock.journal
    file, _, line = entry.caller.rpartition(":")

    assert "return session.request(" in Path(file).read_text().splitlines()[int(line) - 1]
    assert entry.test.endswith("test_called.py::test_an_entry_has_the_line_of_the_caller_and_the_test")
    assert (entry.caller, entry.test) == (entry.as_dict()["caller"], entry.as_dict()["test"])


def test_pytest_shows_the_assertion_without_internal_frames(pytester):
    """The traceback ends at the line of the test."""
    pytester.makepyfile(
        """
        from segment_mock import SegmentMock, added

        def test_calls():
            SegmentMock().journal.assert_not_called("salsa.upsert_segments")
            SegmentMock().journal.assert_called("salsa.upsert_segments")

        def test_changes():
            with SegmentMock().expect_changes(salsa={"segments": added(2)}):
                pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:randomly")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            ">*assert_called(*",
            "E * AssertionError: salsa.upsert_segments: expected at least 1 call, found 0 of 0.",
            "*test_pytest_shows*.py:5: AssertionError",
            "E *salsa.segments: expected 2 added, got no change",
            "*test_pytest_shows*.py:8: AssertionError",
        ]
    )
    result.stdout.no_fnmatch_line("*def assert_called*")


@pytest.mark.parametrize("status", [0, 2, 99, 1000, -200])
def test_a_status_that_no_response_has_is_refused(mock, status):
    with pytest.raises(SettingError, match=f"status: {status} is not a status, which is from 100 to 999"):
        mock.journal.assert_not_called(UPSERT, status=status)


def test_json_may_have_paths(mock, upsert):
    upsert("A", "B")
    journal = mock.journal

    journal.assert_called(UPSERT, json={"payload.segments[1].name": "B"})
    journal.assert_called(UPSERT, json={"$.payload": ANY})
    journal.assert_not_called(UPSERT, json={"$.payload": "B"})
    journal.assert_called(UPSERT, json={"payload.segments[*].name": IsStr(regex="B"), "payload": ANY})
    journal.assert_not_called(UPSERT, json={"payload.segments[*].name": "C"})
    with pytest.raises(AssertionError, match="expected 0 calls"):
        journal.assert_not_called(UPSERT, json={"payload.segments[0].name": "A"})
    message = failure_message(journal.assert_called, UPSERT, json={"payload.segments[0].name": "a"})
    assert "payload.segments[0].name: expected 'a', got 'A'  <- it differs only in upper and lower case" in message


def test_a_body_that_the_journal_does_not_keep_may_match(mock):
    """So no assertion on its members holds, neither that it was sent nor that it was not."""
    mock.segmenter.add_segment("S", id="s")
    persons = [{"externalId": str(number), "lastName": "x" * 100} for number in range(1000)]
    body = {"id": "s", "persons": persons}
    response = mock.session().put("/segments", json=body, headers={"x-api-key": "k"})

    assert 200 == response.status_code
    mock.journal.assert_called("update_segment", times=1)
    mock.journal.assert_not_called("create_segment", json={"id": "s"})
    mock.journal.assert_not_called("update_segment", status=500, json={"id": "s"})
    for assertion in (mock.journal.assert_called, mock.journal.assert_not_called):
        message = failure_message(assertion, "update_segment", json={"id": "s"})
        assert "may match, but the journal does not keep its whole body: call 1 segmenter.update_segment" in message
