"""Partial failure: some items of a batch fail, the others are performed, and the response agrees with the records."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, SettingError, create_app, faults
from tests.faults.fault_world import SALSA, names, put, search, send
from tests.waiting import PATIENCE

F: Any = faults
OTHER = "0b99b409-e56d-4530-a226-474c61461db4"
GROUP = "69afe9fc-dcde-4533-92d6-cbf069008c30"
PEOPLE = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(4)]
DATA = {
    "salsa": {
        "segments": [
            {"segmentId": GROUP, "name": "G", "externalSystemId": "g"},
            {"segmentId": OTHER, "name": "O", "externalSystemId": "o"},
        ],
        "supporters": [
            {"supporterId": key, "contacts": [{"type": "EMAIL", "value": f"{key}@example.org"}]} for key in PEOPLE
        ],
    }
}


def items(*addresses: str) -> list[dict[str, Any]]:
    return [{"firstName": a, "contacts": [{"type": "EMAIL", "value": f"{a}@example.org"}]} for a in addresses]


def results(response: Any, name: str = "segments") -> list[str]:
    return [item["result"] for item in response.json()["payload"][name]]


@pytest.mark.parametrize(
    ("settings", "failed"),
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
def test_index_where_and_every_select_the_items(settings: dict[str, Any], failed: list[int]) -> None:
    """Each by itself and all together; the other items are stored."""
    mock = SegmentMock()
    rule = mock.faults.add(F.Item(**settings))
    response = put(mock, *"ABCD")
    expected = ["SYSTEM_ERROR" if index in failed else "ADDED" for index in range(4)]

    assert expected == results(response)
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
def test_each_result_has_the_format_of_the_vendor(result: str, codes: list[int], sentence: str, message: str) -> None:
    """A result with an error code has that code, with the vendor's message or with the message of the fault."""
    mock = SegmentMock()
    mock.faults.add(F.Item(result=result, index=1, message=message))
    failed = put(mock, "A", "B").json()["payload"]["segments"][1]
    errors = failed.pop("errors", [])

    assert {"name": "B", "result": result} == failed
    assert [(code, message or sentence) for code in codes] == [(error["code"], error["message"]) for error in errors]


def test_a_failed_item_is_neither_added_nor_changed() -> None:
    """The items are supporters."""
    mock = SegmentMock()
    mock.faults.add(F.Item(where={"firstName": "b"}, result="VALIDATION_ERROR"))
    body = {"payload": {"supporters": items("a", "b", "c")}}
    response = send(mock, "PUT", f"{SALSA}/supporters", body)

    assert ["ADDED", "VALIDATION_ERROR", "ADDED"] == results(response, "supporters")
    assert ["a", "c"] == [supporter["firstName"] for supporter in mock.salsa.supporters]
    assert body["payload"]["supporters"][1]["contacts"] == response.json()["payload"]["supporters"][1]["contacts"]


@pytest.mark.parametrize("settings", [{"index": 1}, {"where": {"supporterId": PEOPLE[1]}}])
def test_a_supporter_of_a_bare_id_may_fail(settings: dict[str, Any]) -> None:
    """All other supporters are assigned. The key of *where* is the member that the id stands for."""
    mock = SegmentMock(data=DATA)
    mock.faults.add(F.Item(result="NOT_FOUND", **settings))
    body = {"payload": {"segmentId": GROUP, "supporterIds": PEOPLE}}
    assigned = send(mock, "PUT", f"{SALSA}/segments/members", body)
    group = search(mock).json()["payload"]["segments"][0]
    mock.faults.clear()
    removed = send(mock, "DELETE", f"{SALSA}/segments/members", body)

    assert ["ADDED", "NOT_FOUND", "ADDED", "ADDED"] == results(assigned, "supporters")
    assert {"supporterId": PEOPLE[1], "result": "NOT_FOUND"} == assigned.json()["payload"]["supporters"][1]
    assert 3 == group["totalMembers"]
    assert ["DELETED", "NOT_FOUND", "DELETED", "DELETED"] == results(removed, "supporters")


