"""Salsa: what is wrong with a supporter is that item's error, and what is odd but right comes back."""

import pytest
from people import NOBODY, email, find, person, refused, sid, told, upsert

REQUIRED, INVALID = 2001, 2004
ODD = [5, 1.5, True, [], {}, ["x"], {"x": "y"}]


def wrong(api, item):
    """Return the errors of *item*, which is sent between two good ones and comes back as it was."""
    before, failed, after = upsert(api, person(1), item, person(2))
    assert ["ADDED", "VALIDATION_ERROR", "ADDED"] == [each["result"] for each in (before, failed, after)]
    echo = {name: value for name, value in failed.items() if name not in ("result", "errors")}
    assert {name: value for name, value in item.items() if value is not None} == echo
    assert 2 == len(api.mock.salsa.supporters)
    assert all(["id", "code", "message", "fieldName"] == list(error) for error in failed["errors"])
    return [(error["code"], error["fieldName"]) for error in failed["errors"]]


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
    ((code, field),) = [(error["code"], error["fieldName"]) for error in failed["errors"]]
    assert (REQUIRED, "contacts") == (code, field)
    assert "The field is required and must be filled out" == failed["errors"][0]["message"]


def test_contacts_are_required(api):
    """A supporter who sends none at all has no e-mail address either, and nobody is told of what is not there."""
    assert [(REQUIRED, "contacts")] == wrong(api, {"firstName": "Ada"})


@pytest.mark.parametrize("name", ["title", "firstName", "lastName", "dateOfBirth", "gender"])
@pytest.mark.parametrize("value", ODD)
def test_text_that_is_none(api, name, value):
    """Another type is 2004 on that field; it comes back as it was sent."""
    assert [(INVALID, name)] == wrong(api, {name: value, "contacts": [email("a@example.org")]})


@pytest.mark.parametrize("value", [*ODD[1:], "", "x", NOBODY[:-1], NOBODY + "0", f" {NOBODY}", NOBODY + "\n"])
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
        ([5], "contacts[0]"),
        (["a@example.org"], "contacts[0]"),
        ([email("a@example.org"), {"value": "x"}], "contacts[1].type"),
        ([email("a@example.org"), {"type": "EMAIL", "value": 5}], "contacts[1].value"),
        ([{"type": "PIGEON", "value": "x"}], "contacts[0].type"),
        ([{"type": ["EMAIL"], "value": "x"}], "contacts[0].type"),
        ([{"type": "email", "value": "x"}], "contacts[0].type"),
        ([{"type": "EMAIL", "value": "x", "status": "MAYBE"}], "contacts[0].status"),
        ([{"type": "EMAIL", "value": "x", "status": {}}], "contacts[0].status"),
    ],
)
def test_a_contact_that_is_none(api, contacts, field):
    """The error names which of them and what of it."""
    assert [field] == [name for _, name in wrong(api, {"contacts": contacts})]


@pytest.mark.parametrize(("value", "field"), [(5, ""), ({}, ""), ("x", ""), ([5], "[0]"), ([{}, []], "[1]")])
def test_custom_fields_that_are_none(api, value, field):
    """A list of objects, whatever these tell."""
    item = {"customFieldValues": value, "contacts": [email("a@example.org")]}

    assert [(INVALID, f"customFieldValues{field}")] == wrong(api, item)


def test_every_error_is_told(api):
    """An item with several faults names each, with an id of its own."""
    item = {"supporterId": "x", "title": 5, "address": [], "contacts": [], "customFieldValues": {}}
    (failed,) = upsert(api, item)

    assert {*item} == {error["fieldName"] for error in failed["errors"]}
    assert 5 == len({error["id"] for error in failed["errors"]})


def test_nulls_are_left_out_at_every_depth(api):
    """In what is stored and in every reply; empty text, lists and objects are values."""
    (item,) = upsert(
        api,
        {
            "title": None,
            "suffix": "",
            "address": {"city": None, "state": "", "county": {"x": None}},
            "contacts": [{"type": "EMAIL", "value": "a@example.org", "status": None}],
            "customFieldValues": [{"value": None, "deep": [{"a": None}, [], {"b": [{"c": None}]}]}, {}],
        },
    )

    assert "title" not in item
    assert ("", {"state": "", "county": {}}) == (item["suffix"], item["address"])
    assert [{"type": "EMAIL", "value": "a@example.org"}] == item["contacts"]
    assert [{"deep": [{}, [], {"b": [{}]}]}, {}] == item["customFieldValues"]
    assert [{**item, "result": "FOUND"}] == find(api, "EMAIL_ADDRESS", "a@example.org")["supporters"]


def test_nulls_of_a_data_file_are_left_out_too(salsa):
    """Where a data file has nulls in an address or a custom field, replies have nothing."""
    api = salsa(supporters=[person(1, address={"city": None}, customFieldValues=[{"value": None, "name": "x"}])])
    (item,) = find(api, "SUPPORTER_ID", sid(1))["supporters"]

    assert ({}, [{"name": "x"}]) == (item["address"], item["customFieldValues"])


@pytest.mark.parametrize("text", ["", " ", "Zoë", "\U0001f600", "\ud800", "\0", "x" * 5000, "<b>&amp;", '"\\'])
def test_any_text_comes_back(api, text):
    """What is text is stored and answered as it was sent."""
    address = f"{text}@example.org"
    (item,) = upsert(api, {"firstName": text, "externalSystemId": text, "contacts": [email(address)]})

    assert (text, text, address) == (item["firstName"], item["externalSystemId"], item["contacts"][0]["value"])
    for kind, value in (("EXTERNAL_ID", text), ("EMAIL_ADDRESS", address)):
        assert [{**item, "result": "FOUND"}] == find(api, kind, value)["supporters"]


def test_unknown_members_are_dropped(api):
    """What Salsa does not know is neither stored nor echoed; the journal tells which it was."""
    told(api, "PUT", "/supporters", supporters=[{**person(1), "shoeSize": 44, "address": {"latitude": 1, "city": "x"}}])

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
