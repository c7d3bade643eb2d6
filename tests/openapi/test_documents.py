"""The OpenAPI documents are valid and complete, and the server and the command return the same documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from keyword import iskeyword
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from segment_mock import create_app
from segment_mock.cli import main
from segment_mock.conform import differences
from segment_mock.core import Limits
from segment_mock.emulator import Emulator
from segment_mock.examples import shipped_examples
from segment_mock.faults import kinds
from segment_mock.vendors import find_vendors
from segment_mock.web.admin import all_views
from segment_mock.web.openapi import control_document, vendor_document
from segment_mock.web.openapi.control import SETTING_TYPES
from segment_mock.web.openapi.schemas import one_type_enums
from segment_mock.web.views import TRUE_OR_FALSE, Views, object_of

VENDORS = {vendor.name: vendor for vendor in find_vendors()}
PATHS = {**{name: f"openapi/{name}.json" for name in VENDORS}, "mock": "openapi.json"}
CLIENT: FlaskClient = create_app().test_client()
DOCUMENTS = {name: CLIENT.get(f"/_mock/{place}").json for name, place in PATHS.items()}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        yield from ((f"{method.upper()} {path}", row) for method, row in methods.items() if method != "parameters")


@pytest.mark.parametrize("name", PATHS)
def test_a_document_is_valid(name: str) -> None:
    """The documents follow OpenAPI 3.1."""
    assert "3.1.0" == DOCUMENTS[name]["openapi"]
    assert [] == [error.message for error in OpenAPIV31SpecValidator(DOCUMENTS[name]).iter_errors()]


@pytest.mark.parametrize("name", PATHS)
def test_the_command_prints_the_document_that_the_server_returns(name: str) -> None:
    assert DOCUMENTS[name] == json.loads(CliRunner().invoke(main, ["openapi", name]).stdout)


@pytest.mark.parametrize("name", VENDORS)
def test_every_operation_field_and_refusal_has_a_source(name: str) -> None:
    """The source is in the extensions x-source and x-mark."""
    document, bare = DOCUMENTS[name], []
    for label, row in operations(document):
        refusals = [refusal for response in row["responses"].values() for refusal in response.get("x-refusals", ())]
        bare += [label for part in (row, *refusals) if not {"x-source", "x-mark"} <= part.keys()]
    for label, schema in document["components"]["schemas"].items():
        bare += [f"{label}.{key}" for key, field in schema["properties"].items() if "x-source" not in field]

    assert [] == bare


@pytest.mark.parametrize("name", VENDORS)
def test_every_operation_path_and_status_is_described(name: str) -> None:
    vendor, described = VENDORS[name], dict(operations(DOCUMENTS[name]))
    rows = {f"{row.method} {vendor.root}{path}": row for row in vendor.operations for path in row.paths}

    assert rows.keys() == described.keys()
    for label, row in rows.items():
        kinds_ = {"unauthorized", "too_large", "broken", *row.refuses, *(["malformed"] if row.request else [])}
        assert {"200", *(str(vendor.refusals[kind].status) for kind in kinds_)} <= described[label]["responses"].keys()


def test_limits_depend_on_the_setting() -> None:
    """The default is twenty items a call and 429 for more; --limits off removes both."""
    path = "/api/integration/ext/v1/segments"
    unlimited = create_app(limits="off").test_client().get("/_mock/openapi/salsa.json").json
    limited = DOCUMENTS["salsa"]

    assert 20 == limited["components"]["schemas"]["UpsertSegments"]["properties"]["segments"]["maxItems"]
    assert 20 == limited["components"]["schemas"]["SearchSegments"]["properties"]["count"]["maximum"]
    assert "maxItems" not in unlimited["components"]["schemas"]["UpsertSegments"]["properties"]["segments"]
    assert (
        "429" in limited["paths"][path]["put"]["responses"],
        "429" in unlimited["paths"][path]["put"]["responses"],
    ) == (
        True,
        False,
    )


def test_limits_apply_to_a_vendor_without_an_envelope() -> None:
    segmenter = VENDORS["segmenter"]
    rows = tuple(replace(row, sized=("persons",)) for row in segmenter.operations if row.request)
    document = vendor_document(replace(segmenter, operations=rows, limits=Limits(items=7)), {})

    assert 7 == document["components"]["schemas"]["CreateSegment"]["properties"]["persons"]["maxItems"]


def test_the_setting_of_a_path_changes_the_document() -> None:
    """If the path has an id, the body has none."""
    paths = create_app(segmenter_path="/v2").test_client().get("/_mock/openapi/segmenter.json").json["paths"]
    bodies = [
        paths[path]["put"]["requestBody"]["content"]["application/json"]["schema"] for path in ("/v2", "/v2/{id}")
    ]

    assert ["/v2", "/v2/{id}"] == sorted(paths)
    assert {"required": ["id"]} in bodies[0]["allOf"]
    assert "id" not in DOCUMENTS["segmenter"]["components"]["schemas"]["UpdateSegmentWithoutId"]["properties"]
    assert bodies[1]["$ref"].endswith("UpdateSegmentWithoutId")


def examples(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str, dict[str, Any]]]:
    """Yield the label, schema, name and content of each example of a request or a response."""
    for label, row in operations(document):
        places = {"request": row.get("requestBody", {}), **row["responses"]}
        for place, body in places.items():
            for content in body.get("content", {}).values():
                for key, example in content.get("examples", {}).items():
                    yield f"{label} {place}", content["schema"], key, example


@pytest.mark.parametrize("name", VENDORS)
def test_every_example_fits_its_schema(name: str) -> None:
    """This applies to requests, and to responses of every status."""
    document, misfits, count = DOCUMENTS[name], [], 0
    for label, schema, key, example in examples(document):
        count += 1
        validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
        misfits += [f"{label} {key}: {error.message}" for error in validator.iter_errors(example["value"])]

    assert [] == misfits
    assert count > 0


@pytest.mark.parametrize("name", VENDORS)
def test_a_document_has_the_shipped_examples(name: str) -> None:
    """Each is an example of its operation, with the request and the complete response."""
    shipped = {row.name: row for row in shipped_examples() if row.name.startswith(f"{name}/")}
    request_names, reply_names = set(), set()
    for label, _, key, example in examples(DOCUMENTS[name]):
        response = shipped[f"{name}/{key}"].document["response"]
        if label.endswith(" request"):
            request_names.add(f"{name}/{key}")
        else:
            reply_names.add(f"{name}/{key}")
            assert [] == [*differences(response["body"], example["value"], response.get("any", ()))]

    assert request_names == {
        key for key, row in shipped.items() if row.status == 200 and "body" in row.document["request"]
    }
    assert reply_names == shipped.keys()


def enums(value: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema within *value* that has an enum."""
    if isinstance(value, dict):
        if isinstance(value.get("enum"), list):
            yield value
        for key, member in value.items():
            if key not in ("example", "examples", "default"):
                yield from enums(member)
    elif isinstance(value, list):
        for item in value:
            yield from enums(item)


