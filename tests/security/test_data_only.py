"""Input is only data: no file that it names is opened, no YAML tag creates an object, and its size is limited."""

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
ROWS = [{"name": "Planted"}]


@pytest.fixture
def file_path(tmp_path: Path) -> str:
    """The path of a file whose content would be valid as data and as a fault rule."""
    path = tmp_path / "secret.json"
    path.write_text(json.dumps({"salsa": {"segments": ROWS}, "kind": "hang"}))
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
    method: str, path: str, body: Any, file_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only flags and settings may name files. The request gets a 400 or 404."""
    opened_files: list[str] = []
    real = Path.open
    with SegmentMock() as mock, mock.session() as client:
        client.get("/_mock/openapi/salsa.json")  # reads the shipped examples
        monkeypatch.setattr(
            Path, "open", lambda self, *args, **more: opened_files.append(str(self)) or real(self, *args, **more)
        )
        monkeypatch.setattr("builtins.open", lambda name, *args, **more: opened_files.append(str(name)))
        payload = None if body is None else json.dumps(body).replace("{}", file_path)
        response = client.request(method, path.replace("{}", file_path), data=payload)

        assert response.status_code in (400, 404)
        assert [] == [name for name in opened_files if "secret.json" in name]
        assert "Planted" not in response.text
        assert ([], 0) == (mock.salsa.segments, len(mock.faults))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{BOMB}salsa: {{segments: *i}}", "its aliases expand to more than 10,000,000 values"),
        ("salsa: &a {segments: [*a]}", "its aliases expand to more than 10,000,000 values"),
        ("!!python/object/apply:os.getcwd []", "python/object/apply:os.getcwd"),
        ("!!python/name:os.getcwd", "python/name:os.getcwd"),
        # Depending on its version, PyYAML refuses these files itself, with another message.
        ("[" * 100_000, "bomb.yaml: "),
        ("- " * 100_000, "bomb.yaml: "),
        ("{a: " * 100_000, "bomb.yaml: "),
    ],
)
@pytest.mark.parametrize("command", [["serve", "--port", "0", "--data"], ["state", "import", "--url", "http://x"]])
def test_dangerous_yaml_is_refused_with_the_reason(text: str, message: str, command: list[str], tmp_path: Path) -> None:
    """The files have aliases that multiply, a recursive alias, tags of Python objects, or extreme nesting."""
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    result = CliRunner().invoke(main, [*command, str(path)])

    assert (2, True) == (result.exit_code, message in result.stderr)


@pytest.mark.parametrize("text", ["[" * 60, "- " * 60, "{a: " * 60])
def test_nesting_of_yaml_is_limited(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit applies with every version of PyYAML; only some versions have a limit of their own."""
    path = tmp_path / "deep.yaml"
    path.write_text(text)
    monkeypatch.setattr("segment_mock.settings.files.MAX_DEPTH", 50)

    with pytest.raises(SettingError, match=r"deep\.yaml: it is nested more than .* levels deep"):
        SegmentMock(data=str(path))


def test_yaml_aliases_of_small_values_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("salsa: {segments: [&a {name: Rust & Co}]}\nsegmenter: {persons: [&p {externalId: '1'}], segments: "
                    "[{id: a, name: A, persons: [*p]}, {id: b, name: B, persons: [*p]}]}")  # fmt: skip
    with SegmentMock(data=str(path)) as mock:
        assert ["Rust & Co"] == [row["name"] for row in mock.salsa.segments]
        assert ["1", "1"] == [row["persons"][0]["externalId"] for row in mock.segmenter.segments]


def test_a_file_over_the_size_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read beyond the limit, so an endless file does no harm."""
    path = tmp_path / "long.yaml"
    path.write_text(" " * 101)
    monkeypatch.setattr("segment_mock.settings.files._LARGEST", 100)

    with pytest.raises(SettingError, match="the file is larger than 0 MiB"):
        SegmentMock(data=str(path))


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e400", "1" * 5000, "[" * 100_000])
def test_values_that_json_cannot_carry_are_refused_in_a_fault_rule(text: str) -> None:
    """Otherwise the control plane could not show the rule."""
    with SegmentMock() as mock, mock.session() as client:
        body = f'{{"kind": "hang", "match": {{"json": {{"a": {text}}}}}}}'
        response = client.post("/_mock/faults", data=body)

        assert (400, []) == (response.status_code, client.get("/_mock/faults").json()["faults"])
