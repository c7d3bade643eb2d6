"""Files that a user hands over: configuration and initial data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from segment_mock.settings import SettingError, files, fixtures, merged, read_config, read_data, read_rules, scenarios

pytestmark = pytest.mark.usefixtures("no_collection")

TOML = "[tool.segment-mock]\nport = 2\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
         "a.yaml: the name 'salsa' occurs twice in a dictionary, again in line 3"),
        ("a.yaml", "salsa:\n  segments:\n  - {name: a, 'name': b}\n",
         "a.yaml: the name 'name' occurs twice in a dictionary, again in line 3"),
        ("a.yaml", "a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", "a.yaml: the name '<<' occurs twice"),
    ],
)  # fmt: skip
def test_name_that_occurs_twice_is_refused_with_its_place(here: Path, name: str, text: str, message: str) -> None:
    (here / name).write_text(text)
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
def test_name_that_others_have_too_is_accepted(here: Path, name: str, text: str, expected: Any) -> None:
    (here / name).write_text(text)

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
def test_config_that_is_found(here: Path, files: dict[str, str], expected: Any) -> None:
    """segment-mock.yaml comes first, then a table of pyproject.toml; neither need be there."""
    for name, text in files.items():
        (here / name).write_text(text, encoding="utf-8")

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
def test_config_that_is_named(here: Path, name: str, text: str, expected: Any) -> None:
    """A file that is named is read, and no other."""
    (here / "segment-mock.yaml").write_text("port: 9")
    (here / name).write_text(text)

    assert expected == read_config(name)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("my.yaml", "a: [", "while parsing a flow node"),
        ("my.yaml", "a: !!python/object:os.system x", "its tag '!!python/object:os.system' is not one of JSON's types"),
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
def test_a_broken_file(here: Path, name: str, text: str, message: str) -> None:
    """The error, in one line, names the file and what is wrong in it."""
    (here / name).write_text(text)
    with pytest.raises(SettingError) as refused:
        read_config(name)

    error_text = str(refused.value)
    assert error_text.startswith(f"{name}: ")
    assert message in error_text
    assert "\n" not in error_text


@pytest.mark.parametrize("name", ["my.yaml", "my.json", "my.toml"])
def test_a_file_that_cannot_be_read(here: Path, name: str) -> None:
    """One that is absent, a folder, or no UTF-8 is refused by name."""
    with pytest.raises(SettingError, match=rf"^{name}: .*No such file"):
        read_config(name)
    (here / name).write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match=rf"^{name}: .*byte 0x[0-9a-f]+ in line 1 is not UTF-8"):
        read_config(name)
    (here / name).unlink()
    (here / name).mkdir()
    with pytest.raises(SettingError, match=rf"^{name}: "):
        read_config(name)


def test_merged(here: Path) -> None:
    """Files and dictionaries are one document; their lists are joined in the order given."""
    (here / "a.yaml").write_text("v: {rows: [{n: 1}], others: }\nw:\n")
    (here / "b.json").write_text('\ufeff{"v": {"rows": [{"n": 2}]}}', encoding="utf-8")
    document = {"v": {"rows": [{"n": 3}]}, "x": {}}

    assert {"v": {"rows": [{"n": 1}, {"n": 2}, {"n": 3}], "others": []}, "w": {}, "x": {}} == merged(
        ["a.yaml", "b.json", document]
    )
    assert document == {"v": {"rows": [{"n": 3}]}, "x": {}}


def test_merged_of_nothing(here: Path) -> None:
    """No source, or an empty one, is an empty document."""
    (here / "a.yaml").write_text("# nothing yet\n")

    assert {} == merged([]) == merged(["a.yaml", {}])


def test_dates_stay_text(here: Path) -> None:
    """A date in YAML is loaded as a string, as in JSON; numbers and Booleans keep their types."""
    (here / "a.yaml").write_text("v: {rows: [2018-03-21, 2018-03-21T15:12:09.310Z, 2018-03-21 15:12:09, 7, 1.5, true]}")

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
def test_data_that_cannot_be_used(source: Any, message: str) -> None:
    """The error names the place."""
    with pytest.raises(SettingError) as refused:
        merged([source], "data")

    assert str(refused.value).startswith(message)


def test_demo() -> None:
    """``demo`` is the world that is shipped, wherever one stands."""
    document = merged(["demo"])

    assert (fixtures() / "demo.yaml").is_file()
    assert document == merged([fixtures() / "demo.yaml"])
    assert all(rows for collections in document.values() for rows in collections.values())


def test_rules(here: Path) -> None:
    """A file of rules is read as it stands, YAML or JSON; one that can't be is refused by name."""
    (here / "a.yaml").write_text("- {kind: hang}")
    (here / "a.json").write_text('[{"kind": "hang"}]')

    assert read_rules("a.yaml") == read_rules("a.json") == [{"kind": "hang"}]
    with pytest.raises(SettingError, match=r"^absent\.yaml: "):
        read_rules("absent.yaml")


def test_scenarios() -> None:
    """Each shipped scenario has a description and faults."""
    assert scenarios()
    assert all(scenario["about"] and scenario["faults"] for scenario in scenarios().values())


@pytest.mark.parametrize("installed", [True, False])
def test_fixtures(here: Path, monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    """A wheel carries the examples inside the package, a checkout at its top."""
    package = here / "src" / "segment_mock"
    (package / "fixtures" if installed else package).mkdir(parents=True)
    monkeypatch.setattr(files, "__file__", str(package / "settings" / "files.py"))

    assert (package / "fixtures" if installed else here / "fixtures") == fixtures()


def test_a_missing_file_is_named_also_where_the_current_folder_was_removed(here: Path) -> None:
    folder = here / "gone"
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


def test_a_json_file_with_spaces_before_its_colons_is_read_as_plain_dictionaries(here: Path) -> None:
    """The validators of rows are fast for these only."""
    (here / "data.json").write_text('{"salsa" : {"segments" : [{"name" : "A"}]}}')

    document = read_data("data.json")

    assert {"salsa": {"segments": [{"name": "A"}]}} == document
    assert [dict] * 3 == [*map(type, (document, document["salsa"], document["salsa"]["segments"][0]))]
