"""Selecting journal entries with filters, and converting them to JSON."""

from __future__ import annotations

import json
from operator import itemgetter
from typing import Any
from unittest.mock import ANY

import pytest

from segment_mock.core.world import World
from segment_mock.journal import EntryFilter, Journal
from segment_mock.messages import Delivery, Response
from segment_mock.settings import SettingError
from segment_mock.store import InitialRecords, TableSchema
from tests.journal.test_journal import open_entry

pytestmark = pytest.mark.usefixtures("no_collection")


def journal_with_entries() -> Journal:
    """Return a journal with six entries of the vendors a and b."""
    journal = Journal()
    for number, name in enumerate(["a.read", "a.write", "b.read", "a.read", "b.other", "a.read"]):
        entry = open_entry(journal, name, body=b'{"n": %d, "more": [1, {"a": null}]}' % number)
        entry.time += number
        entry.faults = ("1 hang",) if number == 1 else ()
        entry.organization = "acme" if number == 2 else ""
        if number != 5:
            journal.close(entry, Response(200 if number % 2 else 429), 100, 0)
    return journal


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"vendor": "a"}, [1, 2, 4, 6]),
        ({"vendor": "c"}, []),
        ({"operation": "a.read"}, [1, 4, 6]),
        ({"operation": "read"}, [1, 3, 4, 6]),
        ({"operation": "rea"}, []),
        ({"operation": "a.*"}, [1, 2, 4, 6]),
        ({"operation": "*e*"}, [1, 2, 3, 4, 5, 6]),
        ({"fault": "hang"}, [2]),
        ({"fault": "1"}, [2]),
        ({"fault": "han"}, []),
        ({"organization": "acme"}, [3]),
        ({"after": 103}, [4, 5, 6]),
        ({"after": "1970-01-01T00:01:43Z", "before": "1970-01-01T00:01:45Z"}, [4, 5]),
        ({"before": 100}, []),
        ({"json": {"n": 2}}, [3]),
        ({"json": {"n": 2}, "exact": True}, []),
        ({"json": {"n": 2, "more": [1, {"a": None}]}, "exact": True}, [3]),
        ({"json": {"more": [1]}}, []),
        ({"json": {"more": ANY}}, [1, 2, 3, 4, 5, 6]),
        ({"status": ANY}, [1, 2, 3, 4, 5, 6]),
        ({"operation": ""}, []),
        ({"status": 429}, [1, 3, 5]),
        ({"status": 599}, []),
        ({"since": 4}, [5, 6]),
        ({"since": 0}, [1, 2, 3, 4, 5, 6]),
        ({"since": 6}, []),
        ({"limit": 2}, [5, 6]),
        ({"limit": 0}, []),
        ({"limit": 99}, [1, 2, 3, 4, 5, 6]),
        ({"vendor": "a", "operation": "read", "status": 200, "since": 1, "limit": 1}, [4]),
    ],
)
def test_filters_select_entries(filters: dict[str, Any], expected: list[int]) -> None:
    """Entries must match every filter and come oldest first; a limit keeps the newest of them."""
    assert expected == [entry.id for entry in EntryFilter(**filters).select(journal_with_entries())]


def test_a_negative_limit_is_an_error() -> None:
    with pytest.raises(SettingError, match="limit: -1 is negative"):
        EntryFilter(limit=-1)


def test_an_entry_can_be_converted_to_json() -> None:
    """The key of a changed record may be a tuple."""
    journal = Journal()
    entry = open_entry(journal, method="PUT", target="/a", headers={"accept": "x"}, body=b'{"a": [1]}')
    world, member = World(), {"segmentId": "s", "supporterId": "p"}
    schema = TableSchema("members", itemgetter("segmentId", "supporterId"))
    world.set_initial_data({"v.members": InitialRecords(schema)})
    mark = world.log.mark
    world.organization().store["v.members"].put(member)
    entry.written = world.log.since(mark)
    entry.faults, entry.unread, entry.organization = ("latency",), ("x.y",), "0a1b"
    entry.caller = "sync.py:41"
    journal.close(entry, Response(404, {"B": "c"}, b"not json"), 100.1234567, 0)

    assert {
        "id": 1, "time": "1970-01-01T00:01:40.000Z", "vendor": "v", "operation": "v.read", "method": "PUT",
        "path": "/a", "door": "inprocess", "organization": "0a1b", "status": 404, "outcome": "answered",
        "duration": 0.123457, "refusal": "", "hint": "", "faults": ["latency"], "unread": ["x.y"],
        "changes": [{"table": "members", "key": ["s", "p"], "before": None, "after": member}],
        "caller": "sync.py:41", "test": "",
        "request": {"headers": {"accept": "x"}, "body": {"a": [1]}},
        "response": {"headers": {"B": "c"}, "body": "not json"},
    } == json.loads(json.dumps(entry.as_dict()))  # fmt: skip


@pytest.mark.parametrize(
    ("body", "parsed", "exported"),
    [
        (b"", None, None),
        (b"null", None, "null"),
        (b"0", 0, 0),
        (b'""', "", ""),
        (b"[]", [], []),
        (b"\xef\xbb\xbf{}", {}, {}),
        (b'"\\ud800"', "\ud800", "\ud800"),
        (b"{", None, "{"),
        (b"\xff\xfe\xfa", None, "\ufffd\ufffd\ufffd"),
        (b"\x00", None, "\x00"),
        (b"[" * 60000, None, "[" * 60000),
        (b"NaN", None, "NaN"),
        (b'{"a": -Infinity}', None, '{"a": -Infinity}'),
        (b"[1e999]", None, "[1e999]"),
        (b"[1.5e3]", [1500.0], [1500.0]),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bodies_are_exported_as_json_or_text(body: bytes, parsed: Any, exported: Any) -> None:
    journal = Journal()
    entry = open_entry(journal, body=body)
    journal.close(entry, Response(200, body=body), 100, 0)
    document = json.loads(json.dumps(entry.as_dict(), allow_nan=False))

    assert (parsed, parsed) == (entry.request_json, entry.response_json)
    assert (exported, exported) == (document["request"]["body"], document["response"]["body"])


def test_entries_without_a_complete_response_can_be_converted_to_json() -> None:
    """The call is unfinished, or its response was truncated."""
    journal = Journal()
    unfinished, truncated = open_entry(journal), open_entry(journal)
    journal.close(truncated, Response(200, body=b'{"a": 1}', delivery=Delivery(keep=4)), 100, 0)

    assert (None, "open", None) == (
        unfinished.as_dict()["status"],
        unfinished.outcome,
        unfinished.as_dict()["response"]["body"],
    )
    assert '{"a"' == truncated.as_dict()["response"]["body"]
