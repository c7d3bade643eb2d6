"""Salsa: an invalid field of a supporter fails only its item, and unusual but valid values are stored unchanged."""

import pytest

from tests.vendors.people import UNKNOWN_ID, email, find, person, refusal, send, supporter_id, upsert

REQUIRED, TOO_LONG, INVALID = 2001, 2003, 2004
PARTS = ("contacts", "customFieldValues")
WRONG_TYPES = [5, 1.5, True, [], {}, ["x"], {"x": "y"}]


def errors_of(api, item):
    """Upsert *item* between two valid items and return the code and the path of each of its errors.

    Expect that only *item* fails, and that the response has its members as sent.
    """
    before, failed, after = upsert(api, person(1), item, person(2))
    assert ["ADDED", "VALIDATION_ERROR", "ADDED"] == [each["result"] for each in (before, failed, after)]
    own, errors = failed.pop("errors", []), pop_nested_errors(failed)
    assert {name: value for name, value in item.items() if value is not None} | {"result": "VALIDATION_ERROR"} == failed
    assert 2 == len(api.mock.salsa.supporters)
    assert all(["id", "code", "message", "fieldName"] == list(error) for error in own)
    return [(error["code"], error["fieldName"]) for error in own] + errors


def pop_nested_errors(item):
    """Remove the errors from the objects within *item*, and return the code and the path of each."""
    owners = [("address", item.get("address"))]
    for name in PARTS:
        rows = item.get(name)
        owners += [(f"{name}[{index}]", row) for index, row in enumerate(rows if isinstance(rows, list) else ())]
    errors = [(path, error) for path, row in owners if isinstance(row, dict) for error in row.pop("errors", ())]
    assert all(["id", "code", "message", "details", "fieldName"] == list(error) for _, error in errors)
    return [(error["code"], f"{path}.{error['fieldName']}") for path, error in errors]


@pytest.fixture
def api(salsa):
    """A client of a mock without supporters, in which an unknown id is created."""
    return salsa(settings={"salsa_unknown_id": "create"})


@pytest.mark.parametrize(
    "contacts",
    [
        None,
        [],
        [{"type": "CELL_PHONE", "value": "555-0100"}],
        [{"type": "EMAIL", "status": "OPT_IN"}],
        [{"type": "EMAIL", "value": ""}],
        [{"type": "EMAIL", "value": None}],
    ],
)
def test_contacts_without_an_email_address_are_error_2001(api, contacts):
    failed = upsert(api, {"firstName": "Ada", "contacts": contacts})[0]

    assert ("VALIDATION_ERROR", "Ada") == (failed["result"], failed["firstName"])
    assert [(REQUIRED, "contacts")] == [(error["code"], error["fieldName"]) for error in failed["errors"]]
    assert "The field is required and must be filled out" == failed["errors"][0]["message"]


def test_omitted_contacts_are_error_2001(api):
    assert [(REQUIRED, "contacts")] == errors_of(api, {"firstName": "Ada"})


@pytest.mark.parametrize("name", ["title", "firstName", "lastName", "dateOfBirth", "gender"])
@pytest.mark.parametrize("value", WRONG_TYPES)
def test_a_text_field_of_another_type_is_error_2004(api, name, value):
    assert [(INVALID, name)] == errors_of(api, {name: value, "contacts": [email("a@example.org")]})


@pytest.mark.parametrize(
    "value", [*WRONG_TYPES[1:], "", "x", UNKNOWN_ID[:-1], UNKNOWN_ID + "0", f" {UNKNOWN_ID}", UNKNOWN_ID + "\n"]
)
def test_an_invalid_id_is_error_2004(api, value):
    assert (INVALID, "supporterId") in errors_of(api, {"supporterId": value, "contacts": [email("a@example.org")]})


@pytest.mark.parametrize("value", ["x", 5, True, []])
def test_an_address_must_be_an_object(api, value):
    """Any other value is error 2004."""
    assert [(INVALID, "address")] == errors_of(api, {"address": value, "contacts": [email("a@example.org")]})


