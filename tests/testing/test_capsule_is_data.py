"""A capsule is untrusted input: a replay opens no file that it names, and an invalid capsule is one error message."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from segment_mock import SegmentMock
from segment_mock.cli import main

pytestmark = pytest.mark.usefixtures("no_collection")


def capsule() -> dict[str, Any]:
    """Return a capsule with a call, a fault rule and a stub, as parsed JSON."""
    with SegmentMock(data="demo") as mock, mock.session() as client:
        mock.faults.add({"kind": "error"}, times=0)
        mock.stub("GET", "/x", json={})
        client.post("/segments", json={"name": "x"}, headers={"x-api-key": "k"})
        document: dict[str, Any] = json.loads(json.dumps(mock.journal.capsule()))
    return document


CAPSULE = capsule()


def replay(text: str, folder: Path) -> Any:
    """Write *text* to a file, run ``segment-mock replay`` on it and return the result."""
    path = folder / "capsule.json"
    path.write_text(text)
    return CliRunner().invoke(main, ["replay", str(path)])


def check_error(result: Any) -> None:
    """Check for exit code 2 and one error message without a traceback."""
    assert (2, 1, "") == (result.exit_code, result.stderr.count("Error: "), result.stdout.partition("\n")[2])
    assert "Traceback" not in result.stderr
    assert len(result.stderr) < 1500


def test_the_unchanged_capsule_can_be_replayed(tmp_path: Path) -> None:
    """The tests below change one member of it."""
    assert 0 == replay(json.dumps(CAPSULE), tmp_path).exit_code


@pytest.mark.parametrize("name", ["data", "faults", "stubs", "scenarios", "ready_file", "scenario", "host"])
def test_a_setting_that_names_a_file_is_an_error(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is not opened, and its content does not appear in the message."""
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret: [")
    document = {**CAPSULE, "settings": {**CAPSULE["settings"], name: [str(secret)]}}
    result = replay(json.dumps(document), tmp_path)

    check_error(result)
    assert f"settings: a capsule can't have the setting {name!r}" in result.stderr
    assert "s3cret" not in result.output


@pytest.mark.parametrize("path_to_member", ["data", "faults", "stubs"])
def test_data_rules_and_stubs_that_name_a_file_are_an_error(
    path_to_member: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is not opened."""
    secret = tmp_path / "secret.yaml"
    secret.write_text("s3cret: [")
    document = copy.deepcopy(CAPSULE)
    if path_to_member == "data":
        document["data"][""] = str(secret)
    elif path_to_member == "faults":
        document["faults"][0]["rule"] = str(secret)
    else:
        document["stubs"] = str(secret)
    result = replay(json.dumps(document), tmp_path)

    check_error(result)
    assert "s3cret" not in result.output


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"": 5}, 'data[""]: 5 is not a dictionary'),
        ({"": {"salsa": {"segments": [{"nam": "A"}]}}}, 'data[""].salsa.segments[0].nam: unknown member'),
        ({"5f": {"salsa": []}}, 'data["5f"].salsa: expected a dictionary of collections, got a list'),
    ],
)
def test_an_error_in_the_records_has_their_place_in_the_capsule(
    data: dict[str, Any], message: str, tmp_path: Path
) -> None:
    result = replay(json.dumps({**CAPSULE, "data": data}), tmp_path)

    assert f".json: {message}" in result.stderr


def member_paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each member of *value* that a replay reads, at any depth."""
    paths = [path] if path else []
    if isinstance(value, dict):
        paths += [
            path_to_member
            for name, one in value.items()
            if name != "changes"
            for path_to_member in member_paths(one, (*path, name))
        ]
    elif isinstance(value, list):
        paths += [
            path_to_member
            for index, one in enumerate(value[:1])
            for path_to_member in member_paths(one, (*path, index))
        ]
    return paths


WRONG_MEMBERS: dict[str, tuple[Any, str]] = {
    "capsule": (True, "capsule: True is not 1, the format"),
    "segment_mock": (5, "segment_mock: 5 is not text"),
    "forgotten": (1.5, "forgotten: 1.5 is not a whole number"),
    "stubs": ({"method": "GET", "path": "/x"}, "stubs: {'method': 'GET', 'path': '/x'} is not a list"),
    "settings.seed": ("x", "settings: seed: 'x' is not a whole number"),
    "settings.sed": (1, "settings: unknown setting 'sed' (did you mean 'seed'?)"),
    "faults.0.since": (-1e308, "faults[0].since: -1e+308 is not a whole number"),
    "faults.0.until": ("x", "faults[0].until: 'x' is not a whole number or null"),
    "faults.0.armed": (-1e308, "faults[0].armed: -1e+308 is not a time in seconds since 1970"),
    "faults.0.struck": (1, "faults[0].struck: 1 is not a list"),
    "faults.0.rule": ([], "faults[0].rule: [] is not a dictionary"),
    "faults.0.rule.when": (5, "faults[0].rule.when: 5 is not a dictionary"),
    "faults.0.rule.kind": ("errr", "faults[0].rule: unknown fault kind 'errr' (did you mean 'error'?)"),
    "calls.0.id": (1.5, "calls[0].id: 1.5 is not a whole number"),
    "calls.0.time": (-1e308, "calls[0].time: -1e+308 is not a time in seconds since 1970"),
    "calls.0.before": ([[]], "calls[0].before[0]: expected a list of organization, table, key and record, got []"),
    "calls.0.body": ({}, "calls[0].body: expected a dictionary with one of json, compact, text, base64, got {}"),
    "calls.0.answer.body": ({"text": 5}, "calls[0].answer.body.text: 5 is not text"),
    "calls.0.answer.body.base64": ("x", "calls[0].answer.body.base64: "),
    "calls.0.answer.faults": ("x", "calls[0].answer.faults: 'x' is not a list"),
    "calls.0.answer.changes": (None, "calls[0].answer.changes: None is not a list"),
}


@pytest.mark.parametrize("member", WRONG_MEMBERS)
def test_a_member_of_the_wrong_type_is_an_error_that_names_it(member: str, tmp_path: Path) -> None:
    value, message = WRONG_MEMBERS[member]
    document = copy.deepcopy(CAPSULE)
    *steps, name = member.split(".")
    parent: Any = document
    for step in steps:
        parent = parent[int(step) if step.isdigit() else step]
    parent[name] = value
    result = replay(json.dumps(document), tmp_path)

    check_error(result)
    assert f"{tmp_path / 'capsule.json'}: {message}" in result.stderr


@pytest.mark.parametrize("wrong", [None, 5, -1e308, "x", [], {}, [[]], {"a": 1}, True, "missing"], ids=repr)
def test_a_member_of_the_wrong_type_never_causes_a_traceback(wrong: Any, tmp_path: Path) -> None:
    """Each member in turn has a wrong value or is missing; the exit code is 0, 1 or 2."""
    for path_to_member in member_paths(CAPSULE):
        document = copy.deepcopy(CAPSULE)
        parent = document
        for step in path_to_member[:-1]:
            parent = parent[step]
        if wrong == "missing":
            del parent[path_to_member[-1]]
        else:
            parent[path_to_member[-1]] = wrong  # type: ignore[index]
        result = replay(json.dumps(document), tmp_path)

        assert result.exception is None or isinstance(result.exception, SystemExit), path_to_member
        assert result.exit_code in (0, 1, 2), path_to_member


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"capsule": 1}',
        '{"capsule": 1, "settings": ' + "[" * 500 + "]" * 500 + "}",
        '{"capsule": ' + "9" * 9000 + "}",
        json.dumps({**CAPSULE, "data": {"": [[[]]]}}),
        json.dumps({**CAPSULE, "data": {"": {"salsa": {"segments": json.loads("[" * 300 + "]" * 300)}}}}),
        json.dumps({**CAPSULE, "calls": [5]}),
        json.dumps({**CAPSULE, "calls": [{**CAPSULE["calls"][0], "time": 10**400}]}),
        json.dumps({**CAPSULE, "calls": [{**CAPSULE["calls"][0], "body": {"base64": "é"}}]}),
        json.dumps({**CAPSULE, "faults": [{**CAPSULE["faults"][0], "rule": {"kind": "x"}}]}),
        json.dumps({**CAPSULE, "faults": [{**CAPSULE["faults"][0], "function": 1, "fired": 1, "rule": 5}]}),
    ],
    ids=range(13),
)
def test_malformed_text_is_an_error(text: str, tmp_path: Path) -> None:
    """Deep nesting makes no difference."""
    check_error(replay(text, tmp_path))


def test_an_invalid_record_between_calls_is_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Records that a test wrote are not validated until a call uses them."""
    with SegmentMock(data={"segmenter": {"segments": [{"id": "s", "name": "n"}]}}) as mock, mock.session() as client:
        for name in ("a", "b"):
            mock.segmenter.add_segment(name, id=name, persons=[])
            client.put(f"/segments/{name}", json={"persons": [{"email": "a@x"}]}, headers={"x-api-key": "k"})
        document = json.loads(json.dumps(mock.journal.capsule()))
    del document["calls"][1]["before"][0][3]["persons"]
    result = replay(json.dumps(document), tmp_path)

    assert 2 == result.exit_code
    assert "calls[1]: " in result.stderr
    assert "a record that was written before the call does not fit its table" in result.stderr
    assert [] == caplog.records
