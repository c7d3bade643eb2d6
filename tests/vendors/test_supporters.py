"""Salsa: adding, matching, updating and deleting supporters."""

import pytest

from tests.vendors.people import UNKNOWN_ID, delete, email, find, person, supporter_id, upsert

ALWAYS = {"address": {}, "contacts": [], "customFieldValues": []}
DAWN, NOON = "2018-01-01T00:00:00.000Z", "2024-05-06T12:00:00.000Z"


def make_api(salsa, *supporters, **settings):
    """Return a client of a mock with these supporters, whose clock stands at noon."""
    api = salsa(supporters=[*supporters], settings=settings)
    api.mock.clock.freeze(NOON)
    return api


def results(items):
    return [item["result"] for item in items]


def test_a_new_supporter_gets_an_id_and_dates(salsa):
    """The item has the fields of the request and the members that every supporter has."""
    api = make_api(salsa)
    (item,) = upsert(api, {"firstName": "Ada", "contacts": [email("ada@example.org")]})

    key = item["supporterId"]
    expected = {
        "readOnly": False, "supporterId": key, "firstName": "Ada", "createdDate": NOON, "lastModified": NOON,
        "address": {}, "contacts": [email("ada@example.org")], "customFieldValues": [], "result": "ADDED",
    }  # fmt: skip
    assert [*expected.items()] == [*item.items()]
    assert key == key.lower()
    assert [{**item, "result": "FOUND"}] == find(api, "SUPPORTER_ID", key)["supporters"]


def test_every_supporter_has_address_contacts_custom_fields_and_dates(salsa):
    """They have them whether they come from a data file, from ``add_supporter`` or from the API."""
    api = make_api(salsa, {})
    api.mock.salsa.add_supporter()
    upsert(api, {"contacts": [email("a@example.org")], "address": None, "customFieldValues": None})

    for row in api.mock.salsa.supporters:
        assert {**row, **ALWAYS, "contacts": row["contacts"]} == row
        assert {"createdDate", "lastModified", "readOnly"} <= set(row)


def test_an_update_by_id_keeps_id_creation_date_and_position(salsa):
    api = make_api(salsa, person(1, firstName="Ada"), person(2))
    (item,) = upsert(api, person(1, lastName="Example") | {"supporterId": supporter_id(1).upper()})

    expected = ("UPDATED", supporter_id(1), DAWN, NOON)
    assert expected == tuple(item[name] for name in ("result", "supporterId", "createdDate", "lastModified"))
    assert [supporter_id(1), supporter_id(2)] == [row["supporterId"] for row in api.mock.salsa.supporters]


def test_without_an_id_a_supporter_is_matched_by_email(salsa):
    """Any of several addresses matches, case-insensitively."""
    api = make_api(salsa, person(1))
    again = [email("New@example.org"), email("P1@EXAMPLE.org")]

    (item,) = upsert(api, {"contacts": again})
    assert ("UPDATED", supporter_id(1), again) == (item["result"], item["supporterId"], item["contacts"])
    assert ["UPDATED"] == results(upsert(api, {"contacts": [email("new@EXAMPLE.org")]}))
    assert ["UPDATED"] == results(upsert(api, {"contacts": [email("p1@example.org")]}))
    assert ["ADDED"] == results(upsert(api, {"contacts": [email("p2@example.org")]}))


def test_supporters_are_not_matched_by_phone_name_or_external_id(salsa):
    phone = {"type": "HOME_PHONE", "value": "555-0100"}
    item = {"firstName": "Ada", "externalSystemId": "x", "contacts": [phone]}
    api = make_api(salsa)
    items = [{**item, "contacts": [phone, email(f"{name}@example.org")]} for name in "ab"]

    assert ["ADDED", "ADDED"] == results(upsert(api, *items))
    assert 2 == find(api, "EXTERNAL_ID", "x")["count"]


def test_a_batch_is_performed_in_sequence(salsa):
    """An item can update the supporter that an earlier item of the same call added."""
    api = make_api(salsa)
    items = upsert(
        api, *({"contacts": [email(f"{name}@example.org")], "title": str(n)} for n, name in enumerate("aba"))
    )

    assert ["ADDED", "ADDED", "UPDATED"] == results(items)
    assert items[0]["supporterId"] == items[2]["supporterId"] != items[1]["supporterId"]
    assert ["2", "1"] == [row["title"] for row in api.mock.salsa.supporters]


