"""Both vendors: numeric ids, paths with a trailing slash, and records that are sent back as the API returned them."""

import pytest

from tests.vendors.people import UNKNOWN_ID, assign, find, groups, members, person, send, supporter_id, upsert

ASSUMED, HINT = "X-Segment-Mock-Assumed", "X-Segment-Mock-Hint"
GROUP = "11454266-a9c8-40af-8fab-4c0bdca44615"


def test_salsa_stores_a_numeric_external_id_as_text(salsa):
    """A search finds the record by the number and by the text."""
    api = salsa()
    (segment,) = api.upsert({"name": "a", "externalSystemId": 17})["segments"]
    (supporter,) = upsert(api, {"externalSystemId": 18, "contacts": person(1)["contacts"]})

    assert ("17", "18") == (segment["externalSystemId"], supporter["externalSystemId"])
    for identifier in (17, "17"):
        payload = api.search(identifierType="EXTERNAL_ID", identifiers=[identifier, 99])
        assert ["17", "99"] == [item["externalSystemId"] for item in payload["segments"]]
    assert ["18", "99"] == [item["externalSystemId"] for item in find(api, "EXTERNAL_ID", 18, 99)["supporters"]]


def test_salsa_echoes_an_unknown_numeric_id_as_text(salsa):
    api = salsa([{"segmentId": GROUP, "name": "a"}], supporters=[person(1)])

    assert "5" == api.upsert({"segmentId": 5, "name": "n"})["segments"][0]["segmentId"]
    assert "5" == api.delete(5)["segments"][0]["segmentId"]
    assert "5" == upsert(api, {**person(1), "supporterId": 5})[0]["supporterId"]
    assert {"total": 0, "supporters": [], "count": 0} == members(api, 5)
    assert ["NOT_FOUND"] == [item["result"] for item in assign(api, supporter_id(1), segment=5)]
    assert ["7"] == [item["supporterId"] for item in assign(api, 7, segment=GROUP)]


def test_the_segmenter_stores_numeric_ids_as_text(segmenter):
    """Segments, persons, media and tags have ids; a later call may send the id as text."""
    api = segmenter([{"id": "5", "name": "n"}])
    response = api.create(broadcastMediumId=1, TagId=2, persons=[{"externalId": 7}])

    assert "7" == response.json()["data"]["persons"][0]["externalId"]
    api.update(id=5, persons=[{"externalId": "7", "firstName": "Ada"}])
    first, second = api.mock.segmenter.segments
    assert ("5", "1", "2") == (first["id"], second["broadcastMediumId"], second["TagId"])
    assert [("7", "Ada")] == [(person["externalId"], person["firstName"]) for person in api.mock.segmenter.persons]


@pytest.mark.parametrize("name", ["persons", "filters"])
def test_the_segmenter_treats_a_null_list_as_omitted(segmenter, name):
    """An update keeps the people of the segment, and a create adds none."""
    api = segmenter([{"id": "s", "name": "n", "persons": [{"externalId": "1"}]}])
    api.update(id="s", **{name: None})

    assert ["1"] == [person["externalId"] for person in api.members]
    assert [] == api.create(**{name: None}).json()["data"]["persons"]


def test_the_segmenter_treats_null_tags_of_a_person_as_omitted(segmenter):
    """The tags of an existing person stay."""
    tag = {"tag": "t", "value": "v"}
    api = segmenter([{"id": "s", "name": "n", "persons": [{"externalId": "1", "substitutionTags": [tag]}]}])
    api.update(id="s", persons=[{"externalId": "1", "substitutionTags": None}])

    assert [[tag]] == [person["substitutionTags"] for person in api.members]


def test_sending_back_the_response_of_the_segmenter_has_no_hint(segmenter):
    """The ids that a create returns are known fields, which an update ignores without a hint."""
    api = segmenter()
    data = api.create(persons=[{"externalId": "1"}]).json()["data"]
    response = api.send("PUT", "", data)

    assert (200, None) == (response.status_code, response.headers.get(HINT))


def test_sending_back_a_group_from_a_search_has_no_hint(salsa):
    """Fields of responses are known fields, which an update and a deletion ignore."""
    api = salsa([{"segmentId": GROUP, "name": "a", "description": "d", "mailingList": True, "publicName": "p"}])
    segments = api.search()["segments"]
    for method in ("PUT", "DELETE"):
        response = api.send(method, "/segments", {"payload": {"segments": segments}})
        assert (200, None) == (response.status_code, response.headers.get(HINT))
        assert () == api.mock.journal.entries()[-1].unread


def test_sort_order_of_members_is_accepted(salsa):
    """sortOrder is a known field; the mock assumes that it has no effect."""
    api = salsa([{"segmentId": GROUP, "name": "a"}])
    response = api.send("POST", "/segments/members/search", {"payload": {"segmentId": GROUP, "sortOrder": "ASC"}})

    assert (200, None) == (response.status_code, response.headers.get(HINT))
    assert "sort_order" in response.headers[ASSUMED]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/segments/search/"), ("PUT", "/segments/"), ("POST", "//segments//search//"), ("GET", "/metrics/")],
)
def test_salsa_accepts_a_trailing_slash(salsa, method, path):
    """The slash may be doubled; the response names the assumption."""
    body = {"payload": {"segments": [{"name": "n"}], "count": 20}}
    response = salsa().send(method, path, body)

    assert 200 == response.status_code
    assert "slash" in response.headers[ASSUMED]
    assert "slash" not in salsa().send(method, path.rstrip("/"), body).headers.get(ASSUMED, "")


def test_the_segmenter_accepts_a_trailing_slash(segmenter):
    """This applies to paths with and without an id."""
    api = segmenter([{"id": "s", "name": "n"}])

    for path in ("/", "/s/"):
        response = api.send("PUT", path, {"id": "s"})
        assert 200 == response.status_code
        assert "slash" in response.headers[ASSUMED]


def test_a_search_for_groups_echoes_an_unknown_numeric_supporter_id_as_text(salsa):
    assert ["7"] == [item["supporterId"] for item in groups(salsa(), "SUPPORTER_ID", 7)["results"]]
    assert [UNKNOWN_ID] == [item["supporterId"] for item in groups(salsa(), "SUPPORTER_ID", UNKNOWN_ID)["results"]]
    assert {"supporters": [], "count": 0} == send(
        salsa(), "POST", "/supporters/search", identifierType="EXTERNAL_ID", identifiers=[]
    )
