"""The journal over the control plane: its entries, and restoring the records after one of them."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from typing import Any
from zlib import crc32

from flask import Response, request
from werkzeug.exceptions import BadRequest, Conflict, NotFound

from .. import __version__
from ..clock import iso
from ..core import Json
from ..emulator import Emulator
from ..har import har
from ..journal import Entry, undecided_note
from ..json_match import MAX_DEPTH, is_deep
from ..store import differences
from ..testing.capsule import capsule
from .views import (
    DATE_TIME,
    OBJECT,
    OK,
    TEXT,
    TRUE_OR_FALSE,
    WHOLE_NUMBER,
    Views,
    as_json,
    described,
    list_of,
    object_of,
)

views = Views()
_BOOLEANS = {"": True, "1": True, "true": True, "0": False, "false": False}
_MESSAGE = object_of("Message", headers={"type": "object", "additionalProperties": TEXT}, body={})
CHANGE = object_of("Change", table=TEXT, key={}, before={}, after={})
_ENTRY = object_of(
    "JournalEntry",
    id=WHOLE_NUMBER, time=DATE_TIME, vendor=TEXT, operation=TEXT, method=TEXT, path=TEXT, door=TEXT, organization=TEXT,
    status={"type": ["integer", "null"]}, outcome=TEXT, duration={"type": "number"}, refusal=TEXT, hint=TEXT,
    faults=list_of(TEXT), unread=list_of(TEXT), changes=list_of(CHANGE), caller=TEXT, test=TEXT, request=_MESSAGE,
    response=_MESSAGE,
)  # fmt: skip
_FILTERS: dict[str, Json] = {
    "vendor": described(TEXT, "Only calls of this vendor."),
    "operation": described(TEXT, "Only calls of this operation: a name with or without its vendor, or a glob."),
    "status": described(WHOLE_NUMBER, "Only responses with this status."),
    "fault": described(TEXT, "Only calls that a fault of this kind, or the rule with this id, struck."),
    "organization": described(TEXT, "Only calls of the organization with this name."),
    "after": described(DATE_TIME, "Only calls that began at this time or later."),
    "before": described(DATE_TIME, "Only calls that began before this time."),
    "json": described(TEXT, "A JSON value: members that the body of the request must have."),
    "exact": described(TRUE_OR_FALSE, "Whether the body must equal json."),
    "since": described(WHOLE_NUMBER, "Only entries with a higher id."),
    "limit": described({**WHOLE_NUMBER, "minimum": 0}, "Only the newest entries, at most this many."),
    "headers": described(TEXT, "A JSON object of headers and values that the request must have."),
    "query": described(TEXT, "A JSON object of query parameters and values that the request must have."),
}
_UNDECIDED = described(
    list_of(WHOLE_NUMBER), "Ids of calls that may match json, but whose body is longer than the journal keeps."
)
_ENTRY_ID = {"number": "The id, as the list has it."}
_EXACT: dict[str, Json] = {
    "form": described({"enum": ["plain", "exact"]}, "exact adds bodies as base64 and times without rounding.")
}


@views.get(
    "/journal",
    object_of("Journal", entries=list_of(_ENTRY), undecided=_UNDECIDED, forgotten=WHOLE_NUMBER, kept=TEXT),
    query=_FILTERS | _EXACT,
    refuses=(400,),
)
def list_journal(core: Emulator) -> Response:
    """Return the exchanges as their clients saw them, oldest first.

    With form=exact, each also has ``exact``: unrounded times, bodies as base64, and its position in the change log.
    """
    form = _form()
    entries, undecided = _requested_entries(core)
    return as_json({
        "entries": [form(entry) for entry in entries], "undecided": [entry.id for entry in undecided],
        "forgotten": core.journal.forgotten, "kept": core.journal.describe_contents(),
    })  # fmt: skip


_SUMMARY = object_of(
    "CallSummary",
    **{name: _ENTRY["properties"][name] for name in (
        "id", "time", "vendor", "operation", "method", "path", "door", "organization", "status", "outcome", "duration",
        "refusal", "hint", "faults", "unread", "caller", "test",
    )},
    changes=list_of(
        object_of("ChangeCount", table=TEXT, **dict.fromkeys(("added", "updated", "removed"), WHOLE_NUMBER))
    ),
    fingerprint=TEXT,
)  # fmt: skip


@views.get(
    "/journal/summary",
    object_of("JournalSummary", calls=list_of(_SUMMARY), undecided=_UNDECIDED, forgotten=WHOLE_NUMBER),
    query=_FILTERS,
    refuses=(400,),
)
def list_summaries(core: Emulator) -> Response:
    """Return a summary of each exchange, oldest first, without headers and bodies, and with counts of its changes.

    Calls of one operation with the same fingerprint have equal requests.
    """
    entries, undecided = _requested_entries(core)
    return as_json({
        "calls": [summary(entry) for entry in entries], "undecided": [entry.id for entry in undecided],
        "forgotten": core.journal.forgotten,
    })  # fmt: skip


def summary(entry: Entry) -> Json:
    """Return *entry* as a JSON-compatible dictionary without headers and bodies, and with counts of its changes."""
    tables: dict[str, Counter[str]] = {}
    for table, _, before, after in differences(entry.written):
        kind = "added" if before is None else "removed" if after is None else "updated"
        tables.setdefault(table, Counter())[kind] += 1
    changes = [
        {"table": table, **{kind: kinds[kind] for kind in ("added", "updated", "removed")}}
        for table, kinds in tables.items()
    ]
    request_checksum = crc32(entry.request_body, crc32(entry.target.encode("utf-8", "surrogatepass")))
    return {
        "id": entry.id, "time": iso(entry.time), "vendor": entry.vendor, "operation": entry.operation,
        "method": entry.method, "path": entry.target, "door": entry.door, "organization": entry.organization,
        "status": entry.status, "outcome": entry.outcome, "duration": round(entry.duration, 6),
        "refusal": entry.refusal, "hint": entry.hint, "faults": [*entry.faults], "unread": [*entry.unread],
        "caller": entry.caller, "test": entry.test, "changes": changes,
        "fingerprint": f"{request_checksum:08x}",
    }  # fmt: skip


@views.get(
    "/journal.har",
    object_of("HttpArchive", log=object_of("HttpArchiveLog", version=TEXT, creator=OBJECT, entries=list_of(OBJECT))),
    query=_FILTERS,
    refuses=(400,),
)
def get_har(core: Emulator) -> Response:
    """Return the exchanges in the HTTP Archive 1.2 format, which browsers' developer tools open."""
    entries, undecided = _requested_entries(core)
    return as_json(har(entries, __version__, undecided_note([entry.id for entry in undecided])))


