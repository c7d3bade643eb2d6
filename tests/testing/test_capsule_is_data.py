"""A capsule is untrusted data: no file that it names is opened, and an invalid capsule gives one sentence."""

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
    """Return a capsule with a call, a rule and a stub, as plain JSON."""
    with SegmentMock(data="demo") as mock, mock.session() as client:
        mock.faults.add({"kind": "error"}, times=0)
        mock.stub("GET", "/x", json={})
        client.post("/segments", json={"name": "x"}, headers={"x-api-key": "k"})
        document: dict[str, Any] = json.loads(json.dumps(mock.journal.capsule()))
    return document


CAPSULE = capsule()


def replay(text: str, folder: Path) -> Any:
    """Return the result of ``segment-mock replay`` on a file of *text*."""
    path = folder / "capsule.json"
    path.write_text(text)
    return CliRunner().invoke(main, ["replay", str(path)])


def check_refused(result: Any) -> None:
    """Check for exit code 2 and one sentence."""
    assert (2, 1, "") == (result.exit_code, result.stderr.count("Error: "), result.stdout.partition("\n")[2])
    assert "Traceback" not in result.stderr
    assert len(result.stderr) < 1500


def test_the_capsule_itself_replays(tmp_path: Path) -> None:
    """What is refused below is refused for its own sake."""
    assert 0 == replay(json.dumps(CAPSULE), tmp_path).exit_code


@pytest.mark.parametrize("name", ["data", "faults", "stubs", "scenarios", "ready_file", "scenario", "host"])
def test_no_file_is_opened(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that names a file is refused by its name; the file is never opened, its text not quoted."""
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret: [")
    document = {**CAPSULE, "settings": {**CAPSULE["settings"], name: [str(secret)]}}
    result = replay(json.dumps(document), tmp_path)

    check_refused(result)
    assert f"settings: unknown setting {name!r} in a capsule" in result.stderr
    assert "s3cret" not in result.output


@pytest.mark.parametrize("place", ["data", "faults", "stubs"])
def test_no_path_elsewhere_is_opened(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records, a rule and a stub that are the name of a file are refused as well."""
    secret = tmp_path / "secret.yaml"
    secret.write_text("s3cret: [")
    document = copy.deepcopy(CAPSULE)
    if place == "data":
        document["data"][""] = str(secret)
    elif place == "faults":
        document["faults"][0]["rule"] = str(secret)
    else:
        document["stubs"] = str(secret)
    result = replay(json.dumps(document), tmp_path)

    check_refused(result)
    assert "s3cret" not in result.output


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each member of *value* that a replay reads, at any depth."""
    paths = [path] if path else []
    if isinstance(value, dict):
        paths += [place for name, one in value.items() if name != "changes" for place in places(one, (*path, name))]
    elif isinstance(value, list):
        paths += [place for index, one in enumerate(value[:1]) for place in places(one, (*path, index))]
    return paths


@pytest.mark.parametrize("wrong", [None, 5, -1e308, "x", [], {}, [[]], {"a": 1}, True, "missing"], ids=repr)
def test_mistyped_anywhere(wrong: Any, tmp_path: Path) -> None:
    """Each member in turn is of another type, or is missing: the end is 0, 1 or 2, never a traceback."""
    for place in places(CAPSULE):
        document = copy.deepcopy(CAPSULE)
        parent = document
        for step in place[:-1]:
            parent = parent[step]
        if wrong == "missing":
            del parent[place[-1]]
        else:
            parent[place[-1]] = wrong  # type: ignore[index]
        result = replay(json.dumps(document), tmp_path)

        assert result.exception is None or isinstance(result.exception, SystemExit), place
        assert result.exit_code in (0, 1, 2), place


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
def test_malformed(text: str, tmp_path: Path) -> None:
    """However it is nested or cut off, it is exit code 2 and one sentence."""
    check_refused(replay(text, tmp_path))


def test_a_record_that_is_none_of_its_table_is_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a test wrote between two calls is taken as it is, and may be what no call can use."""
    with SegmentMock(data={"segmenter": {"segments": [{"id": "s", "name": "n"}]}}) as mock, mock.session() as client:
        for name in ("a", "b"):
            mock.segmenter.add_segment(name, id=name, persons=[])
            client.put(f"/segments/{name}", json={"persons": [{"email": "a@x"}]}, headers={"x-api-key": "k"})
        document = json.loads(json.dumps(mock.journal.capsule()))
    del document["calls"][1]["before"][0][3]["persons"]
    result = replay(json.dumps(document), tmp_path)

    assert 2 == result.exit_code
    assert "calls[1]: " in result.stderr
    assert "a record that was written before the call is not one of its table" in result.stderr
    assert [] == caplog.records
