"""Times as strings and numbers, and `Clock.turn`, which performs the actions of the control plane."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mock.clock import Clock, iso, seconds

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECONDS = st.integers(-62_135_596_800_000, 253_402_300_799_999)  # of the years 1 to 9999
HUGE = pytest.param(10**400, id="huge")
BAD_TEXTS = [
    "", " ", "now", "2018", "2018-03", "2018-02-30", "2018-13-01", "12:00", "2018-03-21T", "2018-03-21T24:00",
    "2018-03-21T12:60", "2018-03-21T12:00:60.5", "2018-03-21T12:00Zulu", "2018-03-21T12:00ZZ", " 2018-03-21",
    "2018-03-21 ", "2018-03-21T12:00:00.", "2018-03-21T12:00:00.Z", "2018-03-21.5", "2018-03-21.1", "2018-03-21Z",
    "2018-03-21+05:00", "2018-03-21x12:00", "2018-03-21T12:00+25:00", "2018-W12-3", "20180321T120000Z",
    "\uff12\uff10\uff11\uff18-03-21", "2018-03-21\n", "2018-03-21T12:00\x00", "10000-01-01", "0000-01-01", "1521633600",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59.9999Z",
]  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (0.0004, "1970-01-01T00:00:00.000Z"),
        (0.0005, "1970-01-01T00:00:00.001Z"),
        (0.9994, "1970-01-01T00:00:00.999Z"),
        (0.9995, "1970-01-01T00:00:01.000Z"),
        (59.9996, "1970-01-01T00:01:00.000Z"),
        (1546300799.9994, "2018-12-31T23:59:59.999Z"),
        (1546300799.9996, "2019-01-01T00:00:00.000Z"),
        (1582934399.9996, "2020-02-29T00:00:00.000Z"),
        (-0.0012, "1969-12-31T23:59:59.999Z"),
        (-1.5, "1969-12-31T23:59:58.500Z"),
        (-62135596800, "0001-01-01T00:00:00.000Z"),
        (253402300799.999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_iso_writes_utc_with_three_decimals(moment: float, expected: str) -> None:
    """The decimals are rounded, which can change the seconds, minutes and even the year."""
    assert expected == iso(moment)


@settings(deadline=None)
@given(MILLISECONDS)
def test_every_millisecond_survives_a_round_trip(milliseconds: int) -> None:
    """Reading a time of the years 1 to 9999 and writing it again gives the same string."""
    text = (EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    assert text == iso(seconds(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-02", 86400),
        ("1970-01-01T01:00", 3600),
        ("1970-01-01 01:00", 3600),
        ("1970-01-01t01:00:01z", 3601),
        ("1970-01-01T01:00Z", 3600),
        ("1970-01-01T01:00:00+00:00", 3600),
        ("1970-01-01T01:00:00+0100", 0),
        ("1970-01-01T01:00:00+01", 0),
        ("1970-01-01T01:00:00-05:30", 23400),
        ("1970-01-01T00:00:00.5", 0.5),
        ("1970-01-01T00:00:00,5Z", 0.5),
        ("1970-01-01T00:00:00.25Z", 0.25),
        ("1970-01-01T00:00:00.125+00:00", 0.125),
        ("1970-01-01T00:00:00.0625Z", 0.0625),
        ("1970-01-01T00:00:00.03125Z", 0.03125),
        ("1970-01-01T00:00:00.015625Z", 0.015625),
        ("1970-01-01T00:00:00.0156259Z", 0.015625),
        ("1970-01-01T00:00:00.123456789-01:00", 3600.123456),
        ("1969-12-31T23:59:59.5Z", -0.5),
    ],
)
def test_seconds_reads_iso_8601_strings(text: str, expected: float) -> None:
    """A string without a time zone is UTC. Digits of a fraction after the sixth are ignored."""
    assert expected == seconds(text)


@pytest.mark.parametrize("number", [0, 1521633600, 1521633600.31, -1.5, -62135596800])
def test_seconds_of_a_number_is_the_same_number_as_a_float(number: float) -> None:
    assert number == seconds(number)
    assert isinstance(seconds(number), float)


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_string_that_is_not_a_time_is_refused(text: str) -> None:
    """The error shows the string and a valid example. The rules are the same on every version of Python."""
    with pytest.raises(ValueError, match=r"is not a time such as 2018-03-21T15:12:09\.310Z") as error:
        seconds(text)

    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    "number", [math.nan, math.inf, -math.inf, 1e300, HUGE, -62135596801, 253402300800, 253402300799.9996, True]
)
def test_number_outside_the_years_1_to_9999_is_refused(number: float) -> None:
    """NaN, infinity and True are refused too. The error shows the value."""
    with pytest.raises(ValueError, match="is not a time in seconds since 1970") as error:
        seconds(number)

    assert repr(number)[:100] in str(error.value)


@pytest.mark.parametrize(
    ("action", "value", "expected"),
    [
        ("freeze", True, (1000.0, True)),
        ("freeze", "1970-01-02", (86400.0, True)),
        ("freeze", 5, (5.0, True)),
        ("freeze", 0, (0.0, True)),
        ("set", "1970-01-02T00:00:00Z", (86400.0, True)),
        ("set", 5.5, (5.5, True)),
        ("advance", 60, (1060.0, True)),
        ("advance", 0.5, (1000.5, True)),
    ],
)
def test_turn_freezes_sets_and_advances(action: str, value: object, expected: tuple[float, bool]) -> None:
    subject = Clock()
    subject.freeze(1000)
    subject.turn(action, value)

    assert expected == (subject.now(), subject.frozen)


def test_turn_freeze_false_resumes_the_clock() -> None:
    subject = Clock()
    subject.freeze(1000)
    subject.turn("freeze", False)

    assert not subject.frozen
    assert 1000 <= subject.now() < 2000


@pytest.mark.parametrize(
    ("action", "value"),
    [
        *[("freeze", value) for value in (None, [], {}, "soon", math.nan)],
        *[("set", value) for value in (None, True, False, [], "soon", 1e300)],
        *[("advance", value) for value in (None, True, "5", [], -1, math.nan, 1e300)],
        *[("stop", 1), ("", None)],
    ],
)
def test_turn_refuses_unknown_actions_and_invalid_values(action: str, value: object) -> None:
    """It raises a ValueError that shows the value, and the clock does not change."""
    subject = Clock()
    subject.freeze(1000)
    with pytest.raises(ValueError, match=r"is not a|can't be used|expected a number of seconds") as error:
        subject.turn(action, value)

    assert repr(value) in str(error.value)
    assert (1000.0, True) == (subject.now(), subject.frozen)
