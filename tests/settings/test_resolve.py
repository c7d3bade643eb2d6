"""Which value is in force: given, environment, file or default."""

from __future__ import annotations

from typing import Any

import pytest

from segment_mock.settings import INT, OPTIONS, Option, SettingError, resolve, suggestion

ROWS = (
    Option("port", "", 1, INT),
    Option("log_level", "", choices=("brief", "full")),
    Option("tokens", "", many=True),
)
ENVIRONMENT = {"SEGMENT_MOCK_PORT": "3", "SEGMENT_MOCK_LOG_LEVEL": "full", "SEGMENT_MOCK_TOKENS": "c, d"}
FILE = {"port": 2, "log-level": "full", "tokens": ["e"]}
DEFAULTS = {"port": 1, "log_level": "brief", "tokens": ()}


@pytest.mark.parametrize(
    ("explicit", "environment", "file", "expected"),
    [
        ({}, None, None, DEFAULTS),
        ({}, {}, {}, DEFAULTS),
        ({}, {}, FILE, {"port": 2, "log_level": "full", "tokens": ("e",)}),
        ({}, ENVIRONMENT, FILE, {"port": 3, "log_level": "full", "tokens": ("c", "d")}),
        ({"port": 4, "tokens": ["a"]}, ENVIRONMENT, FILE, {"port": 4, "log_level": "full", "tokens": ("a",)}),
        ({"port": 0, "log_level": "brief"}, ENVIRONMENT, {}, {"port": 0, "log_level": "brief", "tokens": ("c", "d")}),
        ({"port": None, "tokens": ()}, {}, FILE, {"port": 2, "log_level": "full", "tokens": ("e",)}),
        ({}, {"SEGMENT_MOCK_PORT": ""}, {"port": None, "tokens": "e"}, {**DEFAULTS, "tokens": ("e",)}),
        ({}, {"PORT": "9", "SEGMENT_MOCK_OTHER": "9"}, {"log_level": "full"}, {**DEFAULTS, "log_level": "full"}),
    ],
)
def test_precedence(explicit: Any, environment: Any, file: Any, expected: dict[str, Any]) -> None:
    """Given wins over environment over file over default; None and nothing are not given."""
    assert expected == resolve(ROWS, explicit, environment, file)


@pytest.mark.parametrize(
    ("explicit", "file", "message"),
    [
        ({"prot": 1}, {}, "unknown setting 'prot' (did you mean 'port'?)"),
        (
            {"sleep": True},
            {},
            "unknown setting 'sleep': tests have it, on the marker or in segment_mock_config; "
            "in Python, use mock.clock.patch_sleep()",
        ),
        ({"prot": None}, {}, "unknown setting 'prot' (did you mean 'port'?)"),
        ({}, {"log-levl": 1}, "unknown setting 'log_levl' (did you mean 'log_level'?)"),
        ({}, {"zzz": 1}, "unknown setting 'zzz'"),
    ],
)
def test_unknown_names(explicit: Any, file: Any, message: str) -> None:
    """A name that no setting has is refused with the nearest, wherever it stands."""
    with pytest.raises(SettingError) as refused:
        resolve(ROWS, explicit, {}, file)

    assert message == str(refused.value)


@pytest.mark.parametrize(
    ("explicit", "environment", "file", "origin"),
    [
        ({"port": "x"}, {}, {}, r" \(--port\)"),
        ({"port": "x"}, None, {}, ""),
        ({}, {"SEGMENT_MOCK_PORT": "x"}, {}, r" \(SEGMENT_MOCK_PORT\)"),
        ({}, {}, {"port": "x"}, ""),
    ],
)
def test_a_bad_value_is_named_with_the_flag_or_the_variable_that_has_it(
    explicit: Any, environment: Any, file: Any, origin: str
) -> None:
    with pytest.raises(SettingError, match=rf"^port: 'x' is not a whole number{origin}$"):
        resolve(ROWS, explicit, environment, file)


def test_a_bad_value_that_does_not_count() -> None:
    """What a stronger source overrules is not looked at."""
    assert resolve(ROWS, {"port": 4}, {"SEGMENT_MOCK_PORT": "x"}, {"port": "y"})["port"] == 4


def test_our_own_settings() -> None:
    """Each has a name and a flag of its own, says what it does, and its default is one that it takes."""
    names = [option.name for option in OPTIONS]
    shorts = [option.short for option in OPTIONS if option.short]

    assert sorted(set(names)) == sorted(names)
    assert sorted(set(shorts)) == sorted(shorts)
    assert all(option.help.endswith(".") for option in OPTIONS)
    assert all(option.initial in (None, ()) or option.initial == option.read(option.initial) for option in OPTIONS)


def test_our_defaults() -> None:
    assert {
        "host": "127.0.0.1", "port": 7357, "data": (), "seed": 0, "credentials": "any", "limits": "vendor",
        "journal_size": 1000, "body_limit": 16 * 2**20,
        "admin_token": None, "ready_file": None, "log_format": "text", "time_scale": 1.0,
    }.items() <= resolve(OPTIONS, {}).items()  # fmt: skip


@pytest.mark.parametrize(
    ("name", "least", "below"), [("port", 0, -1), ("journal_size", 1, 0), ("time_scale", 0.0, -0.5)]
)
def test_our_bounds(name: str, least: float, below: float) -> None:
    """Port 0 picks a free one, a journal keeps an entry at least, and no time runs backwards."""
    assert least == resolve(OPTIONS, {name: least})[name]
    with pytest.raises(SettingError, match=rf"^{name}: expected at least {least:g}, got {below}$"):
        resolve(OPTIONS, {name: below})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prot", " (did you mean 'port'?)"),
        ("xyz", ""),
        ("", ""),
        ("port", " (did you mean 'port'?)"),
        ("PROT", " (did you mean 'port'?)"),
        ("htso", " (did you mean 'host'?)"),
    ],
)
def test_nearest(name: str, expected: str) -> None:
    """The nearest of several names, if any is near."""
    assert expected == suggestion(name, iter(["host", "port"]))
