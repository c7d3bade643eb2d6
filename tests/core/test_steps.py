"""The steps of every call: their order, and the effects of a failed call."""

import json
import logging

import pytest
import requests

from segment_mock import SegmentMock, faults
from segment_mock.core import ItemFailure
from segment_mock.messages import CLOSED, RESET, Request, Response
from segment_mock.store import Table

UPSERT, SEARCH = "/api/integration/ext/v1/segments", "/api/integration/ext/v1/segments/search"
TOKEN = {"authToken": "t", "x-api-key": "k"}


def world(*names, **settings):
    return SegmentMock(data={"salsa": {"segments": [{"name": name} for name in names]}}, **settings)


def put(mock, *names, **options):
    items = [{"name": name} for name in names]
    return mock.session().put(UPSERT, data=json.dumps({"payload": {"segments": items}}), headers=TOKEN, **options)


def search(mock, body=b'{"payload":{}}', **options):
    return mock.session().post(SEARCH, data=body, headers=TOKEN, **options)


def names(mock):
    return [segment["name"] for segment in mock.salsa.segments]


@pytest.mark.parametrize(
    ("token", "calls", "body", "expected"),
    [
        ("", 300, b"{", 401),
        ("t", 300, b"{", 429),
        ("t", 0, b"{", 400),
        ("t", 0, b'{"payload":{"count":21}}', 429),
        ("t", 0, b'{"payload":{"count":21,"offset":-1}}', 400),
    ],
)
def test_the_order_is_credential_rate_json_schema_batch(token, calls, body, expected):
    mock = world()
    mock.clock.freeze()
    session = mock.session()
    for _ in range(calls):
        session.get("/api/integration/ext/v1/nowhere", headers=TOKEN)

    assert expected == session.post(SEARCH, data=body, headers={"authToken": token}).status_code


def test_an_operation_that_fails_half_way_changes_nothing(monkeypatch, caplog):
    """Its writes are undone, the journal has no change, and the response is an error in the vendor's format."""
    written = Table.put

    def fail_on_second(table, record):
        if record.get("name") == "second":
            raise RuntimeError("no room in /tmp/secret")
        return written(table, record)

    monkeypatch.setattr(Table, "put", fail_on_second)
    mock = world("initial")
    before = mock.state()
    with caplog.at_level(logging.ERROR):
        response = put(mock, "first", "second", "third")

    assert before == mock.state()
    entry = mock.journal.entries()[0]
    assert (500, (), "broken") == (entry.status, entry.changes, entry.refusal)
    (error,) = response.json()["errors"]
    assert (500, 500, "Internal Server Error") == (response.status_code, error["code"], error["message"])
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    assert "defect of segment-mock" in response.headers["X-Segment-Mock-Hint"]
    (record,) = caplog.records
    assert ("segment_mock", "ERROR") == (record.name, record.levelname)
    assert "salsa.upsert_segments" in record.getMessage()
    assert isinstance(record.exc_info[1], RuntimeError)


def test_a_defect_of_the_segmenter_has_the_documented_body(monkeypatch):
    """The response is a 500 exactly as in the vendor's document."""
    monkeypatch.setattr(Table, "get", lambda *_: 1 / 0)
    response = world().session().put("/segments", data=b'{"id":"1"}', headers=TOKEN)

    expected = {"success": False, "message": "Internal Server Error", "error": "Internal Server Error"}
    assert (500, expected) == (response.status_code, response.json())


def test_a_fault_may_refuse_in_the_vendors_format():
    """A fault that calls call.refuse before the operation gets the vendor's message and status.

    Nothing is performed.
    """

    async def refuse(call, proceed):
        return call.refuse("throttled", "Enough.", hint="by a test")

    mock = world()
    mock.faults.add(refuse, "salsa.upsert_segments")
    response = put(mock, "a")

    assert (429, "Enough.") == (response.status_code, response.json()["errors"][0]["message"])
    assert "by a test" == response.headers["X-Segment-Mock-Hint"]
    assert [] == names(mock)
    assert ("throttled", "by a test", 429) == tuple(
        getattr(mock.journal.entries()[0], name) for name in ("refusal", "hint", "status")
    )
    assert 200 == search(mock).status_code


def test_the_first_rule_is_outermost():
    """The first rule sees the result of later rules."""

    def mark(name):
        async def stage(call, proceed):
            response = await proceed()
            return Response(response.status, {**response.headers, "X-Seen": name}, response.body)

        return stage

    mock = world()
    mock.faults.add(mark("outer"))
    mock.faults.add(mark("inner"))

    assert "outer" == search(mock).headers["X-Seen"]
    assert ("1 stage", "2 stage") == mock.journal.entries()[0].faults


