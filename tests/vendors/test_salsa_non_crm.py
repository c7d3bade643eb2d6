"""Salsa: groups that are not CRM groups can be read, but not changed."""

import pytest

CRM = "11454266-a9c8-40af-8fab-4c0bdca44615"
OTHER = "69afe9fc-dcde-4533-92d6-cbf069008c30"
UNKNOWN = "c0b7d3a4-3a0f-4c1e-9a53-5d0e6f1b2a77"
SUPPORTER = "91ff7068-eaed-4392-ac89-e3d646327e00"

kinds = pytest.mark.parametrize("kind", ["DEFAULT", "CUSTOM"])


def make_api(salsa, kind, **settings):
    return salsa(
        [{"segmentId": CRM, "name": "crm"}, {"segmentId": OTHER, "name": "other", "type": kind}],
        supporters=[{"supporterId": SUPPORTER}],
        members=[{"segment": CRM, "supporters": [SUPPORTER]}],
        settings=settings,
    )


@kinds
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("method", "items"),
    [
        ("PUT", [{"segmentId": CRM, "name": "renamed"}, {"name": "new"}]),
        ("DELETE", [{"segmentId": CRM}, {"segmentId": UNKNOWN}]),
    ],
)
def test_changing_a_non_crm_group_is_405_and_nothing_is_applied(salsa, kind, method, items, place):
    """Items before it in the batch are undone, and the journal has no change."""
    api = make_api(salsa, kind)
    before = api.mock.state()
    items = [*items[:place], {"segmentId": OTHER.upper(), "name": "mine now"}, *items[place:]]
    response = api.send(method, "/segments", {"header": {"refId": "r"}, "payload": {"segments": items}})

    assert 405 == response.status_code
    assert ["id", "timestamp", "header", "errors"] == list(response.json())
    assert "r" == response.json()["header"]["refId"]
    (error,) = response.json()["errors"]
    assert (405, "segmentId") == (error["code"], error["fieldName"])
    assert "CRM" in error["message"]
    assert "--salsa-non-crm result" in response.headers["X-Segment-Mock-Hint"]
    assert before == api.mock.state()
    entry = api.mock.journal.entries()[-1]
    assert (405, "not_manageable", ()) == (entry.status, entry.refusal, entry.changes)


@kinds
def test_with_non_crm_result_an_upsert_performs_the_other_items(salsa, kind):
    """The response is 200; the item of the non-CRM group is NOT_ALLOWED and has its members as sent."""
    api = make_api(salsa, kind, salsa_non_crm="result")
    item = {"segmentId": OTHER.upper(), "name": "mine now", "description": "", "externalSystemId": "x"}
    payload = api.upsert({"segmentId": CRM, "name": "renamed"}, item, {"name": "new"})

    assert ["UPDATED", "NOT_ALLOWED", "ADDED"] == [segment["result"] for segment in payload["segments"]]
    assert {**item, "result": "NOT_ALLOWED"} == payload["segments"][1]
    assert ["renamed", "other", "new"] == api.names


@kinds
def test_with_non_crm_result_a_delete_performs_the_other_items(salsa, kind):
    """The item of the non-CRM group has only an id and a result."""
    api = make_api(salsa, kind, salsa_non_crm="result")
    expected = [
        {"segmentId": OTHER.upper(), "result": "NOT_ALLOWED"},
        {"segmentId": CRM, "result": "DELETED"},
        {"segmentId": UNKNOWN, "result": "NOT_FOUND"},
    ]

    assert expected == api.delete(OTHER.upper(), CRM, UNKNOWN)["segments"]
    assert ["other"] == api.names


@kinds
@pytest.mark.parametrize("settings", [{}, {"salsa_non_crm": "result"}])
def test_reading_a_non_crm_group_always_works(salsa, kind, settings):
    """Searches for all groups and for its id return it, with either value of the setting."""
    api = make_api(salsa, kind, **settings)
    (row,) = api.search(identifierType="SEGMENT_ID", identifiers=[OTHER])["segments"]

    assert ("FOUND", kind) == (row["result"], row["type"])
    assert ["crm", "other"] == [segment["name"] for segment in api.search()["segments"]]


@kinds
def test_an_invalid_change_of_a_non_crm_group_is_405(salsa, kind):
    """The type of the group is checked before the values."""
    api = make_api(salsa, kind)

    assert 405 == api.send("PUT", "/segments", {"payload": {"segments": [{"segmentId": OTHER}]}}).status_code
