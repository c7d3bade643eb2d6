"""Salsa: what is wrong with a supporter is that item's error, and what is odd but right comes back."""

import pytest

from tests.vendors.people import UNKNOWN_ID, email, find, person, refused, send, sid, upsert

REQUIRED, TOO_LONG, INVALID = 2001, 2003, 2004
PARTS = ("contacts", "customFieldValues")
ODD = [5, 1.5, True, [], {}, ["x"], {"x": "y"}]


def wrong(api, item):
    """Return the errors of *item*, which is sent between two good ones and comes back as it was."""
    before, failed, after = upsert(api, person(1), item, person(2))
    assert ["ADDED", "VALIDATION_ERROR", "ADDED"] == [each["result"] for each in (before, failed, after)]
    own, errors = failed.pop("errors", []), told_errors(failed)
    assert {name: value for name, value in item.items() if value is not None} | {"result": "VALIDATION_ERROR"} == failed
    assert 2 == len(api.mock.salsa.supporters)
    assert all(["id", "code", "message", "fieldName"] == list(error) for error in own)
    return [(error["code"], error["fieldName"]) for error in own] + errors


def told_errors(item):
    """Take the errors of the objects within *item* away, and return (code, path) of each."""
    owners = [("address", item.get("address"))]
    for name in PARTS:
        rows = item.get(name)
        owners += [(f"{name}[{index}]", row) for index, row in enumerate(rows if isinstance(rows, list) else ())]
    errors = [(path, error) for path, row in owners if isinstance(row, dict) for error in row.pop("errors", ())]
    assert all(["id", "code", "message", "details", "fieldName"] == list(error) for _, error in errors)
    return [(error["code"], f"{path}.{error['fieldName']}") for path, error in errors]


@pytest.fixture
def api(salsa):
    """Return a Salsa without supporters that lets any id be created."""
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
def test_an_e_mail_address_is_required(api, contacts):
    """Without one it is 2001 on the contacts."""
    failed = upsert(api, {"firstName": "Ada", "contacts": contacts})[0]

    assert ("VALIDATION_ERROR", "Ada") == (failed["result"], failed["firstName"])
    assert [(REQUIRED, "contacts")] == [(error["code"], error["fieldName"]) for error in failed["errors"]]
    assert "The field is required and must be filled out" == failed["errors"][0]["message"]


def test_contacts_are_required(api):
    assert [(REQUIRED, "contacts")] == wrong(api, {"firstName": "Ada"})


@pytest.mark.parametrize("name", ["title", "firstName", "lastName", "dateOfBirth", "gender"])
@pytest.mark.parametrize("value", ODD)
def test_text_that_is_none(api, name, value):
    """Another type is 2004 on that field; it comes back as it was sent."""
    assert [(INVALID, name)] == wrong(api, {name: value, "contacts": [email("a@example.org")]})


@pytest.mark.parametrize(
    "value", [*ODD[1:], "", "x", UNKNOWN_ID[:-1], UNKNOWN_ID + "0", f" {UNKNOWN_ID}", UNKNOWN_ID + "\n"]
)
def test_an_id_that_is_none(api, value):
    """It is 2004 on the id, never another supporter's."""
    assert (INVALID, "supporterId") in wrong(api, {"supporterId": value, "contacts": [email("a@example.org")]})


@pytest.mark.parametrize("value", ["x", 5, True, []])
def test_an_address_that_is_none(api, value):
    """Where a street and a town belong, nothing else will do."""
    assert [(INVALID, "address")] == wrong(api, {"address": value, "contacts": [email("a@example.org")]})


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
def test_a_contact_that_is_none(api, contacts, field):
    """The error stands on that contact if it is an object, and names what of it."""
    assert [field] == [name for _, name in wrong(api, {"contacts": contacts})]


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
def test_a_value_that_is_none(api, member, value, code):
    """Constants, dates and lengths; the shortest that is too long is refused."""
    assert [(code, member)] == wrong(api, {member: value, "contacts": [email("a@example.org")]})


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("gender", "MALE"), ("gender", "FEMALE"), ("gender", "OTHER"), ("firstName", "x" * 255),
        ("externalSystemId", "x" * 100), ("dateOfBirth", "1980-12-10"), ("dateOfBirth", "1768-05-27T04:00:00.000Z"),
    ],
)  # fmt: skip
def test_a_value_that_is_right(api, member, value):
    """It comes back as it was sent."""
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
def test_an_address_with_a_wrong_member(api, address, field):
    """The error stands on the address, and clients find it there with details."""
    assert [field] == [name for _, name in wrong(api, {"address": address, "contacts": [email("a@example.org")]})]


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
def test_a_custom_field_with_a_wrong_member(api, fields, path):
    """The error stands on that field."""
    errors = wrong(api, {"customFieldValues": fields, "contacts": [email("a@example.org")]})

    assert [f"customFieldValues{path}"] == [name for _, name in errors]