def test_a_failed_item_repeats_only_the_members_that_clients_set():
    """It is the same in an error of the vendor itself."""

    async def fail_items(call, proceed):
        call.item_failures = {0: ItemFailure("NOT_ALLOWED")}
        return await proceed()

    mock = world()
    mock.faults.add(fail_items, "salsa.upsert_segments")
    item = {"name": "a", "type": "DEFAULT", "totalMembers": 9, "errors": ["x"]}
    response = mock.session().put(UPSERT, json={"payload": {"segments": [item]}}, headers={"authToken": "t"})

    assert [{"name": "a", "result": "NOT_ALLOWED"}] == response.json()["payload"]["segments"]


@pytest.mark.parametrize(("result", "count"), [("SYSTEM_ERROR", 1), ("NOT_ALLOWED", 0), ("VALIDATION_ERROR", 1)])
def test_items_that_a_fault_fails_are_not_performed(result, count):
    """Response, records and journal agree on the items that were performed."""

    async def fail_items(call, proceed):
        call.item_failures = {1: ItemFailure(result, "Not today."), 5: ItemFailure(result)}
        return await proceed()

    mock = world()
    mock.faults.add(fail_items, "salsa.upsert_segments")
    segments = put(mock, "a", "b", "c").json()["payload"]["segments"]

    assert ["ADDED", result, "ADDED"] == [segment["result"] for segment in segments]
    assert {"name": "b", "result": result} == {k: v for k, v in segments[1].items() if k != "errors"}
    assert ["Not today."] * count == [error["message"] for error in segments[1].get("errors", ())]
    assert ["a", "c"] == names(mock)
    assert ["a", "c"] == [change.after["name"] for change in mock.journal.entries()[0].changes]
    mock.faults.clear()
    assert "ADDED" == put(mock, "b").json()["payload"]["segments"][0]["result"]


def test_a_failed_item_is_not_validated():
    """It has the result of the fault whatever other errors it has, even for a non-CRM group."""
    key = "69afe9fc-dcde-4533-92d6-cbf069008c30"

    async def fail_items(call, proceed):
        call.item_failures = {0: ItemFailure("NOT_FOUND")}
        return await proceed()

    mock = SegmentMock(data={"salsa": {"segments": [{"segmentId": key, "name": "d", "type": "DEFAULT"}]}})
    mock.faults.add(fail_items)
    body = {"payload": {"segments": [{"segmentId": key}, {"name": "n"}]}}
    response = mock.session().put(UPSERT, data=json.dumps(body), headers=TOKEN)

    assert ["NOT_FOUND", "ADDED"] == [segment["result"] for segment in response.json()["payload"]["segments"]]


@pytest.mark.parametrize(("delivery", "outcome"), [(CLOSED, "closed"), (RESET, "reset")])
def test_a_response_may_be_lost_after_the_write(delivery, outcome):
    """The write is performed, the client gets no response, and the journal has both facts."""

    async def lose(call, proceed):
        answer = await proceed()
        return Response(answer.status, answer.headers, answer.body, delivery)

    mock = world()
    rule = mock.faults.add(lose, "salsa.upsert_segments")
    with pytest.raises(requests.ConnectionError):
        put(mock, "a")

    assert rule.operation == "salsa.upsert_segments"
    assert ["a"] == names(mock)
    entry = mock.journal.entries()[0]
    assert (None, outcome, ["a"]) == (entry.status, entry.outcome, [c.after["name"] for c in entry.changes])


def test_a_call_that_waits_through_a_reset_is_never_performed():
    mock = world()
    mock.faults.add(faults.Latency(seconds=60), "salsa.upsert_segments")
    body = json.dumps({"payload": {"segments": [{"name": "late"}]}}).encode()
    call = mock._emulator.answer(Request("PUT", UPSERT, {"authtoken": "t"}, body))
    call.send(None)
    mock.reset()
    with pytest.raises(StopIteration) as ended:
        call.send(None)

    assert CLOSED is ended.value.value.delivery
    assert [] == names(mock)
    metrics = mock.session().get("/api/integration/ext/v1/metrics", headers=TOKEN).json()["payload"]
    assert (299, 0) == (metrics["currentRateLimit"], metrics["totalAPICalls"])
