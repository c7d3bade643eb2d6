"""Salsa: the fields that an update of a supporter keeps, replaces and clears, in the response and in later searches."""

import pytest

from tests.vendors.people import UNKNOWN_ID, delete, email, find, person, supporter_id, upsert

ASSUMED, HINT = "X-Segment-Mock-Assumed", "X-Segment-Mock-Hint"
PHONE = {"type": "CELL_PHONE", "value": "555-0100"}
SHIRT = {"fieldId": "9d3c5e6b-2a41-4f5c-8f0e-7b1a2c3d4e5f", "name": "Shirt", "value": "M", "type": "STRING"}
SHOE = {"fieldId": "7c2b4d5a-1930-4e4b-9f1d-6a0b1c2d3e4f", "name": "Shoe", "value": "44", "type": "NUMBER"}
FULL = {
    "title": "Dr", "firstName": "Ada", "lastName": "Example", "externalSystemId": "crm-1", "gender": "FEMALE",
    "address": {"addressLine1": "1 Example Street", "city": "Springfield", "state": "IL"},
    "contacts": [email("p1@example.org"), PHONE], "customFieldValues": [SHIRT, SHOE],
}  # fmt: skip


def make_api(salsa, **settings):
    """Return a client of a mock with one supporter who has most fields."""
    return salsa(supporters=[person(1, **FULL)], settings=settings)


def update(api, **item):
    """Update the supporter with *item* and return the item of the response and the record of a later search."""
    (response,) = upsert(api, {"supporterId": supporter_id(1), **item})
    assert "UPDATED" == response["result"]
    (record,) = find(api, "SUPPORTER_ID", supporter_id(1))["supporters"]
    return response, record


def put(api, item):
    """Update the supporter with *item* and return the HTTP response."""
    return api.send("PUT", "/supporters", {"payload": {"supporters": [{"supporterId": supporter_id(1), **item}]}})


def results(items):
    return [item["result"] for item in items]


def errors(item):
    return [(error["code"], error["fieldName"]) for error in item["errors"]]


@pytest.mark.parametrize("key", [{"supporterId": supporter_id(1)}, {"contacts": [email("P1@example.org")]}])
def test_an_omitted_member_is_kept(salsa, key):
    api = make_api(salsa)
    (response,) = upsert(api, {**key, "title": "Prof"})
    (record,) = find(api, "SUPPORTER_ID", supporter_id(1))["supporters"]

    unchanged = {name: value for name, value in FULL.items() if name not in ("title", "contacts")}
    assert {**record, **unchanged, "title": "Prof"} == record
    assert {**response, **unchanged, "title": "Prof", "result": "UPDATED"} == response
    assert ["p1@example.org", "555-0100"] == [contact["value"].lower() for contact in record["contacts"]]


@pytest.mark.parametrize("name", ["title", "externalSystemId", "gender"])
def test_null_clears_a_member(salsa, name):
    """Neither the response nor the record has it; the response names the assumption."""
    api = make_api(salsa)
    response, record = update(api, **{name: None})

    assert name not in response
    assert name not in record
    assert "null_supporter_members" in put(make_api(salsa), {name: None}).headers[ASSUMED]


def test_null_empties_address_and_custom_fields(salsa):
    """Every response has these members, so they become an empty object and an empty list."""
    _, record = update(make_api(salsa), address=None, customFieldValues=None)

    assert ({}, []) == (record["address"], record["customFieldValues"])


def test_the_last_email_contact_can_not_be_removed(salsa):
    """Null contacts and a contact whose value is null are errors."""
    api = make_api(salsa)
    before = api.mock.state()
    for contacts in (None, [{"type": "EMAIL", "value": None}]):
        (item,) = upsert(api, {"supporterId": supporter_id(1), "contacts": contacts})
        assert ("VALIDATION_ERROR", [(2001, "contacts")]) == (item["result"], errors(item))
    assert before == api.mock.state()


@pytest.mark.parametrize("stored_value", [FULL["address"], {}])
def test_an_address_replaces_the_stored_address(salsa, stored_value):
    """The response names the assumption only if the supporter had an address."""
    api = salsa(supporters=[person(1, address=stored_value)])
    response = put(api, {"address": {"city": "Oslo", "state": None}})

    assert [{"city": "Oslo"}] == [row["address"] for row in api.mock.salsa.supporters]
    assert bool(stored_value) == ("address_update: replace" in response.headers[ASSUMED])


def test_a_setting_merges_an_address_with_the_stored_address(salsa):
    """A public client relies on this; a null clears a single field."""
    api = make_api(salsa, salsa_address="merge")
    response = put(api, {"address": {"city": "Oslo", "state": None}})

    expected = {"addressLine1": "1 Example Street", "city": "Oslo"}
    assert [expected] == [row["address"] for row in api.mock.salsa.supporters]
    assert expected == response.json()["payload"]["supporters"][0]["address"]
    assert "address_update: merge" in response.headers[ASSUMED]


