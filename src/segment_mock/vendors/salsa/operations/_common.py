"""What groups, members and supporters do alike."""

from __future__ import annotations

from typing import Any

from ....contract import Call, Json, Refusal

MANAGED = "INTEGRATED"
UNKNOWN = "--salsa-unknown-id create adds a record under an id never seen, instead of NOT_FOUND"


def page(call: Call, payload: Json) -> tuple[int, int]:
    """Return the offset and the count that *payload* asks for."""
    count = payload.get("count")
    return payload.get("offset") or 0, call.assume("page_size") if count is None else count


def listed(name: str, items: list[Json]) -> Json:
    """Return *items* with their count, as every reply to a batch has them."""
    return {name: items, "count": len(items)}


def told(value: Any) -> Any:
    """Return *value* without null members, at any depth."""
    if isinstance(value, dict):
        return {name: told(member) for name, member in value.items() if member is not None}
    return [told(member) for member in value] if isinstance(value, list) else value


def revivable(call: Call, table: str, key: str) -> bool:
    """Tell whether an id that has no record may get one: it had one once, or the setting says so."""
    return call.options["unknown_id"] == "create" or call.rows(table).retired(key)


def refuse_unmanaged(call: Call) -> None:
    """Refuse the whole call when a group that is no CRM group is answered by HTTP 405."""
    if call.options["non_crm"] == "http-405":
        raise Refusal("not_manageable", field="segmentId")


def missing(kind: str, identifier: Any) -> Json:
    """Return the answer for an *identifier* of *kind* that nothing has, carrying it as sent."""
    members: Json = {
        "SEGMENT_ID": {"segmentId": identifier},
        "SUPPORTER_ID": {"supporterId": identifier},
        "EXTERNAL_ID": {"externalSystemId": identifier},
        # Where a missing address stands is assumed: supporters carry theirs among the contacts.
        "EMAIL_ADDRESS": {"contacts": [{"type": "EMAIL", "value": identifier}]},
    }[kind]
    return {**members, "result": "NOT_FOUND"}
