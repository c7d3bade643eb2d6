"""Objects of the user's, of any type, in any argument: each is used, or refused with a sentence about it."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import re
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import segment_mock
from segment_mock import SegmentMock, SettingError, create_app

SEGMENTS = "/api/integration/ext/v1/segments"
REFUSED = (SettingError, LookupError, AssertionError, ConnectionError)


class NoRepr:
    """An object whose repr fails."""

    def __repr__(self) -> str:
        raise RuntimeError


@dataclass
class Record:
    """A record of the user's own."""

    name: str = "n"


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1


def _deep() -> Any:
    value: Any = []
    for _ in range(5000):
        value = [value]
    return value


def _cycle() -> Any:
    value: dict[str, Any] = {}
    value["a"] = value
    return value


OBJECTS: dict[str, Callable[[], Any]] = {
    "decimal": lambda: decimal.Decimal("1.5"),
    "dataclass": Record,
    "regex": lambda: re.compile("a+"),
    "function": lambda: lambda call: False,
    "generator": lambda: (number for number in (1, 2)),
    "bytes": lambda: b"a",
    "bytearray": lambda: bytearray(b"a"),
    "nan": lambda: math.nan,
    "infinity": lambda: math.inf,
    "cycle": _cycle,
    "deep": _deep,
    "long number": lambda: 10**5000,
    "long text": lambda: "x" * 100_000,
    "half a pair": lambda: "\ud800",
    "enum": lambda: Colour.RED,
    "datetime": lambda: datetime.datetime(2026, 1, 1),
    "timedelta": lambda: datetime.timedelta(seconds=1),
    "uuid": lambda: uuid.UUID(int=1),
    "path": lambda: Path("/nowhere"),
    "set": lambda: {1},
    "tuple as a name": lambda: {(1, 2): 3},
    "null as a name": lambda: {None: 1},
    "module": lambda: sys,
    "no repr": NoRepr,
    "ellipsis": lambda: ...,
    "exception": lambda: ValueError("x"),
    "true": lambda: True,
}
ARMING: dict[str, Callable[[SegmentMock, Any], Any]] = {
    "match": lambda mock, one: mock.faults.add("error", match=one),
    "match.json": lambda mock, one: mock.faults.add("error", match={"json": one}),
    "match.json.a": lambda mock, one: mock.faults.add("error", match={"json": {"a": one}}),
    "match.headers": lambda mock, one: mock.faults.add("error", match={"headers": one}),
    "match.headers.a": lambda mock, one: mock.faults.add("error", match={"headers": {"a": one}}),
    "match.query.a": lambda mock, one: mock.faults.add("error", match={"query": {"a": one}}),
    "match.host": lambda mock, one: mock.faults.add("error", match={"host": one}),
    "match.vendor": lambda mock, one: mock.faults.add("error", match={"vendor": one}),
    "operation": lambda mock, one: mock.faults.add("error", one),
    "times": lambda mock, one: mock.faults.add("error", times=one),
    "chance": lambda mock, one: mock.faults.add("error", chance=one),
    "connection": lambda mock, one: mock.faults.add("error", connection=one),
    "body": lambda mock, one: mock.faults.add({"kind": "error", "body": one}),
    "status": lambda mock, one: mock.faults.add({"kind": "error", "status": one}),
    "headers": lambda mock, one: mock.faults.add({"kind": "error", "headers": {"X": one}}),
    "where": lambda mock, one: mock.faults.add({"kind": "item", "where": {"name": one}}, "salsa.upsert_segments"),
    "kind": lambda mock, one: mock.faults.add({"kind": one}),
    "stub json": lambda mock, one: mock.stub("GET", "/x", json={"a": one}),
    "stub body": lambda mock, one: mock.stub("GET", "/x", body=one),
    "stub headers": lambda mock, one: mock.stub("GET", "/x", headers={"X": one}),
    "stub path": lambda mock, one: mock.stub("GET", one, json={}),
    "stub method": lambda mock, one: mock.stub(one, "/x", json={}),
    "stub times": lambda mock, one: mock.stub("GET", "/x", json={}, times=one),
}
USING: dict[str, Callable[[SegmentMock, Any], Any]] = {
    "assert json": lambda mock, one: mock.journal.assert_called("salsa.upsert_segments", json={"payload": one}),
    "assert headers": lambda mock, one: mock.journal.assert_called("salsa.upsert_segments", headers={"a": one}),
    "assert query": lambda mock, one: mock.journal.assert_called("salsa.upsert_segments", query={"a": one}),
    "assert status": lambda mock, one: mock.journal.assert_called("salsa.upsert_segments", status=one),
    "assert times": lambda mock, one: mock.journal.assert_called("salsa.upsert_segments", times=one),
    "assert operation": lambda mock, one: mock.journal.assert_called(one),
    "entries vendor": lambda mock, one: mock.journal.entries(vendor=one),
    "entries fault": lambda mock, one: mock.journal.entries(fault=one),
    "entries organization": lambda mock, one: mock.journal.entries(organization=one),
    "entries since": lambda mock, one: mock.journal.entries(since=one),
    "entries limit": lambda mock, one: mock.journal.entries(limit=one),
    "entries after": lambda mock, one: mock.journal.entries(after=one),
    "entries headers": lambda mock, one: mock.journal.entries(headers=one),
    "restore": lambda mock, one: mock.restore(one),
    "rewind": lambda mock, one: mock.rewind(one),
    "load": lambda mock, one: mock.load(one),
    "load a row": lambda mock, one: mock.load({"salsa": {"segments": [{"name": one}]}}),
    "load rows": lambda mock, one: mock.load({"segmenter": {"segments": one}}),
    "vendor": lambda mock, one: mock.vendor(one),
    "add a group": lambda mock, one: mock.salsa.add_segment(one),
    "add a supporter": lambda mock, one: mock.salsa.add_supporter(firstName=one),
    "add persons": lambda mock, one: mock.segmenter.add_segment("n", persons=[one]),
    "intercept": lambda mock, one: mock.intercept(hosts=one),
    "intercept hosts": lambda mock, one: mock.intercept(hosts=[one]),
    "connect": lambda mock, one: segment_mock.connect(one),
    "connect token": lambda mock, one: segment_mock.connect("http://127.0.0.1:9", admin_token=one),
    "upstream": lambda mock, one: create_app(upstream=one) if one else None,
    **{
        f"setting {name}": lambda mock, one, name=name: SegmentMock(**{name: one})
        for name in ("data", "faults", "stubs", "scenarios", "scenario", "hosts", "seed", "tls", "credentials", "store")
    },
}


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock that was called once."""
    with SegmentMock() as one, one.session() as session:
        session.put(SEGMENTS, json={"payload": {"segments": [{"name": "n"}]}}, headers={"authToken": "t"})
        yield one


@pytest.mark.parametrize("place", [*ARMING])
def test_a_rule_or_a_stub(place: str, mock: SegmentMock) -> None:
    """What is armed answers calls, and every view shows it."""
    session = mock.session()
    for name, make in OBJECTS.items():
        try:
            ARMING[place](mock, make())
        except REFUSED as refused:
            text = str(refused)
            assert len(text) < 2100, name
            continue
        if name != "function":
            session.put(SEGMENTS, json={"payload": {}}, headers={"authToken": "t"})
            session.get("/x")
        for page in ("faults", "faults?removed=true", "stubs", "journal", "journal.har", "capsule"):
            assert 200 == session.get(f"/_mock/{page}").status_code, (name, page)
        assert [rule.explain() for rule in mock.faults] or [*mock._emulator.stubs]
        mock.faults.clear()
        mock._emulator.stubs.clear()


@pytest.mark.parametrize("place", [*USING])
def test_an_argument(place: str, mock: SegmentMock) -> None:
    for make in OBJECTS.values():
        try:
            USING[place](mock, make())
        except REFUSED as refused:
            text = str(refused)
            assert len(text) < 2100


@pytest.mark.parametrize("action", ["set", "freeze", "advance"])
def test_the_clock(action: str, mock: SegmentMock) -> None:
    """It takes numbers and texts, and stays where it was otherwise."""
    mock.clock.freeze("2026-01-01T00:00:00Z")
    for name, make in OBJECTS.items():
        if name in ("decimal", "true") and action != "advance":
            continue  # a number in all that matters, and what stops the clock
        with pytest.raises(ValueError, match=r"is not a |expected a "):
            getattr(mock.clock, action)(make())

    assert "2026-01-01T00:00:00.000Z" == segment_mock.clock.iso(mock.clock.now())


def test_one_host_as_text_is_one_host(mock: SegmentMock) -> None:
    """And not the pattern of each of its letters."""
    with mock.intercept(hosts="gateway.example"):
        assert "gateway.example" in mock._hosts

    assert 1 == len(mock._hosts)


def test_a_matcher_compares_headers_and_queries(mock: SegmentMock) -> None:
    """An object with an == of its own is asked, and not its text."""

    class AnyToken:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, str) and other.startswith("tok")

        __hash__ = object.__hash__

    mock.faults.add("error", match={"headers": {"authToken": AnyToken()}, "query": {"a": AnyToken()}})
    session = mock.session()
    statuses = [
        session.get(f"{SEGMENTS}?a={query}", headers={"authToken": token}).status_code
        for token, query in (("token", "tok"), ("other", "tok"), ("token", "other"))
    ]

    assert 500 == statuses[0]
    assert 500 not in statuses[1:]
