"""Create and update segments and their persons."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any

from ...core import Call, Json, Refusal
from ...core.world import World
from ...store import Record, Table

_IDS = ("id", "broadcastMediumId", "TagId", "tagId")
_OWN = ("id", "substitutionTags")


def create(call: Call, data: Json) -> Json:
    """Add a segment and its persons; return the ids."""
    _note_forms(call)
    people = save_persons(call.rows("persons"), call.world, data.get("persons", ()), assume=call.assume)
    ids = [person["id"] for person in people]
    segment = call.rows("segments").put({"id": call.new_id("segments"), **_without_nulls(data), "persons": ids})
    person_ids = [{key: p[key] for key in ("id", "externalId", "email") if key in p} for p in people]
    return {"id": segment["id"], "persons": person_ids}


def update(call: Call, data: Json) -> Json:
    """Change the members of a segment that the request contains; ``persons`` replaces all of its persons."""
    _note_forms(call)
    segments, key = call.rows("segments"), _segment_id(call, data)
    stored = segments.get(key)
    if stored is None:
        raise Refusal("not_found", field="id")
    changed = {**stored, **data, "id": key}
    if any(stored[name] not in ((), []) for name in stored.keys() - data.keys() - {"id"}):
        call.assume("omitted_members")
    if any(value is None and stored.get(name) is not None for name, value in data.items()):
        call.assume("null_members")
    if "persons" in data:
        people = save_persons(call.rows("persons"), call.world, data["persons"], assume=call.assume)
        changed["persons"] = [person["id"] for person in people]
        if not {*stored["persons"]} <= {*changed["persons"]}:
            call.assume("leavers")
    segments.put(_without_nulls(changed))
    return {"isUpdated": True}


def _note_forms(call: Call) -> None:
    """Name the assumptions about numbers as ids, and about null as a list, if the request relies on them."""
    body = call.json
    persons = body.get("persons") or []
    if any(type(body.get(name)) is int for name in _IDS) or any(type(row.get("externalId")) is int for row in persons):
        call.assume("numeric_ids")
    lists = [body.get("persons", ()), body.get("filters", ()), *(row.get("substitutionTags", ()) for row in persons)]
    if None in lists:
        call.assume("null_lists")


def save_persons(
    table: Table,
    world: World,
    persons: Iterable[Json],
    kind: str = "segmenter.persons",
    existing_ids: Container[str] = (),
    assume: Callable[[str], Any] = str,
) -> list[Record]:
    """Add each of *persons* to *table* or update it there, and return the records, each once.

    *kind* names the stream of new ids; *existing_ids* are skipped. *assume* is called with each assumption that this
    relies on.
    """
    records: dict[str, Record] = {}
    for person in persons:
        stored, tags = _find_person(table, person, assume), person.get("substitutionTags", [])
        if stored is None:
            record = {"id": person.get("id") or world.new_id(kind, table, existing_ids), **person}
        else:
            assume("same_person_twice" if stored["id"] in records else "person_identity")
            if any(name not in person for name in stored if name not in _OWN):
                assume("omitted_members")
            if "substitutionTags" in person and _are_unsent(stored["substitutionTags"], tags):
                assume("unsent_tags")
            record, tags = {**stored, **person}, [*stored["substitutionTags"], *tags]
        if None in record.values():
            if stored is not None and any(
                value is None and stored.get(name) is not None for name, value in person.items()
            ):
                assume("null_members")
            record = _without_nulls(record)
        record["substitutionTags"] = _last_of_each_name(tags)
        records[record["id"]] = record if record == stored else table.put(record)
    return [*records.values()]


def _are_unsent(stored_tags: list[Json], new_tags: list[Json]) -> bool:
    return bool(stored_tags) and not {tag["tag"] for tag in stored_tags} <= {tag["tag"] for tag in new_tags}


def _last_of_each_name(tags: list[Json]) -> list[Json]:
    by_name = {tag["tag"]: tag for tag in tags}
    return tags if len(by_name) == len(tags) else [*by_name.values()]


def _find_person(table: Table, members: Json, assume: Callable[[str], Any]) -> Record | None:
    if "id" in members:
        return table.get(members["id"])
    external, email = members.get("externalId"), members.get("email")
    person = table.first("externalId", external) if external else None
    if person is not None or not email:
        return person
    for person in table.find("email", email.lower()):
        # Two persons may share an address if both have an external id.
        if not external or not person.get("externalId"):
            return person
        assume("person_identity")
    return None


def _segment_id(call: Call, data: Json) -> str:
    key, key_in_path = data.get("id"), call.arguments.get("id")
    if key_in_path and key and key_in_path != key:
        call.assume("id_in_path_and_body")
        raise Refusal("malformed", f"id: {key!r} in the body is not {key_in_path!r} in the path.", field="id")
    if not (key_in_path or key):
        raise Refusal("malformed", "id: Missing data for required field.", field="id")
    return str(key_in_path or key)


def _without_nulls(record: Json) -> Json:
    return {name: value for name, value in record.items() if value is not None}
