"""What the Segmenter does: create and update segments, and the people sent along."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any

from ...core import Call, Json, Refusal
from ...core.world import World
from ...store import Record, Table

_IDS = ("id", "broadcastMediumId", "TagId", "tagId")
_OWN = ("id", "substitutionTags")


def create(call: Call, data: Json) -> Json:
    """Add a segment and its people; answer the ids."""
    _note_forms(call)
    people = know(call.rows("persons"), call.world, data.get("persons", ()), assume=call.assume)
    ids = [person["id"] for person in people]
    segment = call.rows("segments").put({"id": call.new_id("segments"), **_told(data), "persons": ids})
    known = [{key: p[key] for key in ("id", "externalId", "email") if key in p} for p in people]
    return {"id": segment["id"], "persons": known}


def update(call: Call, data: Json) -> Json:
    """Change what is sent of a segment; ``persons`` becomes its whole membership."""
    _note_forms(call)
    segments, key = call.rows("segments"), _addressed(call, data)
    mine = segments.get(key)
    if mine is None:
        raise Refusal("not_found", field="id")
    changed = {**mine, **data, "id": key}
    if any(mine[name] not in ((), []) for name in mine.keys() - data.keys() - {"id"}):
        call.assume("omitted_members")
    if any(value is None and mine.get(name) is not None for name, value in data.items()):
        call.assume("null_members")
    if "persons" in data:
        people = know(call.rows("persons"), call.world, data["persons"], assume=call.assume)
        changed["persons"] = [person["id"] for person in people]
        if not {*mine["persons"]} <= {*changed["persons"]}:
            call.assume("leavers")
    segments.put(_told(changed))
    return {"isUpdated": True}


def _note_forms(call: Call) -> None:
    """Name the assumptions about numbers in the place of ids and about null in the place of lists."""
    sent = call.json
    persons = sent.get("persons") or []
    if any(type(sent.get(name)) is int for name in _IDS) or any(type(row.get("externalId")) is int for row in persons):
        call.assume("numeric_ids")
    lists = [sent.get("persons", ()), sent.get("filters", ()), *(row.get("substitutionTags", ()) for row in persons)]
    if None in lists:
        call.assume("null_lists")


def know(
    table: Table,
    world: World,
    persons: Iterable[Json],
    kind: str = "segmenter.persons",
    taken: Container[str] = (),
    assume: Callable[[str], Any] = str,
) -> list[Record]:
    """Return each of *persons* once, added to *table* or edited there by what was sent of it.

    *kind* names the stream of the ids of those who are new; an id that is *taken* is left out. *assume* is
    told each assumption that this relied on.
    """
    known: dict[str, Record] = {}
    for sent in persons:
        mine, tags = _recognised(table, sent, assume), sent.get("substitutionTags", [])
        if mine is None:
            record = {"id": sent.get("id") or world.new_id(kind, table, taken), **sent}
        else:
            assume("same_person_twice" if mine["id"] in known else "person_identity")
            if any(name not in sent for name in mine if name not in _OWN):
                assume("omitted_members")
            if "substitutionTags" in sent and _are_unsent(mine["substitutionTags"], tags):
                assume("unsent_tags")
            record, tags = {**mine, **sent}, [*mine["substitutionTags"], *tags]
        if None in record.values():
            if mine is not None and any(value is None and mine.get(name) is not None for name, value in sent.items()):
                assume("null_members")
            record = _told(record)
        record["substitutionTags"] = _last_of_each(tags)
        known[record["id"]] = record if record == mine else table.put(record)
    return [*known.values()]


def _are_unsent(stored: list[Json], sent: list[Json]) -> bool:
    return bool(stored) and not {tag["tag"] for tag in stored} <= {tag["tag"] for tag in sent}


def _last_of_each(tags: list[Json]) -> list[Json]:
    told = {tag["tag"]: tag for tag in tags}
    return tags if len(told) == len(tags) else [*told.values()]


def _recognised(table: Table, sent: Json, assume: Callable[[str], Any]) -> Record | None:
    if "id" in sent:
        return table.get(sent["id"])
    external, email = sent.get("externalId"), sent.get("email")
    found = table.first("externalId", external) if external else None
    if found is not None or not email:
        return found
    for person in table.find("email", email.lower()):
        # Two people may share an address as long as their external ids tell them apart.
        if not external or not person.get("externalId"):
            return person
        assume("person_identity")
    return None


def _addressed(call: Call, data: Json) -> str:
    key, named = data.get("id"), call.arguments.get("id")
    if named and key and named != key:
        call.assume("id_in_path_and_body")
        raise Refusal("malformed", f"id: {key!r} in the body is not {named!r} in the path.", field="id")
    if not (named or key):
        raise Refusal("malformed", "id: Missing data for required field.", field="id")
    return str(named or key)


def _told(record: Json) -> Json:
    return {name: value for name, value in record.items() if value is not None}
