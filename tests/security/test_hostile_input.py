"""Hostile requests, files, settings and rules are refused quickly, however large or deeply nested they are."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from segment_mock import SegmentMock, SettingError
from segment_mock.cli import main

pytestmark = pytest.mark.usefixtures("no_collection")

DIGITS = "9" * 5000


def nested(levels: int) -> Any:
    """Return an empty list within *levels* other lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def recursive_list() -> list[Any]:
    """Return a list that contains itself twice."""
    value: list[Any] = []
    value += [value, value]
    return value


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/_mock/faults", {"kind": "hang", "match": {"json": {f"a[{DIGITS}]": 1}}}),
        ("/_mock/faults", {"kind": "hang", "match": {"json": {"a[٣]": 1}}}),
        ("/_mock/faults", {"kind": "hang", "match": {"json": {"a" + ".a" * 100_000: 1}}}),
        ("/_mock/faults", {"kind": "hang", "match": {"json": {"a" + "[*]" * 100_000: 1}}}),
        ("/_mock/faults", {"kind": "hang", "operation": "*a" * 20_000 + "b"}),
        ("/_mock/faults", {"kind": "x" * 1_000_000}),
        ("/_mock/faults", {"kind": {"a": [[]] * 9}}),
        ("/_mock/faults", {"kind": "error", "x" * 100_000: 1}),
        ("/_mock/faults", {"kind": "latency", "seconds": 10**999}),
        ("/_mock/stubs", {"method": "GET", "path": "/x", "status": 10**999}),
        ("/_mock/clock", {"advance": 10**999}),
        ("/_mock/clock", {"set": DIGITS * 200}),
    ],
    ids=range(12),
)
def test_hostile_request_to_the_control_plane_gets_400_quickly(path: str, document: Any) -> None:
    with SegmentMock() as mock, mock.session() as client:
        start = time.process_time()
        response = client.post(path, json=document)

        assert (400, "application/problem+json") == (response.status_code, response.headers["Content-Type"])
        assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "query",
    [f"since={DIGITS}", f"limit={DIGITS}", f"json={'[' * 3000}", f"json={DIGITS}", f"after={DIGITS}"],
    ids=range(5),
)
def test_hostile_query_of_the_journal_gets_400(query: str) -> None:
    """The queries have numbers with thousands of digits, or thousands of brackets."""
    with SegmentMock() as mock, mock.session() as client:
        assert 400 == client.get(f"/_mock/journal?{query}").status_code


@pytest.mark.parametrize("levels", [300, 600, 900, 5000])
def test_journal_shows_calls_with_deeply_nested_bodies(levels: int) -> None:
    """Every view of the journal answers 200. A filter with the same nesting gets a 400."""
    body = "[" * levels + "]" * levels
    with SegmentMock() as mock, mock.session() as client:
        client.put("/segments/x", data=body, headers={"x-api-key": "k"})
        paths = ("journal", "journal/1", "journal.har", "journal/summary", f"journal?json={body}")
        statuses = [client.get(f"/_mock/{path}").status_code for path in paths]

        assert [200] * 4 == statuses[:4]
        assert statuses[4] == 400
        assert json.dumps(mock.journal.capsule())


