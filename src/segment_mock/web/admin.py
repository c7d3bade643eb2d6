"""The control plane under ``/_mock``: the API of the mock itself."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields
from functools import partial
from inspect import signature
from typing import Any

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound, RequestEntityTooLarge, Unauthorized

from ..catalogue import catalogue, public_settings
from ..core import Json, member_names
from ..core.call import hint_header
from ..emulator import Emulator
from ..examples import shipped_examples
from ..faults import WHEN, FaultRule, kinds, option
from ..hosts import host_of, is_loopback
from ..journal import EntryFilter
from ..json_match import brief, json_words
from ..persistence import StoreUnavailable
from ..settings import Option, SettingError, suggestion, unknown_name
from ..settings.files import DATA_FORM
from ..stubs import Stub
from ..wording import comma_list
from . import events, journal, metrics, page, records
from .views import (
    DATE_TIME,
    OBJECT,
    OK,
    OK_SCHEMA,
    TEXT,
    TRUE_OR_FALSE,
    WHOLE_NUMBER,
    View,
    ViewFunction,
    Views,
    add_safe_headers,
    as_json,
    component,
    described,
    http_problem,
    list_of,
    object_of,
    problem,
    read_json,
    read_object,
)

views = Views()
_HINTS = {
    "/_mock/faults": "`segment-mock faults` lists the kinds, their settings and the conditions of a rule",
    "/_mock/stubs": "a stub has method, path, json, body, status, headers, times",
    "/_mock/journal": "the filters are those of mock.journal.entries: operation, status, json, after ...",
}
_DATA_HINT = f"the form is that of a data file: {DATA_FORM}"


def control_plane(core: Emulator) -> Blueprint:
    """Return the control plane of *core*."""
    plane = Blueprint("_mock", __name__, url_prefix="/_mock")
    plane.before_request(partial(check_access, core.settings["admin_token"]))
    plane.before_request(check_query)
    plane.before_request(check_body)
    plane.before_request(partial(refuse_during_outage, core))
    plane.after_request(add_safe_headers)
    plane.after_request(partial(save_state, core))  # runs first, because it is added last
    plane.register_error_handler(HTTPException, http_problem)
    plane.register_error_handler(SettingError, _setting_problem)
    for view in all_views():
        plane.add_url_rule(view.path, view.name, partial(_answer, view.function, core), methods=[view.method])
    return plane


def _answer(view: ViewFunction, core: Emulator, **parts: Any) -> Response:
    with json_words():  # what an error quotes came as JSON
        return view(core, **parts)


def all_views() -> list[View]:
    """Return every view of the control plane."""
    return [*views, *journal.views, *metrics.views, *records.views, *events.views, *page.views]


def _setting_problem(error: SettingError) -> Response:
    hint = next((hint for path, hint in _HINTS.items() if request.path.startswith(path)), _DATA_HINT)
    return problem(400, "Bad Request", str(error), hint)


# Who may call: this machine, or a client with the token, but never a page of another site.


def check_access(token: str | None) -> None:
    """Refuse other machines, pages of other sites, and, if there is an admin *token*, calls without it.

    Raises Forbidden, Unauthorized, or RequestEntityTooLarge for a body that the transport discarded.
    """
    if request.endpoint in _PUBLIC:
        return
    host = request.headers.get("Host", "")
    # An origin also has a scheme, but the transport does not know its own.
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower().partition("://")[1:] != ("://", host.lower()):
        raise Forbidden("A page of another site must not call the control plane.")
    if token is not None and not _is_bearer(token):
        raise Unauthorized("Send the admin token: Authorization: Bearer TOKEN.")
    # Without a token, refuse other names than this machine's: a hostile name server may resolve them to it.
    if (
        token is None
        and request.environ.get("segment_mock.transport") != "inprocess"
        and not is_loopback(host_of(host))
    ):
        raise Forbidden(f"Host {host[:100]!r} is not this machine; with --admin-token, any Host is allowed.")
    if request.environ.get("segment_mock.too_large"):
        raise RequestEntityTooLarge


def check_query() -> None:
    """Raise BadRequest for an unknown query parameter, with the nearest name, and for a repeated one."""
    view = _VIEWS.get(request.endpoint or "")
    if view is None or not view.documented:
        return
    parameters = [*view.query]
    if "operation" in view.query:
        parameters += [row.name for row in fields(EntryFilter) if row.name not in parameters]
    for name in request.args:
        if name not in parameters:
            expected = f"expected one of {comma_list(parameters)}" if parameters else "expected no parameters"
            raise BadRequest(f"unknown parameter {brief(name)}{suggestion(name, parameters)}; {expected}")
        if len(request.args.getlist(name)) > 1:
            raise BadRequest(f"{name}: it is given {len(request.args.getlist(name))} times; expected one value")


def check_body() -> None:
    """Raise BadRequest for a body that its view does not read, which may be meant to limit what is removed."""
    view = _VIEWS.get(request.endpoint or "")
    if view is None or view.body is not None or not view.documented or request.method == "GET":
        return
    if request.get_data().strip() not in (b"", b"{}", b"null"):
        raise BadRequest(f"{request.method} {request.path} takes no body")


def refuse_during_outage(core: Emulator) -> Response | None:
    """Refuse calls that need the mock's state while its lasting store does not answer."""
    if request.endpoint in _WITHOUT_STATE:
        return None
    reason = core.outage
    g.readings = core.readings
    return _outage(reason) if reason else None