def test_a_contact_is_added_or_replaces_the_contact_of_the_same_type_and_value(salsa):
    """The response has the contacts of the request; a search has all."""
    other = email("second@example.org")
    response, record = update(make_api(salsa), contacts=[other, {**PHONE, "smsStatus": "OPT_IN"}])

    assert [other, {**PHONE, "smsStatus": "OPT_IN"}] == response["contacts"]
    assert [email("p1@example.org"), {**PHONE, "smsStatus": "OPT_IN"}, other] == record["contacts"]


def test_a_contact_with_a_null_value_removes_contacts_of_its_type(salsa):
    _, record = update(make_api(salsa), contacts=[{"type": "CELL_PHONE", "value": None}])

    assert [email("p1@example.org")] == record["contacts"]


def test_empty_lists_of_contacts_and_custom_fields_change_nothing(salsa):
    _, record = update(make_api(salsa), contacts=[], customFieldValues=[])

    assert (FULL["contacts"], FULL["customFieldValues"]) == (record["contacts"], record["customFieldValues"])


@pytest.mark.parametrize(
    ("stored_value", "status"), [("OPT_OUT", "OPT_OUT"), ("HARD_BOUNCE", "HARD_BOUNCE"), (None, "OPT_IN")]
)
def test_an_existing_email_contact_keeps_its_status(salsa, stored_value, status):
    contact = {"type": "EMAIL", "value": "p1@example.org"} | ({"status": stored_value} if stored_value else {})
    api = salsa(supporters=[person(1, contacts=[contact])])
    (response,) = upsert(api, {"contacts": [{"type": "EMAIL", "value": "p1@example.org"}, PHONE]})
    (record,) = find(api, "EMAIL_ADDRESS", "p1@example.org")["supporters"]

    assert [{**contact, "status": status}, PHONE] == response["contacts"] == record["contacts"]


def test_a_new_email_contact_is_opted_in(salsa):
    """The default is an assumption, which the response names."""
    api = salsa()
    response = put(api, {"supporterId": None, "contacts": [{"type": "EMAIL", "value": "a@example.org"}]})

    assert [[email("a@example.org")]] == [row["contacts"] for row in api.mock.salsa.supporters]
    assert "contact_status: OPT_IN" in response.headers[ASSUMED]


def test_a_repeated_contact_is_stored_once(salsa):
    """The response and later searches have one contact; the response names the assumptions."""
    api = salsa()
    contacts = [email("b@example.org") | {"status": "OPT_OUT"}, PHONE, {"type": "EMAIL", "value": "B@example.org"}]
    response = put(api, {"supporterId": None, "contacts": contacts})
    (reply,) = response.json()["payload"]["supporters"]
    (record,) = find(api, "EMAIL_ADDRESS", "B@example.org")["supporters"]

    assert [{**contacts[0], "value": "B@example.org"}, PHONE] == reply["contacts"] == record["contacts"]
    assert "repeated_entry: the last; email_case: ignored" == response.headers[ASSUMED]


def test_an_update_names_the_assumption_about_case_if_it_relies_on_it(salsa):
    api = make_api(salsa)

    assert "email_case: ignored" in put(api, {"contacts": [email("P1@example.org")]}).headers[ASSUMED]
    assert "email_case" not in put(api, {"contacts": [email("P1@example.org")]}).headers[ASSUMED]


def test_a_custom_field_is_added_or_replaces_the_field_of_the_same_name(salsa):
    """The response has it as sent; a search also has its id and type, and the other custom fields."""
    response, record = update(make_api(salsa), customFieldValues=[{"name": "Shirt", "value": "L"}])

    assert [{"name": "Shirt", "value": "L"}] == response["customFieldValues"]
    assert [{**SHIRT, "value": "L"}, SHOE] == record["customFieldValues"]


def test_a_custom_field_is_matched_by_its_id(salsa):
    """A public client sends only id and value."""
    _, record = update(make_api(salsa), customFieldValues=[{"fieldId": SHOE["fieldId"], "value": 45}])

    assert [SHIRT, {**SHOE, "value": "45"}] == record["customFieldValues"]


def test_a_custom_field_with_a_null_value_is_removed(salsa):
    _, record = update(make_api(salsa), customFieldValues=[{"name": "Shirt", "value": None}])

    assert [SHOE] == record["customFieldValues"]


def test_a_custom_field_has_one_id_and_type_for_all_supporters(salsa):
    """Without a field of that name, the id is derived from the name, and the response names the assumption."""
    api = make_api(salsa)
    fields = [{"name": "Shirt", "value": "S"}, {"name": "Hat", "value": True, "type": "BOOLEAN"}]
    response = put(api, {**person(2), "supporterId": None, "customFieldValues": fields})
    upsert(api, person(1, customFieldValues=[{"name": "Hat", "value": "false"}]))
    one, two = (row["customFieldValues"] for row in api.mock.salsa.supporters)

    assert {**SHIRT, "value": "S"} == two[0]
    assert ("true", "false") == (two[1]["value"], one[2]["value"])
    assert two[1]["fieldId"] == one[2]["fieldId"]
    assert {"BOOLEAN"} == {two[1]["type"], one[2]["type"]}
    assert "custom_field_definition" in response.headers[ASSUMED]


