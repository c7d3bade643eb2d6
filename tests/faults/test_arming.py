"""Faults are armed by a kind's name, a dictionary, a fault or a list of them, in Python, settings and JSON."""

from __future__ import annotations

from typing import Any

import pytest

from segment_mock import SegmentMock, SettingError, faults

SEGMENTS = "https://api.salsalabs.org/api/integration/ext/v1/segments"
HEADERS = {"authToken": "t"}


def search(mock: SegmentMock, **options: Any) -> Any:
    return mock.session().post(
        f"{SEGMENTS}/search", json={"payload": {"offset": 0, "count": 20}}, **{"headers": HEADERS, **options}
    )


@pytest.mark.parametrize("fault", ["error", {"kind": "error"}, faults.Error()])
def test_one_fault_is_armed_in_any_form(fault: Any) -> None:
    """By `add`, `injected`, the keyword of SegmentMock and the control plane, which takes no Python object."""
    for mock in (SegmentMock(), SegmentMock(faults=fault), SegmentMock(faults=[fault])):
        if not mock.faults:
            assert "error" == mock.faults.add(fault, times=1).kind
        assert 500 == search(mock).status_code
    with SegmentMock().faults.injected(fault) as rule:
        assert "error" == rule.kind
    if not isinstance(fault, faults.Error):
        mock = SegmentMock()
        assert 201 == mock.session().post("http://localhost/_mock/faults", json=fault).status_code


def test_a_list_with_an_invalid_fault_arms_none() -> None:
    mock = SegmentMock()

    rules = mock.faults.add(["hang", {"kind": "error", "status": 503}, faults.Disconnect()], "salsa.*", times=2)
    assert [("hang", 2), ("error", 2), ("disconnect", 2)] == [(rule.kind, rule.when.times) for rule in rules]
    with pytest.raises(SettingError):
        mock.faults.add(["hang", "hnag"])
    assert 3 == len(mock.faults)
    with mock.faults.injected(["hang", "error"]):
        assert 5 == len(mock.faults)
    assert 3 == len(mock.faults)


def test_a_dictionary_may_describe_a_whole_rule() -> None:
    mock = SegmentMock()

    rule = mock.faults.add({"kind": "error", "operation": "search_segments", "when": {"times": 1}})

    assert ("search_segments", 1) == (rule.operation, rule.when.times)
    with pytest.raises(SettingError, match="operation: given both in the dictionary and as an argument"):
        mock.faults.add({"kind": "error", "operation": "search_segments"}, "salsa.*")


def test_a_string_that_is_neither_kind_nor_file_is_refused() -> None:
    for arm in (lambda: SegmentMock(faults="disconect"), lambda: SegmentMock().faults.add("disconect")):
        with pytest.raises(SettingError, match=r"unknown fault kind 'disconect' \(did you mean 'disconnect'\?\)"):
            arm()
    with pytest.raises(SettingError, match=r"^nowhere\.yaml: "):
        SegmentMock(faults="nowhere.yaml")


@pytest.mark.parametrize("operation", ["search_segments", "salsa.search_segments", "search_*", "*.search_*"])
def test_an_operation_may_be_named_without_its_vendor(operation: str) -> None:
    mock = SegmentMock()
    mock.faults.add("error", operation)

    assert 500 == search(mock).status_code
    assert 200 == mock.session().put(SEGMENTS, json={"payload": {"segments": []}}, headers=HEADERS).status_code


def test_matches_and_filters_accept_headers_and_query() -> None:
    mock = SegmentMock()
    mock.faults.add("error", match={"query": {"page": 2}, "headers": {"X-Trace": "a"}})

    answers = [
        search(mock, params={"page": page}, headers={**HEADERS, "X-Trace": trace}).status_code
        for page, trace in ((1, "a"), (2, "b"), (2, "a"))
    ]

    assert [200, 200, 500] == answers
    assert 2 == len(mock.journal.entries(query={"page": "2"}))
    assert 1 == len(mock.journal.entries(query={"page": 2}, headers={"x-trace": "b"}))
    journal = mock.session().get("http://localhost/_mock/journal", params={"headers": '{"X-Trace": "a"}'}).json()
    assert [1, 3] == [entry["id"] for entry in journal["entries"]]
    with pytest.raises(AssertionError, match=r"headers.x-trace: expected 'c', got 'a'"):
        mock.journal.assert_called("search_segments", headers={"x-trace": "c"})
    with pytest.raises(SettingError, match="query: 5 is not a dictionary of names and values"):
        mock.journal.entries(query=5)  # type: ignore[arg-type]


def test_a_header_of_the_response_names_the_fault_that_struck() -> None:
    mock = SegmentMock()
    mock.faults.add({"kind": "error", "status": 503}, times=1)
    mock.faults.add("latency", times=1)

    first, second, third = (search(mock) for _ in range(3))

    assert "1 error" == first.headers["X-Segment-Mock-Fault"]
    assert "2 latency" == second.headers["X-Segment-Mock-Fault"]
    assert "X-Segment-Mock-Fault" not in third.headers
    assert "1 error" == mock.journal.get(1).response_headers["X-Segment-Mock-Fault"]
