"""Helpers for the operations on groups, members and supporters."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from ....core import Call, Json, Refusal
from ..replies import not_found

CRM_TYPE = "INTEGRATED"
_TIMES = ("joinedSince", "modifiedFrom", "modifiedTo")
_ZONED = re.compile(r".*T.*(Z|[+-]\d\d(:?\d\d)?)\s*", re.IGNORECASE | re.DOTALL).fullmatch
UNKNOWN_ID_HINT = "--salsa-unknown-id create adds a record with the unknown id, instead of NOT_FOUND"


def page(call: Call, payload: Json) -> tuple[int, int]:
    """Return the offset and the count of the page that *payload* requests."""
    count = payload.get("count")
    return payload.get("offset") or 0, call.assume("page_size") if count is None else count


def may_create(call: Call, table: str, key: str) -> bool:
    """Return whether a record may be created with this id.

    It may if the setting allows it, or if a record with this id was deleted.
    """
    if call.options["unknown_id"] == "create":
        return True
    if call.rows(table).was_deleted(key):
        call.assume("revived_id")
        return True
    return False


def refuse_non_crm(call: Call) -> None:
    """Refuse the whole call for a non-CRM group, if the setting ``salsa_non_crm`` demands HTTP 405."""
    if call.assume("not_crm_group") == "http-405":
        raise Refusal("not_manageable")


def results_for(
    call: Call, payload: Json, kind: str, identifiers: Sequence[Any], find: Callable[[str], list[Json]]
) -> list[Json]:
    """Return the results for *identifiers* of *kind*, in order: the records that *find* returns, or NOT_FOUND."""

    def results_of(identifier: Any) -> list[Json]:
        rows = find(str(identifier))
        if len(rows) > 1:
            call.assume("shared_external_id" if kind == "EXTERNAL_ID" else "shared_email")
        return rows or [not_found(call, kind, identifier)]

    result_lists = call.each(identifiers, results_of)
    items = [item for rows in result_lists for item in (rows if isinstance(rows, list) else [rows])]
    texts = [str(identifier) if kind == "EXTERNAL_ID" else str(identifier).lower() for identifier in identifiers]
    if len({*texts}) < len(texts):
        call.assume("duplicate_identifiers")
    count = payload.get("count")
    if payload.get("offset") or (count is not None and count < len(items)) or any(map(payload.get, _TIMES)):
        call.assume("paging_beside_identifiers")
    return items


def note_zones(call: Call, *names: str) -> None:
    """Name the assumption about times without a zone if one of the payload's members *names* is such a time."""
    payload = call.vendor.unwrap(call.json)
    if any(isinstance(payload.get(name), str) and not _ZONED(payload[name]) for name in names):
        call.assume("time_without_zone")
