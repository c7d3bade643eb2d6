"""The journal: the latest exchanges, as the client saw them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from segment_mock.journal import BODY_LIMIT, Entry, Journal
from segment_mock.messages import CLOSED, RESET, WHOLE, Delivery, Request, Response
from segment_mock.redaction import REDACTED


def open_entry(journal: Journal | None = None, operation: str = "v.read", mark: int = 0, **attributes: Any) -> Entry:
    """Open an entry at the time 100 s, for a request with these *attributes*, and return it."""
    journal = Journal() if journal is None else journal
    secret = attributes.pop("secret", "x-key")
    request = Request(**{"method": "GET", "target": "/", "headers": {}, **attributes})
    return journal.open(request, operation.partition(".")[0], operation, secret, 100.0, mark)


def test_an_unfinished_entry_has_the_request_and_no_status() -> None:
    entry = open_entry(method="PUT", target="/a?b=c", headers={"accept": "x"}, body=b'{"a": 1}', transport="http")

    assert (1, 100.0, "v", "v.read") == (entry.id, entry.time, entry.vendor, entry.operation)
    assert ("PUT", "/a?b=c", "http", {"accept": "x"}) == (
        entry.method, entry.target, entry.door, entry.request_headers,
    )  # fmt: skip
    assert ({"a": 1}, None) == (entry.request_json, entry.response_json)
    assert (None, "open", b"") == (entry.status, entry.outcome, entry.response_body)


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        (WHOLE, (200, b"0123456789", "answered")),
        (Delivery(chunk=2, pause=1.0), (200, b"0123456789", "answered")),
        (Delivery(keep=4, end="close"), (200, b"0123", "cut")),
        (Delivery(keep=0, end="reset"), (200, b"", "cut")),
        (Delivery(raw=b"\x00junk"), (None, b"\x00junk", "answered")),
        (Delivery(raw=b"junk", end="close"), (None, b"junk", "closed")),
        (Delivery(raw=b"junk", end="reset"), (None, b"junk", "reset")),
        (CLOSED, (None, b"", "closed")),
        (RESET, (None, b"", "reset")),
    ],
)
def test_an_entry_has_the_sent_bytes_and_the_outcome(
    delivery: Delivery, expected: tuple[int | None, bytes, str]
) -> None:
    """The delivery of the response decides both."""
    journal = Journal()
    entry = open_entry(journal)
    journal.close(entry, Response(200, {"A": "b"}, b"0123456789", delivery), 100.25, 0)

    assert expected == (entry.status, entry.response_body, entry.outcome)
    assert ({"A": "b"}, 0.25) == (entry.response_headers, entry.duration)


@pytest.mark.parametrize(
    "name",
    [
        "x-key", "authorization", "proxy-authorization", "cookie", "authtoken", "x-api-key", "x-auth-token",
        "access-token", "apikey", "client-secret", "password",
    ],
)  # fmt: skip
def test_credentials_are_redacted(name: str) -> None:
    """The vendor's own header and all common credential headers are redacted, in the headers and in the query."""
    entry = open_entry(headers={name: "s3cret", "accept": "x"}, target=f"/a?b=1&{name.upper()}=s3cret&c")

    assert {name: REDACTED, "accept": "x"} == entry.request_headers
    assert f"/a?b=1&{name.upper()}={REDACTED}&c" == entry.target
    assert "s3cret" not in str(entry.as_dict())


def test_set_cookie_of_a_response_is_redacted() -> None:
    """Other headers are unchanged."""
    journal = Journal()
    entry = open_entry(journal)
    journal.close(entry, Response(200, {"Set-Cookie": "s3cret", "Server": "x"}), 100, 0)

    assert {"Set-Cookie": REDACTED, "Server": "x"} == entry.response_headers


@pytest.mark.parametrize("secret", ["", "x-key"])
def test_credentials_of_a_call_to_no_vendor_are_redacted(secret: str) -> None:
    entry = open_entry(secret=secret, headers={"authtoken": "s3cret"}, target="/?authToken=s3cret")

    assert "s3cret" not in str(entry)


@pytest.mark.parametrize("target", ["/a", "/a?", "/a?b", "/a?b=c=d&&=e&f=%20", "/a?pageToken=7&monkey=x"])
def test_queries_without_credentials_are_kept(target: str) -> None:
    assert target == open_entry(secret="", target=target).target
    assert target == open_entry(target=target).target


