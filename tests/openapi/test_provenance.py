"""Every rule names its source, and a response names the assumptions that its call relied on."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from segment_mock import SegmentMock, create_app
from segment_mock.catalogue import catalogue
from segment_mock.cli import main
from segment_mock.core import doubt, fields_of, known, mark, rule_of
from segment_mock.examples import shipped_examples
from segment_mock.vendors import find_vendors
from tests.docs_site.reference.pages import COMMAND
from tests.openapi.provenance_table import PAGE, with_current_table
from tests.openapi.sections import is_section

SALSA, KEY = "/api/integration/ext/v1", {"authToken": "t", "x-api-key": "k"}
ASSUMED, HINT = "X-Segment-Mock-Assumed", "X-Segment-Mock-Hint"
CATALOGUE = {vendor["name"]: vendor for vendor in catalogue(find_vendors(), {})["vendors"]}
LISTS = ("operations", "fields", "refusals", "item_errors")
ROWS = [row for vendor in CATALOGUE.values() for name in LISTS for row in vendor[name]]
PERSON = {"externalId": "1"}


def test_every_field_has_a_source() -> None:
    """This includes fields of requests, of responses and of refusals."""
    schemas = {
        f"{vendor.name}.{row.name}": schema
        for vendor in find_vendors()
        for row in (*vendor.operations,)
        for schema in (row.request, row.response)
        if schema is not None
    }
    schemas |= {f"{v.name}.{kind}": schema for v in find_vendors() for kind, schema in v.error_schemas.items()}
    bare = [(name, steps) for name, schema in schemas.items() for steps, row in fields_of(schema) if not row.metadata]

    assert [] == bare
    assert len(schemas) > 20


def test_a_documented_rule_names_an_existing_section() -> None:
    """The section must be in one of the vendors' documents."""
    documented = {row["source"] for row in ROWS if row["mark"] == "documented"}

    assert [] == [source for source in documented if not is_section(source)]
    assert not is_section("Salsa Engage, API - Groups Data Detail, Merging Segments")


def test_every_row_has_a_mark_and_existing_examples() -> None:
    """Every mark is used, and every shipped example proves a rule."""
    names = {example.name for example in shipped_examples()}

    assert {"documented", "recorded", "assumed"} == {row["mark"] for row in ROWS}
    assert names == {name for row in ROWS for name in row["examples"]}


def test_an_example_proves_the_fields_of_its_bodies() -> None:
    """A body must have a member at the path of the field."""
    fields = {(row["operation"], row["in"], row["path"]): row for row in CATALOGUE["salsa"]["fields"]}
    name = fields["salsa.upsert_segments", "request", "payload.segments[].name"]

    assert "string, required, not blank, at most 64 characters" == name["rule"]
    assert {"salsa/upsert", "salsa/upsert-name-taken"} <= {*name["examples"]}
    assert (
        "salsa/upsert-name-missing" in fields["salsa.upsert_segments", "reply", "payload.segments[].errors"]["examples"]
    )
    assert "salsa/delete" not in name["examples"]


def test_a_refusal_is_proved_by_an_example_of_its_status() -> None:
    """A refusal without an example is not proved, even if its status is documented."""
    refusals = {row["kind"]: row["examples"] for row in CATALOGUE["salsa"]["refusals"]}

    assert ["salsa/token-missing", "salsa/token-unknown"] == refusals["unauthorized"]
    assert [] == refusals["no_such_method"] == refusals["throttled"]


@pytest.mark.parametrize(
    ("source", "expected_mark", "expected_doubt"),
    [
        ("assumed", "assumed", "all"),
        ("recorded by a public client", "recorded", ""),
        ("A, B: status; body assumed", "documented", "body"),
        ("recorded; that it is what is left is assumed", "recorded", "that it is what is left"),
    ],
)
def test_a_source_has_a_mark_and_the_assumed_part(source: str, expected_mark: str, expected_doubt: str) -> None:
    assert (expected_mark, expected_doubt) == (mark(source), doubt(source))
    assert {"metadata": {"source": source}} == known(source)


