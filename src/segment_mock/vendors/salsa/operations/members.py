"""Members of groups: search, assign and remove them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ....clock import iso
from ....core import Call, Json
from ....store import Record
from ..replies import batch_response, not_found, ordered
from ..schemas import SUPPORTER_ORDER
from .common import note_zones, page, refuse_non_crm, results_for


def search(call: Call, data: Json) -> Json:
    """Return the members of a group by page, or which of the given supporters are its members."""
    payload = data["payload"]
    key, supporter_ids = payload["segmentId"].lower(), payload.get("supporterIds")
    if key not in call.rows("segments"):
        call.assume("unknown_group_search")
    if supporter_ids is not None:
        items = results_for(call, payload, "SUPPORTER_ID", supporter_ids, partial(_member_of, call, key))
        return batch_response(call, "supporters", items)
    offset, count = page(call, payload)
    since = payload.get("joinedSince")
    members = call.rows("members")
    if since is None:
        total, rows = members.count("segmentId", key), members.find("segmentId", key, offset, count)
    else:
        first = iso(since)
        joined = [row for row in members.find("segmentId", key) if row["joinedDate"] >= first]
        total, rows = len(joined), joined[offset : offset + count]
        note_zones(call, "joinedSince")
        if any(row["joinedDate"] == first for row in joined):
            call.assume("joined_since")
    if payload.get("sortOrder") is not None:
        call.assume("sort_order")
    # The recorded response has no offset.
    return {"total": total, **batch_response(call, "supporters", [_member(call, row["supporterId"]) for row in rows])}


def assign(call: Call, data: Json) -> Json:
    """Make each supporter a member of the group."""
    return _for_each(call, data, _assign)


def remove(call: Call, data: Json) -> Json:
    """End each supporter's membership of the group."""
    return _for_each(call, data, _remove)


def _for_each(call: Call, data: Json, change: Callable[[Call, str, str], Json]) -> Json:
    payload = data["payload"]
    key = payload["segmentId"].lower()
    segment = call.rows("segments").get(key)
    if segment is None:
        change = _unknown
    elif segment["type"] == "DEFAULT":
        refuse_non_crm(call)
        change = _not_allowed
    elif segment["type"] == "CUSTOM":
        call.assume("custom_group_members")
    return batch_response(call, "supporters", call.each(payload["supporterIds"], partial(change, call, key)))


def _assign(call: Call, segment: str, identifier: str) -> Json:
    supporter = call.rows("supporters").get(identifier.lower())
    if supporter is None:
        return _not_found(call, identifier, "unknown_supporter")
    members, key, result = call.rows("members"), supporter["supporterId"], "ADDED"
    if (segment, key) in members:
        result = call.assume("assigned_twice")
    else:
        members.put({"segmentId": segment, "supporterId": key, "joinedDate": call.world.clock.iso()})
    return {"readOnly": supporter["readOnly"], "supporterId": key, "result": result}


def _remove(call: Call, segment: str, identifier: str) -> Json:
    supporter = call.rows("supporters").get(identifier.lower())
    if supporter is None:
        return _not_found(call, identifier, "unknown_supporter")
    if not call.rows("members").delete((segment, supporter["supporterId"])):
        return _not_found(call, identifier, "removed_non_member")
    return {"readOnly": supporter["readOnly"], "supporterId": supporter["supporterId"], "result": "DELETED"}


def _unknown(call: Call, segment: str, identifier: str) -> Json:
    return _not_found(call, identifier, "unknown_group")


def _not_found(call: Call, identifier: str, assumption: str) -> Json:
    return {**not_found(call, "SUPPORTER_ID", identifier), "result": call.assume(assumption)}


def _not_allowed(call: Call, segment: str, identifier: str) -> Json:
    return {"supporterId": identifier, "result": "NOT_ALLOWED"}


def _member_of(call: Call, segment: str, identifier: str) -> list[Json]:
    key = identifier.lower()
    return [_member(call, key)] if (segment, key) in call.rows("members") else []


def _member(call: Call, key: str) -> Json:
    supporter: Record = call.rows("supporters").get(key) or {}
    return ordered(SUPPORTER_ORDER, supporter, result="FOUND")
