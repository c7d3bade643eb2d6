"""The envelope around every response of Salsa."""

import re
from uuid import UUID

import pytest

TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
SEARCH = ("POST", "/segments/search")


def body(header, payload=None):
    return {"header": header, "payload": {} if payload is None else payload}


def test_members_of_a_success_have_the_recorded_order(salsa):
    """The envelope has id, timestamp, header and payload; its header has refId, processingTime and serverId."""
    response = salsa().send(*SEARCH, body({"refId": "r"})).json()

    assert ["id", "timestamp", "header", "payload"] == list(response)
    assert ["refId", "processingTime", "serverId"] == list(response["header"])
    assert 4 == UUID(response["id"]).version
    assert TIME.fullmatch(response["timestamp"])
    assert isinstance(response["header"]["processingTime"], int)
    assert 0 < len(response["header"]["serverId"]) <= 64


def test_a_refusal_has_errors_instead_of_the_payload(salsa):
    """Other members are the same; an error has id, code, message and fieldName, in this order."""
    response = salsa().send(*SEARCH, body({"refId": "r"}, {"count": "many"})).json()

    assert ["id", "timestamp", "header", "errors"] == list(response)
    assert ["refId", "processingTime", "serverId"] == list(response["header"])
    (error,) = response["errors"]
    assert ["id", "code", "message", "fieldName"] == list(error)
    assert 4 == UUID(error["id"]).version
    assert (400, "count") == (error["code"], error["fieldName"])


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "expected"),
    [
        ("POST", "/segments/search", {"payload": {}}, {"authToken": ""}, 401),
        ("POST", "/segments/search", {"payload": None}, {}, 400),
        ("PUT", "/nowhere", {"payload": {}}, {}, 404),
        ("PATCH", "/segments", {"payload": {}}, {}, 405),
        ("PUT", "/segments", {"payload": {"segments": [{}] * 21}}, {}, 429),
        ("PUT", "/segments", b"{", {}, 400),
    ],
)
def test_every_refusal_has_the_envelope(salsa, method, path, body, headers, expected):
    """The code of its only error is the status."""
    response = salsa().send(method, path, body, **headers)

    assert expected == response.status_code
    assert "application/json" == response.headers["Content-Type"]
    assert {"id", "timestamp", "header", "errors"} == set(response.json())
    assert [expected] == [error["code"] for error in response.json()["errors"]]


@pytest.mark.parametrize(
    "reference", ["optionalId", "", 0, False, 1.5, "naïve ☃ \ud83d", [None, {}], {"b": 1, "a": None}]
)
def test_ref_id_is_echoed_unchanged(salsa, reference):
    """Empty and false values are echoed, too."""
    assert reference == salsa().send(*SEARCH, body({"refId": reference})).json()["header"]["refId"]


@pytest.mark.parametrize("header", [None, {}, {"refId": None}, {"refId": None, "batchId": None, "userData": None}])
def test_a_response_has_a_ref_id_only_if_the_request_has_it(salsa, header):
    """A null refId counts as omitted, and so does a null header."""
    response = salsa().send(*SEARCH, {"id": None, **body(header)})

    assert 200 == response.status_code
    assert ["processingTime", "serverId"] == list(response.json()["header"])


def test_header_and_id_of_a_request_are_optional(salsa):
    assert 200 == salsa().send(*SEARCH, {"payload": {}}).status_code


@pytest.mark.parametrize(
    ("path", "payload", "headers", "expected"),
    [
        ("/segments/search", {}, {"authToken": ""}, 401),
        ("/nowhere", {}, {}, 404),
        ("/segments/search", {"count": 21}, {}, 429),
        ("/segments/search", {"count": -1}, {}, 400),
    ],
)
def test_a_refusal_echoes_ref_id(salsa, path, payload, headers, expected):
    """The call may be refused before or after its body is decoded."""
    response = salsa().send("POST", path, body({"refId": "mine"}, payload), **headers)

    assert (expected, "mine") == (response.status_code, response.json()["header"]["refId"])


def test_every_response_has_its_own_id(salsa):
    """This applies to successes and refusals."""
    api = salsa()
    responses = [api.send(*SEARCH, body).json()["id"] for body in ({"payload": {}}, {}, b"", {"payload": {}})]

    assert 4 == len(set(responses))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2018-03-21T15:12:09.310Z", "2018-03-21T15:12:09.310Z"),
        ("2018-03-21T15:12:09Z", "2018-03-21T15:12:09.000Z"),
        ("2018-03-21T17:12:09.0626+02:00", "2018-03-21T15:12:09.063Z"),
        ("2018-12-31T23:59:59.9996Z", "2019-01-01T00:00:00.000Z"),
    ],
)
def test_the_timestamp_is_utc_with_three_decimals(salsa, now, expected):
    """It is the time of the mock's clock, with Z as the zone."""
    api = salsa()
    api.mock.clock.freeze(now)

    assert expected == api.send(*SEARCH, {"payload": {}}).json()["timestamp"]


def test_responses_omit_nulls_and_keep_empty_values(salsa):
    """ "" and [] are values."""
    api = salsa([{"name": "bare"}, {"name": "empty", "description": "", "publicName": ""}])
    bare, empty = api.search()["segments"]

    assert ["segmentId", "name", "totalMembers", "type", "result"] == list(bare)
    assert ("", "") == (empty["description"], empty["publicName"])
    assert [] == api.search(offset=2)["segments"]


def test_members_of_a_group_have_the_recorded_order(salsa):
    """The group has every member that a group can have."""
    recorded = [
        "segmentId", "name", "description", "totalMembers", "type", "result", "externalSystemId",
        "mailingList", "publicName", "publicDescription", "parameterName",
    ]  # fmt: skip
    names = {name: name for name in reversed(recorded[6:]) if name != "mailingList"}
    api = salsa([{**names, "mailingList": True, "description": "d", "name": "n"}])

    assert recorded == list(api.search()["segments"][0])