def save_state(core: Emulator, response: Response) -> Response:
    """Save the view's changes if the state lasts; return *response*, or a problem if saving fails."""
    if request.endpoint in _WITHOUT_STATE:
        return response
    try:
        core.save(g.get("readings"))
    except StoreUnavailable as error:
        response.close()
        return _outage(str(error))
    return response


def _outage(reason: str) -> Response:
    hint = "segment-mock answers again as soon as its store (--store) does"
    refusal = problem(503, "Store unavailable", f"{reason}.", hint)
    refusal.headers.extend({"Retry-After": "1", **hint_header(f"segment-mock: {reason}")})
    return refusal


def _is_bearer(token: str) -> bool:
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    # WSGI decodes bytes as Latin-1; clients send non-ASCII text as UTF-8 or as Latin-1.
    credential_bytes = credential.strip().encode("latin-1", "backslashreplace")
    tokens = {token.encode("utf-8", "surrogateescape")}
    with suppress(UnicodeEncodeError):
        tokens.add(token.encode("latin-1"))
    is_known = any([hmac.compare_digest(credential_bytes, candidate) for candidate in tokens])  # noqa: C419 - all of them, in constant time
    return is_known and scheme.lower() == "bearer"


# The whole mock.


@views.get("/health", public=True)
def get_health(core: Emulator) -> Response:
    """Report that the server is running. No token is needed."""
    return as_json(OK)


@views.get(
    "/ca.pem",
    TEXT,
    content_type="application/x-pem-file",
    refuses=(404,),
    public=True,
)
def get_ca_certificate(core: Emulator) -> Response:
    """Return the CA certificate of the called server, if it uses TLS or is a proxy."""
    server = request.environ.get("segment_mock.server")
    if server is None or server.ca_pem is None:
        raise NotFound("This server does not use TLS; start it with --tls or --proxy.")
    return Response(server.ca_pem, content_type="application/x-pem-file")


@views.get(
    "/vendors",
    object_of("Catalogue", vendors=list_of(OBJECT), settings=OBJECT),
)
def list_vendors(core: Emulator) -> Response:
    """Return everything that is emulated, the source of each rule, and the settings of the called server."""
    server = request.environ.get("segment_mock.server")
    return as_json(catalogue(core.vendors.values(), core.settings | (server.settings if server else {})))


@views.get("/settings", object_of("Settings", settings=OBJECT, vendors=list_of(TEXT), operations=list_of(TEXT)))
def get_settings(core: Emulator) -> Response:
    """Return the settings of the called server, and the names of its vendors and operations.

    A list of credentials is replaced by the number of its items.
    """
    server = request.environ.get("segment_mock.server")
    settings = public_settings(core.settings | (server.settings if server else {}))
    return as_json({"settings": settings, "vendors": [*core.vendors], "operations": core.routes.names()})


