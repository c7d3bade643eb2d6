"""Mistakes in a vendor's rows, names or functions: the error message, and when it is raised."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from segment_mock import SegmentMock, SettingError
from segment_mock.catalogue import catalogue
from segment_mock.core import Limits, all_options
from segment_mock.operation_reference import vendor_facts
from segment_mock.vendors import find_vendors
from segment_mock.vendors._checks import problems
from segment_mock.web.openapi import vendor_document
from tests.vendors.package import Install
from tests.waiting import PATIENCE, Output

TICKETS = Path(__file__).parents[2] / "examples" / "tickets" / "src"
MODULE = """
from dataclasses import replace
from pathlib import Path
from marshmallow import Schema, fields
from segment_mock.vendor_api import *
from segment_mock_tickets import VENDOR as V

def operation(**changes):
    return replace(V, operations=(replace(V.operations[0], **changes), *V.operations[1:]))

def refusal(**changes):
    return replace(V, refusals={**V.refusals, "not_found": replace(V.refusals["not_found"], **changes)})

def batch(**changes):
    return operation(items=replace(V.operations[0].items, **changes))

def option(*arguments, **keywords):
    return replace(V, options=(Option(*arguments, **keywords),))

async def coroutine_function(call, data):
    return {}

class Tree(Schema):
    name = fields.String()
    children = fields.List(fields.Nested(lambda: Tree()))

class Map(Schema):
    below = fields.Dict(values=fields.Nested(lambda: Map()))

class Two(Schema):
    pair = fields.Tuple((fields.String(), fields.Nested(lambda: Other())))

class Other(Schema):
    two = fields.Nested(lambda: Two())

def endless():
    return Schema.from_dict({"below": fields.Nested(endless)})

def nesting(field):
    return type("Nesting", (type(V.operations[0].request),), {"more": field})()

