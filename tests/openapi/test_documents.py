"""The OpenAPI documents: valid, whole, and what the server serves is what the command prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from segment_mock import create_app
from segment_mock.cli import main
from segment_mock.emulator import proofs
from segment_mock.faults import kinds
from segment_mock.vendors import found
from segment_mock.web.openapi._faults import _KINDS
from segment_mock.web.openapi._rows import ROWS

PLACES = {"salsa": "openapi/salsa.json", "segmenter": "openapi/segmenter.json", "mock": "openapi.json"}
CLIENT: FlaskClient = create_app().test_client()
DOCUMENTS = {name: CLIENT.get(f"/_mock/{place}").json for name, place in PLACES.items()}
VENDORS = {vendor.name: vendor for vendor in found()}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        yield from ((f"{method.upper()} {path}", row) for method, row in methods.items() if method != "parameters")


@pytest.mark.parametrize("name", PLACES)
def test_a_document_is_valid(name: str) -> None:
    """Each is OpenAPI 3.1 without an error."""
    assert "3.1.0" == DOCUMENTS[name]["openapi"]
    assert [] == [error.message for error in OpenAPIV31SpecValidator(DOCUMENTS[name]).iter_errors()]


@pytest.mark.parametrize("name", PLACES)
def test_the_command_prints_what_is_served(name: str) -> None:
    """``segment-mock openapi NAME`` and the control plane give one document."""
    assert DOCUMENTS[name] == json.loads(CliRunner().invoke(main, ["openapi", name]).stdout)


@pytest.mark.parametrize("name", VENDORS)
def test_every_operation_field_and_refusal_tells_its_source(name: str) -> None:
    """Operations, properties and refusals carry x-source and x-mark."""
    document, bare = DOCUMENTS[name], []
    for label, row in operations(document):
        refused = [told for reply in row["responses"].values() for told in reply.get("x-refusals", ())]
        bare += [label for told in (row, *refused) if not {"x-source", "x-mark"} <= told.keys()]
    for label, schema in document["components"]["schemas"].items():
        bare += [f"{label}.{key}" for key, told in schema["properties"].items() if "x-source" not in told]

    assert [] == bare


@pytest.mark.parametrize("name", VENDORS)
def test_every_row_and_status_is_there(name: str) -> None:
    """Each method and path of each operation, and each status that it may answer."""
    vendor, told = VENDORS[name], dict(operations(DOCUMENTS[name]))
    rows = {f"{row.method} {vendor.root}{path}": row for row in vendor.operations for path in row.paths}

    assert rows.keys() == told.keys()
    for label, row in rows.items():
        kinds_ = {"unauthorized", "too_large", "broken", *row.refuses, *(["malformed"] if row.request else [])}
        assert {"200", *(str(vendor.refusals[kind].status) for kind in kinds_)} <= told[label]["responses"].keys()


def test_limits_are_those_in_force() -> None:
    """Twenty items a call, and 429 for more; with --limits off neither."""
    path = "/api/integration/ext/v1/segments"
    free = create_app(limits="off").test_client().get("/_mock/openapi/salsa.json").json
    bound = DOCUMENTS["salsa"]

    assert 20 == bound["components"]["schemas"]["UpsertSegments"]["properties"]["segments"]["maxItems"]
    assert 20 == bound["components"]["schemas"]["SearchSegments"]["properties"]["count"]["maximum"]
    assert "maxItems" not in free["components"]["schemas"]["UpsertSegments"]["properties"]["segments"]
    assert ("429" in bound["paths"][path]["put"]["responses"], "429" in free["paths"][path]["put"]["responses"]) == (
        True,
        False,
    )


def test_the_path_that_was_chosen_is_the_documents() -> None:
    """--segmenter-path moves the paths; an id in the path is none of the body, without one it must be in the body."""
    paths = create_app(segmenter_path="/v2").test_client().get("/_mock/openapi/segmenter.json").json["paths"]
    bodies = [
        paths[path]["put"]["requestBody"]["content"]["application/json"]["schema"] for path in ("/v2", "/v2/{id}")
    ]

    assert ["/v2", "/v2/{id}"] == sorted(paths)
    assert {"required": ["id"]} in bodies[0]["allOf"]
    assert "id" not in DOCUMENTS["segmenter"]["components"]["schemas"]["UpdateSegmentWithoutId"]["properties"]
    assert bodies[1]["$ref"].endswith("UpdateSegmentWithoutId")


@pytest.mark.parametrize("name", VENDORS)
def test_examples_are_the_shipped_ones_and_fit(name: str) -> None:
    """Each example that succeeds stands at its operation, and its request is what the document asks for."""
    document, shown = DOCUMENTS[name], set()
    for _, row in operations(document):
        content = row.get("requestBody", {}).get("content", {}).get("application/json", {})
        for key, example in content.get("examples", {}).items():
            jsonschema.validate(example["value"], {**content["schema"], "components": document["components"]})
            shown.add(f"{name}/{key}")
    sent = {p.name for p in proofs() if p.status == 200 and "body" in p.told["request"] and p.name.startswith(name)}

    assert sent == shown


def test_every_view_of_the_control_plane_is_described() -> None:
    """No route is without a row, and no row without a route."""
    views = {rule.endpoint.partition(".")[2] for rule in create_app().url_map.iter_rules() if "_mock." in rule.endpoint}

    assert views == ROWS.keys()


def test_every_kind_of_fault_is_in_the_schema_of_a_rule() -> None:
    """By title, with a schema of each type of setting."""
    rules = DOCUMENTS["mock"]["components"]["schemas"]["Rule"]["anyOf"]

    assert kinds().keys() <= {rule.get("title") for rule in rules}
    assert all(_KINDS.values())


def test_the_page_needs_no_network() -> None:
    """It names the three documents, and every file that it loads is served from here."""
    with CLIENT.get("/_mock/docs") as reply:
        page = reply.text
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    for file in files:
        with CLIENT.get(f"/_mock/{file}") as reply:
            assert (200, True) == (reply.status_code, len(reply.data) > 1000)
    with CLIENT.get("/_mock/docs/nothing.js") as missing:
        assert (404, "application/problem+json") == (missing.status_code, missing.content_type)

    assert [f"docs/{name}" for name in ("swagger-ui.css", "swagger-ui-bundle.js")] == files[:2]
    assert all(f'"url": "{place}"' in page for place in PLACES.values())
    assert "//" not in page.replace("<!DOCTYPE", "")


def test_an_unknown_document_names_the_nearest() -> None:
    """A misspelt vendor is a problem with a way out."""
    reply = CLIENT.get("/_mock/openapi/salza.json")

    assert 404 == reply.status_code
    assert "did you mean 'salsa'?" in reply.json["detail"]


def test_a_document_tells_no_secret() -> None:
    """A token that the server was given stands in none of them."""
    client = create_app(admin_token="planted", credentials="listed", salsa_token=["planted"]).test_client()
    told = [client.get(f"/_mock/{place}", headers={"Authorization": "Bearer planted"}) for place in PLACES.values()]

    assert [200] * 3 == [reply.status_code for reply in told]
    assert "planted" not in "".join(reply.text for reply in told)
    assert [{"token": []}] == told[2].json["security"]
