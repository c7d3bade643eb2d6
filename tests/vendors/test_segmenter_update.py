"""The Segmenter: updating a segment."""

import pytest

ADA = {"externalId": "1", "email": "ada@example.org"}
BEN = {"externalId": "2", "email": "ben@example.org"}
SEGMENT = {"id": "s", "name": "n", "description": "d", "broadcastMediumId": "email", "segmentType": "static"}


def external_ids(people):
    return [person["externalId"] for person in people]


def test_an_update_stores_every_documented_field(segmenter):
    api = segmenter([{"id": "s", "name": "old"}])
    api.update(**SEGMENT, persons=[])

    assert [{**SEGMENT, "persons": []}] == api.mock.segmenter.segments


def test_the_response_is_the_printed_response(segmenter):
    """The body has the same bytes, and the content type is JSON."""
    response = segmenter([SEGMENT]).send("PUT", "", {"id": "s"})

    assert (200, b'{"data":{"isUpdated":true},"errorMessage":""}') == (response.status_code, response.content)
    assert "application/json" == response.headers["Content-Type"]


@pytest.mark.parametrize(
    "members", [{}, {"name": "new"}, {"description": "new"}, {"broadcastMediumId": "b"}, {"segmentType": "t"}]
)
def test_omitted_fields_and_persons_are_kept(segmenter, members):
    api = segmenter([{**SEGMENT, "persons": [ADA]}])
    people = api.members
    api.update(id="s", **members)

    assert [{**SEGMENT, **members, "persons": people}] == api.mock.segmenter.segments


def test_null_clears_a_description(segmenter):
    api = segmenter([SEGMENT])
    api.update(id="s", description=None)

    assert "description" not in api.mock.segmenter.segments[0]


@pytest.mark.parametrize(
    ("persons", "expected"),
    [
        ({"persons": [BEN]}, ["2"]),
        ({"persons": [BEN, ADA]}, ["2", "1"]),
        ({"persons": [ADA, ADA]}, ["1"]),
        ({"persons": []}, []),
        ({}, ["1"]),
    ],
)
def test_persons_replace_the_members_of_the_segment(segmenter, persons, expected):
    """An empty list removes all members; without persons the members stay."""
    api = segmenter([{**SEGMENT, "persons": [ADA]}])
    api.update(id="s", **persons)

    assert expected == external_ids(api.members)


def test_leaving_a_segment_deletes_no_person(segmenter):
    """Persons belong to the organization; they stay in its other segments."""
    api = segmenter([{**SEGMENT, "persons": [ADA, BEN]}, {"id": "other", "name": "o", "persons": [ADA]}])
    api.update(id="s", persons=[])

    assert ["1", "2"] == external_ids(api.mock.segmenter.persons)
    assert [[], ["1"]] == [external_ids(segment["persons"]) for segment in api.mock.segmenter.segments]


def test_an_updated_person_changes_in_every_segment(segmenter):
    """All segments share one record of a person."""
    api = segmenter([{**SEGMENT, "persons": [ADA]}, {"id": "other", "name": "o", "persons": [ADA]}])
    api.update(id="other", persons=[{**ADA, "firstName": "Ada"}])

    assert ["Ada", "Ada"] == [segment["persons"][0]["firstName"] for segment in api.mock.segmenter.segments]


@pytest.mark.parametrize(
    ("path", "body"),
    [("", {"id": "s/1"}), ("/s%2F1", {}), ("/s%2f1", {"id": "s/1"}), ("//s%2F1?x=1", {})],
)
def test_the_id_may_be_in_the_body_or_in_the_path(segmenter, path, body):
    """It may be in both if they are equal; the path is percent-encoded."""
    api = segmenter([{"id": "s/1", "name": "old"}])
    response = api.send("PUT", path, {**body, "name": "new"})

    assert (200, "new") == (response.status_code, api.mock.segmenter.segments[0]["name"])


def test_a_non_ascii_id_in_the_path_is_decoded(segmenter):
    """Clients send percent-encoded UTF-8."""
    api = segmenter([{"id": "café ☃", "name": "old"}])

    assert 200 == api.send("PUT", "/caf%C3%A9%20%E2%98%83", {"name": "new"}).status_code


@pytest.mark.parametrize("name", ["TagId", "tagId"])
def test_a_tag_id_is_accepted_in_both_spellings(segmenter, name):
    """It is stored as TagId, the documented spelling."""
    api = segmenter([{**SEGMENT, "TagId": "old"}])
    api.update(id="s", **{name: "new"})

    assert "new" == api.mock.segmenter.segments[0]["TagId"]
    assert "tagId" not in api.mock.segmenter.segments[0]


def test_unknown_members_are_ignored_and_listed_in_the_journal(segmenter):
    """The journal lists members at every depth, in the order sent."""
    api = segmenter([SEGMENT])
    tag = {"tag": "t", "value": "v", "why": 1}
    api.update(id="s", zeta=1, persons=[{**ADA, "nickname": "A", "substitutionTags": [tag]}], beta=2)

    expected = ("zeta", "persons[0].nickname", "persons[0].substitutionTags[0].why", "beta")
    assert expected == api.mock.journal.entries()[-1].unread
    assert {"id", "externalId", "email", "substitutionTags"} == set(api.members[0])


def test_the_journal_lists_changes_of_records(segmenter):
    """It has both the person and the segment, before and after the change."""
    api = segmenter([{"id": "s", "name": "n"}])
    api.update(id="s", persons=[ADA])
    person, segment = api.mock.journal.entries()[-1].changes

    key = person.key
    assert ("persons", None, {"id": key, **ADA, "substitutionTags": []}) == (person.table, *person[2:])
    before = {"id": "s", "name": "n", "persons": []}
    assert ("segments", "s", before, {**before, "persons": [key]}) == tuple(segment)


def test_an_update_with_ten_thousand_persons_is_accepted(segmenter):
    """The vendor's documents mention no limit on the size of a batch."""
    api = segmenter([SEGMENT])
    people = [{"externalId": str(n), "email": f"{n}@example.org", "firstName": "x"} for n in range(10_000)]
    api.update(id="s", persons=people)

    assert [str(n) for n in range(10_000)] == external_ids(api.members)