@pytest.mark.parametrize(
    "settings",
    [
        {"seed": 10**5000},
        {"journal_size": nested(3000)},
        {"data": [{"salsa": {"segments": nested(3000)}}]},
        {"data": [{"salsa": {"segments": recursive_list()}}]},
        {"data": [{"salsa": {"segments": [{"name": 10**5000}]}}]},
        {"data": [{"salsa": {"segments": [{1: 2}]}}]},
        {"faults": [{"kind": "error", "body": nested(3000)}]},
        {"faults": [{"kind": "hang", "match": {"json": {"a": recursive_list()}}}]},
        {"faults": [{"kind": "hang", "when": {"skip": 10**5000}}]},
        {"scenarios": [{"x": {"faults": [{"kind": "error", "body": nested(3000)}]}}]},
        {"stubs": [{"method": "GET", "path": "/x", "json": nested(3000)}]},
        {"stubs": [{"method": "GET", "path": "/x", "times": 10**5000}]},
        {"tls": nested(3000)},
        {"x" * 100_000: 1},
    ],
    ids=range(14),
)
def test_hostile_setting_raises_a_short_setting_error(settings: Any) -> None:
    with pytest.raises(SettingError) as error:
        SegmentMock(**settings)

    assert len(str(error.value)) < 1000 + sum(map(len, settings))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", f"salsa: {{segments: [{{name: {DIGITS}}}]}}", "has more than 1000 digits"),
        ("a.json", f'{{"salsa": {{"segments": [{{"name": {DIGITS}}}]}}}}', "has more than 1000 digits"),
        ("a.yaml", f"salsa: {{segments: [{{name: 0x{DIGITS}}}]}}", "has more than 1000 digits"),
        ("a.yaml", "salsa: {segments: [{name: " + "1:" * 80_000 + "1}]}", "segments[0].name"),
        ("a.yaml", "salsa: {segments: [{name: !!int '" + "1:" * 80_000 + "1'}]}", "has more than 1000 digits"),
        ("a.yaml", "salsa: !!int 1:30", "is not a whole number"),
        ("a.yaml", "salsa: !!bool perhaps", "is neither true nor false"),
        ("a.yaml", "salsa: .inf", "not a number that JSON can carry"),
        ("a.json", '{"salsa": 1e999}', "not a number that JSON can carry"),
        ("a.json", '{"salsa": NaN}', "not a number that JSON can carry"),
        ("a.yaml", "salsa: !!timestamp x", "is not supported; expected only plain data"),
        ("a.yaml", "salsa: !!set {a, b}", "is not supported; expected only plain data"),
        ("a.yaml", "salsa: " + "[" * 900 + "]" * 900, "nested"),
        ("a.json", '{"salsa": ' + "[" * 300 + "]" * 300 + "}", "nested more than 100 levels"),
        ("a.json", "[" * 100_000, "ecursion"),
    ],
    ids=range(15),
)
@pytest.mark.parametrize("flag", ["data", "faults", "scenarios", "stubs"])
def test_hostile_file_is_refused_quickly_with_a_short_error(
    flag: str, name: str, text: str, message: str, tmp_path: Path
) -> None:
    """This holds for files of data, faults, scenarios and stubs."""
    path = tmp_path / name
    path.write_text(text)
    start = time.process_time()
    with pytest.raises(SettingError) as error:
        SegmentMock(**{flag: [str(path)]})

    assert time.process_time() - start < 5
    assert message in str(error.value) or "1:1" in text
    assert len(str(error.value)) < 1000


def test_times_of_day_in_yaml_are_read_as_strings(tmp_path: Path) -> None:
    """In YAML 1.1, ``1:30`` is a number in base 60."""
    path = tmp_path / "a.yaml"
    path.write_text("salsa: {segments: [{name: 1:30}, {name: 1:30.5}]}")
    with SegmentMock(data=str(path)) as mock:
        assert ["1:30", "1:30.5"] == [segment["name"] for segment in mock.salsa.segments]


def test_repeated_yaml_merge_keys_do_not_multiply(tmp_path: Path) -> None:
    """Each dictionary of the file merges the one before ten times."""
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: {n}" for n in range(20)) + "}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    start = time.process_time()
    with pytest.raises(SettingError, match="a0"):
        SegmentMock(data=str(path))

    assert time.process_time() - start < 5


@pytest.mark.parametrize("text", [f"seed = {'0x' + 'f' * 5000}", f"data = {'[' * 5000}", "port = nan"], ids=range(3))
def test_hostile_pyproject_toml_exits_with_2_and_one_error(text: str, tmp_path: Path) -> None:
    """The file has a number with thousands of digits, thousands of brackets, or NaN as the port."""
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.segment-mock]\n{text}\n")
    result = CliRunner().invoke(main, ["serve", "--config", str(path)])

    assert (2, 1) == (result.exit_code, result.stderr.count("Error: "))
