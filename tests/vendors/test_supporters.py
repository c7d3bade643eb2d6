"""Salsa: supporters are added, found again by id or e-mail address, updated and deleted."""

import pytest

from tests.vendors.people import UNKNOWN_ID, delete, email, find, person, sid, upsert

ALWAYS = {"address": {}, "contacts": [], "customFieldValues": []}
DAWN, NOON = "2018-01-01T00:00:00.000Z", "2024-05-06T12:00:00.000Z"


def world(salsa, *supporters, **settings):
    api = salsa(supporters=[*supporters], settings=settings)
    api.mock.clock.freeze(NOON)
    return api


def results(items):
    return [item["result"] for item in items]


def test_adding(salsa):
    """All that was sent comes back with an id, both dates, and what is always there."""
    api = world(salsa)
    (item,) = upsert(api, {"firstName": "Ada", "contacts": [email("ada@example.org")]})

    key = item["supporterId"]
    expected = {
        "readOnly": False, "supporterId": key, "firstName": "Ada", "createdDate": NOON, "lastModified": NOON,
        "address": {}, "contacts": [email("ada@example.org")], "customFieldValues": [], "result": "ADDED",
    }  # fmt: skip
    assert [*expected.items()] == [*item.items()]
    assert key == key.lower()
    assert [{**item, "result": "FOUND"}] == find(api, "SUPPORTER_ID", key)["supporters"]


def test_what_is_always_there(salsa):
    """Clients read address and dates without looking: the least supporter has them, from file, face and API."""
    api = world(salsa, {})
    api.mock.salsa.add_supporter()
    upsert(api, {"contacts": [email("a@example.org")], "address": None, "customFieldValues": None})

    for row in api.mock.salsa.supporters:
        assert {**row, **ALWAYS, "contacts": row["contacts"]} == row
        assert {"createdDate", "lastModified", "readOnly"} <= set(row)


def test_updating_by_id(salsa):
    """What is sent counts; who they are, when they were created and their place stay."""
    api = world(salsa, person(1, firstName="Ada"), person(2))
    (item,) = upsert(api, person(1, lastName="Example") | {"supporterId": sid(1).upper()})

    expected = ("UPDATED", sid(1), DAWN, NOON)
    assert expected == tuple(item[name] for name in ("result", "supporterId", "createdDate", "lastModified"))
    assert [sid(1), sid(2)] == [row["supporterId"] for row in api.mock.salsa.supporters]


def test_the_address_tells_who_it_is(salsa):
    """Without an id, e-mail addresses are compared in any case of letters; any of several will do."""
    api = world(salsa, person(1))
    again = [email("New@example.org"), email("P1@EXAMPLE.org")]

    (item,) = upsert(api, {"contacts": again})
    assert ("UPDATED", sid(1), again) == (item["result"], item["supporterId"], item["contacts"])
    assert ["UPDATED"] == results(upsert(api, {"contacts": [email("new@EXAMPLE.org")]}))
    assert ["UPDATED"] == results(upsert(api, {"contacts": [email("p1@example.org")]}))
    assert ["ADDED"] == results(upsert(api, {"contacts": [email("p2@example.org")]}))


def test_only_e_mail_addresses_tell(salsa):
    """Two people may have one telephone, one name and one external id."""
    phone = {"type": "HOME_PHONE", "value": "555-0100"}
    item = {"firstName": "Ada", "externalSystemId": "x", "contacts": [phone]}
    api = world(salsa)
    items = [{**item, "contacts": [phone, email(f"{name}@example.org")]} for name in "ab"]

    assert ["ADDED", "ADDED"] == results(upsert(api, *items))
    assert 2 == find(api, "EXTERNAL_ID", "x")["count"]


def test_a_batch_is_performed_in_sequence(salsa):
    """What one item adds, the next one updates; ids are never the same."""
    api = world(salsa)
    items = upsert(
        api, *({"contacts": [email(f"{name}@example.org")], "title": str(n)} for n, name in enumerate("aba"))
    )

    assert ["ADDED", "ADDED", "UPDATED"] == results(items)
    assert items[0]["supporterId"] == items[2]["supporterId"] != items[1]["supporterId"]
    assert ["2", "1"] == [row["title"] for row in api.mock.salsa.supporters]


