"""Salsa: searching groups by their ids or external ids."""

import pytest

A = "1b7458d0-e747-40fe-8e1e-5d7fad4241cb"
B = "69afe9fc-dcde-4533-92d6-cbf069008c30"
C = "0b99b409-e56d-4530-a226-474c61461db4"
SEARCH = ("POST", "/segments/search")


def results(payload):
    """Return the result, name, id and external id of each group in *payload*."""
    return [
        (segment["result"], segment.get("name"), segment.get("segmentId"), segment.get("externalSystemId"))
        for segment in payload["segments"]
    ]


def make_api(salsa):
    """Return a client of a mock with the groups a and b."""
    return salsa(
        [
            {"segmentId": A, "name": "a", "externalSystemId": "1"},
            {"segmentId": B, "name": "b", "externalSystemId": "x Y"},
        ]
    )


def test_a_search_by_id_returns_an_item_for_each_id(salsa):
    """Items keep the order of the request, and an id that is sent twice is returned twice."""
    payload = make_api(salsa).search(identifierType="SEGMENT_ID", identifiers=[B, C, A, B])

    b = ("FOUND", "b", B, "x Y")
    assert [b, ("NOT_FOUND", None, C, None), ("FOUND", "a", A, "1"), b] == results(payload)
    assert (4, 0, 4) == (payload["total"], payload["offset"], payload["count"])
    assert ["total", "offset", "segments", "count"] == list(payload)


def test_a_search_by_external_id_returns_an_item_for_each_id(salsa):
    """External ids match exactly, including case and spaces."""
    payload = make_api(salsa).search(identifierType="EXTERNAL_ID", identifiers=["x Y", "0", "x y", "1"])

    expected = [
        ("FOUND", "b", B, "x Y"),
        ("NOT_FOUND", None, None, "0"),
        ("NOT_FOUND", None, None, "x y"),
        ("FOUND", "a", A, "1"),
    ]
    assert expected == results(payload)
    assert (4, 4) == (payload["total"], payload["count"])


def test_ids_are_case_insensitive(salsa):
    """The item of an existing group has the id in lower case; that of an unknown id has it as sent."""
    mixed = C.swapcase()
    payload = make_api(salsa).search(identifierType="SEGMENT_ID", identifiers=[A.upper(), mixed])

    assert [A, mixed] == [segment["segmentId"] for segment in payload["segments"]]
    assert [{"segmentId", "result"}] == [set(segment) for segment in payload["segments"][1:]]


@pytest.mark.parametrize("identifier", ["", " ", "no uuid", A[:-1], f" {A}", "n" * 200, "\x00", "\ud800", 7])
@pytest.mark.parametrize(("kind", "name"), [("SEGMENT_ID", "segmentId"), ("EXTERNAL_ID", "externalSystemId")])
def test_an_unknown_id_is_not_found(salsa, identifier, kind, name):
    """Any string or number is accepted; the item has its text and the result, nothing else."""
    (segment,) = make_api(salsa).search(identifierType=kind, identifiers=[identifier])["segments"]

    assert {name: str(identifier), "result": "NOT_FOUND"} == segment


def test_a_number_matches_an_external_id(salsa):
    """Some clients send an id without quotes."""
    payload = make_api(salsa).search(identifierType="EXTERNAL_ID", identifiers=[1])

    assert [("FOUND", "a", A, "1")] == results(payload)


def test_one_external_id_may_find_several_groups(salsa):
    """External ids need not be unique; all groups that have the id are returned."""
    api = salsa([{"name": name, "externalSystemId": "same"} for name in "ab"])
    payload = api.search(identifierType="EXTERNAL_ID", identifiers=["same"])

    assert ["a", "b"] == [segment["name"] for segment in payload["segments"]]
    assert (2, 2) == (payload["total"], payload["count"])


def test_ids_of_another_kind_are_not_found(salsa):
    """An external id among segment ids is NOT_FOUND, and vice versa."""
    api = make_api(salsa)
    by_id = api.search(identifierType="SEGMENT_ID", identifiers=[A, "1"])
    by_external_id = api.search(identifierType="EXTERNAL_ID", identifiers=[A, "1"])

    assert ["FOUND", "NOT_FOUND"] == [segment["result"] for segment in by_id["segments"]]
    assert ["NOT_FOUND", "FOUND"] == [segment["result"] for segment in by_external_id["segments"]]


def test_a_search_by_id_ignores_offset_and_count(salsa):
    payload = make_api(salsa).search(identifierType="SEGMENT_ID", identifiers=[A, B], offset=1, count=1)

    assert ["a", "b"] == [segment["name"] for segment in payload["segments"]]
    assert (2, 0, 2) == (payload["total"], payload["offset"], payload["count"])


def test_an_empty_list_of_ids_returns_no_groups(salsa):
    payload = make_api(salsa).search(identifierType="SEGMENT_ID", identifiers=[])

    assert {"total": 0, "offset": 0, "segments": [], "count": 0} == payload


@pytest.mark.parametrize(
    ("payload", "field", "phrase"),
    [
        ({"identifiers": ["1"]}, "identifierType", "SEGMENT_ID, EXTERNAL_ID"),
        ({"identifiers": []}, "identifierType", "SEGMENT_ID, EXTERNAL_ID"),
        ({"identifiers": ["1"], "identifierType": None}, "identifierType", "SEGMENT_ID, EXTERNAL_ID"),
        ({"identifiers": ["1"], "identifierType": "segment_id"}, "identifierType", "SEGMENT_ID, EXTERNAL_ID"),
        ({"identifierType": "EMAIL"}, "identifierType", "SEGMENT_ID, EXTERNAL_ID"),
        ({"identifierType": 5}, "identifierType", "string"),
        ({"identifiers": "1", "identifierType": "SEGMENT_ID"}, "identifiers", "list"),
        ({"identifiers": {"a": 1}, "identifierType": "SEGMENT_ID"}, "identifiers", "list"),
        ({"identifiers": [None], "identifierType": "SEGMENT_ID"}, "identifiers[0]", "null"),
        ({"identifiers": ["1", True], "identifierType": "SEGMENT_ID"}, "identifiers[1]", "identifier"),
        ({"identifiers": [[]], "identifierType": "EXTERNAL_ID"}, "identifiers[0]", "identifier"),
    ],
)
def test_an_invalid_identifier_list_or_type_is_400(salsa, payload, field, phrase):
    """The error names the field."""
    response = make_api(salsa).send(*SEARCH, {"payload": payload})
    (error,) = response.json()["errors"]

    assert (400, field) == (response.status_code, error["fieldName"])
    assert error["message"].startswith(f"payload.{field}: ")
    assert phrase in error["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "payload"),
        ({"payload": None}, "payload"),
        ({"payload": []}, "payload"),
        ({"payload": "x"}, "payload"),
        ({"payload": {}, "header": "x"}, "header"),
        ({"payload": {}, "header": [1]}, "header"),
    ],
)
def test_payload_and_header_must_be_objects(salsa, body, field):
    response = salsa().send(*SEARCH, body)
    (error,) = response.json()["errors"]

    assert (400, field) == (response.status_code, error["fieldName"])
    assert error["message"].startswith(f"{field}: ")