@pytest.mark.parametrize(
    ("contacts", "field"),
    [
        ("a@example.org", "contacts"),
        (email("a@example.org"), "contacts"),
        (5, "contacts"),
        ([email("a@example.org"), 5], "contacts[1]"),
        ([email("a@example.org"), "b@example.org"], "contacts[1]"),
        ([email("a@example.org"), {"value": "x"}], "contacts[1].type"),
        ([email("a@example.org"), {"type": "EMAIL", "value": 5}], "contacts[1].value"),
        ([email("a@example.org"), {"type": "PIGEON", "value": "x"}], "contacts[1].type"),
        ([email("a@example.org"), {"type": ["EMAIL"], "value": "x"}], "contacts[1].type"),
        ([email("a@example.org"), {"type": "email", "value": "x"}], "contacts[1].type"),
        ([email("a@example.org"), {"type": "HOME_PHONE", "value": "1" * 256}], "contacts[1].value"),
        ([email("a@example.org") | {"status": "MAYBE"}], "contacts[0].status"),
        ([email("a@example.org") | {"status": {}}], "contacts[0].status"),
        ([email("bad@email@bad.com")], "contacts[0].value"),
        ([email("not an address")], "contacts[0].value"),
        ([email("example.org")], "contacts[0].value"),
        ([email("@example.org")], "contacts[0].value"),
        ([email(" ")], "contacts[0].value"),
        ([email("a@example.org"), email("b@")], "contacts[1].value"),
    ],
)
def test_an_invalid_contact_is_an_error_of_that_contact(api, contacts, field):
    """The path names the contact if it is an object, and its invalid member."""
    assert [field] == [name for _, name in errors_of(api, {"contacts": contacts})]


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("gender", "male", INVALID),
        ("gender", "", INVALID),
        ("dateOfBirth", "yesterday", INVALID),
        ("dateOfBirth", "12/10/1980", INVALID),
        ("dateOfBirth", "1980-13-10", INVALID),
        ("firstName", "x" * 256, TOO_LONG),
        ("lastName", "x" * 256, TOO_LONG),
        ("externalSystemId", "x" * 101, TOO_LONG),
    ],
)
def test_an_invalid_constant_date_or_length_is_an_error(api, member, value, code):
    """A value that is one character too long is invalid."""
    assert [(code, member)] == errors_of(api, {member: value, "contacts": [email("a@example.org")]})


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("gender", "MALE"), ("gender", "FEMALE"), ("gender", "OTHER"), ("firstName", "x" * 255),
        ("externalSystemId", "x" * 100), ("dateOfBirth", "1980-12-10"), ("dateOfBirth", "1768-05-27T04:00:00.000Z"),
    ],
)  # fmt: skip
def test_a_valid_constant_date_or_length_is_returned_as_sent(api, member, value):
    assert value == upsert(api, {member: value, "contacts": [email("a@example.org")]})[0][member]


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ({"city": 5}, "address.city"),
        ({"county": {}}, "address.county"),
        ({"addressLine1": "x" * 256}, "address.addressLine1"),
        ({"postalCode": []}, "address.postalCode"),
        ({"lattitude": "north"}, "address.lattitude"),
    ],
)
def test_an_invalid_member_of_an_address_is_an_error_of_the_address(api, address, field):
    """Clients look for it there."""
    assert [field] == [name for _, name in errors_of(api, {"address": address, "contacts": [email("a@example.org")]})]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ([{"name": "a", "value": "x"}, {"value": "x"}], "[1].name"),
        ([{"name": "a", "value": {}}], "[0].value"),
        ([{"name": "a", "value": "soon", "type": "DATE"}], "[0].value"),
        ([{"name": "a", "value": "13/45/2016", "type": "DATE"}], "[0].value"),
        ([{"name": "a", "value": "many", "type": "NUMBER"}], "[0].value"),
        ([{"name": "a", "value": "maybe", "type": "BOOLEAN"}], "[0].value"),
        ([{"name": ["a"], "value": "x"}], "[0].name"),
        ([{"fieldId": UNKNOWN_ID, "value": "x"}], "[0].fieldId"),
    ],
)
def test_an_invalid_custom_field_is_an_error_of_that_field(api, fields, path):
    errors = errors_of(api, {"customFieldValues": fields, "contacts": [email("a@example.org")]})

    assert [f"customFieldValues{path}"] == [name for _, name in errors]


def test_errors_of_nested_objects_have_details_with_the_value(api):
    """A client prints message and details of each error, and relies on both."""
    (failed,) = upsert(api, {"contacts": [email("bad@email@bad.com")], "address": {"city": 5}})
    errors = [failed["contacts"][0]["errors"][0], failed["address"]["errors"][0]]

    assert ['Sent: "bad@email@bad.com"', "Sent: 5"] == [error["details"] for error in errors]
    assert "{fieldName} {message} {details}".format(**errors[0])