@pytest.mark.parametrize(
    ("date", "stored"),
    [
        ("06/07/2016 1:00", "2016-06-07T05:00:00.000Z"),
        ("12/07/2016 1:00", "2016-12-07T06:00:00.000Z"),
        ("3/13/2016 1:59", "2016-03-13T06:59:00.000Z"),
        ("3/13/2016 3:00", "2016-03-13T07:00:00.000Z"),
        ("06/07/2016", "2016-06-07T04:00:00.000Z"),
        ("2016-06-07T01:00:00-04:00", "2016-06-07T05:00:00.000Z"),
        ("2016-06-07", "2016-06-07T00:00:00.000Z"),
    ],
)
def test_a_search_returns_a_custom_date_in_utc(salsa, date, stored):
    """The recorded response has the date as sent, and a search has it in ISO 8601."""
    response, record = update(make_api(salsa), customFieldValues=[{"name": "Met", "value": date, "type": "DATE"}])

    assert date == response["customFieldValues"][0]["value"]
    assert stored == record["customFieldValues"][2]["value"]


def test_a_data_file_may_omit_status_id_and_type_that_responses_have(salsa):
    fields = [{"name": "Shirt", "value": "M"}]
    contacts = [{"type": "EMAIL", "value": "p1@example.org"}, PHONE]
    api = salsa(
        supporters=[person(1, contacts=contacts, customFieldValues=fields), person(2, customFieldValues=fields)]
    )
    one, two = find(api, modifiedFrom="2018-01-01")["supporters"]

    assert [email("p1@example.org"), PHONE] == one["contacts"]
    assert one["customFieldValues"] == two["customFieldValues"]
    assert {"fieldId", "name", "value", "type"} == set(one["customFieldValues"][0])


def test_an_update_by_id_needs_no_contact(salsa):
    """A public framework sends such updates: an existing id is UPDATED, an unknown one NOT_FOUND."""
    api = make_api(salsa)
    items = upsert(api, {"supporterId": supporter_id(1), "title": "Prof"}, {"supporterId": UNKNOWN_ID, "title": "Prof"})

    assert ["UPDATED", "NOT_FOUND"] == results(items)
    assert "update_without_email" in put(api, {"title": "Dr"}).headers[ASSUMED]


@pytest.mark.parametrize("settings", [{}, {"salsa_unknown_id": "create"}])
@pytest.mark.parametrize("contacts", [{}, {"contacts": None}, {"contacts": []}, {"contacts": [PHONE]}])
def test_a_new_supporter_needs_an_email_contact(salsa, contacts, settings):
    """The item has no id, a deleted id, or an unknown id that the setting allows."""
    api = make_api(salsa, **settings)
    delete(api, supporter_id(1))
    items = upsert(
        api,
        contacts,
        {"supporterId": supporter_id(1), **contacts},
        *([{"supporterId": UNKNOWN_ID}] if settings else []),
    )

    assert {"VALIDATION_ERROR"} == {*results(items)}
    assert [[(2001, "contacts")]] * len(items) == [errors(item) for item in items]
    assert [] == api.mock.salsa.supporters


@pytest.mark.parametrize("cleared", [("firstName",), ("lastName",), ("firstName", "lastName")])
@pytest.mark.parametrize("value", ["", None, " "])
def test_a_name_can_not_be_cleared(salsa, cleared, value):
    """Clearing the first or the last name is error 2001 for both fields, and nothing changes."""
    api = make_api(salsa)
    before = api.mock.state()
    (item,) = upsert(api, {"supporterId": supporter_id(1), **dict.fromkeys(cleared, value)})

    assert ("VALIDATION_ERROR", [(2001, "firstName"), (2001, "lastName")]) == (item["result"], errors(item))
    assert before == api.mock.state()


def test_a_blank_name_is_accepted_for_a_supporter_without_a_name(salsa):
    assert ["UPDATED"] == results(upsert(salsa(supporters=[person(1)]), person(1, firstName="", lastName=None)))


def test_an_item_with_an_unknown_id_is_not_validated(salsa):
    """The result is NOT_FOUND, and the response names no assumption about other fields."""
    response = put(salsa(), {"contacts": [email("not an address")], "title": "x" * 300})

    assert ["NOT_FOUND"] == results(response.json()["payload"]["supporters"])
    assert not {"too_long", "invalid"} & {*response.headers.get(ASSUMED, "").replace(":", " ").split()}


def test_sending_back_a_supporter_from_a_search_has_no_hint(salsa):
    """An update and a deletion ignore the fields of responses."""
    api = make_api(salsa)
    (supporter,) = find(api, "SUPPORTER_ID", supporter_id(1))["supporters"]
    for method, result in (("PUT", "UPDATED"), ("DELETE", "DELETED")):
        response = api.send(method, "/supporters", {"payload": {"supporters": [supporter]}})
        assert ([result], None) == (results(response.json()["payload"]["supporters"]), response.headers.get(HINT))
        assert () == api.mock.journal.entries()[-1].unread