@pytest.mark.parametrize("path", ["segments", "supporters"])
def test_a_failed_item_is_not_deleted(path: str) -> None:
    mock = SegmentMock(data=DATA)
    key = GROUP if path == "segments" else PEOPLE[0]
    mock.faults.add(F.Item(result="NOT_ALLOWED"))
    before = mock.state()
    response = send(mock, "DELETE", f"{SALSA}/{path}", {"payload": {path: [{f"{path[:-1]}Id": key}]}})

    assert ["NOT_ALLOWED"] == results(response, path)
    assert before == mock.state()


def test_two_rules_fail_items_of_one_batch() -> None:
    """Each rule fails its own items; if both choose an item, the inner rule decides."""
    mock = SegmentMock()
    mock.faults.add(F.Item(index=[0, 1], result="NOT_FOUND"))
    mock.faults.add(F.Item(index=[1, 2], result="NOT_ALLOWED"))

    assert ["NOT_FOUND", "NOT_ALLOWED", "NOT_ALLOWED", "ADDED"] == results(put(mock, *"ABCD"))


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"payload": None}, {"payload": {}}, {"payload": {"segments": "x"}}, {"payload": [1]}]
)
def test_a_body_without_a_batch_is_answered_as_usual(body: Any) -> None:
    """The rule explains why it did not fire."""
    plain, mock = SegmentMock(), SegmentMock()
    rule = mock.faults.add(F.Item())
    expected, response = (send(each, "PUT", f"{SALSA}/segments", body) for each in (plain, mock))

    assert (expected.status_code, 1, 0) == (response.status_code, rule.matched, rule.fired)
    assert "matched once, but: 1 with nothing to change" == rule.explain()


@pytest.mark.parametrize(
    ("fault", "operation"),
    [
        ({"kind": "item"}, "segmenter.*"),
        ({"kind": "item", "result": "NOT_FOUND"}, "salsa.get_metrics"),
        ({"kind": "item"}, "salsa.no_such_operation"),
        ({"kind": "stale"}, "salsa.upsert_*"),
    ],
)
def test_a_rule_that_could_never_strike_is_refused(fault: dict[str, Any], operation: str) -> None:
    """The operation has no items, or does not read. The error names the operations that the fault can strike."""
    mock = SegmentMock()
    with pytest.raises(
        SettingError, match=r"the fault '(item|stale)' can't strike '.*'; expected one of salsa.search_"
    ):
        mock.faults.load({**fault, "operation": operation})

    assert 0 == len(mock.faults)


def search_result(mock: SegmentMock, path: str, **payload: Any) -> Any:
    return send(mock, "POST", f"{SALSA}/{path}", {"payload": payload}).json()["payload"]


SEARCHES = [
    ("segments/search", "search_segments", "segments", "SEGMENT_ID", "segmentId", [GROUP.upper(), OTHER]),
    ("segments/search", "search_segments", "segments", "EXTERNAL_ID", "externalSystemId", ["g", "o"]),
    ("supporters/search", "search_supporters", "supporters", "SUPPORTER_ID", "supporterId", PEOPLE[:2]),
    ("supporters/groups", "search_supporter_groups", "results", "SUPPORTER_ID", "supporterId", PEOPLE[:2]),
]


@pytest.mark.parametrize(("path", "operation", "name", "kind", "member", "ids"), SEARCHES)
def test_an_identifier_of_a_search_is_an_item(
    path: str, operation: str, name: str, kind: str, member: str, ids: list[str]
) -> None:
    """The chosen identifier is NOT_FOUND with its id as sent, the other is found, and the rule counts as fired."""
    mock = SegmentMock(data=DATA)
    rule = mock.faults.add(F.Item(result="NOT_FOUND", index=0), f"salsa.{operation}")
    items = search_result(mock, path, identifiers=ids, identifierType=kind)[name]

    assert {member: ids[0], "result": "NOT_FOUND"} == items[0]
    assert "FOUND" == items[1]["result"]
    assert (1, 1) == (rule.matched, rule.fired)