def test_details_tell_what_was_sent(api):
    """A client prints message and details of each error without looking whether they are there."""
    (failed,) = upsert(api, {"contacts": [email("bad@email@bad.com")], "address": {"city": 5}})
    told_errors_ = [failed["contacts"][0]["errors"][0], failed["address"]["errors"][0]]

    assert ['Sent: "bad@email@bad.com"', "Sent: 5"] == [error["details"] for error in told_errors_]
    assert "{fieldName} {message} {details}".format(**told_errors_[0])


def test_errors_of_an_earlier_response_are_not_echoed(api):
    """A client that sends a failed item again gets the errors of this call alone."""
    (failed,) = upsert(api, {"contacts": [email("bad@email@bad.com")]})
    (again,) = upsert(api, failed)

    assert 1 == len(again["contacts"][0]["errors"])
    assert failed["contacts"][0]["errors"][0]["id"] != again["contacts"][0]["errors"][0]["id"]


@pytest.mark.parametrize(("value", "field"), [(5, ""), ({}, ""), ("x", ""), ([5], "[0]"), ([[]], "[0]")])
def test_custom_fields_that_are_none(api, value, field):
    """A list of objects is wanted."""
    item = {"customFieldValues": value, "contacts": [email("a@example.org")]}

    assert [(INVALID, f"customFieldValues{field}")] == wrong(api, item)


def test_every_error_is_told(api):
    """An item with several faults names each, with an id of its own."""
    item = {"supporterId": "x", "title": 5, "address": [], "contacts": [], "customFieldValues": {}}
    (failed,) = upsert(api, item)

    assert {*item} == {error["fieldName"] for error in failed["errors"]}
    assert 5 == len({error["id"] for error in failed["errors"]})


def test_nulls_are_left_out_at_every_depth(api):
    """In what is stored and in every response; empty text, lists and objects are values."""
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


def test_nulls_of_a_data_file_are_left_out_too(salsa):
    """Where a data file has nulls in an address or a custom field, responses have nothing."""
    api = salsa(supporters=[person(1, address={"city": None}, customFieldValues=[{"name": None, "value": "Blue"}])])
    (item,) = find(api, "SUPPORTER_ID", sid(1))["supporters"]

    assert ({}, [{"value": "Blue"}]) == (item["address"], item["customFieldValues"])


@pytest.mark.parametrize("text", ["", " ", "Zoë", "\U0001f600", "\ud800", "\0", "x" * 100, "<b>&amp;", '"\\'])
def test_any_text_comes_back(api, text):
    """What is text is stored and answered as it was sent."""
    phone = {"type": "HOME_PHONE", "value": text}
    (item,) = upsert(api, {"firstName": text, "externalSystemId": text, "contacts": [email("a@example.org"), phone]})

    assert (text, text, phone) == (item["firstName"], item["externalSystemId"], item["contacts"][1])
    for kind, value in (("EXTERNAL_ID", text), ("EMAIL_ADDRESS", "a@example.org")):
        assert [{**item, "result": "FOUND"}] == find(api, kind, value)["supporters"]


def test_unknown_members_are_dropped(api):
    """What Salsa does not know is neither stored nor echoed; the journal tells which it was."""
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
def test_a_frame_that_is_wrong(api, method, payload, field):
    """400 names the member to blame."""
    assert (400, field) == refused(api.send(method, "/supporters", {"payload": payload}))