TABLE = V.tables[0]
"""
ROW = "operation create_tickets: "
FUNCTION = "expected a plain function of"
TUPLE = "expected a tuple, which for one item is (item,), got"
KINDS = "unknown 'not_foud' (did you mean 'not_found'?); expected one of unauthorized, throttled"

MISTAKES = {
    # Operations.
    "operation(name='create tickets')": "name 'create tickets': expected a letter, then",
    "operation(name='stub')": "name 'stub': expected a letter, then lower-case letters, digits and _, but",
    "operation(name='search_tickets')": "operations: search_tickets is listed twice",
    "operation(method='post')": f"{ROW}method: unknown 'post' (did you mean 'POST'?)",
    "operation(paths='/tickets')": f"operations[0].paths: {TUPLE} '/tickets'",
    "operation(paths=())": f"{ROW}paths: expected at least one path",
    "operation(paths=('tickets',))": f"{ROW}path 'tickets': expected '' or a path such as /items/{{id}}",
    "operation(paths=('/tickets?page=1',))": f"{ROW}path '/tickets?page=1': expected",
    "operation(paths=('/tickets/{id',))": f"{ROW}path '/tickets/{{id': expected",
    "operation(paths=('/tickets/{ticket-id}',))": f"{ROW}path '/tickets/{{ticket-id}}': expected",
    "operation(paths=('/tickets/{id}/{id}',))": f"{ROW}path '/tickets/{{id}}/{{id}}': id is listed twice",
    "operation(paths=('/tickets/search',))": "operations: POST /tickets/search is listed twice",
    "operation(method='PUT', paths=('/tickets/{key}',))": "operations: PUT /tickets/{} is listed twice",
    "operation(perform=None)": f"operations[0].perform: {FUNCTION} 2 arguments, got None",
    "operation(perform=lambda call: {})": f"operations[0].perform: {FUNCTION} 2 arguments, got <lambda>",
    "operation(perform=coroutine_function)": f"operations[0].perform: {FUNCTION} 2 arguments, got coroutine_function",
    "operation(source='')": f"{ROW}source: expected a section of a document",
    "operation(request=type(V.operations[0].request))": "expected an instance of Schema, got the class CreateTickets",
    "operation(request=None, items=None)": f"{ROW}sized: 'tickets' needs a schema of the request",
    "operation(sized='tickets')": f"operations[0].sized: {TUPLE} 'tickets'",
    "operation(sized=('tickts',))": f"{ROW}sized: unknown 'tickts' (did you mean 'tickets'?); expected one of tickets",
    "operation(refuses=('not_foud',))": f"operations[0].refuses[0]: {KINDS}",
    "operation(subject='ticket')": (
        f"{ROW}subject: no counter of the vendor begins with the word 'ticket'; name those that it counts in "
        "counters of the vendor, such as ticketRead, or leave subject out"
    ),
    "replace(operation(subject='tickt'), counters=('ticketAdd',))": (
        f"{ROW}subject: no counter of the vendor begins with the word 'tickt' (did you mean 'ticketAdd'?)"
    ),
    "replace(operation(subject='tick'), counters=('ticketAdd',))": "begins with the word 'tick' (did you mean",
    (
        "replace(V, counters=('ticketAdd',), operations=("
        "V.operations[0], replace(V.operations[0], name='import_tickets', paths=('/import',), subject='ticket')))"
    ): (
        f"{ROW}subject: expected the word with which the counters of its items begin, as in the other operations, such "
        "as ticket; or counted=False"
    ),
    "replace(operation(subject='ticket', request=None, sized=(), items=None), counters=('ticketAdd',))": (
        f"{ROW}subject: 'ticket' counts the results of items; add items, or leave subject out"
    ),
    "operation(items=None)": f"{ROW}items: the request has a list of items; name it in items=Items('tickets', ...)",
    "operation(response=None)": f"{ROW}items.answered: 'results' needs a schema of the response",
    "replace(V, counters='ticketAdd')": f"counters: {TUPLE} 'ticketAdd'",
    "operation(items='tickets')": "operations[0].items: expected an instance of Items, got 'tickets'",
    "batch(sent='tickts')": f"{ROW}items.sent: unknown 'tickts' (did you mean 'tickets'?)",
    "batch(answered='resuls')": f"{ROW}items.answered: unknown 'resuls' (did you mean 'results'?)",
    "batch(fail=lambda call: {})": f"operations[0].items.fail: {FUNCTION} 3 arguments",
    "replace(V, operations=V.operations[0])": f"operations: {TUPLE} an instance of Operation",
    "replace(V, operations=('x',))": "operations[0]: expected an instance of Operation, got 'x'",
    # Refusals.
    "replace(V, refusals={**V.refusals, 'not_foud': V.refusals['not_found']})": f"refusals: {KINDS}",
    "replace(V, refusals={**V.refusals, 'broken': 'Broken'})": "expected an instance of ErrorTemplate, got 'Broken'",
    "refusal(status='404')": "refusals['not_found'].status: expected a whole number, got '404'",
    "refusal(status=4)": "refusals['not_found'].status: expected a status from 200 to 599, got 4",
    "refusal(message='No {id')": "refusals['not_found'].message: 'No {id' has a wrong placeholder: expected '}'",
    "refusal(message='No {}')": "refusals['not_found'].message: placeholder {}: expected a name such as {path}",
    "replace(V, errors={'503': V.refusals['broken']})": "errors, key '503': expected a whole number",
    "replace(V, error_schemas={'not_foud': V.error_schemas['broken']})": f"error_schemas: {KINDS}",
    "replace(V, item_errors={'taken': 'Taken'})": "item_errors['taken']: expected an instance of ItemError",
    # Schemas.
    "operation(request=nesting(fields.Nested(Tree)))": (
        f"{ROW}request.more.children: the schema Tree nests itself without end; write "
        "Nested(lambda: Tree(exclude=('children',))) or Dict()"
    ),
    "operation(response=nesting(fields.List(fields.List(fields.Nested(Map)))))": (
        f"{ROW}response.more.below: the schema Map nests itself without end"
    ),
    "replace(V, error_schemas={'broken': Two()})": "error_schemas['broken'].pair.two: the schema Two nests itself",
    "replace(V, rows={'tickets': nesting(ItemList(Tree()))})": "rows['tickets'].more.children: the schema Tree nests",
    "operation(request=nesting(fields.Nested(endless)))": "levels; write Dict() there",
    "operation(request=nesting(fields.Nested('Missing')))": (
        f"{ROW}request.more: the nested schema can't be used: RegistryError: Class with name 'Missing' was not found"
    ),
    "operation(request=nesting(fields.Nested(int)))": f"{ROW}request.more: the nested schema can't be used: ValueError",
    "operation(request=nesting(fields.Nested(lambda: 1 / 0)))": "can't be used: ZeroDivisionError: division by zero",
    # Tables and their rows.
    "replace(V, tables=(TABLE, TABLE))": "tables: tickets is listed twice",
    "replace(V, tables=(replace(TABLE, name='All'),), rows={})": "table 'All': expected a letter, then",
    "replace(V, tables=(replace(TABLE, indexes=TABLE.indexes * 2),))": "table tickets: indexes: subject is listed",
    "replace(V, rows={'tickts': V.rows['tickets']})": "rows: unknown 'tickts' (did you mean 'tickets'?)",
    "replace(V, load=lambda document: {})": f"load: {FUNCTION} 2 arguments",
    "replace(V, state_class=dict)": "state_class: expected a subclass of VendorState, got the class dict",
    # Settings and assumptions.
    "option('key', 'A.')": "options: key is listed twice",
    "option('a-b', 'A.')": "option 'a-b': expected a letter, then lower-case letters, digits and _",
    "option('a', 'A.', 'z', choices=('x', 'y'))": "option a: 'z' is not one of x, y",
    "option('a', 'A.', 1, int)": "options[0].kind: expected an instance of OptionType, got the class int",
    "replace(option('greeting', 'A.'), assumptions={'x': Assumption('R.', 1, 'W.', setting='greting')})": (
        "assumptions['x'].setting: unknown 'greting' (did you mean 'greeting'?)"
    ),
    "replace(V, assumptions={'x': Assumption('R.', 1, 'W.', setting='a')})": "unknown 'a'; the vendor has none",
    "replace(V, assumptions={'x': Assumption('R.', 1, 'W.', operations=('search_tickts',))})": (
        "assumptions['x'].operations: unknown 'search_tickts' (did you mean 'search_tickets'?)"
    ),
    # The vendor itself.
    "replace(V, title='')": "title: expected text for people to read, got ''",
    "replace(V, hosts='api.tickets.example')": f"hosts: {TUPLE} 'api.tickets.example'",
    "replace(V, hosts=())": "hosts: expected at least one host",
    "replace(V, hosts=('https://api.tickets.example',))": "host 'https://api.tickets.example': expected a host",
    "replace(V, root='/api/')": "root '/api/': expected a path such as /api",
    "replace(V, root='/')": "without a slash at its end, or '' for a vendor whose paths have no common beginning",
    "replace(operation(paths=('/_mock/x',)), root='')": (
        "operation create_tickets: path '/_mock/x': /_mock is the control plane of the mock"
    ),
    "replace(V, key_header='x-api-key:')": "key_header 'x-api-key:': expected the name of a header",
    "replace(V, wrap=lambda result: result)": f"wrap: {FUNCTION} 2 arguments",
    "replace(V, unwrap=lambda: {})": f"unwrap: {FUNCTION} 1 argument, got <lambda>",
    "replace(V, limits=None)": "limits: expected an instance of Limits, got None",
    "replace(V, limits=Limits(calls=0))": "limits.calls: expected a number above 0, got 0",
    "replace(V, examples=Path('nowhere'))": "examples: no folder 'nowhere'",
    "replace(V, examples='fixtures')": "examples: expected an instance of Path, got 'fixtures'",
    "replace(V, api='1')": "api: expected a whole number, got '1'",
}
DEFECTS = {
    "operation(perform=lambda call, data: None)": "TypeError: the operation returned None; return a dictionary, {} for",
    "operation(perform=lambda call, data: call.rows('tickts'))": "unknown table 'tickets.tickts'; expected one of",
    "operation(perform=lambda call, data: call.assume('x'))": "unknown assumption 'x'",
    "operation(perform=lambda call, data: call.arguments['id'])": "KeyError: 'id'",
    "operation(perform=lambda call, data: Refusal('not_foud'))": "unknown kind of refusal 'not_foud' (did you mean",
    "replace(V, wrap=lambda call, result: {1: object()})": "TypeError: ",
    "replace(operation(perform=lambda call, data: 1 / 0), state_class=VendorState)": "ZeroDivisionError",
    "replace(V, unwrap=lambda body: body['payload'], limits=Limits(items=1))": "KeyError: 'payload'",
}
UNUSABLE_LOADS = {
    "lambda document, world: {}": "load returned {}; expected InitialRecords of each of tickets",
    "lambda document, world: None": "load returned None; expected InitialRecords of each of tickets",
    "lambda document, world: {'tickets': []}": "load returned {'tickets': []}; expected InitialRecords",
    "lambda document, world: document['x']": "load failed: KeyError: 'x'",
}


@pytest.fixture
def tickets(install: Install, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that installs a changed tickets vendor: the value of an expression with names of `MODULE`."""
    monkeypatch.syspath_prepend(TICKETS)
    return lambda expression: install(f"{MODULE}\nVENDOR = {expression}\n", name="tickets")


