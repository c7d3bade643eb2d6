"""Groups: search, add or update, delete."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ....contract import Call, Json, Validator
from ....store import Record, Table
from ..errors import item_error, judge
from ..schemas import ordered
from ..schemas.segments import SEGMENT_ORDER, SegmentItem, SegmentKey
from ._common import MANAGED, UNKNOWN, listed, missing, page, refuse_unmanaged, revivable

_ITEM, _KEY = Validator(SegmentItem()), Validator(SegmentKey())
_WRITABLE = ("name", "description", "externalSystemId")


def search(call: Call, data: Json) -> Json:
    """Return all groups by page, or those of the identifiers in the order asked."""
    payload = data["payload"]
    members = call.rows("members") if payload.get("includeMemberCounts") is not False else None
    segments, version = call.rows("segments"), None if members is None else members.version
    views, make = call.store.views, partial(_found, members)
    if payload.get("identifiers") is None:
        offset, count = page(call, payload)
        found = views.of(segments.page(offset, count), version, make)
        return {"total": len(segments), "offset": offset, **listed("segments", found)}
    found = []
    for identifier in payload["identifiers"]:
        rows = _identified(segments, payload["identifierType"], str(identifier))
        found += views.of(rows, version, make) or [_missing(payload["identifierType"], identifier)]
    return {"total": len(found), "offset": 0, **listed("segments", found)}


def upsert(call: Call, data: Json) -> Json:
    """Add or update each group in sequence."""
    return _batch(call, data, _upsert)


def delete(call: Call, data: Json) -> Json:
    """Delete each group in sequence, and its memberships with it."""
    return _batch(call, data, _delete)


def shown(row: Record, result: str, members: int | None = None) -> Json:
    """Return a group as a reply carries it, with its count of members where that is asked for."""
    return ordered({**row, "totalMembers": members, "result": result}, SEGMENT_ORDER)


def _batch(call: Call, data: Json, deed: Callable[[Call, Json], Json]) -> Json:
    items = data["payload"]["segments"]
    # Known before anything is performed, so that a refused call spends no ids either.
    if any(_is_unmanaged(call, item) for index, item in enumerate(items) if index not in call.spoiled):
        refuse_unmanaged(call)
    return listed("segments", call.each(items, partial(deed, call)))


def _is_unmanaged(call: Call, item: Json) -> bool:
    key = item.get("segmentId")
    mine = call.rows("segments").get(key.lower()) if isinstance(key, str) else None
    return mine is not None and mine["type"] != MANAGED


def _found(members: Table | None, row: Record) -> Json:
    return shown(row, "FOUND", None if members is None else _count(members, row))


def _count(members: Table, row: Record) -> int:
    return members.count("segmentId", row["segmentId"])


def _identified(segments: Table, kind: str, identifier: str) -> list[Record]:
    if kind == "SEGMENT_ID":
        row = segments.get(identifier.lower())
        return [row] if row else []
    return segments.find("externalSystemId", identifier)


def _missing(kind: str, identifier: str | int) -> Json:
    return ordered(missing(kind, identifier), SEGMENT_ORDER)


def _upsert(call: Call, item: Json) -> Json:
    segments, errors = call.rows("segments"), judge(call, _ITEM, item)
    key = "" if any(error["fieldName"] == "segmentId" for error in errors) else (item.get("segmentId") or "").lower()
    mine = segments.get(key)
    if key and mine is None and not revivable(call, "segments", key):
        call.hints.append(UNKNOWN)
        return _failed(item, "NOT_FOUND")
    if _is_unmanaged(call, item):
        return _failed(item, "NOT_ALLOWED")
    if not errors and _causes_duplicate(call, item["name"], mine):
        errors = [item_error(call, "not_unique", "name")]
    if errors:
        return _failed(item, "VALIDATION_ERROR", errors)
    blank = {"segmentId": key or call.fresh("segments"), "type": MANAGED}
    sent = {name: item[name] for name in _WRITABLE if name in item}
    row = segments.put({k: v for k, v in {**(mine or blank), **sent}.items() if v is not None})
    # Replies to a write were recorded without the type.
    return shown({**row, "type": None}, "UPDATED" if mine else "ADDED", _count(call.rows("members"), row))


def _delete(call: Call, item: Json) -> Json:
    errors = judge(call, _KEY, item)
    if errors:
        return _failed(item, "VALIDATION_ERROR", errors)
    segments, members, key = call.rows("segments"), call.rows("members"), item["segmentId"].lower()
    if key not in segments:
        return missing("SEGMENT_ID", item["segmentId"])
    if _is_unmanaged(call, item):
        return {"segmentId": item["segmentId"], "result": "NOT_ALLOWED"}
    for member in members.find("segmentId", key):
        members.delete((key, member["supporterId"]))
    segments.delete(key)
    return {"segmentId": key, "result": "DELETED"}


def _causes_duplicate(call: Call, name: str, mine: Record | None) -> bool:
    # Duplicates made in the user interface exist; only what this call would cause is refused.
    if mine is not None and mine["name"].strip() == name.strip():
        return False
    return call.rows("segments").count("name", name.strip()) > 0


def _failed(item: Json, result: str, errors: list[Json] | None = None) -> Json:
    echo = {name: item.get(name) for name in ("segmentId", *_WRITABLE)}
    return ordered({**echo, "result": result, "errors": errors}, SEGMENT_ORDER)
