"""Salsa: validation errors of a group in an upsert."""

from uuid import UUID

import pytest

A = "11454266-a9c8-40af-8fab-4c0bdca44615"
REQUIRED = (2001, "The field is required and must be filled out")
NOT_UNIQUE = (2002, "The field is not unique in the system")
TOO_LONG, INVALID = 2003, 2004


def errors_of(segment):
    """Return the code and the field name of each error of an item."""
    return [(error["code"], error["fieldName"]) for error in segment.get("errors", ())]


@pytest.mark.parametrize(
    ("name", "limit"), [("name", 64), ("description", 256), ("externalSystemId", 100)], ids=lambda value: str(value)
)
@pytest.mark.parametrize("letter", ["x", "é", "漢", "\U0001f600", "\ud800"], ids=["x", "e", "han", "astral", "half"])
def test_lengths_are_counted_in_characters(salsa, name, limit, letter):
    """The longest allowed value is stored unchanged; a value that is one character longer is an error of that field."""
    api = salsa()
    fits, too_long = {"name": "n", name: letter * limit}, {"name": "m", name: letter * (limit + 1)}
    added, refused = api.upsert(fits, too_long)["segments"]

    assert ("ADDED", letter * limit) == (added["result"], added[name])
    assert [letter * limit] == [segment[name] for segment in api.mock.salsa.segments]
    assert {**too_long, "result": "VALIDATION_ERROR"} == {k: v for k, v in refused.items() if k != "errors"}
    assert [(TOO_LONG, name)] == errors_of(refused)


@pytest.mark.parametrize("item", [{}, {"name": None}, {"name": ""}, {"name": " \t"}, {"segmentId": A}])
def test_a_name_is_required(salsa, item):
    """A missing, null or blank name is error 2001, for new and for existing groups."""
    api = salsa([{"segmentId": A, "name": "old"}])
    (segment,) = api.upsert(item)["segments"]

    assert "VALIDATION_ERROR" == segment["result"]
    (error,) = segment["errors"]
    assert ["id", "code", "message", "fieldName"] == list(error)
    assert 4 == UUID(error["id"]).version
    assert (*REQUIRED, "name") == tuple(error.values())[1:]
    assert ["old"] == api.names


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (field, value)
        for field in ("segmentId", "name", "description", "externalSystemId")
        for value in (5, 1.5, True, [], {}, ["x"])
        if (field, value) != ("externalSystemId", 5)
    ],
    ids=str,
)
def test_a_value_of_the_wrong_type_fails_only_its_item(salsa, field, value):
    """The error names the field, and the item has its values as sent."""
    api = salsa()
    item = {"name": "n", field: value}
    refused, added = api.upsert(item, {"name": "other"})["segments"]

    assert [(INVALID, field)] == errors_of(refused)
    echo = {**item, field: "5"} if (field, value) == ("segmentId", 5) else item
    assert {**echo, "result": "VALIDATION_ERROR"} == {k: v for k, v in refused.items() if k != "errors"}
    assert ("ADDED", ["other"]) == (added["result"], api.names)


@pytest.mark.parametrize(
    "key", ["", "x", A[:-1], "{" + A + "}", A.replace("-", ""), A + "\n", "g" + A[1:], "\x00" * 36]
)
def test_an_id_must_be_a_uuid(salsa, key):
    api = salsa(settings={"salsa_unknown_id": "create"})
    (segment,) = api.upsert({"segmentId": key, "name": "n"})["segments"]

    assert ("VALIDATION_ERROR", key) == (segment["result"], segment["segmentId"])
    assert (INVALID, "segmentId") in errors_of(segment)
    assert [] == api.names


def test_an_item_with_several_errors_returns_them_all(salsa):
    """Each error has its own id; they have the order of the document's table."""
    (segment,) = salsa().upsert(
        {"externalSystemId": "x" * 101, "description": "x" * 257, "name": "", "segmentId": "no"}
    )["segments"]

    expected = [(2004, "segmentId"), (2001, "name"), (2003, "description"), (2003, "externalSystemId")]
    assert expected == errors_of(segment)
    assert 4 == len({error["id"] for error in segment["errors"]})


@pytest.mark.parametrize("existing_name", ["Volunteers", " Volunteers", "Volunteers\t", "\u2003Volunteers "])
def test_names_are_compared_without_surrounding_spaces(salsa, existing_name):
    api = salsa([{"name": "Volunteers"}])
    (segment,) = api.upsert({"name": existing_name})["segments"]

    assert [(2002, "name")] == errors_of(segment)
    assert ("VALIDATION_ERROR", existing_name) == (segment["result"], segment["name"])
    assert "segmentId" not in segment


@pytest.mark.parametrize("other", ["volunteers", "Volunteer", "Volun teers", "Volunteers."])
def test_names_that_differ_in_case_or_a_letter_are_different(salsa, other):
    assert "ADDED" == salsa([{"name": "Volunteers"}]).upsert({"name": other})["segments"][0]["result"]


@pytest.mark.parametrize("kind", ["DEFAULT", "CUSTOM", "INTEGRATED"])
def test_a_name_is_unique_among_groups_of_every_type(salsa, kind):
    """Neither a new group nor an update may take the name of another group."""
    api = salsa([{"name": "existing_name", "type": kind}, {"segmentId": A, "name": "mine"}])
    payload = api.upsert({"name": "existing_name"}, {"segmentId": A, "name": "existing_name"})

    assert [[(2002, "name")]] * 2 == [errors_of(segment) for segment in payload["segments"]]
    assert ["existing_name", "mine"] == api.names


def test_a_data_file_may_have_duplicate_names_and_an_upsert_may_not_add_them(salsa):
    """A recorded organization has two groups of the same name, probably added in the user interface."""
    api = salsa([{"name": "Volunteer", "type": "CUSTOM"}, {"name": "Volunteer", "type": "CUSTOM"}])
    (refused,) = api.upsert({"name": "Volunteer"})["segments"]

    assert [(2002, "name")] == errors_of(refused)
    assert ["Volunteer", "Volunteer"] == [segment["name"] for segment in api.mock.salsa.segments]


@pytest.mark.parametrize("name", ["twin", " twin "])
def test_a_group_may_keep_a_name_that_another_group_has_too(salsa, name):
    """Initial data may contain duplicate names; an update with the unchanged name is not an error."""
    api = salsa([{"segmentId": A, "name": "twin"}, {"name": "twin"}])
    (segment,) = api.upsert({"segmentId": A, "name": name, "description": "d"})["segments"]

    assert ("UPDATED", name) == (segment["result"], segment["name"])


def test_a_failed_rename_changes_nothing(salsa):
    """Other fields of the item are not stored either."""
    api = salsa([{"segmentId": A, "name": "a", "description": "old"}, {"name": "b"}])
    api.upsert({"segmentId": A, "name": "b", "description": "new"})

    assert ("a", "old") == tuple(api.mock.salsa.segments[0][name] for name in ("name", "description"))


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "segments"),
        ({"segments": None}, "segments"),
        ({"segments": {}}, "segments"),
        ({"segments": "x"}, "segments"),
        ({"segments": [{"name": "n"}, None]}, "segments[1]"),
        ({"segments": [{"name": "n"}, "x"]}, "segments[1]"),
        ({"segments": [["name", "n"]]}, "segments[0]"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_segments_must_be_a_list_of_objects(salsa, method, payload, field):
    """Otherwise the call is refused with 400, and nothing is stored."""
    api = salsa()
    response = api.send(method, "/segments", {"payload": payload})
    (error,) = response.json()["errors"]

    assert (400, field) == (response.status_code, error["fieldName"])
    assert [] == api.names
