"""Whatever is read (requests, files, settings, rules) costs no more than its size, however it is nested."""

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
    """Return nested lists, *levels* deep."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def circle() -> list[Any]:
    """Return a list that holds itself, twice."""
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
def test_a_request_to_the_control_plane(path: str, document: Any) -> None:
    """It is a 400 with a sentence, at once."""
    with SegmentMock() as mock, mock.session() as client:
        start = time.process_time()
        reply = client.post(path, json=document)

        assert (400, "application/problem+json") == (reply.status_code, reply.headers["Content-Type"])
        assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "query",
    [f"since={DIGITS}", f"limit={DIGITS}", f"json={'[' * 3000}", f"json={DIGITS}", f"after={DIGITS}"],
    ids=range(5),
)
def test_a_query_of_the_journal(query: str) -> None:
    """A number of thousands of digits, or brackets by the thousand, is a 400."""
    with SegmentMock() as mock, mock.session() as client:
        assert 400 == client.get(f"/_mock/journal?{query}").status_code


@pytest.mark.parametrize("levels", [300, 600, 900, 5000])
def test_a_body_that_is_deep_is_looked_at(levels: int) -> None:
    """It is refused, every view of the journal still answers, and a filter as deep as the body is refused too."""
    body = "[" * levels + "]" * levels
    with SegmentMock() as mock, mock.session() as client:
        client.put("/segments/x", data=body, headers={"x-api-key": "k"})
        paths = ("journal", "journal/1", "journal.har", "journal/summary", f"journal?json={body}")
        seen = [client.get(f"/_mock/{path}").status_code for path in paths]

        assert [200] * 4 == seen[:4]
        assert seen[4] == 400
        assert json.dumps(mock.journal.capsule())


@pytest.mark.parametrize(
    "settings",
    [
        {"seed": 10**5000},
        {"journal_size": nested(3000)},
        {"data": [{"salsa": {"segments": nested(3000)}}]},
        {"data": [{"salsa": {"segments": circle()}}]},
        {"data": [{"salsa": {"segments": [{"name": 10**5000}]}}]},
        {"data": [{"salsa": {"segments": [{1: 2}]}}]},
        {"faults": [{"kind": "error", "body": nested(3000)}]},
        {"faults": [{"kind": "hang", "match": {"json": {"a": circle()}}}]},
        {"faults": [{"kind": "hang", "when": {"skip": 10**5000}}]},
        {"scenarios": [{"x": {"faults": [{"kind": "error", "body": nested(3000)}]}}]},
        {"stubs": [{"method": "GET", "path": "/x", "json": nested(3000)}]},
        {"stubs": [{"method": "GET", "path": "/x", "times": 10**5000}]},
        {"tls": nested(3000)},
        {"x" * 100_000: 1},
    ],
    ids=range(14),
)
def test_a_setting(settings: Any) -> None:
    """It is a `SettingError`, whose text is short."""
    with pytest.raises(SettingError) as caught:
        SegmentMock(**settings)

    assert len(str(caught.value)) < 1000 + sum(map(len, settings))


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
        ("a.yaml", "salsa: !!timestamp x", "is not one of JSON's types"),
        ("a.yaml", "salsa: !!set {a, b}", "is not one of JSON's types"),
        ("a.yaml", "salsa: " + "[" * 900 + "]" * 900, "nested"),
        ("a.json", '{"salsa": ' + "[" * 300 + "]" * 300 + "}", "nested more than 100 levels"),
        ("a.json", "[" * 100_000, "ecursion"),
    ],
    ids=range(15),
)
@pytest.mark.parametrize("flag", ["data", "faults", "scenarios", "stubs"])
def test_a_file(flag: str, name: str, text: str, message: str, tmp_path: Path) -> None:
    """Every kind of file is refused at once, by its name and with one sentence."""
    path = tmp_path / name
    path.write_text(text)
    start = time.process_time()
    with pytest.raises(SettingError) as caught:
        SegmentMock(**{flag: [str(path)]})

    assert time.process_time() - start < 5
    assert message in str(caught.value) or "1:1" in text
    assert len(str(caught.value)) < 1000


def test_times_of_day_stay_text(tmp_path: Path) -> None:
    """What YAML 1.1 takes for a number of base 60 is text, as a date is."""
    path = tmp_path / "a.yaml"
    path.write_text("salsa: {segments: [{name: 1:30}, {name: 1:30.5}]}")
    with SegmentMock(data=str(path)) as mock:
        assert ["1:30", "1:30.5"] == [segment["name"] for segment in mock.salsa.segments]


def test_merges_of_merges_cost_what_they_hold(tmp_path: Path) -> None:
    """Merge keys that name one another ten times each do not multiply."""
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: {n}" for n in range(20)) + "}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    start = time.process_time()
    with pytest.raises(SettingError, match="a0"):
        SegmentMock(data=str(path))

    assert time.process_time() - start < 5


@pytest.mark.parametrize("text", [f"seed = {'0x' + 'f' * 5000}", f"data = {'[' * 5000}", "port = nan"], ids=range(3))
def test_a_settings_file(text: str, tmp_path: Path) -> None:
    """A pyproject.toml with a number that is too long, with brackets by the thousand, with no number: exit code 2."""
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.segment-mock]\n{text}\n")
    result = CliRunner().invoke(main, ["serve", "--config", str(path)])

    assert (2, 1) == (result.exit_code, result.stderr.count("Error: "))