@pytest.mark.parametrize("vendor", find_vendors(), ids=lambda vendor: vendor.name)
def test_shipped_vendors_have_no_mistake(vendor: Any) -> None:
    assert [] == [*problems(vendor)]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_vendor_is_an_error_at_start_that_names_its_place(mistake: str, tickets: Any) -> None:
    tickets(mistake)

    with pytest.raises(SettingError) as error:
        SegmentMock()

    assert str(error.value).startswith("vendor tickets of package hallo-mock (hallo_mock): ")
    assert MISTAKES[mistake] in str(error.value)


def test_a_schema_may_nest_itself_to_a_certain_level(tickets: Any) -> None:
    """The inner schema omits the field that would nest it again."""
    inner = "Tree(exclude=('children',))"
    outer = f"type('Outer', (Tree,), {{'children': fields.List(fields.Nested(lambda: {inner}))}})"
    tickets(f"replace(operation(request=nesting(fields.Nested({outer}))), examples=None)")

    with SegmentMock() as mock, mock.session() as session:
        body = {"tickets": [], "more": {"name": "root", "children": [{"name": "leaf"}]}}
        response = session.post("/api/v2/tickets", json=body, headers={"x-api-key": "k"})

    assert (200, "") == (response.status_code, response.headers.get("X-Segment-Mock-Hint", ""))


