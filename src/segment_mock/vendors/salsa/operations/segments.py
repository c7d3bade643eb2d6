"""Groups: search, add or update, delete."""

from __future__ import annotations

from functools import partial
from typing import Any

from ....contract import Call, Json, Refusal
from ....store import Record
from ..errors import item_error, judge
from ..schemas import SegmentItem, SegmentKey, ordered

MANAGED = "INTEGRATED"
PAGE = 20
_ITEM, _KEY = SegmentItem(), SegmentKey()
_WRITABLE = ("name", "description", "externalSystemId")


def search(call: Call, data: Json) -> Json:
    """Return all groups by page, or those of the identifiers in the order asked."""
    payload = data["payload"]
    counted = payload.get("includeMemberCounts") is not False
    segments, asked = call.rows("segments"), payload.get("identifiers")
    if asked is None:
        offset, count = payload.get("offset") or 0, payload.get("count")
        found = [_found(call, row, counted) for row in segments.page(offset, PAGE if count is None else count)]
        return {"total": len(segments), "offset": offset, "segments": found, "count": len(found)}
    by_id = payload["identifierType"] == "SEGMENT_ID"
    found = [item for identifier in asked for item in _identified(call, identifier, by_id, counted)]
    return {"total": len(found), "offset": 0, "segments": found, "count": len(found)}


def upsert(call: Call, data: Json) -> Json:
    """Add or update each group in sequence."""
    return _listed(call.each(data["payload"]["segments"], partial(_upsert, call)))


def delete(call: Call, data: Json) -> Json:
    """Delete each group in sequence, and its memberships with it."""
    return _listed(call.each(data["payload"]["segments"], partial(_delete, call)))


def _listed(segments: list[Json]) -> Json:
    return {"segments": segments, "count": len(segments)}


def _found(call: Call, row: Record, counted: bool) -> Json:
    members = call.rows("members").count("segmentId", row["segmentId"]) if counted else None
    return ordered({**row, "totalMembers": members, "result": "FOUND"})


def _identified(call: Call, identifier: Any, by_id: bool, counted: bool) -> list[Json]:
    segments, text = call.rows("segments"), str(identifier)
    if by_id:
        row = segments.get(text.lower())
        rows = [row] if row else []
    else:
        rows = segments.find("externalSystemId", text)
    missing = {"result": "NOT_FOUND", "segmentId" if by_id else "externalSystemId": identifier}
    return [_found(call, row, counted) for row in rows] or [ordered(missing)]


def _upsert(call: Call, item: Json) -> Json:
    segments, errors = call.rows("segments"), judge(call, _ITEM, item)
    key = "" if any(error["fieldName"] == "segmentId" for error in errors) else (item.get("segmentId") or "").lower()
    mine = segments.get(key)
    if key and mine is None and not _may_be_added(call, key):
        return _failed(item, "NOT_FOUND")
    if mine is not None and mine["type"] != MANAGED:
        return _not_allowed(call, item)
    if not errors and _causes_duplicate(call, item["name"], mine):
        errors = [item_error(call, "not_unique", "name")]
    if errors:
        return _failed(item, "VALIDATION_ERROR", errors)
    blank = {"segmentId": key or call.world.uuid("salsa.segments"), "type": MANAGED}
    sent = {name: item[name] for name in _WRITABLE if name in item}
    row = segments.put({k: v for k, v in {**(mine or blank), **sent}.items() if v is not None})
    members = call.rows("members").count("segmentId", row["segmentId"])
    # Replies to a write were recorded without the type.
    return ordered({**row, "type": None, "totalMembers": members, "result": "UPDATED" if mine else "ADDED"})


def _delete(call: Call, item: Json) -> Json:
    errors = judge(call, _KEY, item)
    if errors:
        return _failed(item, "VALIDATION_ERROR", errors)
    segments, members, key = call.rows("segments"), call.rows("members"), item["segmentId"].lower()
    mine = segments.get(key)
    if mine is None:
        return ordered({"segmentId": item["segmentId"], "result": "NOT_FOUND"})
    if mine["type"] != MANAGED:
        return _not_allowed(call, {"segmentId": item["segmentId"]})
    for member in members.find("segmentId", key):
        members.delete((key, member["supporterId"]))
    segments.delete(key)
    return {"segmentId": key, "result": "DELETED"}


def _may_be_added(call: Call, key: str) -> bool:
    return call.options["unknown_id"] == "create" or call.rows("segments").retired(key)


def _causes_duplicate(call: Call, name: str, mine: Record | None) -> bool:
    # Duplicates made in the user interface exist; only what this call would cause is refused.
    if mine is not None and mine["name"].strip() == name.strip():
        return False
    return call.rows("segments").count("name", name.strip()) > 0


def _not_allowed(call: Call, item: Json) -> Json:
    if call.options["non_crm"] == "http-405":
        raise Refusal("not_manageable", field="segmentId")
    return _failed(item, "NOT_ALLOWED")


def _failed(item: Json, result: str, errors: list[Json] | None = None) -> Json:
    echo = {name: item.get(name) for name in ("segmentId", *_WRITABLE)}
    return ordered({**echo, "result": result, "errors": errors})
