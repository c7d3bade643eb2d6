"""``mock.journal``: assertions on calls, and their messages."""

from __future__ import annotations

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


def group_named(name, **members):
    """Return the body of an upsert of one group."""
    return {"payload": {"segments": [{"name": name, **members}]}}


def failed(action, *arguments, **options):
    """Return the text of the AssertionError that *action* raises."""
    with pytest.raises(AssertionError) as caught:
        action(*arguments, **options)
    return str(caught.value)


def test_calls_that_fit_are_returned(mock, upsert):
    upsert("A")
    mock.clock.advance(60)
    upsert({"name": "B", "description": "d"})
    journal = mock.journal

    assert [1, 2] == [entry.id for entry in journal.assert_called(UPSERT)]
    assert [2] == [entry.id for entry in journal.assert_called("upsert_segments", times=1, json=group_named("B"))]
    assert [2] == [
        entry.id for entry in journal.assert_called("salsa.*", times=1, json=group_named("B", description=ANY))
    ]
    assert [1] == [entry.id for entry in journal.assert_called(UPSERT, json=group_named("A"), exact=True)]
    assert [2] == [entry.id for entry in journal.assert_called(UPSERT, times=1, within=30)]
    assert [1] == [entry.id for entry in journal.entries(operation=UPSERT, before="2026-01-01T00:01:00Z")]
    journal.assert_called(UPSERT, times=IsInt(gt=1), status=200, json=group_named(IsStr(regex="[AB]")))
    journal.assert_not_called(UPSERT, json=group_named(IsStr(min_length=2)))
    journal.assert_not_called(SEARCH)
    journal.assert_not_called(UPSERT, json=group_named("B"), exact=True)
    journal.assert_not_called(UPSERT, fault="hang")
    journal.assert_not_called(UPSERT, within=30, json=group_named("A"))


def test_the_nearest_call_is_shown_with_what_differs(mock, upsert, send):
    """Nearest first, each place by its path, usual slips named, and the line of the caller."""
    upsert({"name": "Donors", "externalSystemId": 35467})
    upsert({"name": "volunteers", "externalSystemIdId": "35467"})
    text = failed(mock.journal.assert_called, UPSERT, times=1, json=group_named("Volunteers", externalSystemId="35467"))
    lines = text.splitlines()

    assert f"{UPSERT}: expected 1 call with this json, found 0 of 2." == lines[0]
    assert f"  nearest: call 2 {UPSERT}: PUT {ROOT}/segments -> 200 at tests/testing/conftest.py:" in lines[1]
    assert [
        "    payload.segments[0].name: expected 'Volunteers', got 'volunteers'"
        "  <- it differs only in upper and lower case",
        "    payload.segments[0].externalSystemId: expected '35467', got nothing  <- sent as 'externalSystemIdId'",
        "    the mock said: the API ignores the unknown field payload.segments[0].externalSystemIdId"
        " (did you mean 'externalSystemId'?)",
    ] == lines[2:5]
    assert "  then: call 1 " in lines[5]
    assert "got 35467  <- a number where a text is expected" in lines[7]


@pytest.mark.parametrize(
    ("expected", "actual", "slip"),
    [
        ("a-1", "A-1", "upper and lower case"),
        ("a1", "A-1", "case and dashes"),
        ("a ", "a", "space around it"),
        ("a", None, "null, which clears a member"),
        ("true", True, "true or false where a text"),
        (3, "3", "a text where a number"),
    ],
)
def test_usual_slips_have_names(mock, upsert, expected, actual, slip):
    upsert({"name": "n", "description": actual})

    assert slip in failed(mock.journal.assert_called, UPSERT, json=group_named("n", description=expected))


def test_a_call_that_went_elsewhere_is_shown(mock, upsert, send):
    """Where the operation was never called: what a wrong path was nearest to, and what was called instead."""
    upsert("A")
    send("PUT", f"{ROOT}//segmets", {})
    text = failed(mock.journal.assert_called, SEARCH)

    assert "expected at least 1 call, found 0 of 0" in text
    assert f"went astray: call 2 salsa.no_such_operation: PUT {ROOT}//segmets -> 404" in text
    assert f"the nearest operations are PUT {ROOT}/segments" in text
    assert f"called instead: {UPSERT} x1, salsa.no_such_operation x1" in text
    mock.journal.clear()
    assert "nothing was called at all" in failed(mock.journal.assert_called, SEARCH)


def test_refused_call_and_double_slash_are_explained(mock, send):
    """The near call says its refusal, the header that was meant, and the slash that only the mock may forgive."""
    send("PUT", "/api//integration/ext/v1/segments", group_named("A"), {"auth-token": "t"})
    text = failed(mock.journal.assert_called, UPSERT, status=200, fault="hang")

    assert "    status: expected 200, got 401" in text
    assert "    fault: expected 'hang', got nothing" in text
    assert "the mock said: send your credential in the header authToken, not in auth-token" in text
    assert "double slash" in text


def test_too_many_calls_are_listed(mock, upsert):
    """When more fit than should, they are shown."""
    mock.faults.add(faults.Disconnect(after=True), UPSERT, times=1)
    with pytest.raises(requests.ConnectionError):
        upsert("A")
    upsert("A")
    text = failed(mock.journal.assert_not_called, UPSERT)

    assert text.startswith(f"{UPSERT}: expected 0 calls, found 2 of 2.")
    assert "-> closed by 1 disconnect at " in text
    assert "  fits: call 2 " in text