def test_a_vendor_that_counts_only_calls_needs_no_subject(tickets: Any) -> None:
    tickets("replace(V, counters=('calls',))")

    with SegmentMock() as mock:
        assert not [*mock.state()["tickets"]["tickets"]]


@pytest.mark.parametrize("load", UNUSABLE_LOADS)
def test_unusable_initial_records_are_an_error_at_start(load: str, tickets: Any) -> None:
    tickets(f"replace(V, load={load})")

    with pytest.raises(SettingError) as error:
        SegmentMock()

    assert str(error.value).startswith(f"tickets: {UNUSABLE_LOADS[load]}")


@pytest.mark.parametrize("expression", DEFECTS)
def test_an_exception_in_an_operation_is_an_error_500_that_names_the_vendor(
    expression: str, tickets: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The body has the vendor's format, the hint has the error, and the log has the traceback."""
    tickets(expression)
    with SegmentMock(limits="vendor") as mock, mock.session() as session, caplog.at_level(logging.ERROR):
        response = session.post("/api/v2/tickets", json={"tickets": []}, headers={"x-api-key": "k"})

    hint = response.headers["X-Segment-Mock-Hint"]
    assert (500, {"error": "Internal Server Error", "field": ""}) == (response.status_code, response.json())
    assert hint.startswith("this is a defect of the vendor tickets: ")
    assert DEFECTS[expression] in hint
    assert caplog.records[0].exc_info


@pytest.mark.parametrize(
    "expression",
    [
        "replace(V, render_error=lambda call, row, sentence, refusal: {'error': sentence})",
        "replace(V, details=lambda call: None)",
        "replace(V, count=lambda call, result: 1 / 0)",
    ],
)
def test_an_exception_while_rendering_a_refusal_is_an_error_500(expression: str, tickets: Any) -> None:
    tickets(expression)
    with SegmentMock() as mock, mock.session() as session:
        response = session.post("/api/v2/tickets", json={}, headers={"x-api-key": "k"})
        entry = mock.journal.entries()[-1]

    assert (500, 500) == (response.status_code, entry.status)
    assert "this is a defect of the vendor tickets: " in response.headers["X-Segment-Mock-Hint"]


def test_a_list_of_items_that_items_cannot_name_is_a_list_like_any_other(tickets: Any) -> None:
    """It is in an object within an object, so that it is neither in the body nor in the vendor's envelope."""
    search = "V.operations[1]"
    lines = "type('Lines', (Schema,), {'parts': V.operations[0].request.fields['tickets']})"
    order = f"type('Order', (Schema,), {{'lines': fields.Nested({lines})}})"
    request = f"type('Search', (type({search}.request),), {{'order': fields.Nested({order})}})()"
    tickets(f"replace(V, operations=(V.operations[0], replace({search}, request={request}), *V.operations[2:]))")

    with SegmentMock() as mock, mock.session() as session:
        body = {"order": {"lines": {"parts": []}}}
        response = session.post("/api/v2/tickets/search", json=body, headers={"x-api-key": "k"})

    assert (200, []) == (response.status_code, response.json()["tickets"])


def test_a_path_argument_need_not_be_a_member_of_the_body(tickets: Any) -> None:
    tickets("replace(operation(paths=('/{queue}/tickets.json',)), examples=None)")
    vendor = next(vendor for vendor in find_vendors() if vendor.name == "tickets")

    paths = vendor_document(vendor, {})["paths"]

    assert ["queue"] == [row["name"] for row in paths["/api/v2/{queue}/tickets.json"]["parameters"]]
    assert "/api/v2/tickets/{id}" in paths


def test_a_vendor_without_a_root_gets_its_own_paths_and_all_paths_of_its_host(tickets: Any) -> None:
    tickets("replace(V, root='', examples=None)")
    vendor = next(vendor for vendor in find_vendors() if vendor.name == "tickets")
    with SegmentMock() as mock, mock.session() as session:
        headers, host = {"x-api-key": "k"}, {"Host": "eu.tickets.example"}
        rows = (("/tickets", {}), ("/tickets", host), ("/tickets/", {}), ("/nothing", {}), ("/nothing", host))
        for path, more in rows:
            session.post(path, json={"tickets": []}, headers={**headers, **more})
        session.post("/segments", json={}, headers=headers)
        session.post("/api/integration/ext/v1/segments/search", json={}, headers=headers)
        calls = [(entry.operation, entry.status) for entry in mock.journal]

    assert calls == [
        ("tickets.create_tickets", 200),
        ("tickets.create_tickets", 200),
        ("tickets.no_such_operation", 404),
        ("unmatched", 404),
        ("tickets.no_such_operation", 404),
        ("segmenter.create_segment", 400),
        ("salsa.search_segments", 401),
    ]
    assert "/tickets/{id}" in vendor_document(vendor, {})["paths"]


def test_openapi_and_reference_omit_credentials_of_a_vendor_without_them(tickets: Any) -> None:
    tickets("replace(V, key_header='', examples=None)")
    vendor = next(vendor for vendor in find_vendors() if vendor.name == "tickets")

    document = vendor_document(vendor, {})

    assert [] == document["security"]
    assert "securitySchemes" not in document["components"]
    (row,) = catalogue([vendor], {})["vendors"]
    assert ("Credential", "none") in vendor_facts(row)


@pytest.mark.slow
def test_the_banner_names_no_header_of_a_vendor_without_a_credential(install: Install, tmp_path: Path) -> None:
    folder = install(f"{MODULE}\nVENDOR = replace(V, key_header='')\n", name="tickets")
    paths = os.pathsep.join([str(folder), str(TICKETS)])
    process = subprocess.Popen(
        [sys.executable, "-m", "segment_mock", "serve", "--port", "0"],
        env={**os.environ, "PYTHONPATH": paths}, cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    output = Output(process.stderr)
    try:
        assert "(no credential)" in output.wait_for("Page ")
    finally:
        process.terminate()
        process.wait(PATIENCE)
        output.close()


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(calls=5, seconds=60, source="D"), "5 calls in 60 seconds (documented: D)"),
        (Limits(items=20, source="D"), "20 items a call (documented: D)"),
        (Limits(calls=5, seconds=1.5, items=20, source="D"), "5 calls in 1.5 seconds, 20 items a call (documented: D)"),
        (Limits(), "none known"),
    ],
)
def test_the_reference_lists_the_limits_of_a_vendor(limits: Limits, words: str) -> None:
    (row,) = catalogue([replace(find_vendors()[0], limits=limits)], {})["vendors"]

    assert ("Limits", words) in vendor_facts(row)


def test_the_flag_for_credentials_exists_on_the_command_line() -> None:
    vendor = replace(find_vendors()[0], name="help_desk", key_option="token")

    assert "help-desk-token" == vendor.key_flag
    assert f"--{vendor.key_flag}" in [option.flag for option in all_options([vendor])]
