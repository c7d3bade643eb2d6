"""The journal: the last exchanges, as the client saw them."""

from __future__ import annotations

from typing import Any

import pytest

from segment_mock.journal import BODY_LIMIT, Entry, Journal
from segment_mock.messages import CLOSED, RESET, WHOLE, Delivery, Request, Response
from segment_mock.redaction import REDACTED


def opened(journal: Journal | None = None, operation: str = "v.read", mark: int = 0, **attributes: Any) -> Entry:
    """Open an entry, at 100 seconds, for a request that is *attributes* by keyword."""
    journal = Journal() if journal is None else journal
    secret = attributes.pop("secret", "x-key")
    request = Request(**{"method": "GET", "target": "/", "headers": {}, **attributes})
    return journal.open(request, operation.partition(".")[0], operation, secret, 100.0, mark)


def test_an_entry_that_is_open() -> None:
    """While no answer has left, there is no status; what came in is there."""
    entry = opened(method="PUT", target="/a?b=c", headers={"accept": "x"}, body=b'{"a": 1}', transport="http")

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
def test_outcome(delivery: Delivery, expected: tuple[int | None, bytes, str]) -> None:
    """The entry holds what really left: status, the bytes that were sent, and how it ended."""
    journal = Journal()
    entry = opened(journal)
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
    """Neither the vendor's own header nor any that is known to carry a credential is kept, in headers or query."""
    entry = opened(headers={name: "s3cret", "accept": "x"}, target=f"/a?b=1&{name.upper()}=s3cret&c")

    assert {name: REDACTED, "accept": "x"} == entry.request_headers
    assert f"/a?b=1&{name.upper()}={REDACTED}&c" == entry.target
    assert "s3cret" not in str(entry.as_dict())


def test_cookies_of_a_response_are_redacted() -> None:
    """A response's cookie is a credential too; its other headers stay as they left."""
    journal = Journal()
    entry = opened(journal)
    journal.close(entry, Response(200, {"Set-Cookie": "s3cret", "Server": "x"}), 100, 0)

    assert {"Set-Cookie": REDACTED, "Server": "x"} == entry.response_headers


@pytest.mark.parametrize("secret", ["", "x-key"])
def test_a_call_to_no_vendor_brings_a_credential_too(secret: str) -> None:
    entry = opened(secret=secret, headers={"authtoken": "s3cret"}, target="/?authToken=s3cret")

    assert "s3cret" not in str(entry)


@pytest.mark.parametrize("target", ["/a", "/a?", "/a?b", "/a?b=c=d&&=e&f=%20", "/a?pageToken=7&monkey=x"])
def test_other_queries_stay(target: str) -> None:
    """A target without a credential is kept as it was sent."""
    assert target == opened(secret="", target=target).target
    assert target == opened(target=target).target


def test_bodies_are_cut() -> None:
    """No more than 64 KiB of a body are kept, either way; a cut body is no JSON."""
    journal, body = Journal(), b"[" + b" " * BODY_LIMIT + b"]"
    entry = opened(journal, body=body)
    journal.close(entry, Response(200, body=body), 100, 0)

    assert (64 * 1024, 64 * 1024) == (len(entry.request_body), len(entry.response_body))
    assert (None, None) == (entry.request_json, entry.response_json)


def test_the_ring() -> None:
    """The newest entries are kept up to the limit, oldest first; dropped entries are counted."""
    journal = Journal(3)
    for mark in range(5):
        opened(journal, mark=mark)

    assert ([3, 4, 5], 3, 2) == ([entry.id for entry in journal], len(journal), journal.forgotten)
    assert (None, 3) == (journal.get(2), journal.get(3).id)


def test_the_bytes_of_bodies_are_bounded_too() -> None:
    """Old entries are dropped once the bodies of both directions are too large; the newest stays whatever its size."""
    journal = Journal(weight=100)
    entries = []
    for size in (30, 30, 30, 10, 200, 0):
        entry = opened(journal, body=b"x" * (size // 2))
        journal.close(entry, Response(200, body=b"y" * (size - size // 2)), 100, 0)
        entries.append([entry.id for entry in journal])

    assert [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [5], [6]] == entries
    assert 5 == journal.forgotten


def test_an_entry_that_is_forgotten_before_it_is_over_weighs_nothing() -> None:
    """A call that outlived its entry, or a clearing of the journal, does not count against the others."""
    journal = Journal(size=1, weight=100)
    slow, quick = opened(journal, body=b"x" * 90), opened(journal, body=b"x" * 90)
    journal.close(slow, None, 100, 0)
    journal.close(quick, None, 100, 0)
    journal.clear()
    journal.close(quick, None, 100, 0)
    last = opened(journal, body=b"x" * 90)
    journal.close(last, None, 100, 0)

    assert ([last.id], 0) == ([entry.id for entry in journal], journal.forgotten)


def test_the_oldest_mark() -> None:
    """The journal needs the change log from its oldest entry on, and none of it when empty."""
    journal = Journal(2)
    marks = [journal.mark]
    for mark in (7, 8, 9):
        opened(journal, mark=mark)
        marks.append(journal.mark)

    assert [None, 7, 7, 8] == marks


def test_clear() -> None:
    """All entries and the count of dropped ones are cleared; ids continue."""
    journal = Journal(1)
    last = [opened(journal).id for _ in range(3)][-1]
    journal.clear()

    assert (0, 0, None) == (len(journal), journal.forgotten, journal.mark)
    assert last + 1 == opened(journal).id


def test_a_call_that_arrives_while_one_looks() -> None:
    """Neither a walk nor a search is disturbed by an entry that is opened meanwhile."""
    journal = Journal()

    class Nosy(int):
        def __eq__(self, other: object) -> bool:
            opened(journal)
            return False

        __hash__ = int.__hash__

    opened(journal)
    opened(journal)

    assert journal.get(Nosy(1)) is None
    assert [1, 2, 3, 4] == [entry.id for entry in journal if opened(journal)]
