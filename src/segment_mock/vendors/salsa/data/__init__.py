"""Salsa's part of a data file, read and written; and the same data under Python names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from ....core import Json, Validator, rows
from ....core.world import World
from ....settings import SettingError
from ....store import DuplicateKey, InitialRecords, Record, Store
from ..operations.segments import folded
from ._face import SalsaState
from ._rows import JoinedRow, MembershipRow, SegmentRow, SupporterRow
from ._tables import DAWN, MEMBERS, SEGMENTS, SUPPORTERS, TABLES

__all__ = ["TABLES", "SalsaState", "export", "load"]

_SEGMENT, _SUPPORTER = Validator(SegmentRow()), Validator(SupporterRow())
_MEMBERSHIP, _JOINED = Validator(MembershipRow()), Validator(JoinedRow())


def load(document: Json, world: World) -> Mapping[str, InitialRecords]:
    """Return the tables of *document*; raises `SettingError` naming the row, the field and the value."""
    try:
        segments = InitialRecords(SEGMENTS, _keyed(_SEGMENT, document, "segments", "segmentId", world))
        supporters = InitialRecords(SUPPORTERS, _keyed(_SUPPORTER, document, "supporters", "supporterId", world))
        members = InitialRecords(MEMBERS, _memberships(document, segments, supporters))
    except DuplicateKey as error:
        raise SettingError(f"data.salsa.{error}") from None
    return {"segments": segments, "supporters": supporters, "members": members}


def _keyed(validator: Validator, document: Json, collection: str, key: str, world: World) -> Iterator[Record]:
    told = rows(validator, document, "salsa", collection)
    taken = {record.get(key, "").lower() for record in told}
    for record in told:
        yield {**record, key: record.get(key, "").lower() or world.new_id(f"data.salsa.{collection}", taken)}


def _memberships(document: Json, segments: InitialRecords, supporters: InitialRecords) -> Iterator[Record]:
    for index, row in enumerate(rows(_MEMBERSHIP, document, "salsa", "members")):
        place = f"data.salsa.members[{index}]"
        segment = _the(segments, row["segment"], ("externalSystemId", "name"), f"{place}.segment")
        told = [who if isinstance(who, dict) else {"supporter": who} for who in row["supporters"]]
        for member in rows(_JOINED, {"supporters": told}, f"salsa.members[{index}]", "supporters"):
            name = member["supporter"]
            supporter = _the(supporters, name, ("externalSystemId", "email"), f"{place}.supporters")
            ids = {"segmentId": segment["segmentId"], "supporterId": supporter["supporterId"]}
            yield {**ids, "joinedDate": member["joinedDate"]}


def _the(seed: InitialRecords, name: str, indexes: tuple[str, str], where: str) -> Record:
    """Return the one record that *name* is the id of, or is found by in one of *indexes*."""
    number = seed.numbers.get(name.lower())
    if number is not None:
        return seed.records[number]
    for index in indexes:
        found = _found(seed, index, name)
        if len(found) > 1:
            raise SettingError(f"{where}: {len(found)} records are called {name!r}; use the id")
        if found:
            return seed.records[found[0]]
    raise SettingError(f"{where}: {name!r} is none of this data's {seed.schema.name}, by id, external id or name")


def _found(seed: InitialRecords, index: str, name: str) -> list[int]:
    postings = seed.postings[index]
    if index == "name":
        numbers = postings.get(folded(name), [])
        return [number for number in numbers if seed.records[number]["name"].strip() == name.strip()]
    return postings.get(name.lower() if index == "email" else name.strip(), [])


def export(store: Store) -> Json:
    """Return all tables in the form of a data file; loading it again gives the same."""
    # Runs of one group, so that the members of a group and the groups of a member keep their order.
    runs = groupby(store["salsa.members"], key=itemgetter("segmentId"))
    members = [{"segment": segment, "supporters": [_member(row) for row in rows]} for segment, rows in runs]
    return {
        "segments": [*store["salsa.segments"]],
        "supporters": [*store["salsa.supporters"]],
        "members": members,
    }


def _member(row: Record) -> Any:
    if row["joinedDate"] == DAWN:
        return row["supporterId"]
    return {"supporter": row["supporterId"], "joinedDate": row["joinedDate"]}