@pytest.mark.parametrize("name", PATHS)
def test_an_enum_has_one_type_and_members_that_differ_in_more_than_case(name: str) -> None:
    """Client generators turn each enum into a class with a name for each member."""
    schemas = [*enums(DOCUMENTS[name])]

    for schema in schemas:
        choices = schema["enum"]
        assert isinstance(schema["type"], str)
        assert 1 == len({type(choice) for choice in choices})
        assert len(choices) == len({str(choice).lower() for choice in choices})


def test_a_mixed_enum_is_split_by_type() -> None:
    assert {"description": "d", "anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]} == one_type_enums(
        {"type": ["string", "null"], "enum": ["a", None], "description": "d"}
    )
    assert {"anyOf": [{"type": "boolean"}, {"type": "integer", "enum": [0, 1]}]} == one_type_enums(
        {"enum": [True, 0, False, 1]}
    )
    assert {"type": "string", "enum": ["a"]} == one_type_enums({"enum": ["a"]})
    assert {"default": {"enum": [1, "a"]}} == one_type_enums({"default": {"enum": [1, "a"]}})


@pytest.mark.parametrize("name", PATHS)
def test_operation_ids_are_unique_identifiers(name: str) -> None:
    """Client generators use an id as the name of a function and of a file."""
    ids = [row["operationId"] for _, row in operations(DOCUMENTS[name])]

    assert len(ids) == len({*ids})
    assert [] == [one for one in ids if not re.fullmatch("[a-z][a-z0-9_]*[a-z0-9]", one) or iskeyword(one)]


def test_every_view_of_the_control_plane_is_described() -> None:
    views = {rule.endpoint.partition(".")[2] for rule in create_app().url_map.iter_rules() if "_mock." in rule.endpoint}

    assert views == {view.name for view in all_views()}


@pytest.mark.parametrize(
    ("path", "texts", "missing"),
    [
        ("/widgets/<name>", {}, "name"),
        ("/widgets", {"query": {"colour": {"type": "string"}}}, "colour"),
    ],
)
def test_a_view_without_a_description_of_its_arguments_is_an_error(path: str, texts: Any, missing: str) -> None:
    def list_widgets() -> None:
        """Return every widget."""

    with pytest.raises(TypeError, match=f"^view list_widgets: no description of {missing}$"):
        Views().get(path, **texts)(list_widgets)  # type: ignore[arg-type]


