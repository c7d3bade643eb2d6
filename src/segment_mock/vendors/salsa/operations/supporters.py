"""Supporters: search, add or update, delete, and the groups they are in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from ....clock import iso
from ....core import Call, Json, Validator
from ....store import Record
from ..errors import item_error, judge
from ..schemas import ordered
from ..schemas.supporters import SUPPORTER_ORDER, TEXTS, SupporterItem, SupporterKey
from ._common import UNKNOWN, answers, listed, missing, note_zones, page, revivable, told
from .segments import shown

_ITEM, _KEY = Validator(SupporterItem()), Validator(SupporterKey())
_WRITABLE = (*TEXTS, "address", "contacts", "customFieldValues")


def search(call: Call, data: Json) -> Json:
    """Return the supporters of the identifiers in the order asked, or those modified within a time by page."""
    payload = data["payload"]
    if payload.get("identifiers") is not None:
        return listed(call, "supporters", _identified(call, payload, _found))
    rows, (offset, count) = _modified(call, payload), page(call, payload)
    found = [_found(row) for row in rows[offset : offset + count]]
    return {"total": len(rows), "offset": offset, **listed(call, "supporters", found)}


def upsert(call: Call, data: Json) -> Json:
    """Add or update each supporter in sequence; without an id the e-mail address tells who it is."""
    return listed(call, "supporters", call.each(data["payload"]["supporters"], partial(_upsert, call)))


def delete(call: Call, data: Json) -> Json:
    """Delete each supporter in sequence, and the memberships with it."""
    return listed(call, "supporters", call.each(data["payload"]["supporters"], partial(_delete, call)))


def groups(call: Call, data: Json) -> Json:
    """Return the groups of each supporter asked for; the count is of supporters."""
    payload = data["payload"]
    if payload.get("identifiers") is not None:
        return listed(call, "results", _identified(call, payload, partial(_belonging, call)))
    rows, (offset, count) = _modified(call, payload), page(call, payload)
    return listed(call, "results", [_belonging(call, row) for row in rows[offset : offset + count]])


def emails(supporter: Json) -> list[str]:
    """Return a supporter's e-mail addresses in lower case."""
    contacts = supporter.get("contacts") or ()
    return [contact["value"].lower() for contact in contacts if contact["type"] == "EMAIL" and contact.get("value")]


def _identified(call: Call, payload: Json, show: Callable[[Record], Json]) -> list[Json]:
    """Return what *show* makes of each supporter that an identifier means; one may mean several."""
    kind = payload["identifierType"]
    return answers(
        call,
        payload,
        kind,
        payload["identifiers"],
        lambda identifier: [show(row) for row in _meant(call, kind, identifier)],
    )


def _meant(call: Call, kind: str, identifier: str) -> list[Record]:
    supporters = call.rows("supporters")
    if kind == "SUPPORTER_ID":
        row = supporters.get(identifier.lower())
        return [row] if row else []
    if kind == "EXTERNAL_ID":
        return supporters.find("externalSystemId", identifier)
    rows = supporters.find("email", identifier.lower())
    note_email_case(call, identifier, rows)
    return rows


def note_email_case(call: Call, address: str, supporters: list[Record]) -> None:
    """Name the assumption about the case of addresses if one of *supporters* has *address* in another case only."""
    if any(address not in [contact.get("value") for contact in row["contacts"]] for row in supporters):
        call.assume("email_case")


def _modified(call: Call, payload: Json) -> list[Record]:
    # Every record's times have one form, in which text sorts as time does: no page has to read them all.
    first, last = iso(payload["modifiedFrom"]), payload.get("modifiedTo")
    note_zones(call, "modifiedFrom", "modifiedTo")
    final = "~" if last is None else iso(last)
    return [row for row in call.rows("supporters") if first <= row["lastModified"] <= final]


def _found(row: Record) -> Json:
    return ordered({**row, "result": "FOUND"}, SUPPORTER_ORDER)


def _belonging(call: Call, row: Record) -> Json:
    segments, key = call.rows("segments"), row["supporterId"]
    memberships = call.rows("members").find("supporterId", key)
    mine = [shown(segments.get(member["segmentId"]) or {}, "FOUND") for member in memberships]
    return {"supporterId": key, "segments": mine, "result": "FOUND"}


def _upsert(call: Call, item: Json) -> Json:
    supporters, errors = call.rows("supporters"), judge(call, _ITEM, item)
    if errors:
        return _failed(item, "VALIDATION_ERROR", errors)
    item, sent = cast("Json", _ITEM.schema.load(item)), item
    key = (item.get("supporterId") or "").lower()
    namesakes = [row for address in emails(item) for row in supporters.find("email", address)]
    mine = supporters.get(key) if key else next(iter(namesakes), None)
    if not key and len({row["supporterId"] for row in namesakes}) > 1:
        call.assume("shared_email")
    if key and mine is None and not revivable(call, "supporters", key):
        call.hints.append(UNKNOWN)
        return _failed(sent, "NOT_FOUND")
    if _causes_duplicate(call, item, mine):
        return _failed(sent, "VALIDATION_ERROR", [item_error(call, "not_unique", "contacts")])
    row = supporters.put(_record(call, key, mine, item))
    return ordered({**row, "result": "UPDATED" if mine else "ADDED"}, SUPPORTER_ORDER)


def _causes_duplicate(call: Call, item: Json, mine: Record | None) -> bool:
    # Supporters are told apart by address, so a call can't give one person's to another. People
    # who share one already may keep it: only what this call would cause is refused.
    held = emails(mine or {})
    return any(call.rows("supporters").count("email", address) for address in emails(item) if address not in held)


def _record(call: Call, key: str, mine: Record | None, item: Json) -> Record:
    now = call.world.clock.iso()
    kept = mine or {
        "supporterId": key or call.new_id("supporters"), "createdDate": now, "readOnly": False,
    }  # fmt: skip
    # There are no partial updates of supporters: what is not sent is cleared.
    always: Json = {"address": {}, "contacts": [], "customFieldValues": [], "lastModified": now}
    sent = {name: told(item[name]) for name in _WRITABLE if item.get(name) is not None}
    return {**{name: kept[name] for name in ("supporterId", "createdDate", "readOnly")}, **always, **sent}


def _delete(call: Call, item: Json) -> Json:
    errors = judge(call, _KEY, item)
    if errors:
        return _failed(item, "VALIDATION_ERROR", errors)
    members, key = call.rows("members"), item["supporterId"].lower()
    if not call.rows("supporters").delete(key):
        return missing(call, "SUPPORTER_ID", item["supporterId"])
    for member in members.find("supporterId", key):
        call.assume("memberships_end")
        members.delete((member["segmentId"], key))
    return {"supporterId": key, "result": "DELETED"}


def _failed(item: Json, result: str, errors: list[Json] | None = None) -> Json:
    echo = {name: item.get(name) for name in ("supporterId", *_WRITABLE)}
    return ordered({**told(echo), "result": result, "errors": errors}, SUPPORTER_ORDER)