def test_a_supporter_in_a_search_of_members_is_an_item() -> None:
    """A member is NOT_FOUND by fault; the page of all members is untouched."""
    mock = SegmentMock(data=DATA)
    send(mock, "PUT", f"{SALSA}/segments/members", {"payload": {"segmentId": GROUP, "supporterIds": PEOPLE[:2]}})
    rule = mock.faults.add(F.Item(result="NOT_FOUND", where={"supporterId": PEOPLE[1]}), "salsa.search_members")
    some = search_result(mock, "segments/members/search", segmentId=GROUP, supporterIds=PEOPLE[:2])["supporters"]
    every = search_result(mock, "segments/members/search", segmentId=GROUP)

    assert ["FOUND", "NOT_FOUND"] == [item["result"] for item in some]
    assert {"supporterId": PEOPLE[1], "result": "NOT_FOUND"} == some[1]
    assert (2, ["FOUND"] * 2) == (every["total"], [item["result"] for item in every["supporters"]])
    assert (2, 1) == (rule.matched, rule.fired)


def test_a_search_of_all_has_no_items() -> None:
    """The response is unchanged, and the rule explains why it did not fire."""
    mock = SegmentMock(data=DATA)
    before = search_result(mock, "segments/search", count=20)
    rule = mock.faults.add(F.Item(result="NOT_FOUND"), "salsa.search_segments")

    assert before == search_result(mock, "segments/search", count=20)
    assert (1, 0, 1) == (rule.matched, rule.fired, rule.suppressed)


def test_an_injected_not_found_is_the_same_as_a_real_one() -> None:
    """Their payloads are equal in process, intercepted, live and under Flask."""
    body = {"payload": {"identifiers": [GROUP.upper()], "identifierType": "SEGMENT_ID"}}
    rules = [{"kind": "item", "result": "NOT_FOUND", "operation": "salsa.search_segments"}]
    real = send(SegmentMock(), "POST", f"{SALSA}/segments/search", body).json()["payload"]
    with SegmentMock(data=DATA, faults=rules) as mock:
        path, headers = f"{SALSA}/segments/search", {"authToken": "t"}
        responses = [mock.session().post(path, json=body, headers=headers)]
        responses.append(requests.post(mock.serve().url + path, json=body, headers=headers, timeout=PATIENCE))
        with mock.intercept():
            responses.append(
                requests.post(f"https://api.salsalabs.org{path}", json=body, headers=headers, timeout=PATIENCE)
            )
    flask = create_app(data=DATA, faults=rules).test_client().post(path, json=body, headers=headers)

    assert [real] * 4 == [response.json()["payload"] for response in responses] + [flask.get_json()["payload"]]


@pytest.mark.parametrize(
    ("where", "names_of_items"),
    [
        ({"segmentId": GROUP.upper()}, ["SYSTEM_ERROR", "UPDATED", "ADDED"]),
        ({"segmentId": "*"}, ["SYSTEM_ERROR", "SYSTEM_ERROR", "ADDED"]),
        ({"segmentId": OTHER, "name": "O"}, ["UPDATED", "SYSTEM_ERROR", "ADDED"]),
        ({"name": "g"}, ["UPDATED", "UPDATED", "ADDED"]),
    ],
)
def test_ids_match_in_any_case(where: dict[str, str], names_of_items: list[str]) -> None:
    """Other members have to be equal, and ``*`` is any value."""
    mock = SegmentMock(data=DATA)
    mock.faults.add(F.Item(where=where))
    items = [{"segmentId": GROUP, "name": "G"}, {"segmentId": OTHER.upper(), "name": "O"}, {"name": "N"}]
    response = send(mock, "PUT", f"{SALSA}/segments", {"payload": {"segments": items}})

    assert names_of_items == results(response)


def test_a_call_that_is_refused_as_a_whole_is_not_struck() -> None:
    mock = SegmentMock()
    rule = mock.faults.add(faults.Item(), "salsa.upsert_segments", times=1)
    refused = put(mock, "A", authToken="")
    response = put(mock, "A")

    assert (401, None) == (refused.status_code, refused.headers.get("X-Segment-Mock-Fault"))
    assert "1 item" == response.headers["X-Segment-Mock-Fault"]
    assert (2, 1, 1) == (rule.matched, rule.fired, rule.suppressed)
