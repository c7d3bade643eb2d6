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
    known = [{key: p[key] for key in ("id", "externalId", "email") if key in p} for p in people]
    return {"id": segment["id"], "persons": known}


def update(call: Call, data: Json) -> Json:
    """Change the members of a segment that the request has; ``persons`` replaces all its persons."""
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
    """Name the assumptions about numbers as ids and about null as a list, if the request relies on them."""
    sent = call.json
    persons = sent.get("persons") or []
    if any(type(sent.get(name)) is int for name in _IDS) or any(type(row.get("externalId")) is int for row in persons):
        call.assume("numeric_ids")
    lists = [sent.get("persons", ()), sent.get("filters", ()), *(row.get("substitutionTags", ()) for row in persons)]
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
    known: dict[str, Record] = {}
    for sent in persons:
        stored, tags = _find_person(table, sent, assume), sent.get("substitutionTags", [])
        if stored is None:
            record = {"id": sent.get("id") or world.new_id(kind, table, existing_ids), **sent}
        else:
            assume("same_person_twice" if stored["id"] in known else "person_identity")
            if any(name not in sent for name in stored if name not in _OWN):
                assume("omitted_members")
            if "substitutionTags" in sent and _are_unsent(stored["substitutionTags"], tags):
                assume("unsent_tags")
            record, tags = {**stored, **sent}, [*stored["substitutionTags"], *tags]
        if None in record.values():
            if stored is not None and any(
                value is None and stored.get(name) is not None for name, value in sent.items()
            ):
                assume("null_members")
            record = _without_nulls(record)
        record["substitutionTags"] = _last_of_each_name(tags)
        known[record["id"]] = record if record == stored else table.put(record)
    return [*known.values()]


def _are_unsent(stored: list[Json], sent: list[Json]) -> bool:
    return bool(stored) and not {tag["tag"] for tag in stored} <= {tag["tag"] for tag in sent}


def _last_of_each_name(tags: list[Json]) -> list[Json]:
    by_name = {tag["tag"]: tag for tag in tags}
    return tags if len(by_name) == len(tags) else [*by_name.values()]


def _find_person(table: Table, sent: Json, assume: Callable[[str], Any]) -> Record | None:
    if "id" in sent:
        return table.get(sent["id"])
    external, email = sent.get("externalId"), sent.get("email")
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
    key, named = data.get("id"), call.arguments.get("id")
    if named and key and named != key:
        call.assume("id_in_path_and_body")
        raise Refusal("malformed", f"id: {key!r} in the body is not {named!r} in the path.", field="id")
    if not (named or key):
        raise Refusal("malformed", "id: Missing data for required field.", field="id")
    return str(named or key)


def _without_nulls(record: Json) -> Json:
    return {name: value for name, value in record.items() if value is not None}