def test_an_email_address_of_another_supporter_is_error_2002(salsa):
    """The error is in that contact, and other items are performed."""
    api = make_api(salsa, person(1), person(2))
    both = [email("p1@example.org"), email("P2@example.org")]
    items = upsert(api, person(2, contacts=both), {"contacts": both}, person(2, title="Dr"))

    assert ["VALIDATION_ERROR", "VALIDATION_ERROR", "UPDATED"] == results(items)
    assert [[[(2002, "value")], []], [[], [(2002, "value")]]] == [
        [[(e["code"], e["fieldName"]) for e in contact.get("errors", ())] for contact in item["contacts"]]
        for item in items[:2]
    ]
    assert not any("errors" in item for item in items)
    assert [email("p1@example.org")] == api.mock.salsa.supporters[0]["contacts"]


def test_supporters_of_the_initial_data_may_share_an_email_address(salsa):
    """Each can be updated by id and keep the address; an update by address changes the first of them."""
    shared = [email("family@example.org")]
    api = make_api(salsa, person(1, contacts=shared), person(2, contacts=shared))
    items = upsert(api, person(2, contacts=shared, title="Ms"), {"contacts": shared, "title": "Mr"})

    assert [("UPDATED", supporter_id(2)), ("UPDATED", supporter_id(1))] == [
        (item["result"], item["supporterId"]) for item in items
    ]
    assert ["Mr", "Ms"] == [row["title"] for row in api.mock.salsa.supporters]
    assert 2 == find(api, "EMAIL_ADDRESS", "Family@example.org")["count"]


def test_an_update_with_an_unknown_id_returns_not_found(salsa):
    api = make_api(salsa, person(1))
    item = {"supporterId": UNKNOWN_ID.upper(), "title": None, "address": {"city": None, "state": "IL"}}
    items = upsert(api, {**person(1), **item}, {"contacts": [email("b@example.org")]})

    expected = {"supporterId": UNKNOWN_ID.upper(), "address": {"state": "IL"}, "contacts": person(1)["contacts"]}
    assert {**expected, "result": "NOT_FOUND"} == items[0]
    assert ["NOT_FOUND", "ADDED"] == results(items)
    assert 2 == len(api.mock.salsa.supporters)


def test_an_unknown_id_is_created_if_the_setting_allows_it(salsa):
    """The new record has the id that was sent, as recorded for groups."""
    api = make_api(salsa, salsa_unknown_id="create")
    (item,) = upsert(api, {**person(1), "supporterId": UNKNOWN_ID.upper()})

    assert ("ADDED", UNKNOWN_ID) == (item["result"], item["supporterId"])


def test_an_upsert_with_a_deleted_id_revives_the_id(salsa):
    api = make_api(salsa, person(1, title="Dr"))
    delete(api, supporter_id(1))
    (item,) = upsert(api, person(1))

    assert ("ADDED", supporter_id(1), NOON) == (item["result"], item["supporterId"], item["createdDate"])
    assert "title" not in item


def test_deleting_returns_the_id_and_the_result(salsa):
    """The id is in lower case; the item of an unknown id is NOT_FOUND and has the id as sent."""
    api = make_api(salsa, person(1), person(2))

    assert [
        {"supporterId": supporter_id(1), "result": "DELETED"},
        {"supporterId": supporter_id(1), "result": "NOT_FOUND"},
        {"supporterId": UNKNOWN_ID.upper(), "result": "NOT_FOUND"},
    ] == delete(api, supporter_id(1).upper(), supporter_id(1), UNKNOWN_ID.upper())
    assert [supporter_id(2)] == [row["supporterId"] for row in api.mock.salsa.supporters]
    assert ["ADDED"] == results(upsert(api, {"contacts": [email("p1@example.org")]}))


@pytest.mark.parametrize(
    "key", [None, "", "x", [supporter_id(1)], {}, supporter_id(1) + "0", supporter_id(1).replace("-", "")]
)
def test_deleting_an_invalid_id_is_a_validation_error(salsa, key):
    """Other items are deleted."""
    api = make_api(salsa, person(1))
    wrong, right = delete(api, key, supporter_id(1))

    assert ("VALIDATION_ERROR", "DELETED") == (wrong["result"], right["result"])
    assert "supporterId" == wrong["errors"][0]["fieldName"]
    assert key == wrong.get("supporterId")


def test_read_only_fields_of_a_request_are_ignored(salsa):
    """readOnly, both dates and the result keep the values of the record."""
    api = make_api(salsa, person(1, readOnly=True))
    read_only = {"createdDate": NOON, "lastModified": DAWN, "result": "DELETED"}
    (old, new) = upsert(
        api, person(1, readOnly=False, **read_only), {**person(2), "supporterId": None, "readOnly": True}
    )

    assert (True, DAWN, NOON, "UPDATED") == tuple(
        old[name] for name in ("readOnly", "createdDate", "lastModified", "result")
    )
    assert (False, "ADDED") == (new["readOnly"], new["result"])
