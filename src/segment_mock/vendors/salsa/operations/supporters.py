"""Supporters: search, add or update, and delete them, and return their groups."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

from ....clock import iso
from ....core import Call, Json
from ....store import Record
from ..records import contact_key, emails, fits_type, is_same_field, merged_contacts, merged_fields, without_nulls
from ..replies import ItemValidator, batch_response, item_error, load_item, not_found, ordered
from ..schemas import SEGMENT_ORDER, SUPPORTER_ORDER, TEXTS, UUID, SupporterItem, SupporterKey
from .common import (
    UNKNOWN_ID_HINT,
    may_create,
    note_zones,
    page,
    results_for,
)

Fault: TypeAlias = tuple[str, str]
"""The path of a wrong member, and the name of its item error."""

_ITEM, _KEY = ItemValidator(SupporterItem()), ItemValidator(SupporterKey())
_NAMES = ("firstName", "lastName")
_PART = re.compile(r"(?:address|(?P<list>contacts|customFieldValues)\[(?P<index>\d+)\])\.(?P<member>.+)")
_LONGEST = 200
_WRITABLE = (*TEXTS, "address", "contacts", "customFieldValues")


def search(call: Call, data: Json) -> Json:
    """Return the supporters with the given identifiers, in their order, or by page those modified within a period."""
    payload = data["payload"]
    if payload.get("identifiers") is not None:
        return batch_response(call, "supporters", _identified(call, payload, _found_supporter))
    rows, (offset, count) = _modified(call, payload), page(call, payload)
    items = [_found_supporter(row) for row in rows[offset : offset + count]]
    return {"total": len(rows), "offset": offset, **batch_response(call, "supporters", items)}


def upsert(call: Call, data: Json) -> Json:
    """Add or update each supporter in order; a supporter without an id is identified by e-mail address."""
    return batch_response(call, "supporters", call.each(data["payload"]["supporters"], partial(_upsert, call)))


def delete(call: Call, data: Json) -> Json:
    """Delete each supporter in order, with its memberships."""
    return batch_response(call, "supporters", call.each(data["payload"]["supporters"], partial(_delete, call)))


def groups(call: Call, data: Json) -> Json:
    """Return the groups of each requested supporter; the count is the number of supporters."""
    payload = data["payload"]
    if payload.get("identifiers") is not None:
        return batch_response(call, "results", _identified(call, payload, partial(_belonging, call)))
    rows, (offset, count) = _modified(call, payload), page(call, payload)
    return batch_response(call, "results", [_belonging(call, row) for row in rows[offset : offset + count]])


def _identified(call: Call, payload: Json, show: Callable[[Record], Json]) -> list[Json]:
    """Return the result of *show* for each supporter with one of the identifiers, which supporters may share."""
    kind = payload["identifierType"]
    return results_for(
        call,
        payload,
        kind,
        payload["identifiers"],
        lambda identifier: [show(row) for row in _supporters_with(call, kind, identifier)],
    )


def _supporters_with(call: Call, kind: str, identifier: str) -> list[Record]:
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
    """Name the assumption about the case of addresses if one of *supporters* has *address* only in another case."""
    if any(address not in [contact.get("value") for contact in row["contacts"]] for row in supporters):
        call.assume("email_case")


def _modified(call: Call, payload: Json) -> list[Record]:
    # The times of all records have the same format, which sorts like time, so no record has to be parsed.
    first, last = iso(payload["modifiedFrom"]), payload.get("modifiedTo")
    note_zones(call, "modifiedFrom", "modifiedTo")
    final = "~" if last is None else iso(last)
    return [row for row in call.rows("supporters") if first <= row["lastModified"] <= final]


def _found_supporter(row: Record) -> Json:
    return ordered(SUPPORTER_ORDER, row, result="FOUND")


def _belonging(call: Call, row: Record) -> Json:
    segments, key = call.rows("segments"), row["supporterId"]
    memberships = call.rows("members").find("supporterId", key)
    groups_of_supporter = [
        ordered(SEGMENT_ORDER, segments.get(member["segmentId"]) or {}, result="FOUND") for member in memberships
    ]
    return {"supporterId": key, "segments": groups_of_supporter, "result": "FOUND"}


def _upsert(call: Call, item: Json) -> Json:
    supporters, key = call.rows("supporters"), _key(item)
    stored = supporters.get(key) if key else None
    if key and stored is None and not may_create(call, "supporters", key):
        call.hints.append(UNKNOWN_ID_HINT)
        return _failed(item, "NOT_FOUND")
    members, faults = load_item(call, _ITEM, item)
    if not faults:
        stored = stored or _namesake(call, members)
        faults = _faults(call, members, stored)
    elif stored is None and _lacks_email(item):
        faults.append(("contacts", "required"))
    if faults:
        return _invalid(call, item, faults)
    row = supporters.put(_record(call, key, stored, members))
    return _echo(call, row, members, "UPDATED" if stored else "ADDED")


def _key(item: Json) -> str:
    key = item.get("supporterId")
    return key.lower() if isinstance(key, str) and UUID.match(key) else ""


def _lacks_email(item: Json) -> bool:
    contacts = item.get("contacts") or []
    rows = [row for row in contacts if isinstance(row, dict)] if isinstance(contacts, list) else []
    return isinstance(contacts, list) and not any(row.get("type") == "EMAIL" and row.get("value") for row in rows)


def _namesake(call: Call, members: Json) -> Record | None:
    """Return the oldest supporter who has one of the e-mail addresses of the request, or None."""
    namesakes = [row for address in emails(members) for row in call.rows("supporters").find("email", address)]
    if len({row["supporterId"] for row in namesakes}) > 1:
        call.assume("shared_email")
    for contact in members.get("contacts") or ():
        if emails({"contacts": [contact]}):
            note_email_case(
                call, contact["value"], [row for row in namesakes if contact["value"].lower() in emails(row)]
            )
    return namesakes[0] if namesakes else None


def _faults(call: Call, members: Json, stored: Record | None) -> list[Fault]:
    """Return the errors of a supporter that its schema accepts, given its record and the other records."""
    faults = [
        *_clearing(call, members, stored or {}),
        *_duplicate_emails(call, members, stored or {}),
        *_misfits(call, members),
    ]
    if stored is None:
        return faults if emails(members) else [*faults, ("contacts", "required")]
    if not emails(members):
        call.assume("update_without_email")
    if emails(stored) and "contacts" in members and not emails({"contacts": _contacts(members, stored)}):
        faults.append(("contacts", "required"))
    return faults


def _clearing(call: Call, members: Json, stored: Mapping[str, Any]) -> list[Fault]:
    if any(stored.get(name) and name in members and not (members[name] or "").strip() for name in _NAMES):
        call.assume("cleared_name")
        return [(name, "required") for name in _NAMES]
    return []


def _duplicate_emails(call: Call, members: Json, stored: Mapping[str, Any]) -> list[Fault]:
    # Supporters who already share an address may keep it; refuse only a duplicate that this call would cause.
    own, supporters = emails(stored), call.rows("supporters")
    addresses = [(index, emails({"contacts": [row]})) for index, row in enumerate(members.get("contacts") or ())]
    return [
        (f"contacts[{index}].value", "not_unique")
        for index, (address,) in [pair for pair in addresses if pair[1]]
        if address not in own and supporters.count("email", address)
    ]


def _misfits(call: Call, members: Json) -> list[Fault]:
    faults = []
    for index, field in enumerate(members.get("customFieldValues") or ()):
        definition, value = _definition(call, field) or {}, field.get("value")
        kind = field.get("type") or definition.get("type") or ""
        if not (field.get("name") or definition):
            faults.append((f"customFieldValues[{index}].fieldId", "invalid"))
        elif value is not None and not fits_type(value, kind):
            call.assume("custom_field_types")
            faults.append((f"customFieldValues[{index}].value", "invalid"))
    return faults


def _definition(call: Call, field: Json) -> Json | None:
    """Return the custom field of any supporter who has it, or None."""
    name = field.get("name") or field.get("fieldId")
    owner = call.rows("supporters").first("customField", name)
    return next((row for row in owner["customFieldValues"] if is_same_field(row, field)), None) if owner else None


def _record(call: Call, key: str, stored: Record | None, members: Json) -> Record:
    now = call.world.clock.iso()
    new: Json = {
        "supporterId": key or (stored or {}).get("supporterId") or call.new_id("supporters"), "createdDate": now,
        "readOnly": False, "address": {}, "contacts": [], "customFieldValues": [],
    }  # fmt: skip
    record = {**(stored or new), "lastModified": now}
    for name in TEXTS:
        if name in members:
            record[name] = members[name]
    if None in record.values():
        if stored is not None:
            call.assume("null_supporter_members")
        record = without_nulls(record)
    if "address" in members:
        record["address"] = _address(call, members["address"], record["address"])
    if "contacts" in members:
        _note_contacts(call, record["contacts"], members["contacts"] or ())
        record["contacts"] = _contacts(members, record)
    if "customFieldValues" in members:
        record["customFieldValues"] = _custom_fields(call, members["customFieldValues"], record["customFieldValues"])
    return record


def _address(call: Call, members: Json | None, stored: Json) -> Json:
    if members is None:
        return {}
    is_merged = bool(stored) and call.assume("address_update") == "merge"
    address: Json = without_nulls({**stored, **members} if is_merged else members)
    return address


def _contacts(members: Json, stored: Mapping[str, Any]) -> list[Json]:
    return [] if members["contacts"] is None else merged_contacts(stored["contacts"], members["contacts"])


def _note_contacts(call: Call, stored_contacts: Iterable[Json], new_contacts: Iterable[Json]) -> None:
    """Name the assumptions about sent contacts: which of them are the same, and their status."""
    contacts: dict[tuple[str, str | None], Json] = {contact_key(contact): contact for contact in stored_contacts}
    keys: set[tuple[str, str | None]] = set()
    for contact in new_contacts:
        key, value = contact_key(contact), contact.get("value")
        if value is None:
            continue
        if key in keys:
            call.assume("repeated_entry")
        before = contacts.get(key, {})
        if before.get("value", value) != value:
            call.assume("email_case")
        if contact["type"] == "EMAIL" and not contact.get("status") and not before.get("status"):
            call.assume("contact_status")
        keys.add(key)
        contacts[key] = {**before, **without_nulls(contact)}


def _custom_fields(call: Call, new_fields: list[Json] | None, stored_fields: list[Json]) -> list[Json]:
    if new_fields is None:
        return []
    names = [field.get("name") or field.get("fieldId") for field in new_fields]
    if len({*names}) < len(names):
        call.assume("repeated_entry")
    for field in new_fields:
        if field.get("value") is not None and _definition(call, field) is None:
            call.assume("custom_field_definition")
        if field.get("type") == "DATE" and "/" in (field.get("value") or ""):
            call.assume("custom_field_dates")
    return merged_fields(stored_fields, new_fields, partial(_definition, call))


def _echo(call: Call, row: Record, members: Json, result: str) -> Json:
    """Return a supporter for the response to a write: the record, with contacts and custom fields as sent."""
    contacts, fields = members.get("contacts"), members.get("customFieldValues")
    echo = {**row, "result": result}
    if contacts:
        stored = {contact_key(contact): contact for contact in row["contacts"]}
        own = {contact_key(contact): contact for contact in contacts}
        echo["contacts"] = [stored.get(key) or without_nulls(contact) for key, contact in own.items()]
    if fields:
        echo["customFieldValues"] = without_nulls(fields)
    if result == "UPDATED":
        call.assume("update_reply")
    return ordered(SUPPORTER_ORDER, echo)


def _delete(call: Call, item: Json) -> Json:
    _, faults = load_item(call, _KEY, item)
    if faults:
        return _failed(item, "VALIDATION_ERROR", [item_error(call, kind, field) for field, kind in faults])
    members, key = call.rows("members"), item["supporterId"].lower()
    if not call.rows("supporters").delete(key):
        return not_found(call, "SUPPORTER_ID", item["supporterId"])
    for member in members.find("supporterId", key):
        call.assume("memberships_end")
        members.delete((member["segmentId"], key))
    return {"supporterId": key, "result": "DELETED"}


def _failed(item: Json, result: str, errors: list[Json] | None = None) -> Json:
    echo = {name: _without_errors(item.get(name)) for name in ("supporterId", *_WRITABLE)}
    return ordered(SUPPORTER_ORDER, without_nulls(echo), result=result, errors=errors)


def _without_errors(value: Any) -> Any:
    """Return *value* without errors of an earlier response in it or its items."""
    if isinstance(value, dict):
        return {name: member for name, member in value.items() if name != "errors"}
    return [_without_errors(item) for item in value] if isinstance(value, list) else value


def _invalid(call: Call, item: Json, faults: list[Fault]) -> Json:
    """Return *item* as sent, with each error in its object: contact, address, custom field or supporter."""
    echo, errors = _failed(item, "VALIDATION_ERROR"), []
    if any(kind == "too_long" for _, kind in faults):
        call.assume("supporter_lengths")
    for path, kind in faults:
        part = _PART.match(path)
        if part is None:
            errors.append(item_error(call, kind, path))
            continue
        call.assume("error_details")
        owner = echo[part["list"]][int(part["index"])] if part["list"] else echo["address"]
        owner.setdefault("errors", []).append(item_error(call, kind, part["member"], _details(item, part)))
    return echo | {"errors": errors} if errors else echo


def _details(item: Json, part: re.Match[str]) -> str:
    owner = item[part["list"]][int(part["index"])] if part["list"] else item["address"]
    value = owner.get(part["member"].partition("[")[0])
    return "Nothing was sent" if value is None else f"Sent: {json.dumps(value)[:_LONGEST]}"
