"""`Option`: the values that an option accepts, and the errors of other values."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from segment_mock.json_match import brief
from segment_mock.settings import BOOL, FLOAT, INT, RULES, SOURCE, TEXT, Option, OptionType, SettingError

HUGE = pytest.param(FLOAT, 10**400, id="huge")
LEVEL = Option("log_level", "How much.", choices=("brief", "full", "off"))
PORT = Option("port", "Where.", 80, INT, min=0, max=65535)
RATE = Option("rate", "Bytes of the body per second.", 1.0, FLOAT, min=0.5)
TOKENS = Option("tokens", "Who.", many=True)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (TEXT, "", ""),
        (TEXT, "a", "a"),
        (TEXT, 12, "12"),
        (TEXT, 1.5, "1.5"),
        (TEXT, Path("a"), "a"),
        (INT, 0, 0),
        (INT, "0", 0),
        (INT, " -7 ", -7),
        (FLOAT, 1, 1.0),
        (FLOAT, "1.5", 1.5),
        (FLOAT, "-1e3", -1000.0),
        *[(BOOL, value, True) for value in (True, 1, "1", "true", "True", "YES")],
        *[(BOOL, value, False) for value in (False, 0, "0", "false", "False", "NO")],
        (SOURCE, "demo", "demo"),
        (SOURCE, Path("a.yaml"), "a.yaml"),
        (SOURCE, {"v": {}}, {"v": {}}),
        (RULES, "a.yaml", "a.yaml"),
        (RULES, Path("a.yaml"), "a.yaml"),
        (RULES, {"kind": "hang"}, {"kind": "hang"}),
        (RULES, print, print),
    ],
)
def test_values_are_read_as_the_type_of_the_option(kind: OptionType, value: Any, expected: Any) -> None:
    """The values come from flags, environment variables, files and Python."""
    read = Option("x", "", kind=kind).read(value)

    assert (type(expected), expected) == (type(read), read)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[(TEXT, value) for value in (True, [], {}, b"a")],
        *[(INT, value) for value in (True, 1.0, 1.5, Decimal("1.5"), "1.0", "", "one", b"1", [1], math.inf)],
        *[(FLOAT, value) for value in (False, "", "fast", b"1.5", [1.0], math.nan, "nan", math.inf, "-inf")],
        HUGE,
        *[(BOOL, value) for value in ("", "maybe", 2, 1.0, [], "tru")],
        *[(SOURCE, value) for value in (True, [], [{}])],
        *[(RULES, value) for value in (True, 1, [], [{}])],
    ],
)
def test_value_of_another_type_is_refused(kind: OptionType, value: Any) -> None:
    """The error names the setting, the value and the expected type."""
    with pytest.raises(SettingError) as error:
        Option("log_level", "", kind=kind)._read_value(value)

    expected = f"log_level: {brief(value)} is not {kind.title}"
    assert expected == str(error.value)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        (LEVEL, "brif", "log_level: 'brif' is not one of brief, full, off (did you mean 'brief'?)"),
        (LEVEL, "zzz", "log_level: 'zzz' is not one of brief, full, off"),
        (LEVEL, 7, "log_level: '7' is not one of brief"),
        (LEVEL, True, "log_level: True is not text"),
        (PORT, -1, "port: expected at least 0, got -1"),
        (PORT, "65536", "port: expected at most 65535, got 65536"),
        (RATE, 0.49, "rate: expected at least 0.5, got 0.49"),
        (RATE, math.nan, "rate: nan is not a number"),
        (TOKENS, ["a", None], "tokens: None is not text"),
        (TOKENS, [["a"]], "tokens: ['a'] is not text"),
    ],
)
def test_value_outside_choices_or_bounds_is_refused(option: Option, value: Any, message: str) -> None:
    """The error names the nearest choice. If an option has several values, each one is checked."""
    with pytest.raises(SettingError) as error:
        option.read(value)

    assert str(error.value).startswith(message)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (65535, 65535), ("80", 80)])
def test_bounds_are_inclusive(value: Any, expected: int) -> None:
    assert expected == PORT.read(value)


def test_false_is_read_as_the_choice_off() -> None:
    """YAML reads ``off`` without quotes as false. False is refused if ``off`` is not a choice."""
    assert LEVEL.read(False) == "off"
    with pytest.raises(SettingError, match="False is not text"):
        Option("x", "", choices=("a", "b")).read(False)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (LEVEL, "brief"),
        (PORT, 80),
        (TOKENS, ()),
        (Option("x", ""), None),
        (Option("x", "", "b", choices=("a", "b")), "b"),
        (Option("x", "", False, BOOL), False),
    ],
)
def test_option_without_a_value_has_its_default(option: Option, expected: Any) -> None:
    """Without a default, it is the first choice, or an empty tuple for an option with several values."""
    assert expected == option.initial
    assert expected == option.read(None)


@pytest.mark.parametrize(
    ("value", "expected"), [("a", ("a",)), (["a", "b"], ("a", "b")), (("a",), ("a",)), ([], ()), ("a,b", ("a,b",))]
)
def test_option_with_several_values_returns_a_tuple(value: Any, expected: tuple[str, ...]) -> None:
    """A comma in a value separates values only in an environment variable."""
    assert expected == TOKENS.read(value)


@pytest.mark.parametrize(("text", "expected"), [("a", ("a",)), ("a, b ,,c,", ("a", "b", "c")), (",", ())])
def test_several_values_in_a_variable_are_separated_by_commas(text: str, expected: tuple[str, ...]) -> None:
    """Spaces around a value and empty values are ignored."""
    assert expected == TOKENS.split(text)


def test_comma_in_a_variable_with_a_single_value_is_kept() -> None:
    assert Option("x", "").split("a,b") == "a,b"


def test_flag_and_variable_are_derived_from_the_name() -> None:
    assert ("--log-level", "SEGMENT_MOCK_LOG_LEVEL") == (LEVEL.flag, LEVEL.variable)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        (PORT, 1_234_567, "port: expected at most 65535, got 1234567"),
        (
            Option("wait", "How long.", 1.0, FLOAT, max=604_800),
            604_800.25,
            "wait: expected at most 604800, got 604800.25",
        ),
        (
            Option("size", "How many.", 1, INT, max=10_000_000),
            10_000_001,
            "size: expected at most 10000000, got 10000001",
        ),
    ],
)
def test_error_of_a_number_out_of_bounds_has_all_its_digits(option: Option, value: Any, message: str) -> None:
    with pytest.raises(SettingError) as error:
        option.read(value)

    assert message == str(error.value)


def test_integer_too_large_for_a_float_is_out_of_bounds() -> None:
    with pytest.raises(SettingError, match=r"^port: expected at most 65535, got 1000000"):
        PORT.read(10**400)
