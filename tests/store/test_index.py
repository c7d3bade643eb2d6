"""Indexes of a table: which records they find, and which duplicates unique indexes refuse."""

from __future__ import annotations

import pytest

from segment_mock.store import ChangeLog, DuplicateKey, Index, InitialRecords, Store, TableSchema
from tests.store.test_table import HUGE, ids, table


def test_find_returns_the_records_of_a_value_in_insertion_order() -> None:
    """It can also return a page of them. ``first`` and ``count`` give the same results."""
    rows = table(*({"id": n, "tags": ["a", "b"] if n % 2 else ["a"]} for n in range(4)))
    rows.put({"id": 9, "tags": ["b", "b"]})
    rows.put({"id": 0, "tags": []})
    rows.delete(2)

    assert ([1, 3], [1, 3, 9]) == (ids(rows.find("tag", "a")), ids(rows.find("tag", "b")))
    assert ([3], [3, 9], [9]) == tuple(ids(rows.find("tag", "b", *page)) for page in ((1, 1), (1, HUGE), (2,)))
    assert ({"id": 1, "tags": ["a", "b"]}, None) == (rows.first("tag", "a"), rows.first("tag", "c"))
    assert (2, 3, 0) == tuple(rows.count("tag", tag) for tag in "abc")


def test_updated_records_are_found_in_insertion_order() -> None:
    """An early record that gets a value by an update comes before later records that had the value from the start."""
    rows = table({"id": 0}, {"id": 1, "tags": ["a"]}, {"id": 2}, {"id": 3, "tags": ["a"]})
    rows.put({"id": 4, "tags": ["a"]})
    for key in (2, 0):
        rows.put({"id": key, "tags": ["a"]})

    assert [0, 1, 2, 3, 4] == ids(rows.find("tag", "a"))
    assert [2, 3] == ids(rows.find("tag", "a", 2, 2))
    assert rows.first("tag", "a") == {"id": 0, "tags": ["a"]}


@pytest.mark.parametrize("index", ["mail", "tag"])
def test_an_index_follows_updates(index: str) -> None:
    """This holds for initial records and for records that were inserted later."""
    rows = table({"id": 1, "mail": "one", "tags": ["one"]})
    rows.put({"id": 2, "mail": "two", "tags": ["two"]})
    for key in (1, 2):
        rows.put({"id": key, "mail": f"new{key}", "tags": [f"new{key}"]})

    assert [0, 0, 1, 1] == [rows.count(index, value) for value in ("one", "two", "new1", "new2")]
    assert rows.first(index, "new2") == {"id": 2, "mail": "new2", "tags": ["new2"]}


@pytest.mark.parametrize("index", ["mail", "tag"])
def test_an_index_finds_the_empty_string(index: str) -> None:
    rows = table({"id": 1, "mail": "", "tags": [""]})

    assert [1] == ids(rows.find(index, ""))
    assert rows.delete(1)
    assert rows.count(index, "") == 0


def test_index_of_a_member_uses_its_normal_form_and_skips_records_without_it() -> None:
    schema = TableSchema("people", lambda row: row["id"], (Index.of_member("tag"), Index.of_member("mail", str.lower)))
    initial = InitialRecords(schema, [{"id": 1, "mail": "A@b.org", "tag": "A"}, {"id": 2, "mail": None}])
    rows = Store("", {"people": initial}, ChangeLog())["people"]
    rows.put({"id": 3, "mail": "a@B.org"})
    rows.put({"id": 4})

    assert ([1, 3], []) == (ids(rows.find("mail", "a@b.org")), ids(rows.find("mail", None)))
    assert ([1], []) == (ids(rows.find("tag", "A")), ids(rows.find("tag", "a")))


def test_a_record_may_repeat_its_own_unique_value() -> None:
    """The index then finds and counts the record once."""
    repeating_index = Index("mail", lambda row: row["mails"], unique=True)
    schema = TableSchema("people", lambda row: row["id"], (repeating_index,))
    rows = Store("", {"people": InitialRecords(schema, [{"id": 1, "mails": ["a", "a"]}])}, ChangeLog())["people"]
    rows.put({"id": 2, "mails": ["b", "b"]})

    assert [1] == ids(rows.find("mail", "a"))
    assert (1, 1) == (rows.count("mail", "a"), rows.count("mail", "b"))


def test_a_unique_value_of_another_record_is_refused_and_nothing_is_written() -> None:
    rows = table({"id": 1, "mail": "a"}, {"id": 2, "mail": "b"})
    for record in ({"id": 2, "mail": "a"}, {"id": 3, "mail": "a"}):
        with pytest.raises(DuplicateKey, match="people: another record already has the mail 'a'"):
            rows.put(record)

    assert [{"id": 1, "mail": "a"}, {"id": 2, "mail": "b"}] == [*rows]
    assert ([1], [2]) == (ids(rows.find("mail", "a")), ids(rows.find("mail", "b")))


def test_a_unique_value_can_be_used_again_after_an_update_or_deletion() -> None:
    rows = table({"id": 1, "mail": "a"}, {"id": 2, "mail": "b"})
    rows.put({"id": 1, "mail": "a", "n": 1})
    rows.put({"id": 1, "mail": "c"})
    rows.put({"id": 3, "mail": "a"})
    rows.delete(2)
    rows.put({"id": 2, "mail": "b"})

    assert [1, 3, 2] == ids(rows)
    assert (["c"], ["a"]) == tuple([row["mail"] for row in rows.find("mail", value)] for value in "ca")