def test_a_view_without_a_docstring_is_an_error() -> None:
    with pytest.raises(TypeError, match="the docstring is missing"):
        Views().get("/widgets")(lambda core: None)


def test_members_of_control_plane_responses_are_in_their_schemas() -> None:
    """Every member is described, except the settings of a fault."""
    client, document = create_app().test_client(), DOCUMENTS["mock"]
    client.post("/_mock/faults", json={"kind": "disconnect", "operation": "segmenter.update_segment"})
    segment = {"name": "A", "broadcastMediumId": "b", "segmentType": "s"}
    client.post("/segments", json=segment, headers={"x-api-key": "k"})
    with pytest.raises(ConnectionError):
        client.put("/segments", json={"id": "1"}, headers={"x-api-key": "k"})
    schemas = document["components"]["schemas"]
    for path in ("health", "vendors", "state", "faults", "faults/1", "journal", "journal/1", "journal/2", "clock"):
        response = client.get(f"/_mock/{path}").get_json()
        row = document["paths"][f"/_mock/{re.sub('[0-9]+', '{number}', path)}"]["get"]
        schema = row["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(response, {**schema, "components": document["components"]})
        assert response.keys() <= {*schemas[schema["$ref"].rpartition("/")[2]]["properties"], "reset", "after"}, path
    for entry in client.get("/_mock/journal").get_json()["entries"]:
        assert entry.keys() == schemas["JournalEntry"]["properties"].keys()


def test_a_view_is_described_by_its_decorator_and_docstring() -> None:
    """A new view needs nothing else to be in the document."""
    views = Views()

    @views.post(
        "/lamps/<int:number>",
        arguments={"number": "The lamp."},
        response=object_of("Lamp", on=TRUE_OR_FALSE),
        status=201,
        refuses=(404,),
    )
    def switch(core: Emulator, number: int) -> Any:
        """Switch a lamp on."""

    document = control_document(views, Emulator({}))
    row = document["paths"]["/_mock/lamps/{number}"]["post"]

    assert [] == [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
    assert ("switch", "Switch a lamp on.") == (row["operationId"], row["summary"])
    assert {"201", "400", "403", "404"} == row["responses"].keys()
    assert {"$ref": "#/components/schemas/Lamp"} == row["responses"]["201"]["content"]["application/json"]["schema"]
    assert {"type": "boolean"} == document["components"]["schemas"]["Lamp"]["properties"]["on"]


def test_every_kind_of_fault_is_in_the_schema_of_a_rule() -> None:
    """The schema has a constant for each kind, and a schema for each type of setting."""
    schemas = DOCUMENTS["mock"]["components"]["schemas"]
    rules = [schemas[rule["$ref"].rpartition("/")[2]] for rule in schemas["FaultRule"]["anyOf"]]

    assert kinds().keys() == {rule["properties"]["kind"].get("const") for rule in rules if "properties" in rule} - {
        None
    }
    assert all(SETTING_TYPES.values())


def test_the_page_of_the_documents_loads_only_local_files() -> None:
    """The page also lists every document."""
    with CLIENT.get("/_mock/docs") as response:
        page = response.text
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    for file in files:
        with CLIENT.get(f"/_mock/{file}") as response:
            assert (200, True) == (response.status_code, len(response.data) > 100)
    with CLIENT.get("/_mock/docs/nothing.js") as missing:
        assert (404, "application/problem+json") == (missing.status_code, missing.content_type)

    assert {f"docs/{name}" for name in ("swagger-ui.css", "swagger-ui-bundle.js")} <= {*files}
    assert {*PATHS.values()} == {row["url"] for row in CLIENT.get("/_mock/docs/documents").json["documents"]}
    assert "//" not in page.replace("<!DOCTYPE", "")


def test_an_unknown_document_is_404_with_the_nearest_name() -> None:
    response = CLIENT.get("/_mock/openapi/salza.json")

    assert 404 == response.status_code
    assert "did you mean 'salsa'?" in response.json["detail"]


def test_the_documents_contain_no_credentials() -> None:
    client = create_app(admin_token="planted", credentials="listed", salsa_token=["planted"]).test_client()
    responses = [client.get(f"/_mock/{place}", headers={"Authorization": "Bearer planted"}) for place in PATHS.values()]

    assert [200] * len(PATHS) == [response.status_code for response in responses]
    assert "planted" not in "".join(response.text for response in responses)
    assert [{"token": []}] == responses[-1].json["security"]
