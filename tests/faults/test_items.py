"""Partial failure: some items of a batch fail, the others are performed, and reply and store agree."""

from __future__ import annotations

from typing import Any

import pytest
from fault_world import SALSA, create, names, put, search, send

from segment_mock import SegmentMock, faults

F: Any = faults
GROUP = "69afe9fc-dcde-4533-92d6-cbf069008c30"
PEOPLE = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(4)]
DATA = {
    "salsa": {
        "segments": [{"segmentId": GROUP, "name": "G"}],
        "supporters": [
            {"supporterId": key, "contacts": [{"type": "EMAIL", "value": f"{key}@example.org"}]} for key in PEOPLE
        ],
    }
}


def items(*addresses: str) -> list[dict[str, Any]]:
    return [{"firstName": a, "contacts": [{"type": "EMAIL", "value": f"{a}@example.org"}]} for a in addresses]


def results(reply: Any, name: str = "segments") -> list[str]:
    return [item["result"] for item in reply.json()["payload"][name]]


@pytest.mark.parametrize(
    ("chosen", "failed"),
    [
        ({}, [0, 1, 2, 3]),
        ({"index": 0}, [0]),
        ({"index": [1, 3]}, [1, 3]),
        ({"index": 9}, []),
        ({"every": 2}, [1, 3]),
        ({"every": 3}, [2]),
        ({"where": {"name": "C"}}, [2]),
        ({"where": {"name": "C", "description": "x"}}, []),
        ({"where": {"name": "C"}, "every": 2}, []),
        ({"where": {"name": "D"}, "every": 2, "index": [2, 3]}, [3]),
    ],
)
def test_which_items(chosen: dict[str, Any], failed: list[int]) -> None:
    """By index, by their members, every nth, or all of these together; the others are in the store."""
    mock = SegmentMock()
    rule = mock.faults.add(F.Item(**chosen))
    reply = put(mock, *"ABCD")
    expected = ["SYSTEM_ERROR" if index in failed else "ADDED" for index in range(4)]

    assert expected == results(reply)
    assert [name for index, name in enumerate("ABCD") if index not in failed] == names(mock)
    assert names(mock) == [change.after["name"] for change in mock.journal.entries()[0].changes if change.after]
    assert (bool(failed), not failed) == (bool(rule.fired), bool(rule.suppressed))


@pytest.mark.parametrize(
    ("result", "codes", "sentence"),
    [
        ("SYSTEM_ERROR", [5000], "An unrecoverable error occurred"),
        ("VALIDATION_ERROR", [2004], "The field is not valid"),
        ("NOT_FOUND", [], ""),
        ("NOT_ALLOWED", [], ""),
    ],
)
@pytest.mark.parametrize("message", ["", "Not today."])
def test_each_result_is_worded_by_the_vendor(result: str, codes: list[int], sentence: str, message: str) -> None:
    """An error of its own code where the result has one, in the vendor's sentence or in yours."""
    mock = SegmentMock()
    mock.faults.add(F.Item(result=result, index=1, message=message))
    failed = put(mock, "A", "B").json()["payload"]["segments"][1]
    errors = failed.pop("errors", [])

    assert {"name": "B", "result": result} == failed
    assert [(code, message or sentence) for code in codes] == [(error["code"], error["message"]) for error in errors]


def test_supporters() -> None:
    """A batch of people: the chosen one is neither added nor changed."""
    mock = SegmentMock()
    mock.faults.add(F.Item(where={"firstName": "b"}, result="VALIDATION_ERROR"))
    body = {"payload": {"supporters": items("a", "b", "c")}}
    reply = send(mock, "PUT", f"{SALSA}/supporters", body)

    assert ["ADDED", "VALIDATION_ERROR", "ADDED"] == results(reply, "supporters")
    assert ["a", "c"] == [supporter["firstName"] for supporter in mock.salsa.supporters]
    assert body["payload"]["supporters"][1]["contacts"] == reply.json()["payload"]["supporters"][1]["contacts"]


@pytest.mark.parametrize("chosen", [{"index": 1}, {"where": {"supporterId": PEOPLE[1]}}])
def test_members(chosen: dict[str, Any]) -> None:
    """A batch of bare ids: assigned but for the chosen one, by index or as what the id is the id of."""
    mock = SegmentMock(data=DATA)
    mock.faults.add(F.Item(result="NOT_FOUND", **chosen))
    body = {"payload": {"segmentId": GROUP, "supporterIds": PEOPLE}}
    assigned = send(mock, "PUT", f"{SALSA}/segments/members", body)
    (group,) = search(mock).json()["payload"]["segments"]
    mock.faults.clear()
    removed = send(mock, "DELETE", f"{SALSA}/segments/members", body)

    assert ["ADDED", "NOT_FOUND", "ADDED", "ADDED"] == results(assigned, "supporters")
    assert {"supporterId": PEOPLE[1], "result": "NOT_FOUND"} == assigned.json()["payload"]["supporters"][1]
    assert 3 == group["totalMembers"]
    assert ["DELETED", "NOT_FOUND", "DELETED", "DELETED"] == results(removed, "supporters")


@pytest.mark.parametrize("path", ["segments", "supporters"])
def test_deletions(path: str) -> None:
    """What is not deleted stays."""
    mock = SegmentMock(data=DATA)
    key = GROUP if path == "segments" else PEOPLE[0]
    mock.faults.add(F.Item(result="NOT_ALLOWED"))
    before = mock.state()
    reply = send(mock, "DELETE", f"{SALSA}/{path}", {"payload": {path: [{f"{path[:-1]}Id": key}]}})

    assert ["NOT_ALLOWED"] == results(reply, path)
    assert before == mock.state()


def test_two_rules_spoil_side_by_side() -> None:
    """Each has its own items; where both mean one, the inner has the last word."""
    mock = SegmentMock()
    mock.faults.add(F.Item(index=[0, 1], result="NOT_FOUND"))
    mock.faults.add(F.Item(index=[1, 2], result="NOT_ALLOWED"))

    assert ["NOT_FOUND", "NOT_ALLOWED", "NOT_ALLOWED", "ADDED"] == results(put(mock, *"ABCD"))


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"payload": None}, {"payload": {}}, {"payload": {"segments": "x"}}, {"payload": [1]}]
)
def test_a_body_without_a_batch_is_left_alone(body: Any) -> None:
    """Nothing there to spoil: the vendor answers what it would, and the rule says why it did not fire."""
    plain, mock = SegmentMock(), SegmentMock()
    rule = mock.faults.add(F.Item())
    expected, reply = (send(each, "PUT", f"{SALSA}/segments", body) for each in (plain, mock))

    assert (expected.status_code, 1, 0) == (reply.status_code, rule.matched, rule.fired)
    assert "matched 1 times, but: 1 nothing there to spoil" == rule.why()


def test_the_segmenter_has_no_batch() -> None:
    """Its calls have no items: the rule matches and spares them."""
    mock = SegmentMock()
    rule = mock.faults.add(F.Item(), "segmenter.*")

    assert 200 == create(mock).status_code
    assert (1, 0) == (rule.matched, rule.fired)
