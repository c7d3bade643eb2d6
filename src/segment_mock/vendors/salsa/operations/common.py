"""Helpers for the operations on groups, members and supporters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from marshmallow import Schema, validate

from ....core import Call, Json, Refusal

CRM_TYPE = "INTEGRATED"
IDS = ("segmentId", "supporterId", "externalSystemId")
_TIMES = ("joinedSince", "modifiedFrom", "modifiedTo")
_ZONED = re.compile(r".*T.*(Z|[+-]\d\d(:?\d\d)?)\s*", re.IGNORECASE | re.DOTALL).fullmatch
UNKNOWN_ID_HINT = "--salsa-unknown-id create adds a record with the unknown id, instead of NOT_FOUND"


def page(call: Call, payload: Json) -> tuple[int, int]:
    """Return the offset and the count of the page that *payload* requests."""
    count = payload.get("count")
    return payload.get("offset") or 0, call.assume("page_size") if count is None else count


def batch_reply(call: Call, name: str, items: list[Json]) -> Json:
    """Return *items* with their count, as in every reply to a batch."""
    if not items:
        call.assume("empty_page")
    # Loading converts numbers to text, so a request that loading did not change has no numbers.
    if call.data is not call.json and _has_numeric_ids(call.vendor.unwrap(call.json)):
        call.assume("numeric_ids")
    return {name: items, "count": len(items)}


def _has_numeric_ids(payload: Json) -> bool:
    rows = [payload, *(payload.get("segments") or payload.get("supporters") or ())]
    ids = [*(payload.get("identifiers") or payload.get("supporterIds") or ())]
    return int in map(type, ids) or int in [type(row.get(name)) for row in rows for name in IDS]


def may_create(call: Call, table: str, key: str) -> bool:
    """Return whether a record may be created with this id: if the setting allows it, or its record was deleted."""
    if call.options["unknown_id"] == "create":
        return True
    if call.rows(table).was_deleted(key):
        call.assume("revived_id")
        return True
    return False


def refuse_non_crm(call: Call) -> None:
    """Refuse the whole call for a non-CRM group, if the setting answers those with HTTP 405."""
    if call.assume("not_crm_group") == "http-405":
        raise Refusal("not_manageable")


def answers(
    call: Call, payload: Json, kind: str, identifiers: Sequence[Any], find: Callable[[str], list[Json]]
) -> list[Json]:
    """Return the answers to *identifiers* of *kind* in order: the records that *find* returns, or NOT_FOUND."""

    def answer(identifier: Any) -> list[Json]:
        rows = find(str(identifier))
        if len(rows) > 1:
            call.assume("shared_external_id" if kind == "EXTERNAL_ID" else "shared_email")
        return rows or [not_found(call, kind, identifier)]

    answer_lists = call.each(identifiers, answer)
    items = [item for rows in answer_lists for item in (rows if isinstance(rows, list) else [rows])]
    texts = [str(identifier) if kind == "EXTERNAL_ID" else str(identifier).lower() for identifier in identifiers]
    if len({*texts}) < len(texts):
        call.assume("duplicate_identifiers")
    count = payload.get("count")
    if payload.get("offset") or (count is not None and count < len(items)) or any(map(payload.get, _TIMES)):
        call.assume("paging_beside_identifiers")
    return items


def not_found(call: Call, kind: str, identifier: Any) -> Json:
    """Return the answer for an unknown *identifier* of *kind*, which has the identifier as sent."""
    if kind == "EMAIL_ADDRESS":
        call.assume("unknown_email")
    elif kind != "EXTERNAL_ID" and str(identifier) != str(identifier).lower():
        call.assume("unknown_id_echo")
    return {**identifier_member(kind, identifier), "result": "NOT_FOUND"}


def identifier_member(kind: str, identifier: Any) -> Json:
    """Return the member by which a reply repeats an *identifier* of *kind*."""
    members: Json = {
        "SEGMENT_ID": {"segmentId": identifier},
        "SUPPORTER_ID": {"supporterId": identifier},
        "EXTERNAL_ID": {"externalSystemId": identifier},
        "EMAIL_ADDRESS": {"contacts": [{"type": "EMAIL", "value": identifier}]},
    }
    return cast("Json", members[kind])


def note_zones(call: Call, *names: str) -> None:
    """Name the assumption about times without a zone if one of the payload's members *names* is such a time."""
    payload = call.vendor.unwrap(call.json)
    if any(isinstance(payload.get(name), str) and not _ZONED(payload[name]) for name in names):
        call.assume("time_without_zone")


def note_lengths(call: Call, limits: Mapping[str, int], item: Json) -> None:
    """Name the assumption about lengths if *item* is within its *limits* only when code points are counted."""
    for name, limit in limits.items():
        text = item.get(name)
        # Only characters beyond the Basic Multilingual Plane count twice in UTF-16.
        if isinstance(text, str) and not text.isascii() and len(text) + sum(char > "\uffff" for char in text) > limit:
            call.assume("text_length")


def limits_of(schema: Schema) -> Mapping[str, int]:
    """Return the maximum length of each text member of *schema*."""
    checks = [(name, check) for name, row in schema.fields.items() for check in row.validators]
    return {name: check.max for name, check in checks if isinstance(check, validate.Length) and check.max is not None}