def test_errors_of_an_earlier_response_are_not_echoed(api):
    """If a client sends a failed item again, with its errors, the response has only the new errors."""
    (failed,) = upsert(api, {"contacts": [email("bad@email@bad.com")]})
    (again,) = upsert(api, failed)

    assert 1 == len(again["contacts"][0]["errors"])
    assert failed["contacts"][0]["errors"][0]["id"] != again["contacts"][0]["errors"][0]["id"]


@pytest.mark.parametrize(("value", "field"), [(5, ""), ({}, ""), ("x", ""), ([5], "[0]"), ([[]], "[0]")])
def test_custom_fields_must_be_a_list_of_objects(api, value, field):
    """Any other value is error 2004."""
    item = {"customFieldValues": value, "contacts": [email("a@example.org")]}

    assert [(INVALID, f"customFieldValues{field}")] == errors_of(api, item)


def test_an_item_with_several_errors_returns_them_all(api):
    """Each error has its own id."""
    item = {"supporterId": "x", "title": 5, "address": [], "contacts": [], "customFieldValues": {}}
    (failed,) = upsert(api, item)

    assert {*item} == {error["fieldName"] for error in failed["errors"]}
    assert 5 == len({error["id"] for error in failed["errors"]})


def test_records_and_responses_omit_nulls_at_every_depth(api):
    """Empty strings, lists and objects are values."""
    (item,) = upsert(
        api,
        {
            "title": None,
            "suffix": "",
            "address": {"city": None, "state": ""},
            "contacts": [{"type": "EMAIL", "value": "a@example.org", "smsStatus": None}],
            "customFieldValues": [
                {"fieldId": UNKNOWN_ID, "name": "x", "value": "", "type": "STRING", "optInDate": None}
            ],
        },
    )

    assert "title" not in item
    assert ("", {"state": ""}) == (item["suffix"], item["address"])
    assert [{"type": "EMAIL", "value": "a@example.org", "status": "OPT_IN"}] == item["contacts"]
    assert [{"fieldId": UNKNOWN_ID, "name": "x", "value": "", "type": "STRING"}] == item["customFieldValues"]
    assert [{**item, "result": "FOUND"}] == find(api, "EMAIL_ADDRESS", "a@example.org")["supporters"]


def test_responses_omit_nulls_of_a_data_file(salsa):
    """The nulls are in an address and in a custom field."""
    api = salsa(supporters=[person(1, address={"city": None}, customFieldValues=[{"name": None, "value": "Blue"}])])
    (item,) = find(api, "SUPPORTER_ID", supporter_id(1))["supporters"]

    assert ({}, [{"value": "Blue"}]) == (item["address"], item["customFieldValues"])


@pytest.mark.parametrize("text", ["", " ", "Zoë", "\U0001f600", "\ud800", "\0", "x" * 100, "<b>&amp;", '"\\'])
def test_any_text_is_stored_and_returned_unchanged(api, text):
    phone = {"type": "HOME_PHONE", "value": text}
    (item,) = upsert(api, {"firstName": text, "externalSystemId": text, "contacts": [email("a@example.org"), phone]})

    assert (text, text, phone) == (item["firstName"], item["externalSystemId"], item["contacts"][1])
    for kind, value in (("EXTERNAL_ID", text), ("EMAIL_ADDRESS", "a@example.org")):
        assert [{**item, "result": "FOUND"}] == find(api, kind, value)["supporters"]


def test_unknown_members_are_ignored_and_listed_in_the_journal(api):
    send(api, "PUT", "/supporters", supporters=[{**person(1), "shoeSize": 44, "address": {"latitude": 1, "city": "x"}}])

    assert [{"city": "x"}] == [row["address"] for row in api.mock.salsa.supporters]
    unread = ("payload.supporters[0].shoeSize", "payload.supporters[0].address.latitude")
    assert unread == api.mock.journal.entries()[-1].unread


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "supporters"),
        ({"supporters": None}, "supporters"),
        ({"supporters": {}}, "supporters"),
        ({"supporters": [{}, 5]}, "supporters[1]"),
    ],
)
def test_supporters_must_be_a_list_of_objects(api, method, payload, field):
    """Otherwise the call is refused with 400."""
    assert (400, field) == refusal(api.send(method, "/supporters", {"payload": payload}))