@views.get("/journal/<int:number>", _ENTRY, arguments=_ENTRY_ID, query=_EXACT, refuses=(400, 404))
def get_journal_entry(core: Emulator, number: int) -> Response:
    """Return one exchange with the changes of records that it made."""
    entry = core.journal.get(number)
    if entry is None:
        raise NotFound(f"entry {number} is not in the journal: {core.journal.describe_contents()}")
    return as_json(_form()(entry))


@views.get(
    "/journal/<int:number>/changes",
    object_of("Changes", changes={"type": "object", "additionalProperties": list_of(CHANGE)}),
    arguments=_ENTRY_ID,
    refuses=(404, 409),
)
def get_changes_since_entry(core: Emulator, number: int) -> Response:
    """Return the changes of the records since one exchange, by table, such as ``salsa.segments``."""
    entry = core.journal.get(number)
    if entry is None:
        raise NotFound(f"entry {number} is not in the journal: {core.journal.describe_contents()}")
    if entry.end is None:
        raise Conflict(f"entry {number} is still open: {entry.operation} has not been answered yet")
    try:
        changes = core.differences_since(entry.end)
    except LookupError as error:
        raise Conflict(str(error)) from None
    return as_json({"changes": {table: [row._asdict() for row in rows] for table, rows in changes.items()}})


@views.post("/journal/<int:number>/rewind", arguments=_ENTRY_ID, refuses=(404, 409))
def rewind(core: Emulator, number: int) -> Response:
    """Restore all records to their state right after one exchange."""
    try:
        core.rewind(number)
    except LookupError as error:
        raise (Conflict if core.journal.get(number) else NotFound)(str(error)) from None
    return as_json(OK)


@views.get(
    "/capsule",
    OBJECT,
    query={"about": described(TEXT, "Title of the capsule, such as the id of a test.")},
    refuses=(409,),
)
def get_capsule(core: Emulator) -> Response:
    """Return a capsule for ``segment-mock replay``: records, seed, clock, faults and calls, without credentials."""
    try:
        return as_json(capsule(core, request.args.get("about", "")))
    except LookupError as error:
        raise Conflict(str(error)) from None


@views.delete("/journal")
def clear_journal(core: Emulator) -> Response:
    """Drop all exchanges."""
    core.journal.clear()
    return as_json(OK)


def _requested_entries(core: Emulator) -> tuple[list[Entry], list[Entry]]:
    """Return the entries that match the filters of the query, and those that may match."""
    filters = {name: _parse(name, text) for name, text in request.args.items() if name not in _EXACT}
    return core.entries(**filters)


def _form() -> Callable[[Entry], Json]:
    """Return the function that serializes an entry in the form of the query; raises BadRequest."""
    form = request.args.get("form", "plain")
    if form not in ("plain", "exact"):
        raise BadRequest(f"form: {form[:200]!r} is not plain or exact.")
    return _exact if form == "exact" else Entry.as_dict


def _exact(entry: Entry) -> Json:
    return {
        **entry.as_dict(),
        "exact": {
            "time": entry.time,
            "duration": entry.duration,
            "mark": entry.mark,
            "end": entry.end,
            "request_body": b64encode(entry.request_body).decode(),
            "response_body": b64encode(entry.response_body).decode(),
        },
    }


def _parse(name: str, text: str) -> Any:
    """Return the value of the filter *name*; raises BadRequest."""
    try:
        if _FILTERS.get(name, TEXT)["type"] == "integer":
            return int(text)
        if name == "exact":
            return _BOOLEANS[text.lower()]
        if name not in ("json", "headers", "query"):
            return text
        value = json.loads(text)
    except (KeyError, ValueError, RecursionError):
        kinds = {"exact": "true or false", **dict.fromkeys(("json", "headers", "query"), "JSON")}
        raise BadRequest(f"{name}: {text[:200]!r} is not {kinds.get(name, 'a whole number')}.") from None
    if is_deep(value):
        raise BadRequest(f"{name}: {text[:200]!r} is nested in more than {MAX_DEPTH} levels.")
    return value
