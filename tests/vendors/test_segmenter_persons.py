"""The Segmenter: who a person is, and what is remembered of them."""

import pytest

ADA = {"externalId": "1", "email": "ada@example.org"}


def world(segmenter, *people):
    return segmenter([{"id": "s", "name": "n"}], persons=[*people])


def persons_of(api):
    return [
        {name: value for name, value in person.items() if name not in ("id", "substitutionTags")}
        for person in api.mock.segmenter.persons
    ]


@pytest.mark.parametrize(
    ("there", "person", "expected"),
    [
        ([], {"externalId": "1"}, [{"externalId": "1"}]),
        ([], {"email": "a@x"}, [{"email": "a@x"}]),
        # by external id, whatever the address
        ([ADA], {"externalId": "1", "email": "new@x"}, [{"externalId": "1", "email": "new@x"}]),
        ([ADA], {"externalId": "1"}, [ADA]),
        # by address, in any case, where either side has no external id
        ([ADA], {"email": "ADA@Example.org"}, [{"externalId": "1", "email": "ADA@Example.org"}]),
        ([{"email": "a@x"}], {"externalId": "9", "email": "A@X"}, [{"email": "A@X", "externalId": "9"}]),
        # two external ids are two people, even at one address
        ([ADA], {**ADA, "externalId": "2"}, [ADA, {**ADA, "externalId": "2"}]),
        # the external id takes precedence over the address
        (
            [ADA, {"externalId": "2", "email": "b@x"}],
            {"externalId": "2", "email": ADA["email"]},
            [ADA, {"externalId": "2", "email": ADA["email"]}],
        ),
        # external ids have a case
        ([{"externalId": "a"}], {"externalId": "A"}, [{"externalId": "a"}, {"externalId": "A"}]),
    ],
)
def test_a_person_is_known_by_external_id_else_by_email(segmenter, there, person, expected):
    """Known, a person is edited; else there is one more."""
    api = world(segmenter, *there)
    api.update(id="s", persons=[person])

    assert expected == persons_of(api)
    assert 1 == len(api.members)


def test_people_of_one_request_know_each_other(segmenter):
    """The same person twice in a request is one person, edited twice, a member once."""
    api = world(segmenter)
    api.update(id="s", persons=[{**ADA, "firstName": "A"}, {"email": ADA["email"], "lastName": "B"}])

    assert [{**ADA, "firstName": "A", "lastName": "B"}] == persons_of(api)
    assert 1 == len(api.members)


@pytest.mark.parametrize("field", ["firstName", "lastName", "phone", "email"])
def test_a_persons_field_is_edited_kept_or_cleared(segmenter, field):
    """Sent: edited; not sent: kept; null: cleared."""
    api = world(segmenter, {"externalId": "1", field: "old"})
    seen = []
    for members in ({field: "new"}, {}, {field: ""}, {field: None}):
        api.update(id="s", persons=[{"externalId": "1", **members}])
        seen.append(api.members[0].get(field))

    assert ["new", "new", "", None] == seen
    assert field not in api.members[0]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"phone": "new"}, {"phone": "new"}),
        ({"phoneNumber": "new"}, {"phone": "new"}),
        ({"phone": "new", "phoneNumber": "other"}, {"phone": "new"}),
        ({"phone": None, "phoneNumber": "new"}, {"phone": "new"}),
        ({"phone": "new", "phoneNumber": None}, {"phone": "new"}),
        ({"phoneNumber": None}, {}),
    ],
)
def test_a_phone_is_taken_under_both_names(segmenter, members, expected):
    """The two names that the documents use are one field; a null beside a value is ignored."""
    api = world(segmenter, {"externalId": "1", "phone": "old"})
    api.update(id="s", persons=[{"externalId": "1", **members}])

    assert [{"externalId": "1", **expected}] == persons_of(api)


@pytest.mark.parametrize(
    ("new_tags", "expected"),
    [
        ([], {"a": "1", "b": "2"}),
        (None, {"a": "1", "b": "2"}),
        ([("c", "3")], {"a": "1", "b": "2", "c": "3"}),
        ([("a", "new")], {"a": "new", "b": "2"}),
        ([("b", ""), ("c", "3")], {"a": "1", "b": "", "c": "3"}),
        ([("A", "3")], {"a": "1", "b": "2", "A": "3"}),
        ([("a", "x"), ("a", "y")], {"a": "y", "b": "2"}),
    ],
)
def test_substitution_tags_merge_by_name(segmenter, new_tags, expected):
    """New tags are added, known ones edited in their place, unsent ones kept."""
    person = {"externalId": "1", "substitutionTags": [{"tag": "a", "value": "1"}, {"tag": "b", "value": "2"}]}
    api = world(segmenter, person)
    tags = {} if new_tags is None else {"substitutionTags": [{"tag": tag, "value": value} for tag, value in new_tags]}
    api.update(id="s", persons=[{"externalId": "1", **tags}])

    assert [*expected.items()] == [(tag["tag"], tag["value"]) for tag in api.members[0]["substitutionTags"]]


def test_tags_merge_by_email_too(segmenter):
    """However the person was recognised."""
    api = world(segmenter, {**ADA, "substitutionTags": [{"tag": "a", "value": "1"}]})
    api.update(id="s", persons=[{"email": ADA["email"].upper(), "substitutionTags": [{"tag": "b", "value": "2"}]}])

    assert ["a", "b"] == [tag["tag"] for tag in api.members[0]["substitutionTags"]]


def test_each_key_sees_the_people_of_its_organization(segmenter):
    api = segmenter([{"id": "s", "name": "n"}], settings={"credentials": "isolated"})
    api.update(id="s", persons=[ADA])
    api.send("PUT", "", {"id": "s", "persons": [{"externalId": "2"}]}, x_api_key="other")

    ours, theirs = (api.mock.segmenter.of(key).persons for key in ("key", "other"))
    assert (["1"], ["2"]) == ([p["externalId"] for p in ours], [p["externalId"] for p in theirs])
    assert [] == api.mock.segmenter.persons