_EXAMPLE = object_of(
    "Example", name=TEXT, title=TEXT, mark=TEXT, source=TEXT, operation=TEXT, status=WHOLE_NUMBER, request=OBJECT
)  # fmt: skip


@views.get("/examples", object_of("Examples", examples=list_of(_EXAMPLE)))
def list_examples(core: Emulator) -> Response:
    """Return the shipped examples: the request of each, and the status of its response."""
    rows = [(example.name, example.operation, example.status, example.document) for example in shipped_examples()]
    names = ("title", "mark", "source", "request")
    return as_json(
        {
            "examples": [
                {
                    "name": name,
                    "operation": operation,
                    "status": status,
                    **{key: document.get(key, "") for key in names},
                }
                for name, operation, status, document in rows
            ]
        }
    )


@views.post("/reset")
def reset(core: Emulator) -> Response:
    """Return to the initial data; clear faults, journal, clock and rate limits."""
    core.reset()
    return as_json(OK)


# Records and snapshots.

_FLAG: Json = {"enum": ["true", "false"]}
_ORGANIZATION = {
    "organization": described(
        TEXT, "A credential of the organization, where each has its own (--credentials isolated)."
    )
}


@views.get(
    "/state",
    component("State"),
    query={**_ORGANIZATION, "deleted": described(_FLAG, "Whether to list the deleted ids too.")},
    refuses=(400,),
)
def get_state(core: Emulator) -> Response:
    """Return all records of one organization in the form of a data file, with the deleted ids on request."""
    return as_json(core.state(request.args.get("organization", ""), deleted=_is_true("deleted")))


@views.put(
    "/state",
    body=component("State"),
    query=_ORGANIZATION,
    refuses=(400, 413),
)
def replace_state(core: Emulator) -> Response:
    """Replace all records of one organization."""
    core.load(read_object(DATA_FORM), request.args.get("organization", ""))
    return as_json(OK)


_SNAPSHOT = {"name": TEXT, "mark": WHOLE_NUMBER}
_SNAPSHOT_NAME = {"name": "The name of the snapshot."}
_OF_SNAPSHOT = {"name": "$request.path.name"}


@views.get("/snapshots", object_of("Snapshots", snapshots=list_of(object_of("Snapshot", **_SNAPSHOT))))
def list_snapshots(core: Emulator) -> Response:
    """Return the named snapshots, oldest first, each with its position in the change log."""
    rows = [{"name": name, "mark": snapshot.mark} for name, snapshot in core.snapshots.items()]
    return as_json({"snapshots": rows})


@views.post(
    "/snapshots/<name>",
    arguments=_SNAPSHOT_NAME,
    response=object_of("TakenSnapshot", **OK_SCHEMA["properties"], **_SNAPSHOT),
    links=dict.fromkeys(("restore_snapshot", "remove_snapshot", "get_changes"), _OF_SNAPSHOT),
)
def take_snapshot(core: Emulator, name: str) -> Response:
    """Take a snapshot of the current records under a name."""
    return as_json({**OK, "name": name, "mark": core.snapshot(name).mark})


@views.delete("/snapshots/<name>", arguments=_SNAPSHOT_NAME, refuses=(404,))
def remove_snapshot(core: Emulator, name: str) -> Response:
    """Remove a snapshot."""
    if not core.remove_snapshot(name):
        raise NotFound(f"no snapshot is called {name!r}{suggestion(name, core.snapshots)}")
    return as_json(OK)


@views.get(
    "/snapshots/<name>/changes",
    object_of("Changes", changes={"type": "object", "additionalProperties": list_of(journal.CHANGE)}),
    arguments=_SNAPSHOT_NAME,
    refuses=(404,),
)
def get_changes(core: Emulator, name: str) -> Response:
    """Return the changes of the records since a snapshot, by table, such as ``salsa.segments``."""
    try:
        changes = core.changes_since(name)
    except LookupError as error:
        raise NotFound(str(error)) from None
    return as_json({"changes": {table: [row._asdict() for row in rows] for table, rows in changes.items()}})


