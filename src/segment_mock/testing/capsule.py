"""Capsules: the calls of a mock, with its initial state and its faults, as a JSON document that can be replayed."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from .. import __version__
from ..emulator import Emulator, Snapshot
from ..faults import Fault, FaultRule
from ..journal import BODY_LIMIT, Entry
from ..json_match import parsed
from ..store import Change, Row
from ..stubs import Stub

FORM = 1
"""The version of the form of capsules; it grows when older readers would misread a new capsule."""
CREDENTIAL = "replayed"
FORMS: Mapping[str, Callable[[Any], str]] = {
    "json": json.dumps,
    "compact": partial(json.dumps, separators=(",", ":"), ensure_ascii=False),
}
"""The ways in which clients write JSON; a capsule keeps bodies in both of them readable."""
ELSEWHERE = {
    "store",
    "standby",
    "host",
    "port",
    "data",
    "faults",
    "stubs",
    "scenario",
    "scenarios",
    "admin_token",
    "ready_file",
    "log_format",
    "time_scale",
}
"""Settings that do not affect the calls, or that a capsule has in another form."""


def capsule(emulator: Emulator, about: str = "") -> dict[str, Any]:
    """Return the capsule of *emulator* as a JSON-compatible dictionary.

    *about* is its title, such as the id of a test.

    It contains no credentials: the journal redacts them, and the lists of accepted ones are left out. Raises
    LookupError if the records before the first call can no longer be restored.
    """
    entries = [*emulator.journal]
    with emulator.world.lock:
        calls = [_call(emulator, entry, before) for entry, before in zip(entries, [None, *entries], strict=False)]
        return {
            "capsule": FORM,
            "segment_mock": __version__,
            "about": about,
            "settings": _settings(emulator),
            "frozen": emulator.world.clock.frozen,
            "forgotten": emulator.journal.forgotten,
            "data": _data(emulator, entries),
            "stubs": [stub for stub in map(_stub, emulator.stubs) if _is_json(stub)],
            "faults": [_rule(rule, entries) for rule in emulator.fault_rules.armed],
            "calls": calls,
        }


def response_of(entry: Entry) -> dict[str, Any]:
    """Return the response to a call in the form in which a replay compares it."""
    return {
        "status": entry.status,
        "outcome": entry.outcome,
        "body": _response_body(entry.response_body),
        "faults": [*entry.faults],
        "changes": [[change.table, change.before, change.after] for change in entry.changes],
    }


def _settings(emulator: Emulator) -> dict[str, Any]:
    keys = {f"{vendor.name}_{vendor.key_option}" for vendor in emulator.vendors.values()}
    settings = [(name, value) for name, value in emulator.settings.items() if name not in ELSEWHERE]
    return {name: [CREDENTIAL] if name in keys else value for name, value in settings if value not in (None, ())}


def _data(emulator: Emulator, entries: list[Entry]) -> dict[str, Any]:
    """Return the records of every organization before the first of *entries*; the mock is not changed."""
    now = Snapshot(emulator.world)
    log = emulator.world.log
    log.rollback(entries[0].mark if entries else now.mark)
    try:
        return {
            organization.name: emulator.document(organization.store, deleted=True)
            for organization in [emulator.world.look_up(), *emulator.world.recoverable()]
        }
    finally:
        log.rollback(now.mark)


def _rule(rule: FaultRule, entries: Iterable[Entry]) -> dict[str, Any]:
    """Return a rule in the form of ``--faults``, with the calls for which it was armed.

    A Python function can't be stored; a rule that matches by a function gets the list of the calls that it struck.
    """
    row: dict[str, Any] = {"id": rule.id, "since": rule.since, "until": rule.until, "armed": rule.armed}
    name = f"{rule.id} {rule.kind}"
    if not isinstance(rule.fault, Fault) or not _is_json(rule.fault.as_dict()):
        return {**row, "function": rule.kind, "fired": rule.fired}
    row |= {"rule": {**rule.fault.as_dict(), "operation": rule.operation}}
    if callable(rule.match) or not _is_json(rule.match):
        return {**row, "struck": [entry.id for entry in entries if name in entry.faults]}
    row["rule"] |= {"when": rule.when.as_dict()} | ({"match": rule.match} if rule.match else {})
    return row


def _stub(stub: Stub) -> dict[str, Any]:
    """Return a stub in the form of ``--stubs``, with a body of bytes as text if possible."""
    source, body = dict(stub.source), stub.source.get("body")
    if isinstance(body, bytes):
        with suppress(UnicodeDecodeError):
            source["body"] = body.decode()
    return source


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _call(emulator: Emulator, entry: Entry, before: Entry | None) -> dict[str, Any]:
    since = entry.mark if before is None else before.mark if before.end is None else before.end
    writes = [change for change in emulator.world.log.since(since) if change.sequence < entry.mark]
    refused = entry.refusal == "unauthorized" and not entry.faults
    return {
        "id": entry.id,
        "operation": entry.operation,
        "time": entry.time,
        "method": entry.method,
        "target": entry.target,
        "headers": dict(entry.request_headers),
        "credential": "" if refused else entry.organization or CREDENTIAL,
        "body": _body(entry.request_body),
        "whole": len(entry.request_body) < BODY_LIMIT,
        "before": [row for row in (_change_as_json(emulator, change) for change in writes) if row],
        "replaced": not all(isinstance(change.after, Row) for change in writes),
        "answer": response_of(entry),
    }


def _change_as_json(emulator: Emulator, change: Change) -> list[Any]:
    """Return a write without a call as (organization, table, key, record), or nothing if it replaced a whole table."""
    if not isinstance(change.after, Row):
        return []
    # A table does not know its vendor, and two vendors may use the same name.
    names = [vendor.table(schema.name) for vendor in emulator.vendors.values() for schema in vendor.tables]
    stores = [organization.store for organization in emulator.world if organization.name == change.organization]
    name = next(name for name in names for store in stores if store[name] is change.table)
    return [change.organization, name, change.key, change.after.record]


def _body(body: bytes) -> Mapping[str, Any]:
    """Return bytes in the most readable form that JSON allows and that restores the same bytes."""
    document = parsed(body)
    for name, dumped in FORMS.items():
        # With a lone surrogate, which is not valid UTF-8, the result differs from the bytes that were sent.
        if document is not None and dumped(document).encode("utf-8", "surrogatepass") == body:
            return {name: document}
    return _raw(body)


def _response_body(body: bytes) -> Mapping[str, Any]:
    """Return a response's bytes as JSON for reading and comparing; white space is not kept."""
    document = parsed(body)
    return _raw(body) if document is None else {"json": document}


def _raw(body: bytes) -> Mapping[str, Any]:
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(body).decode()}
