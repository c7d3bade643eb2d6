"""The Segmenter: creating a segment."""

from uuid import UUID

import pytest

ADA = {"externalId": "1", "email": "ada@example.org"}


def test_a_segment_is_created_with_its_people(segmenter):
    """The response has the new id, and id, externalId and email of each person, in the order sent."""
    api = segmenter()
    members = {"description": "d", "TagId": "t", "filters": [{"any": 1}]}
    response = api.create(**members, persons=[{"email": "b@x", "firstName": "B"}, ADA])

    assert 200 == response.status_code
    assert ["data", "errorMessage"] == list(response.json())
    assert "" == response.json()["errorMessage"]
    data = response.json()["data"]
    assert ["id", "persons"] == list(data)
    b, ada = data["persons"]
    assert (["id", "email"], ["id", "externalId", "email"]) == (list(b), list(ada))
    assert ("b@x", *ADA.values()) == (b["email"], ada["externalId"], ada["email"])
    assert {4} == {UUID(record["id"]).version for record in (data, b, ada)}
    (segment,) = api.mock.segmenter.segments
    people = segment.pop("persons")
    assert {"id": data["id"], "name": "s", "broadcastMediumId": "email", "segmentType": "static", **members} == segment
    assert [b["id"], ada["id"]] == [person["id"] for person in people]
    assert "B" == people[0]["firstName"]


@pytest.mark.parametrize("persons", [{}, {"persons": []}])
def test_a_segment_can_be_created_without_people(segmenter, persons):
    """The response has an empty list of persons."""
    assert [] == segmenter().create(**persons).json()["data"]["persons"]


def test_an_existing_person_keeps_their_id(segmenter):
    """A create matches persons of the organization in the same way as an update."""
    api = segmenter(persons=[{**ADA, "phone": "1"}])
    (person,) = api.mock.segmenter.persons
    data = api.create(persons=[{"email": "ADA@example.org", "phoneNumber": "2"}]).json()["data"]

    assert [{"id": person["id"], "externalId": "1", "email": "ADA@example.org"}] == data["persons"]
    assert [("2", "1")] == [(p["phone"], p["externalId"]) for p in api.mock.segmenter.persons]


@pytest.mark.parametrize("name", ["TagId", "tagId"])
def test_a_tag_id_is_accepted_in_both_spellings(segmenter, name):
    """It is stored as TagId, the documented spelling, which takes precedence if both are sent."""
    api = segmenter()
    api.create(**{name: "t"})
    api.create(tagId="small", TagId="capital")

    assert ["t", "capital"] == [segment["TagId"] for segment in api.mock.segmenter.segments]
    assert not any("tagId" in segment for segment in api.mock.segmenter.segments)


def test_names_need_not_be_unique(segmenter):
    """No document forbids two segments of the same name; each has its own id."""
    api = segmenter()

    assert 2 == len({api.create().json()["data"]["id"] for _ in range(2)})


def test_a_new_segment_can_be_updated(segmenter):
    """The update uses the id from the response."""
    api = segmenter()
    key = api.create().json()["data"]["id"]
    api.update(id=key, name="new")

    assert [(key, "new")] == [(segment["id"], segment["name"]) for segment in api.mock.segmenter.segments]


def test_a_create_ignores_an_id_in_the_request(segmenter):
    api = segmenter()

    assert "mine" != api.create(id="mine").json()["data"]["id"]
    assert ("id",) == api.mock.journal.entries()[-1].unread