@views.post("/snapshots/<name>/restore", arguments=_SNAPSHOT_NAME, refuses=(404,))
def restore_snapshot(core: Emulator, name: str) -> Response:
    """Restore all records from a snapshot."""
    try:
        core.restore(name)
    except LookupError as error:
        raise NotFound(str(error)) from None
    return as_json(OK)


@views.post(
    "/vendors/<vendor>/<member>",
    arguments={
        "vendor": "The name of the vendor.",
        "member": "A member of `mock.<vendor>` in Python, such as add_segment.",
    },
    response=object_of("Result", result={}),
    body={
        "title": "MemberCall",
        "type": "object",
        "properties": {"arguments": list_of({}), "keywords": OBJECT},
        "additionalProperties": False,
    },
    query=_ORGANIZATION,
    refuses=(400, 404),
)
def call_vendor_member(core: Emulator, vendor: str, member: str) -> Response:
    """Read or prepare a vendor's records without its API, like ``mock.<vendor>.<member>`` in Python.

    A member is a name such as segments or add_segment.
    """
    if vendor not in core.vendors:
        raise NotFound(f"{unknown_name('vendor', vendor, core.vendors)}.")
    state_class = core.vendors[vendor].state_class
    names = member_names(state_class)
    if member not in names:
        raise NotFound(
            f"{vendor} has no member {member!r}{suggestion(member, names)}; expected one of {comma_list(names)}."
        )
    body = read_object('{"arguments": ["Donors"], "keywords": {"externalSystemId": "1"}}', ("arguments", "keywords"))
    arguments, keywords = body.get("arguments", []), body.get("keywords", {})
    if not isinstance(arguments, list):
        raise BadRequest(f"arguments: expected a list, got {brief(arguments)}")
    if not isinstance(keywords, dict):
        raise BadRequest(f"keywords: expected an object, got {brief(keywords)}")
    state = core.vendor_state(vendor).of(request.args.get("organization", ""))
    try:
        if isinstance(getattr(state_class, member), property):
            signature(lambda: None).bind(*arguments, **keywords)
            return as_json({"result": getattr(state, member)})
        function = getattr(state, member)
        signature(function).bind(*arguments, **keywords)
        return as_json({"result": function(*arguments, **keywords)})
    except SettingError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise BadRequest(f"{vendor}.{member}: {error}") from None


# Faults.

_COUNTERS = dict.fromkeys(("seen", "matched", "fired", "suppressed", "since"), WHOLE_NUMBER)
_FAULT = object_of("ArmedFault", id=TEXT, kind=TEXT, operation=TEXT, when=OBJECT, **_COUNTERS, why=TEXT, where=TEXT,
                   armed={"type": "number"}, until={"type": ["integer", "null"]})  # fmt: skip
_RULE_ID = {"number": "The id, as the list has it."}
_REMOVED = {"removed": described(_FLAG, "Whether to include the rules that were removed since the last reset.")}
_FAULTS = object_of("ArmedFaults", faults=list_of(_FAULT))
_FIRST_FAULT = {"number": "$response.body#/faults/0/id"}


@views.get("/faults", _FAULTS, query=_REMOVED, refuses=(400,))
def list_faults(core: Emulator) -> Response:
    """Return the armed faults with their counters; removed=true adds removed faults.

    ``since`` and ``until`` are the ids of the journal's newest entry when a fault was armed and removed, and ``where``
    is the line that armed it. A reset, or removing all faults, also drops removed faults.
    """
    return as_json({"faults": [*map(_rule, _rules(core))]})


def _rules(core: Emulator) -> Iterable[FaultRule]:
    return core.fault_rules.armed if _is_true("removed") else core.fault_rules


def _rule(rule: FaultRule) -> Json:
    own = {"armed": rule.armed, "where": rule.where, "since": rule.since, "until": rule.until}
    return {**rule.as_dict(), **own}


def _is_true(name: str) -> bool:
    value = request.args.get(name, "false")
    if value not in ("true", "false"):
        raise BadRequest(f"{name}: {value[:200]!r} is not true or false.")
    return value == "true"