def test_bodies_are_truncated_at_64_kib() -> None:
    """A truncated body is not parsed as JSON."""
    journal, body = Journal(), b"[" + b" " * BODY_LIMIT + b"]"
    entry = open_entry(journal, body=body)
    journal.close(entry, Response(200, body=body), 100, 0)

    assert (64 * 1024, 64 * 1024) == (len(entry.request_body), len(entry.response_body))
    assert (None, None) == (entry.request_json, entry.response_json)


def test_the_journal_keeps_the_newest_entries() -> None:
    """It counts the entries that it dropped."""
    journal = Journal(3)
    for mark in range(5):
        open_entry(journal, mark=mark)

    assert ([3, 4, 5], 3, 2) == ([entry.id for entry in journal], len(journal), journal.forgotten)
    assert (None, 3) == (journal.get(2), journal.get(3).id)


def test_the_total_size_of_bodies_is_limited() -> None:
    """Old entries are dropped; the newest stays whatever its size."""
    journal = Journal(weight=100)
    entries = []
    for size in (30, 30, 30, 10, 200, 0):
        entry = open_entry(journal, body=b"x" * (size // 2))
        journal.close(entry, Response(200, body=b"y" * (size - size // 2)), 100, 0)
        entries.append([entry.id for entry in journal])

    assert [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [5], [6]] == entries
    assert 5 == journal.forgotten


def test_an_entry_dropped_before_its_call_ends_does_not_count_towards_the_size() -> None:
    """The journal was full, or was cleared."""
    journal = Journal(size=1, weight=100)
    slow, quick = open_entry(journal, body=b"x" * 90), open_entry(journal, body=b"x" * 90)
    journal.close(slow, None, 100, 0)
    journal.close(quick, None, 100, 0)
    journal.clear()
    journal.close(quick, None, 100, 0)
    last = open_entry(journal, body=b"x" * 90)
    journal.close(last, None, 100, 0)

    assert ([last.id], 0) == ([entry.id for entry in journal], journal.forgotten)


@pytest.mark.parametrize("drop", [Journal.reset, Journal.clear, lambda journal: journal.restore([], 0, 0)])
def test_a_call_that_was_open_when_the_journal_was_emptied_does_not_count_towards_the_size(
    drop: Callable[[Journal], None],
) -> None:
    """Its id may be that of a later entry."""
    journal = Journal(weight=100)
    slow = [open_entry(journal, body=b"x" * 90) for _ in range(3)]
    drop(journal)
    later = [open_entry(journal) for _ in range(2)]
    for entry in [*slow, *later]:
        journal.close(entry, None, 100, 0)

    assert ([entry.id for entry in later], 0) == ([entry.id for entry in journal], journal.forgotten)


def test_an_entry_that_was_replaced_while_its_call_was_open_does_not_count_towards_the_size() -> None:
    journal = Journal(weight=100)
    slow, other = open_entry(journal, body=b"x" * 90), open_entry(journal, body=b"x" * 20)
    journal.repeat(open_entry())
    journal.close(slow, None, 100, 0)
    journal.close(other, None, 100, 0)

    assert ([1, 2], 0) == ([entry.id for entry in journal], journal.forgotten)


def test_entries_that_are_restored_into_their_own_journal_count_towards_the_size() -> None:
    journal = Journal(weight=100)
    entry = open_entry(journal, body=b"x" * 90)
    journal.restore([entry], 1, 0)
    journal.close(entry, None, 100, 0)
    last = open_entry(journal, body=b"x" * 20)
    journal.close(last, None, 100, 0)

    assert ([last], 1) == ([*journal], journal.forgotten)


def test_mark_is_the_log_position_of_the_oldest_entry() -> None:
    """An empty journal has None."""
    journal = Journal(2)
    marks = [journal.mark]
    for mark in (7, 8, 9):
        open_entry(journal, mark=mark)
        marks.append(journal.mark)

    assert [None, 7, 7, 8] == marks


def test_clear_removes_entries_and_the_count_of_dropped_entries() -> None:
    """New ids continue after the last id."""
    journal = Journal(1)
    last = [open_entry(journal).id for _ in range(3)][-1]
    journal.clear()

    assert (0, 0, None) == (len(journal), journal.forgotten, journal.mark)
    assert last + 1 == open_entry(journal).id


def test_an_entry_can_be_opened_during_iteration_and_lookup() -> None:
    journal = Journal()

    class OpeningId(int):
        """An id that opens another entry whenever it is compared."""

        def __eq__(self, other: object) -> bool:
            open_entry(journal)
            return False

        __hash__ = int.__hash__

    open_entry(journal)
    open_entry(journal)

    assert journal.get(OpeningId(1)) is None
    assert [1, 2, 3, 4] == [entry.id for entry in journal if open_entry(journal)]
