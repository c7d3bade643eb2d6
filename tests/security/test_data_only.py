"""What is sent is data: no path of it is opened, no tag of it makes an object, and its size has a bound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from segment_mock import SegmentMock, SettingError
from segment_mock.cli import main

pytestmark = pytest.mark.usefixtures("no_collection")

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
ROW = [{"name": "Planted"}]


@pytest.fixture
def planted(tmp_path: Path) -> str:
    """A file that would be good data, good rules and a good setting, were it read."""
    path = tmp_path / "planted.json"
    path.write_text(json.dumps({"salsa": {"segments": ROW}, "kind": "hang"}))
    return str(path)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/_mock/state", "{}"),
        ("PUT", "/_mock/state", ["{}"]),
        ("PUT", "/_mock/state", {"data": "{}"}),
        ("PUT", "/_mock/state", {"salsa": "{}"}),
        ("PUT", "/_mock/state", {"salsa": {"segments": "{}"}}),
        ("PUT", "/_mock/state", {"salsa": {"segments": ["{}"]}}),
        ("PUT", "/_mock/state", {"salsa": {"$ref": "file://{}"}}),
        ("POST", "/_mock/faults", "{}"),
        ("POST", "/_mock/faults", ["{}"]),
        ("POST", "/_mock/faults", {"faults": "{}"}),
        ("POST", "/_mock/faults", {"kind": "{}"}),
        ("POST", "/_mock/faults", {"scenario": "{}"}),
        ("POST", "/_mock/faults", {"kind": "error", "body": {"file": "{}"}, "when": "{}"}),
        ("POST", "/_mock/clock", {"freeze": "{}"}),
        ("POST", "/_mock/snapshots/{}/restore", None),
        ("GET", "/_mock/docs/{}", None),
        ("GET", "/_mock/docs/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..{}", None),
        ("GET", "/_mock/openapi/{}.json", None),
        ("GET", "/_mock/journal?json={}", None),
    ],
)
def test_no_file_that_a_request_names_is_opened(
    method: str, path: str, body: Any, planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a flag would take a file's name the network cannot: it is refused, and the file never opened."""
    opened: list[str] = []
    real = Path.open
    with SegmentMock() as mock, mock.session() as client:
        client.get("/_mock/openapi/salsa.json")  # reads the shipped examples
        monkeypatch.setattr(
            Path, "open", lambda self, *args, **more: opened.append(str(self)) or real(self, *args, **more)
        )
        monkeypatch.setattr("builtins.open", lambda name, *args, **more: opened.append(str(name)))
        payload = None if body is None else json.dumps(body).replace("{}", planted)
        reply = client.request(method, path.replace("{}", planted), data=payload)

        assert reply.status_code in (400, 404)
        assert [] == [name for name in opened if "planted" in name]
        assert "Planted" not in reply.text
        assert ([], 0) == (mock.salsa.segments, len(mock.faults))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{BOMB}salsa: {{segments: *i}}", "its aliases expand to more than 10,000,000 values"),
        ("salsa: &a {segments: [*a]}", "its aliases expand to more than 10,000,000 values"),
        ("!!python/object/apply:os.getcwd []", "python/object/apply:os.getcwd"),
        ("!!python/name:os.getcwd", "python/name:os.getcwd"),
        # Who refuses these, PyYAML or this project, and in which words, depends on the version of PyYAML.
        ("[" * 100_000, "bomb.yaml: "),
        ("- " * 100_000, "bomb.yaml: "),
        ("{a: " * 100_000, "bomb.yaml: "),
    ],
)
@pytest.mark.parametrize("command", [["serve", "--port", "0", "--data"], ["state", "import", "--url", "http://x"]])
def test_a_file_is_data_only(text: str, message: str, command: list[str], tmp_path: Path) -> None:
    """A bomb of aliases, one that holds itself, a tag that names Python: refused at once, with what is wrong."""
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    result = CliRunner().invoke(main, [*command, str(path)])

    assert (2, True) == (result.exit_code, message in result.stderr)


@pytest.mark.parametrize("text", ["[" * 60, "- " * 60, "{a: " * 60])
def test_nesting_is_limited(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit does not depend on that of PyYAML, which only some versions have."""
    path = tmp_path / "deep.yaml"
    path.write_text(text)
    monkeypatch.setattr("segment_mock.settings.files.MAX_DEPTH", 50)

    with pytest.raises(SettingError, match=r"deep\.yaml: it is nested more than .* levels deep"):
        SegmentMock(data=str(path))


def test_aliases_are_welcome(tmp_path: Path) -> None:
    """What is only written once and meant twice is no bomb."""
    path = tmp_path / "twice.yaml"
    path.write_text("salsa: {segments: [&a {name: Rust & Co}]}\nsegmenter: {persons: [&p {externalId: '1'}], segments: "
                    "[{id: a, name: A, persons: [*p]}, {id: b, name: B, persons: [*p]}]}")  # fmt: skip
    with SegmentMock(data=str(path)) as mock:
        assert ["Rust & Co"] == [row["name"] for row in mock.salsa.segments]
        assert ["1", "1"] == [row["persons"][0]["externalId"] for row in mock.segmenter.segments]


def test_a_file_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more bytes are read than a state may have, so an endless file does no harm."""
    path = tmp_path / "long.yaml"
    path.write_text(" " * 101)
    monkeypatch.setattr("segment_mock.settings.files._LARGEST", 100)

    with pytest.raises(SettingError, match="the file is larger than 0 MiB"):
        SegmentMock(data=str(path))


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e400", "1" * 5000, "[" * 100_000])
def test_numbers_that_json_does_not_have_are_no_settings(text: str) -> None:
    """The control plane takes no value that its own replies could not carry."""
    with SegmentMock() as mock, mock.session() as client:
        body = f'{{"kind": "hang", "match": {{"json": {{"a": {text}}}}}}}'
        reply = client.post("/_mock/faults", data=body)

        assert (400, []) == (reply.status_code, client.get("/_mock/faults").json()["faults"])
