"""Files that a user writes or names: configuration, initial data, fault rules and scenarios."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from segment_mock.settings import SettingError, files, fixtures, merged, read_config, read_data, read_rules, scenarios

pytestmark = pytest.mark.usefixtures("no_collection")

TOML = "[tool.segment-mock]\nport = 2\n"


@pytest.fixture(autouse=True)
def current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current folder of the test, and return it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("number", [".nan", ".NaN", ".NAN", ".inf", "-.Inf", "+.INF"])
def test_a_number_of_yaml_that_json_does_not_have_is_refused_with_its_line(current_folder: Path, number: str) -> None:
    (current_folder / "a.yaml").write_text(f"salsa:\n  segments: [{{name: {number}}}]\n")
    with pytest.raises(SettingError) as refused:
        read_data("a.yaml")

    assert str(refused.value) == f"a.yaml: '{number}' is not a number that JSON can carry, line 2"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '{"salsa": {}, "salsa": {}}', "a.json: the name 'salsa' occurs twice"),
        ("a.json", '{"salsa": {"segments": [{"name": "a"}, {"name": "b", "name": "c"}]}}',
         "a.json: salsa.segments[1]: the name 'name' occurs twice"),
        ("a.json", '{"salsa": {"segments" : [], "segments" : []}}', "a.json: salsa: the name 'segments' occurs twice"),
        ("a.json", '{"a": 1, "a" : 2}', "a.json: the name 'a' occurs twice"),
        ("a.json", '{"a"\n: 1, "a": 2}', "a.json: the name 'a' occurs twice"),
        ("a.json", '{"\\u0061": 1, "b": "\\":", "a": 2}', "a.json: the name 'a' occurs twice"),
        ("a.json", '[NaN, {"a": 1, "a": 2}]', "a.json: 'NaN' is not a number that JSON can carry"),
        ("a.json", '[1e999, {"a": {"b": 1, "b": 2}}]', "a.json: "),
        ("a.yaml", "salsa: {}\nsegmenter: {}\nsalsa: {}\n",
         "a.yaml: the name 'salsa' occurs twice in one dictionary, again in line 3"),
        ("a.yaml", "salsa:\n  segments:\n  - {name: a, 'name': b}\n",
         "a.yaml: the name 'name' occurs twice in one dictionary, again in line 3"),
        ("a.yaml", "a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", "a.yaml: the name '<<' occurs twice"),
    ],
)  # fmt: skip
def test_duplicate_name_in_a_file_is_refused_with_its_position(
    current_folder: Path, name: str, text: str, message: str
) -> None:
    (current_folder / name).write_text(text)
    with pytest.raises(SettingError) as refusal:
        read_rules(name)

    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.json", '[{"a" : 1}, {"a": "\\":"}, {"a": {"a": [1]}}]', [{"a": 1}, {"a": '":'}, {"a": {"a": [1]}}]),
        ("a.yaml", "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: {<<: *a, x: 4}\nd: {1: 1, '1': 2}",
         {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 4, "y": 2}, "d": {1: 1, "1": 2}}),
        ("a.yaml", "a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: [*a, *b], x: 3}",
         {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}}),
    ],
)  # fmt: skip
def test_same_name_in_several_dictionaries_is_accepted(
    current_folder: Path, name: str, text: str, expected: Any
) -> None:
    (current_folder / name).write_text(text)

    assert expected == read_rules(name)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {}),
        ({"segment-mock.yaml": "port: 1"}, {"port": 1}),
        ({"pyproject.toml": TOML}, {"port": 2}),
        ({"pyproject.toml": "\ufeff" + TOML}, {"port": 2}),
        ({"segment-mock.yaml": "port: 1", "pyproject.toml": TOML}, {"port": 1}),
        ({"segment-mock.yaml": "", "pyproject.toml": TOML}, {"port": 2}),
        ({"pyproject.toml": "[tool.other]\nport = 2"}, {}),
        ({"pyproject.toml": "[project]\nname = 'x'"}, {}),
        ({"pyproject.toml": "[tool.segment-mock]"}, {}),
    ],
)
def test_default_config_is_segment_mock_yaml_or_the_table_in_pyproject_toml(
    current_folder: Path, files: dict[str, str], expected: Any
) -> None:
    """segment-mock.yaml takes precedence. Both files are optional."""
    for name, text in files.items():
        (current_folder / name).write_text(text, encoding="utf-8")

    assert expected == read_config()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("my.yaml", "limits: off\nport: 1", {"limits": False, "port": 1}),
        ("my.yml", "", {}),
        ("my.json", '{"port": 1}', {"port": 1}),
        ("my.toml", TOML, {"port": 2}),
        ("my.toml", "[tool.segment-mock]", {}),
    ],
)
def test_named_config_replaces_the_default_config(current_folder: Path, name: str, text: str, expected: Any) -> None:
    (current_folder / "segment-mock.yaml").write_text("port: 9")
    (current_folder / name).write_text(text)

    assert expected == read_config(name)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("my.yaml", "a: [", "while parsing a flow node"),
        ("my.yaml", "a: !!python/object:os.system x", "its tag '!!python/object:os.system' is not supported"),
        ("my.yaml", "- port", "expected a dictionary of settings, got a list; the form is "),
        ("my.yaml", "port", "expected a dictionary of settings, got 'port'"),
        ("my.yaml", "80: port", "80 is not a name; if it is meant as a name, quote it"),
        ("my.yaml", "on: 1", "True is not a name"),
        ("my.json", "{", "it is not valid JSON: expecting property name"),
        ("my.json", "[" * 100_000, "recursion"),
        ("my.toml", "a = ", "Invalid value"),
        ("my.toml", "port = 1", "has no table [tool.segment-mock]"),
        ("my.toml", "tool = 1", "[tool]: expected a dictionary of names and values, got 1"),
        (
            "my.toml",
            "[tool]\nsegment-mock = 1",
            "[tool.segment-mock]: expected a dictionary of names and values, got 1",
        ),
    ],
)
def test_error_of_an_invalid_config_is_one_line_with_file_and_reason(
    current_folder: Path, name: str, text: str, message: str
) -> None:
    (current_folder / name).write_text(text)
    with pytest.raises(SettingError) as error:
        read_config(name)

    error_text = str(error.value)
    assert error_text.startswith(f"{name}: ")
    assert message in error_text
    assert "\n" not in error_text


@pytest.mark.parametrize("name", ["my.yaml", "my.json", "my.toml"])
def test_unreadable_config_is_refused_with_its_name(current_folder: Path, name: str) -> None:
    """It is missing, not UTF-8, or a folder."""
    with pytest.raises(SettingError, match=rf"^{name}: .*No such file"):
        read_config(name)
    (current_folder / name).write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match=rf"^{name}: .*byte 0x[0-9a-f]+ in line 1 is not UTF-8"):
        read_config(name)
    (current_folder / name).unlink()
    (current_folder / name).mkdir()
    with pytest.raises(SettingError, match=rf"^{name}: "):
        read_config(name)


def test_merged_joins_the_lists_of_files_and_dictionaries_in_order(current_folder: Path) -> None:
    """The sources are not changed."""
    (current_folder / "a.yaml").write_text("v: {rows: [{n: 1}], others: }\nw:\n")
    (current_folder / "b.json").write_text('\ufeff{"v": {"rows": [{"n": 2}]}}', encoding="utf-8")
    document = {"v": {"rows": [{"n": 3}]}, "x": {}}

    assert {"v": {"rows": [{"n": 1}, {"n": 2}, {"n": 3}], "others": []}, "w": {}, "x": {}} == merged(
        ["a.yaml", "b.json", document]
    )
    assert document == {"v": {"rows": [{"n": 3}]}, "x": {}}


def test_merged_without_sources_or_with_empty_ones_is_empty(current_folder: Path) -> None:
    (current_folder / "a.yaml").write_text("# nothing yet\n")

    assert {} == merged([]) == merged(["a.yaml", {}])


def test_dates_in_yaml_are_read_as_strings(current_folder: Path) -> None:
    """Numbers and Booleans keep their types."""
    (current_folder / "a.yaml").write_text(
        "v: {rows: [2018-03-21, 2018-03-21T15:12:09.310Z, 2018-03-21 15:12:09, 7, 1.5, true]}"
    )

    assert {"v": {"rows": ["2018-03-21", "2018-03-21T15:12:09.310Z", "2018-03-21 15:12:09", 7, 1.5, True]}} == merged(
        ["a.yaml"]
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"v": {"rows": 5}}, "data.v.rows: expected a list of records, got 5"),
        ({"v": {"rows": {"n": 1}}}, "data.v.rows: expected a list of records, got {'n': 1}; the form is {"),
        ({"v": ["rows"]}, "data.v: expected a dictionary of collections, got a list"),
        ({"v": {1: []}}, "data.v: 1 is not a name"),
        ({8: {}}, "data: 8 is not a name"),
        ("absent.yaml", "absent.yaml: "),
    ],
)
def test_error_of_invalid_data_names_its_path(source: Any, message: str) -> None:
    with pytest.raises(SettingError) as error:
        merged([source], "data")

    assert str(error.value).startswith(message)


def test_demo_is_the_shipped_demo_file_in_any_folder() -> None:
    """Each of its collections has records."""
    document = merged(["demo"])

    assert (fixtures() / "demo.yaml").is_file()
    assert document == merged([fixtures() / "demo.yaml"])
    assert all(rows for collections in document.values() for rows in collections.values())


def test_rules_are_read_from_yaml_and_json(current_folder: Path) -> None:
    """The error of a missing file names the file."""
    (current_folder / "a.yaml").write_text("- {kind: hang}")
    (current_folder / "a.json").write_text('[{"kind": "hang"}]')

    assert read_rules("a.yaml") == read_rules("a.json") == [{"kind": "hang"}]
    with pytest.raises(SettingError, match=r"^absent\.yaml: "):
        read_rules("absent.yaml")


def test_each_shipped_scenario_has_a_description_and_faults() -> None:
    assert scenarios()
    assert all(scenario["about"] and scenario["faults"] for scenario in scenarios().values())


@pytest.mark.parametrize("is_installed", [True, False])
def test_fixtures_are_in_the_installed_package_or_at_the_root_of_a_checkout(
    current_folder: Path, monkeypatch: pytest.MonkeyPatch, is_installed: bool
) -> None:
    package = current_folder / "src" / "segment_mock"
    (package / "fixtures" if is_installed else package).mkdir(parents=True)
    monkeypatch.setattr(files, "__file__", str(package / "settings" / "files.py"))

    assert (package / "fixtures" if is_installed else current_folder / "fixtures") == fixtures()


def test_error_of_a_missing_file_mentions_a_removed_current_folder(current_folder: Path) -> None:
    folder = current_folder / "gone"
    folder.mkdir()
    os.chdir(folder)
    try:
        folder.rmdir()
    except OSError:
        pytest.skip("this system keeps a current folder")

    with pytest.raises(
        SettingError, match=r"^data\.yaml: No such file or directory; the current folder is no longer there$"
    ):
        merged(["data.yaml"])


def test_json_with_spaces_before_colons_is_read_as_plain_dictionaries(current_folder: Path) -> None:
    """Validation is fast for the type `dict` only, not for its subclasses."""
    (current_folder / "data.json").write_text('{"salsa" : {"segments" : [{"name" : "A"}]}}')

    document = read_data("data.json")

    assert {"salsa": {"segments": [{"name": "A"}]}} == document
    assert [dict] * 3 == [*map(type, (document, document["salsa"], document["salsa"]["segments"][0]))]
