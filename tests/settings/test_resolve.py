"""Resolving settings: explicit values, environment variables, files and defaults; and the options of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segment_mock.settings import INT, OPTIONS, Option, SettingError, read_config, resolve, suggestion

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
def test_explicit_values_override_environment_file_and_default_in_this_order(
    explicit: Any, environment: Any, file: Any, expected: dict[str, Any]
) -> None:
    """None and the empty string count as no value."""
    assert expected == resolve(ROWS, explicit, environment, file)


@pytest.mark.parametrize(
    ("explicit", "file", "message"),
    [
        ({"prot": 1}, {}, "unknown setting 'prot' (did you mean 'port'?)"),
        (
            {"sleep": True},
            {},
            "unknown setting 'sleep': only tests have it, in the marker or in segment_mock_config; "
            "in Python, use mock.clock.patch_sleep()",
        ),
        ({"prot": None}, {}, "unknown setting 'prot' (did you mean 'port'?)"),
        ({}, {"log-levl": 1}, "unknown setting 'log-levl' (did you mean 'log-level'?)"),
        ({}, {"log_levl": 1}, "unknown setting 'log_levl' (did you mean 'log_level'?)"),
        ({}, {"zzz": 1}, "unknown setting 'zzz'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_name(explicit: Any, file: Any, message: str) -> None:
    """This holds for explicit values and for files."""
    with pytest.raises(SettingError) as error:
        resolve(ROWS, explicit, {}, file)

    assert message == str(error.value)


@pytest.mark.parametrize(
    ("explicit", "environment", "file", "origin"),
    [
        ({"port": "x"}, {}, {}, r" \(--port\)"),
        ({"port": "x"}, None, {}, ""),
        ({}, {"SEGMENT_MOCK_PORT": "x"}, {}, r" \(SEGMENT_MOCK_PORT\)"),
        ({}, {}, {"port": "x"}, ""),
    ],
)
def test_error_of_an_invalid_value_names_its_flag_or_variable(
    explicit: Any, environment: Any, file: Any, origin: str
) -> None:
    with pytest.raises(SettingError, match=rf"^port: 'x' is not a whole number{origin}$"):
        resolve(ROWS, explicit, environment, file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = 'x'", "tool.segment-mock.port: 'x' is not a whole number"),
        ("prot = 1", "[tool.segment-mock]: unknown setting 'prot' (did you mean 'port'?)"),
    ],
)
def test_an_error_in_a_toml_file_names_the_table(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(f"[tool.segment-mock]\n{text}\n")

    with pytest.raises(SettingError) as caught:
        resolve(ROWS, {}, {}, read_config(str(file)))

    assert f"{file}: {message}" == str(caught.value)


def test_a_dictionary_in_a_toml_file_has_the_table_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[[tool.segment-mock.data]]\nsalsa = {}\n")
    (data,) = resolve(OPTIONS, {}, {}, read_config(str(file)))["data"]

    assert f"{file}: tool.segment-mock.data[0]" == data.origin


def test_an_invalid_value_that_is_overridden_is_ignored() -> None:
    assert resolve(ROWS, {"port": 4}, {"SEGMENT_MOCK_PORT": "x"}, {"port": "y"})["port"] == 4


def test_options_have_unique_names_and_valid_defaults() -> None:
    """Short flags are unique too, and each description is a sentence."""
    names = [option.name for option in OPTIONS]
    shorts = [option.short for option in OPTIONS if option.short]

    assert sorted(set(names)) == sorted(names)
    assert sorted(set(shorts)) == sorted(shorts)
    assert all(option.help.endswith(".") for option in OPTIONS)
    assert all(option.initial in (None, ()) or option.initial == option.read(option.initial) for option in OPTIONS)


def test_defaults_of_the_options() -> None:
    assert {
        "host": "127.0.0.1", "port": 7357, "data": (), "seed": 0, "credentials": "any", "limits": "vendor",
        "journal_size": 1000, "body_limit": 16 * 2**20,
        "admin_token": None, "ready_file": None, "log_format": "text", "time_scale": 1.0,
    }.items() <= resolve(OPTIONS, {}).items()  # fmt: skip


@pytest.mark.parametrize(
    ("name", "least", "below"), [("port", 0, -1), ("journal_size", 1, 0), ("time_scale", 0.0, -0.5)]
)
def test_bounds_of_the_options(name: str, least: float, below: float) -> None:
    """The minimum is accepted, and a value below it is refused."""
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
def test_suggestion_is_the_nearest_of_several_names(name: str, expected: str) -> None:
    """It is empty if no name is similar."""
    assert expected == suggestion(name, iter(["host", "port"]))