@views.post(
    "/faults",
    response=_FAULTS,
    status=201,
    body=component("FaultRules"),
    refuses=(400,),
    links={"get_fault": _FIRST_FAULT, "remove_fault": _FIRST_FAULT},
)
def add_faults(core: Emulator) -> Response:
    """Arm a fault, or several faults."""
    rules = core.fault_rules.load(read_json())
    return as_json({"faults": [*map(_rule, rules)]}, 201)


_STUB = object_of("Stub", method=TEXT, path=TEXT, status=WHOLE_NUMBER, headers={"type": ["object", "null"]}, json={},
                  body={"type": ["string", "null"]}, times={"type": ["integer", "null"]}, calls=WHOLE_NUMBER,
                  initial=TRUE_OR_FALSE, where=TEXT)  # fmt: skip
_STUB["required"] = ["method", "path", "calls", "initial", "where"]
_STUBS = object_of("Stubs", stubs=list_of(_STUB))


@views.get("/stubs", _STUBS)
def list_stubs(core: Emulator) -> Response:
    """Return the stubs, each with the number of calls that it has answered."""
    return as_json({"stubs": [_stub(core, stub) for stub in core.stubs]})


def _stub(core: Emulator, stub: Stub) -> Json:
    return {**stub.as_dict(), "initial": core.stubs.is_initial(stub), "where": stub.where}


@views.post("/stubs", response=_STUBS, status=201, body=component("StubRules"), refuses=(400,))
def add_stubs(core: Emulator) -> Response:
    """Add a stub, or several: a fixed response to calls that match no operation."""
    return as_json({"stubs": [_stub(core, stub) for stub in core.stubs.load(read_json())]}, 201)


@views.delete("/stubs")
def remove_all_stubs(core: Emulator) -> Response:
    """Remove all stubs."""
    core.stubs.clear()
    return as_json(OK)


_REFUSED = object_of("RefusedHosts", hosts={"type": "object", "additionalProperties": WHOLE_NUMBER})


@views.get("/refused", _REFUSED)
def list_refused_hosts(core: Emulator) -> Response:
    """Return the number of calls that the proxy refused, by host."""
    return as_json({"hosts": dict(core.refused)})


_SCENARIO = object_of("Scenario", name=TEXT, about=TEXT, faults=list_of(OBJECT))


_SETTING = object_of(
    "DeclaredSetting", name=TEXT, help=TEXT, type=TEXT, default={}, choices=list_of(TEXT), min={}, max={}
)  # fmt: skip
_KIND = object_of(
    "DeclaredFault", name=TEXT, about=TEXT, settings=list_of(_SETTING), operations=list_of(TEXT)
)  # fmt: skip


@views.get("/fault-kinds", object_of("FaultKinds", kinds=list_of(_KIND), conditions=list_of(_SETTING)))
def list_fault_kinds(core: Emulator) -> Response:
    """Return every kind of fault with its settings and the operations that it can strike, and the conditions."""
    operations = core.routes.operations()
    rows = [
        {
            "name": name,
            "about": " ".join((kind.__doc__ or "").split()),
            "settings": [_setting(option(row)) for row in fields(kind)],
            "operations": [operation for operation, row in operations.items() if kind().suits(row)],
        }
        for name, kind in kinds().items()
    ]
    return as_json({"kinds": rows, "conditions": [_setting(row) for row in WHEN]})


def _setting(row: Option) -> Json:
    """Return the declaration of a setting as plain data."""
    return {
        "name": row.name, "help": row.help, "type": row.kind.title, "default": row.initial, "choices": [*row.choices],
        "min": row.min, "max": row.max,
    }  # fmt: skip


@views.get("/scenarios", object_of("Scenarios", scenarios=list_of(_SCENARIO)))
def list_scenarios(core: Emulator) -> Response:
    """Return all scenarios that the setting ``scenario`` can name: the shipped scenarios, then the user's own."""
    return as_json({"scenarios": [{"name": name, **scenario} for name, scenario in core.scenarios().items()]})


@views.delete("/faults")
def remove_all_faults(core: Emulator) -> Response:
    """Disarm all faults."""
    core.fault_rules.clear()
    return as_json(OK)


def _no_fault(core: Emulator, number: str) -> str:
    ids = comma_list(rule.id for rule in core.fault_rules)
    return f"No fault has the id {number!r}; {f'the ids are {ids}' if ids else 'none is armed'}."


