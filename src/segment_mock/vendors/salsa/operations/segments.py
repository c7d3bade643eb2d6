"""Groups: search, add or update, and delete them."""

from __future__ import annotations

from functools import partial

from ....core import Call, Json
from ....store import Record, Table
from ..replies import ItemValidator, batch_response, item_error, load_item, not_found, ordered
from ..schemas import SEGMENT_ORDER, UUID, SegmentItem, SegmentKey
from .common import (
    CRM_TYPE,
    UNKNOWN_ID_HINT,
    may_create,
    page,
    refuse_non_crm,
    results_for,
)

_ITEM, _KEY = ItemValidator(SegmentItem()), ItemValidator(SegmentKey())
_WRITABLE = ("name", "description", "externalSystemId")


def search(call: Call, data: Json) -> Json:
    """Return all groups by page, or the groups with the given identifiers, in their order."""
    payload = data["payload"]
    members = call.rows("members") if payload.get("includeMemberCounts") is not False else None
    segments = call.rows("segments")
    if payload.get("identifiers") is None:
        offset, count = page(call, payload)
        items = _found_segments(members, segments.page(offset, count))
        return {"total": len(segments), "offset": offset, **batch_response(call, "segments", items)}
    kind = payload["identifierType"]
    items = results_for(
        call,
        payload,
        kind,
        payload["identifiers"],
        lambda identifier: _found_segments(members, _identified(segments, kind, identifier)),
    )
    if any(item["result"] != "FOUND" for item in items):
        call.assume("not_found_counted")
    return {"total": len(items), "offset": 0, **batch_response(call, "segments", items)}


def upsert(call: Call, data: Json) -> Json:
    """Add or update each group in order."""
    items = data["payload"]["segments"]
    _refuse_non_crm(call, items)
    return batch_response(call, "segments", call.each(items, partial(_upsert, call)))


def delete(call: Call, data: Json) -> Json:
    """Delete each group in order, with its memberships."""
    items = data["payload"]["segments"]
    _refuse_non_crm(call, items)
    return batch_response(call, "segments", call.each(items, partial(_delete, call)))


def comparable_name(name: str) -> str:
    """Return *name* in the form in which names of groups are compared."""
    return name.strip().casefold()


def _refuse_non_crm(call: Call, items: list[Json]) -> None:
    """Refuse the call if one of *items* is a non-CRM group, before any item is performed and uses ids."""
    segments = call.rows("segments")
    for index, item in enumerate(items):
        key = _key(item)
        stored = segments.get(key) if key else None
        if stored is not None and stored["type"] != CRM_TYPE and index not in call.item_failures:
            refuse_non_crm(call)


def _key(item: Json) -> str:
    """Return the id of *item* in the form of table keys, ``""`` if it has none or one that is not a UUID."""
    key = item.get("segmentId")
    return key.lower() if isinstance(key, str) and UUID.match(key) else ""


def _found_segments(members: Table | None, rows: list[Record]) -> list[Json]:
    return [
        ordered(
            SEGMENT_ORDER,
            row,
            totalMembers=members.count("segmentId", row["segmentId"]) if members is not None else None,
            result="FOUND",
        )
        for row in rows
    ]


def _identified(segments: Table, kind: str, identifier: str) -> list[Record]:
    if kind == "SEGMENT_ID":
        row = segments.get(identifier.lower())
        return [row] if row else []
    return segments.find("externalSystemId", identifier)


def _upsert(call: Call, item: Json) -> Json:
    segments, key = call.rows("segments"), _key(item)
    stored = segments.get(key) if key else None
    if key and stored is None and not may_create(call, "segments", key):
        call.hints.append(UNKNOWN_ID_HINT)
        return _failed(item, "NOT_FOUND")
    if stored is not None and stored["type"] != CRM_TYPE:
        return _failed(item, "NOT_ALLOWED")
    _, faults = load_item(call, _ITEM, item)
    if faults:
        if str(item.get("name") or "").isspace():
            call.assume("blank_name")
        return _invalid(call, item, *faults)
    if _causes_duplicate(call, item["name"], stored):
        return _invalid(call, item, ("name", "not_unique"))
    row = segments.put(_record(call, key, stored, item))
    external = item.get("externalSystemId")
    if external is not None and segments.count("externalSystemId", external) > 1:
        call.assume("shared_external_id")
    total = call.rows("members").count("segmentId", row["segmentId"]) if stored else 0
    # Responses to a write were recorded without the type.
    return ordered(SEGMENT_ORDER, row, totalMembers=total, result="UPDATED" if stored else "ADDED", type=None)


def _record(call: Call, key: str, stored: Record | None, item: Json) -> Record:
    record = {**stored} if stored else {"segmentId": key or call.new_id("segments"), "type": CRM_TYPE}
    for name in _WRITABLE:
        value = item.get(name)
        if value is not None:
            record[name] = value
        elif name in record and call.assume("null_members" if name in item else "omitted_members") == "cleared":
            del record[name]
    return record


def _delete(call: Call, item: Json) -> Json:
    _, faults = load_item(call, _KEY, item)
    if faults:
        return _invalid(call, item, *faults)
    segments, members, key = call.rows("segments"), call.rows("members"), item["segmentId"].lower()
    stored = segments.get(key)
    if stored is None:
        return not_found(call, "SEGMENT_ID", item["segmentId"])
    if stored["type"] != CRM_TYPE:
        return {"segmentId": item["segmentId"], "result": "NOT_ALLOWED"}
    for member in members.find("segmentId", key):
        call.assume("memberships_end")
        members.delete((key, member["supporterId"]))
    segments.delete(key)
    return {"segmentId": key, "result": "DELETED"}


def _causes_duplicate(call: Call, name: str, stored: Record | None) -> bool:
    # The user interface allows duplicates; refuse only one that this call would cause.
    others = [row["name"] for row in call.rows("segments").find("name", comparable_name(name)) if row is not stored]
    if not others or (stored is not None and stored["name"] == name):
        return False
    keeps = stored is not None and stored["name"].strip() == name.strip()
    if name in others and not keeps:
        return True
    # The names differ only in case or in white space at the ends.
    call.assume("name_comparison")
    return not keeps and any(other.strip() == name.strip() for other in others)


def _invalid(call: Call, item: Json, *faults: tuple[str, str]) -> Json:
    """Return the result of *item* with its *faults*, each a field and the name of an error."""
    return _failed(item, "VALIDATION_ERROR", [item_error(call, kind, field) for field, kind in faults])


def _failed(item: Json, result: str, errors: list[Json] | None = None) -> Json:
    echo = {name: item.get(name) for name in ("segmentId", *_WRITABLE)}
    return ordered(SEGMENT_ORDER, echo, result=result, errors=errors)
