"""The Segmenter: how persons are matched, and which of their fields are stored."""

import pytest

ADA = {"externalId": "1", "email": "ada@example.org"}


def make_api(segmenter, *people):
    return segmenter([{"id": "s", "name": "n"}], persons=[*people])


def persons_of(api):
    """Return the persons of the organization, without their ids and substitution tags."""
    return [
        {name: value for name, value in person.items() if name not in ("id", "substitutionTags")}
        for person in api.mock.segmenter.persons
    ]


@pytest.mark.parametrize(
    ("existing", "person", "expected"),
    [
        ([], {"externalId": "1"}, [{"externalId": "1"}]),
        ([], {"email": "a@x"}, [{"email": "a@x"}]),
        # by external id, even if the address differs
        ([ADA], {"externalId": "1", "email": "new@x"}, [{"externalId": "1", "email": "new@x"}]),
        ([ADA], {"externalId": "1"}, [ADA]),
        # by address, case-insensitively, if either of the two has no external id
        ([ADA], {"email": "ADA@Example.org"}, [{"externalId": "1", "email": "ADA@Example.org"}]),
        ([{"email": "a@x"}], {"externalId": "9", "email": "A@X"}, [{"email": "A@X", "externalId": "9"}]),
        # different external ids are different persons, even with the same address
        ([ADA], {**ADA, "externalId": "2"}, [ADA, {**ADA, "externalId": "2"}]),
        # the external id takes precedence over the address
        (
            [ADA, {"externalId": "2", "email": "b@x"}],
            {"externalId": "2", "email": ADA["email"]},
            [ADA, {"externalId": "2", "email": ADA["email"]}],
        ),
        # external ids are case-sensitive
        ([{"externalId": "a"}], {"externalId": "A"}, [{"externalId": "a"}, {"externalId": "A"}]),
    ],
)
def test_a_person_is_matched_by_external_id_else_by_email(segmenter, existing, person, expected):
    """A matching person is updated; otherwise a person is added."""
    api = make_api(segmenter, *existing)
    api.update(id="s", persons=[person])

    assert expected == persons_of(api)
    assert 1 == len(api.members)


def test_entries_of_one_request_can_be_the_same_person(segmenter):
    """The person is updated twice, and is a member once."""
    api = make_api(segmenter)
    api.update(id="s", persons=[{**ADA, "firstName": "A"}, {"email": ADA["email"], "lastName": "B"}])

    assert [{**ADA, "firstName": "A", "lastName": "B"}] == persons_of(api)
    assert 1 == len(api.members)


@pytest.mark.parametrize("field", ["firstName", "lastName", "phone", "email"])
def test_an_update_replaces_sent_fields_keeps_omitted_fields_and_clears_null_fields(segmenter, field):
    api = make_api(segmenter, {"externalId": "1", field: "old"})
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
def test_a_phone_number_is_accepted_under_both_names(segmenter, members, expected):
    """The documents use phone and phoneNumber for the same field; a null beside a value is ignored."""
    api = make_api(segmenter, {"externalId": "1", "phone": "old"})
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
    """New tags are added, existing tags are replaced in their position, and omitted tags are kept."""
    person = {"externalId": "1", "substitutionTags": [{"tag": "a", "value": "1"}, {"tag": "b", "value": "2"}]}
    api = make_api(segmenter, person)
    tags = {} if new_tags is None else {"substitutionTags": [{"tag": tag, "value": value} for tag, value in new_tags]}
    api.update(id="s", persons=[{"externalId": "1", **tags}])

    assert [*expected.items()] == [(tag["tag"], tag["value"]) for tag in api.members[0]["substitutionTags"]]


def test_tags_merge_for_a_person_matched_by_email(segmenter):
    api = make_api(segmenter, {**ADA, "substitutionTags": [{"tag": "a", "value": "1"}]})
    api.update(id="s", persons=[{"email": ADA["email"].upper(), "substitutionTags": [{"tag": "b", "value": "2"}]}])

    assert ["a", "b"] == [tag["tag"] for tag in api.members[0]["substitutionTags"]]


def test_with_isolated_credentials_each_key_has_its_own_persons(segmenter):
    api = segmenter([{"id": "s", "name": "n"}], settings={"credentials": "isolated"})
    api.update(id="s", persons=[ADA])
    api.send("PUT", "", {"id": "s", "persons": [{"externalId": "2"}]}, x_api_key="other")

    ours, theirs = (api.mock.segmenter.of(key).persons for key in ("key", "other"))
    assert (["1"], ["2"]) == ([p["externalId"] for p in ours], [p["externalId"] for p in theirs])
    assert [] == api.mock.segmenter.persons