@views.get("/faults/<number>", _FAULT, arguments=_RULE_ID, query=_REMOVED, refuses=(400, 404))
def get_fault(core: Emulator, number: str) -> Response:
    """Return one fault with its counters; with removed=true, also a fault that was removed."""
    rule = next((rule for rule in _rules(core) if rule.id == number), None)
    if rule is None:
        raise NotFound(_no_fault(core, number))
    return as_json(_rule(rule))


@views.delete("/faults/<number>", arguments=_RULE_ID, refuses=(404,))
def remove_fault(core: Emulator, number: str) -> Response:
    """Disarm one fault."""
    if not core.fault_rules.remove(number):
        raise NotFound(_no_fault(core, number))
    return as_json(OK)


# The clock.

_CLOCK = object_of("Clock", now=DATE_TIME, frozen=TRUE_OR_FALSE)
_MOMENT = [DATE_TIME, {"type": "string", "format": "date"}, {"type": "number"}]
_CLOCK_CHANGE: Json = {
    "title": "ClockChange",
    "type": "object",
    "description": "One of freeze (true, false or a time), set (a time) and advance (seconds).",
    "properties": {
        "freeze": {"anyOf": [TRUE_OR_FALSE, *_MOMENT]},
        "set": {"anyOf": _MOMENT},
        "advance": {"type": "number", "minimum": 0},
    },
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}


@views.get("/clock", _CLOCK)
def get_clock(core: Emulator) -> Response:
    """Return the time of the mock's clock, and whether it is frozen."""
    return as_json({"now": core.world.clock.iso(), "frozen": core.world.clock.frozen})


@views.post("/clock", response=_CLOCK, body=_CLOCK_CHANGE, refuses=(400,))
def change_clock(core: Emulator) -> Response:
    """Freeze, set or advance the mock's clock."""
    body = read_object('{"advance": 60}', ("freeze", "set", "advance"))
    if len(body) != 1:
        actual = f"got {comma_list(map(repr, body))}" if body else "got an empty object"
        raise BadRequest(f"Expected one member, which is freeze, set or advance; {actual}.")
    try:
        for change, value in body.items():
            core.world.clock.turn(change, value)
    except (TypeError, ValueError) as error:
        place = "" if str(error).startswith(change) else f"{change}: "
        raise BadRequest(f"{place}{error}.") from None
    return get_clock(core)


# The OpenAPI documents.


@views.get("/openapi.json", OBJECT)
def get_control_plane_document(core: Emulator) -> Response:
    """Return the OpenAPI document of the control plane."""
    from .openapi import control_document  # imports apispec, which few runs need

    return as_json(control_document(all_views(), core))


@views.get("/openapi/<vendor>.json", OBJECT, arguments={"vendor": "The name of the vendor."}, refuses=(404,))
def get_vendor_document(core: Emulator, vendor: str) -> Response:
    """Return the OpenAPI document of a vendor."""
    from .openapi import vendor_document

    if vendor not in core.vendors:
        raise NotFound(f"{unknown_name('vendor', vendor, core.vendors)}.")
    return as_json(vendor_document(core.vendors[vendor], core.settings))


@views.get("/schemas/<file>.json", OBJECT, arguments={"file": "The kind of file."}, refuses=(404,))
def get_file_schema(core: Emulator, file: str) -> Response:
    """Return the JSON Schema of the files of one kind: data, faults, scenarios, stubs, or settings."""
    from .openapi import FILES, file_schema

    if file not in FILES:
        raise NotFound(f"{unknown_name('kind of file', file, FILES)}.")
    return as_json(file_schema(file, core))


_VIEWS = {f"_mock.{view.name}": view for view in all_views()}
_PUBLIC = frozenset(f"_mock.{view.name}" for view in all_views() if view.public)
_WITHOUT_STATE = _PUBLIC | {
    f"_mock.{name}"
    for name in (
        "list_vendors", "get_settings", "list_examples", "list_fault_kinds", "list_scenarios", "get_docs_list",
        "get_control_plane_document", "get_vendor_document", "get_file_schema",
    )
}  # fmt: skip
"""The views that work while the store does not answer."""