def test_an_address_of_another_supporter(salsa):
    """Two people can't get one address through the API: 2002 on that contact, the rest of the batch performed."""
    api = world(salsa, person(1), person(2))
    both = [email("p1@example.org"), email("P2@example.org")]
    items = upsert(api, person(2, contacts=both), {"contacts": both}, person(2, title="Dr"))

    assert ["VALIDATION_ERROR", "VALIDATION_ERROR", "UPDATED"] == results(items)
    assert [[[(2002, "value")], []], [[], [(2002, "value")]]] == [
        [[(e["code"], e["fieldName"]) for e in contact.get("errors", ())] for contact in item["contacts"]]
        for item in items[:2]
    ]
    assert not any("errors" in item for item in items)
    assert [email("p1@example.org")] == api.mock.salsa.supporters[0]["contacts"]


def test_people_who_share_an_address_already(salsa):
    """Data may hold such a pair: each can be updated by id, the older one by address, and the address kept."""
    shared = [email("family@example.org")]
    api = world(salsa, person(1, contacts=shared), person(2, contacts=shared))
    items = upsert(api, person(2, contacts=shared, title="Ms"), {"contacts": shared, "title": "Mr"})

    assert [("UPDATED", sid(2)), ("UPDATED", sid(1))] == [(item["result"], item["supporterId"]) for item in items]
    assert ["Mr", "Ms"] == [row["title"] for row in api.mock.salsa.supporters]
    assert 2 == find(api, "EMAIL_ADDRESS", "Family@example.org")["count"]


def test_an_unknown_id(salsa):
    api = world(salsa, person(1))
    item = {"supporterId": UNKNOWN_ID.upper(), "title": None, "address": {"city": None, "state": "IL"}}
    items = upsert(api, {**person(1), **item}, {"contacts": [email("b@example.org")]})

    expected = {"supporterId": UNKNOWN_ID.upper(), "address": {"state": "IL"}, "contacts": person(1)["contacts"]}
    assert {**expected, "result": "NOT_FOUND"} == items[0]
    assert ["NOT_FOUND", "ADDED"] == results(items)
    assert 2 == len(api.mock.salsa.supporters)


def test_an_unknown_id_can_be_created(salsa):
    """As once recorded for groups: the setting gives the record the id that was sent."""
    api = world(salsa, salsa_unknown_id="create")
    (item,) = upsert(api, {**person(1), "supporterId": UNKNOWN_ID.upper()})

    assert ("ADDED", UNKNOWN_ID) == (item["result"], item["supporterId"])


def test_a_deleted_supporter_is_revived(salsa):
    api = world(salsa, person(1, title="Dr"))
    delete(api, sid(1))
    (item,) = upsert(api, person(1))

    assert ("ADDED", sid(1), NOON) == (item["result"], item["supporterId"], item["createdDate"])
    assert "title" not in item


def test_deleting(salsa):
    """The id in lower case and the result, nothing else; who is unknown comes back as sent."""
    api = world(salsa, person(1), person(2))

    assert [
        {"supporterId": sid(1), "result": "DELETED"},
        {"supporterId": sid(1), "result": "NOT_FOUND"},
        {"supporterId": UNKNOWN_ID.upper(), "result": "NOT_FOUND"},
    ] == delete(api, sid(1).upper(), sid(1), UNKNOWN_ID.upper())
    assert [sid(2)] == [row["supporterId"] for row in api.mock.salsa.supporters]
    assert ["ADDED"] == results(upsert(api, {"contacts": [email("p1@example.org")]}))


@pytest.mark.parametrize("key", [None, "", "x", [sid(1)], {}, sid(1) + "0", sid(1).replace("-", "")])
def test_deleting_what_is_no_id(salsa, key):
    """It is that item's error; the others of the batch are deleted."""
    api = world(salsa, person(1))
    wrong, right = delete(api, key, sid(1))

    assert ("VALIDATION_ERROR", "DELETED") == (wrong["result"], right["result"])
    assert "supporterId" == wrong["errors"][0]["fieldName"]
    assert key == wrong.get("supporterId")


def test_read_only_is_not_for_clients_to_say(salsa):
    """readOnly, both dates and the result of a request are ignored; a supporter keeps their own."""
    api = world(salsa, person(1, readOnly=True))
    read_only = {"createdDate": NOON, "lastModified": DAWN, "result": "DELETED"}
    (old, new) = upsert(
        api, person(1, readOnly=False, **read_only), {**person(2), "supporterId": None, "readOnly": True}
    )

    assert (True, DAWN, NOON, "UPDATED") == tuple(
        old[name] for name in ("readOnly", "createdDate", "lastModified", "result")
    )
    assert (False, "ADDED") == (new["readOnly"], new["result"])