def test_the_command_prints_every_rule() -> None:
    names = [row["name"] for vendor in CATALOGUE.values() for row in vendor["operations"]]
    texts = {name: CliRunner().invoke(main, ["vendors", name]).stdout for name in names}
    errors = CliRunner().invoke(main, ["vendors", "--errors"]).stdout
    (salsa,) = json.loads(CliRunner().invoke(main, ["vendors", "salsa", "--json"]).stdout)["vendors"]

    fields = [row for vendor in CATALOGUE.values() for row in vendor["fields"]]
    others = [row for vendor in CATALOGUE.values() for part in ("refusals", "item_errors") for row in vendor[part]]
    assert [] == [row for row in fields if row["path"].rpartition(".")[2] not in texts[row["operation"]]]
    assert [] == [row for row in fields if not row["ignored"] and row["source"] not in texts[row["operation"]]]
    assert [] == [row for row in others if row["source"] not in errors]
    assert salsa["fields"] == json.loads(json.dumps(CATALOGUE["salsa"]["fields"]))
    assert "documented: Salsa Engage, API - Groups Data Detail, Deleting Segments\n" in texts["salsa.delete_segments"]


def test_the_control_plane_has_the_rows_of_the_command() -> None:
    """GET /_mock/vendors returns the same rows as ``segment-mock vendors``."""
    served = create_app().test_client().get("/_mock/vendors").json["vendors"]

    assert [row["fields"] for row in served] == [row["fields"] for row in CATALOGUE.values()]


def test_the_page_has_the_current_table() -> None:
    marks = Counter(row["mark"] for row in ROWS if "path" in row and "operation" in row)
    text = PAGE.read_text(encoding="utf-8")

    assert with_current_table(text) == text, f"run `{COMMAND}`"
    assert f"{marks['assumed']} are assumed" in text


def search(payload: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    return "POST", f"{SALSA}/segments/search", {"payload": payload}


def upsert(**item: Any) -> tuple[str, str, dict[str, Any]]:
    return "PUT", f"{SALSA}/segments", {"payload": {"segments": [item]}}


@pytest.mark.parametrize(
    ("call", "assumed"),
    [
        (search({"offset": 0, "count": 20}), "empty_page: []"),
        (search({}), "page_size: 20; empty_page: []"),
        (search({"count": "x"}), "malformed: sentence"),
        (upsert(name="A"), None),
        (upsert(name="A" * 65), "too_long: code and message"),
        (("POST", f"{SALSA}/nowhere", {}), "no_such_operation: all"),
        (
            ("PUT", "/segments", {"id": "none"}),
            "update_segment: path; failure_shape: success-false; not_found: status and sentence",
        ),
        (
            ("POST", "/segments", {"name": "A", "broadcastMediumId": "b", "segmentType": "s", "tagId": "1"}),
            "create_segment: path; tagId",
        ),
    ],
)
def test_a_response_names_the_assumptions_of_its_call(
    call: tuple[str, str, dict[str, Any]], assumed: str | None
) -> None:
    """Operations, fields, items and refusals have assumptions; without any, the header is absent."""
    method, path, body = call
    response = SegmentMock().session().request(method, path, json=body, headers=KEY)

    assert assumed == response.headers.get(ASSUMED)


def test_a_line_break_in_a_request_does_not_add_a_header() -> None:
    """Values of requests are escaped and truncated in the mock's headers, on every transport."""
    body = {"payload": {"count": 1, "a\r\nX-Evil: 1": 1, "b" * 5000: 1}}
    with SegmentMock() as mock:
        path = f"{SALSA}/segments/search"
        live = requests.post(mock.serve().url + path, json=body, headers=KEY, timeout=5)
        local = mock.session().post(path, json=body, headers=KEY)
    flask = create_app().test_client().post(path, json=body, headers=KEY)

    for response in (live, local, flask):
        assert 200 == response.status_code
        assert "X-Evil" not in response.headers
        assert r"a\x0d\x0aX-Evil: 1" in response.headers[HINT]
        assert len(response.headers[HINT]) < 1100


def test_a_rule_is_described_in_words() -> None:
    """The description has the type, nullability, bounds and choices of the field."""
    rows = {
        steps[-1]: rule_of(row)
        for v in find_vendors()
        for o in v.operations
        if o.request
        for steps, row in fields_of(o.request)
        if not row.dump_only
    }

    assert "integer, or its digits as a string, may be null, at least 0" == rows["offset"]
    assert "string, may be null, one of MALE, FEMALE" in rows["gender"]
