"""Objects of any type as arguments of the Python API: each is accepted, or refused with a short error."""

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
    """An object whose ``repr`` raises an error."""

    def __repr__(self) -> str:
        raise RuntimeError


@dataclass
class Record:
    """A dataclass that a user defines."""

    name: str = "n"


class Colour(enum.Enum):
    """An enumeration that a user defines."""

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
    "lone surrogate": lambda: "\ud800",
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
RULES_AND_STUBS: dict[str, Callable[[SegmentMock, Any], Any]] = {
    "match": lambda mock, value: mock.faults.add("error", match=value),
    "match.json": lambda mock, value: mock.faults.add("error", match={"json": value}),
    "match.json.a": lambda mock, value: mock.faults.add("error", match={"json": {"a": value}}),
    "match.headers": lambda mock, value: mock.faults.add("error", match={"headers": value}),
    "match.headers.a": lambda mock, value: mock.faults.add("error", match={"headers": {"a": value}}),
    "match.query.a": lambda mock, value: mock.faults.add("error", match={"query": {"a": value}}),
    "match.host": lambda mock, value: mock.faults.add("error", match={"host": value}),
    "match.vendor": lambda mock, value: mock.faults.add("error", match={"vendor": value}),
    "operation": lambda mock, value: mock.faults.add("error", value),
    "times": lambda mock, value: mock.faults.add("error", times=value),
    "chance": lambda mock, value: mock.faults.add("error", chance=value),
    "connection": lambda mock, value: mock.faults.add("error", connection=value),
    "body": lambda mock, value: mock.faults.add({"kind": "error", "body": value}),
    "status": lambda mock, value: mock.faults.add({"kind": "error", "status": value}),
    "headers": lambda mock, value: mock.faults.add({"kind": "error", "headers": {"X": value}}),
    "where": lambda mock, value: mock.faults.add({"kind": "item", "where": {"name": value}}, "salsa.upsert_segments"),
    "kind": lambda mock, value: mock.faults.add({"kind": value}),
    "stub json": lambda mock, value: mock.stub("GET", "/x", json={"a": value}),
    "stub body": lambda mock, value: mock.stub("GET", "/x", body=value),
    "stub headers": lambda mock, value: mock.stub("GET", "/x", headers={"X": value}),
    "stub path": lambda mock, value: mock.stub("GET", value, json={}),
    "stub method": lambda mock, value: mock.stub(value, "/x", json={}),
    "stub times": lambda mock, value: mock.stub("GET", "/x", json={}, times=value),
}
OTHER_ARGUMENTS: dict[str, Callable[[SegmentMock, Any], Any]] = {
    "assert json": lambda mock, value: mock.journal.assert_called("salsa.upsert_segments", json={"payload": value}),
    "assert headers": lambda mock, value: mock.journal.assert_called("salsa.upsert_segments", headers={"a": value}),
    "assert query": lambda mock, value: mock.journal.assert_called("salsa.upsert_segments", query={"a": value}),
    "assert status": lambda mock, value: mock.journal.assert_called("salsa.upsert_segments", status=value),
    "assert times": lambda mock, value: mock.journal.assert_called("salsa.upsert_segments", times=value),
    "assert operation": lambda mock, value: mock.journal.assert_called(value),
    "entries vendor": lambda mock, value: mock.journal.entries(vendor=value),
    "entries fault": lambda mock, value: mock.journal.entries(fault=value),
    "entries organization": lambda mock, value: mock.journal.entries(organization=value),
    "entries since": lambda mock, value: mock.journal.entries(since=value),
    "entries limit": lambda mock, value: mock.journal.entries(limit=value),
    "entries after": lambda mock, value: mock.journal.entries(after=value),
    "entries headers": lambda mock, value: mock.journal.entries(headers=value),
    "restore": lambda mock, value: mock.restore(value),
    "rewind": lambda mock, value: mock.rewind(value),
    "load": lambda mock, value: mock.load(value),
    "load a row": lambda mock, value: mock.load({"salsa": {"segments": [{"name": value}]}}),
    "load rows": lambda mock, value: mock.load({"segmenter": {"segments": value}}),
    "vendor": lambda mock, value: mock.vendor(value),
    "add a group": lambda mock, value: mock.salsa.add_segment(value),
    "add a supporter": lambda mock, value: mock.salsa.add_supporter(firstName=value),
    "add persons": lambda mock, value: mock.segmenter.add_segment("n", persons=[value]),
    "intercept": lambda mock, value: mock.intercept(hosts=value),
    "intercept hosts": lambda mock, value: mock.intercept(hosts=[value]),
    "connect": lambda mock, value: segment_mock.connect(value),
    "connect token": lambda mock, value: segment_mock.connect("http://127.0.0.1:9", admin_token=value),
    "upstream": lambda mock, value: create_app(upstream=value) if value else None,
    **{
        f"setting {name}": lambda mock, value, name=name: SegmentMock(**{name: value})
        for name in ("data", "faults", "stubs", "scenarios", "scenario", "hosts", "seed", "tls", "credentials", "store")
    },
}


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock with one call in its journal."""
    with SegmentMock() as mock, mock.session() as session:
        session.put(SEGMENTS, json={"payload": {"segments": [{"name": "n"}]}}, headers={"authToken": "t"})
        yield mock


@pytest.mark.parametrize("argument", [*RULES_AND_STUBS])
def test_a_rule_or_stub_accepts_or_refuses_objects_of_any_type(argument: str, mock: SegmentMock) -> None:
    """A mock with an accepted rule or stub still answers calls, and every view shows the rule or stub."""
    session = mock.session()
    for name, create in OBJECTS.items():
        try:
            RULES_AND_STUBS[argument](mock, create())
        except REFUSED as error:
            text = str(error)
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


@pytest.mark.parametrize("argument", [*OTHER_ARGUMENTS])
def test_other_arguments_accept_or_refuse_objects_of_any_type(argument: str, mock: SegmentMock) -> None:
    for create in OBJECTS.values():
        try:
            OTHER_ARGUMENTS[argument](mock, create())
        except REFUSED as error:
            text = str(error)
            assert len(text) < 2100


@pytest.mark.parametrize("action", ["set", "freeze", "advance"])
def test_the_clock_refuses_objects_that_are_not_times(action: str, mock: SegmentMock) -> None:
    """The time does not change."""
    mock.clock.freeze("2026-01-01T00:00:00Z")
    for name, create in OBJECTS.items():
        if name in ("decimal", "datetime", "true") and action != "advance":
            continue  # a Decimal and a datetime are times, and True freezes the clock
        with pytest.raises(ValueError, match=r"is not a |expected a "):
            getattr(mock.clock, action)(create())

    assert "2026-01-01T00:00:00.000Z" == segment_mock.clock.iso(mock.clock.now())


def test_a_string_as_hosts_is_one_host(mock: SegmentMock) -> None:
    """The characters of the string are not hosts."""
    with mock.intercept(hosts="gateway.example"):
        assert "gateway.example" in mock._hosts

    assert 1 == len(mock._hosts)


def test_matchers_of_headers_and_queries_are_compared_by_eq(mock: SegmentMock) -> None:
    """The ``__eq__`` of the object decides, not its text."""

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
