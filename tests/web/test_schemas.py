"""The JSON Schemas of files accept what a mock loads and refuse what it refuses; all their copies are the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from segment_mock import SegmentMock, SettingError
from segment_mock.cli import main
from segment_mock.conform import examples
from segment_mock.emulator import Emulator
from segment_mock.settings import fixtures, read_data
from segment_mock.vendors import find_vendors
from segment_mock.web.openapi import FILES, file_schema

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SCHEMAS = {name: file_schema(name, Emulator({})) for name in FILES}
INVALID: list[Any] = [
    {"salza": {}},
    {"salsa": {"segment": []}},
    {"salsa": {"segments": {}}},
    {"salsa": {"segments": [{"nmae": "A"}]}},
    {"salsa": {"segments": [{}]}},
    {"salsa": {"segments": [{"name": "A", "type": "OTHER"}]}},
    {"salsa": {"segments": [{"name": "A", "segmentId": "1"}]}},
    {"salsa": {"segments": [{"name": "x" * 65}]}},
    {"salsa": {"supporters": [{"contacts": [{"type": "FAX", "value": "1"}]}]}},
    {"salsa": {"supporters": [{"address": {"town": "A"}}]}},
    {"salsa": {"members": [{"segment": "A"}]}},
    {"salsa": {"deleted": [{"id": "1"}]}},
    {"segmenter": {"segments": [{"name": "A", "persons": [{"firstName": "Ada"}]}]}},
    {"segmenter": {"persons": [{"email": "a@b.example", "substitutionTags": [{"tag": "x"}]}]}},
    {"stubs": [{"method": "GET"}]},
]


def schema_errors(name: str, document: Any) -> list[str]:
    """Return the error messages of *document* according to the schema *name*."""
    return [error.message for error in Draft202012Validator(SCHEMAS[name]).iter_errors(document)]


def yaml_blocks(page: str) -> list[Any]:
    """Return the parsed YAML blocks of a page of the reference."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]


@pytest.mark.parametrize("name", FILES)
def test_each_schema_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_the_shipped_data_file_fits_its_schema() -> None:
    assert [] == schema_errors("data", read_data("demo"))


def test_the_state_of_every_shipped_example_fits_the_schema() -> None:
    documents = {example.name: example.document["state"] for example in examples()}

    assert len(documents) > 40
    assert {} == {name: text for name, state in documents.items() if (text := schema_errors("data", state))}


@pytest.mark.parametrize("deleted", [False, True])
def test_an_exported_state_fits_the_schema(deleted: bool) -> None:
    """The state has records of both vendors, with and without deleted ids."""
    with SegmentMock(data="demo") as mock, mock.session() as session:
        group = mock.salsa.add_segment("New")
        body = {"payload": {"segments": [{"segmentId": group["segmentId"]}]}}
        session.delete("/api/integration/ext/v1/segments", json=body, headers={"authToken": "any"})
        state = mock.state(deleted=deleted)

    assert ("deleted" in state["salsa"]) is deleted
    assert [] == schema_errors("data", state)


@pytest.mark.parametrize("document", INVALID, ids=json.dumps)
def test_the_schema_refuses_data_that_a_mock_refuses(document: Any) -> None:
    with pytest.raises(SettingError):
        SegmentMock(data=document)

    assert schema_errors("data", document)


def test_empty_sections_fit_the_schema_and_can_be_loaded() -> None:
    document = {"salsa": None, "segmenter": {"segments": None, "persons": []}}
    SegmentMock(data=document)

    assert [] == schema_errors("data", document)


def test_files_of_scenarios_faults_and_stubs_fit_their_schemas() -> None:
    shipped = yaml.safe_load((fixtures() / "scenarios.yaml").read_text(encoding="utf-8"))
    rules = [rule for scenario in shipped.values() for rule in scenario["faults"]]

    assert [] == schema_errors("scenarios", shipped)
    assert [] == schema_errors("faults", rules)
    assert [] == schema_errors("stubs", [{"method": "GET", "path": "/x", "json": {"a": 1}}])
    assert schema_errors("scenarios", {"a": {"fautls": rules}})
    assert schema_errors("faults", [{"kind": "hangs"}])
    assert schema_errors("stubs", [{"method": "GET", "path": "/x", "jsno": 1}])


def test_settings_fit_the_schema_in_both_spellings() -> None:
    document = {"journal-size": 10, "journal_bytes": "10", "limits": False, "data": ["demo"], "tls": True, "seed": None}

    assert [] == schema_errors("settings", document)
    assert schema_errors("settings", {"journal-sise": 10})
    assert schema_errors("settings", {"port": 70_000})
    assert schema_errors("settings", {"credentials": "none"})


def test_files_shown_in_the_reference_fit_the_schemas_and_can_be_loaded() -> None:
    data, comment = yaml_blocks("data-files.md")
    (scenarios,) = yaml_blocks("scenarios.md")

    assert [] == schema_errors("data", data)
    assert [] == schema_errors("scenarios", scenarios)
    assert comment is None
    mock = SegmentMock(data=data, scenarios=scenarios)
    assert 1 == len(mock.salsa.members)
    assert 1 == len(mock.segmenter.persons)


@pytest.mark.parametrize("name", FILES)
def test_command_server_and_reference_have_the_same_schema(name: str) -> None:
    committed = json.loads((REFERENCE / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    with SegmentMock() as mock, mock.session() as session:
        served = session.get(f"/_mock/schemas/{name}.json").json()

    assert SCHEMAS[name] == committed
    assert SCHEMAS[name] == served
    assert SCHEMAS[name] == json.loads(CliRunner().invoke(main, ["schema", name]).stdout)


def test_an_unknown_schema_is_an_error_with_the_nearest_name() -> None:
    with SegmentMock() as mock, mock.session() as session:
        response = session.get("/_mock/schemas/date.json")

    assert 404 == response.status_code
    assert "did you mean 'data'?" in response.json()["detail"]
    assert 2 == CliRunner().invoke(main, ["schema", "date"]).exit_code


@pytest.mark.parametrize("name", ["demo.yaml", "scenarios.yaml"])
def test_shipped_files_name_their_schema(name: str) -> None:
    """A comment for editors has the path to a schema of the reference."""
    first = (fixtures() / name).read_text(encoding="utf-8").partition("\n")[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)

    assert match
    assert REFERENCE / "schemas" in (ROOT / "fixtures" / match[1]).resolve().parents


def test_a_json_file_may_have_a_schema_member(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text(json.dumps({"$schema": "data.schema.json", "salsa": {"segments": [{"name": "A"}]}}))

    assert ["A"] == [group["name"] for group in SegmentMock(data=str(file)).salsa.segments]
    assert [] == schema_errors("data", json.loads(file.read_text()))


def test_without_row_schemas_any_object_is_a_valid_row() -> None:
    vendor = next(replace(vendor, rows={}) for vendor in find_vendors() if vendor.name == "salsa")
    core: Any = SimpleNamespace(vendors={vendor.name: vendor})
    check = Draft202012Validator(file_schema("data", core)).is_valid

    assert check({"salsa": {"segments": [{"anything": 1}]}})
    assert not check({"salsa": {"segments": [1]}})