def test_explanation_is_bounded(mock, upsert):
    """Of many calls the three nearest, and of each six places, so that a red test stays readable."""
    for number in range(30):
        upsert(*(f"{number}-{item}" for item in range(10)))
    expected = {"payload": {"segments": [{"name": "x"}] * 10}}
    text = failed(mock.journal.assert_called, UPSERT, json=expected)

    assert (1, 2, 18) == tuple(map(text.count, ("  nearest: ", "  then: ", "expected 'x', got ")))
    assert 3 == text.count("and 4 more places")


def test_a_body_that_was_cut_is_not_taken_for_another(mock, upsert):
    """Of a body over 64 KiB the journal says that it does not know the whole."""
    upsert({"name": "n", "description": "d" * 70_000})

    assert "more than the 64 KiB" in failed(mock.journal.assert_called, UPSERT, json=group_named("n"))


def test_what_was_forgotten_proves_nothing():
    """A count of calls fails while older ones are forgotten, and names the setting; what is found still counts."""
    with SegmentMock(journal_size=2) as mock, mock.session() as session:
        for _ in range(3):
            session.get(f"{ROOT}/metrics", headers={"authToken": "t"})
        mock.journal.assert_called("salsa.get_metrics")
        mock.journal.assert_called("salsa.get_metrics", times=1, since=2)
        text = failed(mock.journal.assert_not_called, UPSERT)

        assert 1 == mock.journal.forgotten
        assert "it has 2 to 3; 1 older entry dropped because the limit journal_size=2 or" in text


def test_order(mock, upsert, send):
    upsert("A")
    send("POST", f"{ROOT}/segments/search", {"payload": {}})
    upsert("B")

    assert [1, 3] == [entry.id for entry in mock.journal.assert_order(UPSERT, (UPSERT, group_named("B")))]
    text = failed(mock.journal.assert_order, (UPSERT, group_named("B")), SEARCH)
    assert text.startswith(f"step 2 of 2 after call 3 ({UPSERT}): {SEARCH}: expected at least 1 call, found 0 of 0.")
    assert "nothing was called after call 3" in text
    assert 3 == text.partition("all calls, in order:")[2].count("\n  call ")


def test_waiting_for_a_client_in_a_thread(mock, upsert):
    """It returns once the call has ended, with its changes; after the timeout it lists the other calls."""
    thread = threading.Thread(target=upsert, args=("A",))
    thread.start()
    (entry,) = mock.journal.wait_for(UPSERT, json=group_named("A"), timeout=10)
    thread.join()
    text = failed(mock.journal.wait_for, UPSERT, times=2, timeout=0.001)

    assert [("segments", None)] == [(change.table, change.before) for change in entry.changes]
    assert text.startswith(f"waited 0.001 s: {UPSERT}: expected 2 calls, found 1 of 1.")


def test_waiting_for_a_client_of_the_live_server(mock):
    """Over a socket too it waits for the end of the call, whose caller is unknown there."""
    url = f"{mock.serve().url}{ROOT}/segments"
    client = threading.Thread(target=requests.put, args=(url,), kwargs={"json": group_named("A"), "headers": KEY})
    client.start()
    (entry,) = mock.journal.wait_for(UPSERT, status=200, timeout=10)
    client.join()

    assert ("live", "", ["A"]) == (entry.door, entry.caller, [group["name"] for group in mock.salsa.segments])


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"operation": "salsa.upsert_segment"}, "did you mean 'salsa.upsert_segments'"),
        ({"operation": "salza.*"}, "unknown operation 'salza.*'"),
        ({"vendor": "sasla"}, "did you mean 'salsa'"),
        ({"stats": 200}, "unknown filter 'stats' (did you mean 'status'?)"),
        ({"after": "yesterday"}, "after: 'yesterday' is not a time"),
    ],
)
def test_misspelt_filters_are_refused(mock, filters, says):
    """No filter, operation or vendor that there is not finds silently nothing."""
    with pytest.raises(SettingError) as caught:
        mock.journal.entries(**filters)

    assert says in str(caught.value)


def test_calls_are_selected_by_organization():
    """A credential finds its own organization's calls; a name as the journal has it does too."""
    with SegmentMock(credentials="isolated") as mock, mock.session() as session:
        for token in ("one", "two", "one"):
            session.get(f"{ROOT}/metrics", headers={"authToken": token})
        (second,) = mock.journal.entries(organization="two")

        assert [2] == [entry.id for entry in mock.journal.entries(organization=second.organization)]
        assert 2 == len(mock.journal.entries(organization="one"))
        assert [] == mock.journal.entries(organization="three")
        assert 2 == sum(one.name != "" for one in mock.salsa.world), "to ask for one founds none"


def test_the_caller_and_its_test_are_known(mock, upsert):
    """In process an entry has the line of the nearest code that is no library's, and the id of the test."""
    upsert("A")
    (entry,) = mock.journal
    file, _, line = entry.caller.rpartition(":")

    assert "return session.request(" in Path(file).read_text().splitlines()[int(line) - 1]
    assert entry.test.endswith("test_called.py::test_the_caller_and_its_test_are_known")
    assert (entry.caller, entry.test) == (entry.as_dict()["caller"], entry.as_dict()["test"])


def test_pytest_shows_the_assertion_without_internal_frames(pytester):
    """A red test ends at its own line, with the explanation below."""
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
