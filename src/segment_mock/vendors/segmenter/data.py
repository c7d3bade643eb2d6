"""The Segmenter's part of a data file, and ``mock.segmenter``."""

from __future__ import annotations

from collections.abc import Container, Mapping
from copy import deepcopy
from operator import itemgetter
from typing import Any

from marshmallow import RAISE, Schema, fields

from ...core import Identifier, Json, Validator, VendorState, rows
from ...core.world import World
from ...json_match import brief
from ...settings import SettingError
from ...store import ChangeLog, DuplicateKey, Index, InitialRecords, Record, Store, Table, TableSchema
from .operations import save_persons
from .schemas import CreateSegment, Person

SEGMENTS = TableSchema("segments", itemgetter("id"))
PERSONS = TableSchema(
    "persons",
    itemgetter("id"),
    (
        Index(
            "externalId",
            lambda person: (person["externalId"],) if person.get("externalId") else (),
            unique=True,
        ),
        Index("email", lambda person: (person["email"].lower(),) if person.get("email") else ()),
    ),
)
TABLES = (SEGMENTS, PERSONS)


class PersonRow(Person):
    """A person in a data file."""

    class Meta:
        """Refuse unknown fields."""

        unknown = RAISE

    id = fields.String()


class SegmentRow(CreateSegment):
    """A segment with its persons in a data file."""

    class Meta:
        """Refuse unknown fields."""

        unknown = RAISE

    id = fields.String()
    broadcastMediumId = Identifier()
    segmentType = fields.String()
    persons = fields.List(fields.Nested(PersonRow), load_default=list)


ROWS: Mapping[str, Schema] = {"segments": SegmentRow(), "persons": PersonRow()}
_SEGMENT, _PERSON = Validator(SegmentRow()), Validator(PersonRow())


def load(document: Json, world: World) -> Mapping[str, InitialRecords]:
    """Return the tables of *document*; raises `SettingError` with row, field and value for an invalid row."""
    people = Table("", InitialRecords(PERSONS), ChangeLog().append)
    segment_rows = rows(_SEGMENT, document, "segmenter", "segments")
    person_rows = rows(_PERSON, document, "segmenter", "persons")
    members = [person for row in segment_rows for person in row["persons"]]
    existing_ids = {row.get("id") for row in [*segment_rows, *person_rows, *members]}
    try:
        segments = InitialRecords(
            SEGMENTS, [_segment(row, people, world, "data.segmenter", existing_ids) for row in segment_rows]
        )
        persons = save_persons(people, world, person_rows, "data.segmenter.persons", existing_ids)
    except DuplicateKey as error:
        raise _repeated_external_id(error, segment_rows, person_rows) from None
    # A complete list of persons beside the segments decides their order.
    records = persons if len(persons) == len(people) else people
    return {"segments": segments, "persons": InitialRecords(PERSONS, records)}


def _repeated_external_id(error: DuplicateKey, segments: list[Json], persons: list[Json]) -> DuplicateKey:
    """Return *error* with the places of the first two persons that have one external id and different ids.

    An error that has places already, for rows with one id, is returned unchanged.
    """
    if error.place:
        return error
    places = [
        (f"segments[{number}].persons[{index}]", person)
        for number, segment in enumerate(segments)
        for index, person in enumerate(segment["persons"])
    ]
    places += [(f"persons[{index}]", person) for index, person in enumerate(persons)]
    earlier: dict[str, tuple[str, Json]] = {}
    for place, person in places:
        external_id = person.get("externalId")
        other, first = earlier.setdefault(external_id, (place, person)) if external_id else (place, person)
        if person.get("id") not in (None, first.get("id")):  # a person without an id is merged with the earlier one
            return DuplicateKey(f"the externalId {brief(external_id)} is already used by", place, other)
    return error


def _segment(row: Json, people: Table, world: World, kind: str, existing_ids: Container[Any]) -> Record:
    persons = [person["id"] for person in save_persons(people, world, row["persons"], f"{kind}.persons", existing_ids)]
    return {"id": row.get("id") or world.new_id(f"{kind}.segments", existing_ids), **row, "persons": persons}


def export(store: Store) -> Json:
    """Return all tables in the form of a data file; loading it restores the same tables."""
    segments, persons = store["segmenter.segments"], store["segmenter.persons"]
    members = dict.fromkeys(person for segment in segments for person in segment["persons"])
    others = [person for person in persons if person["id"] not in members]
    loaded_order = [*members, *(person["id"] for person in others)]
    is_kept = loaded_order == [person["id"] for person in persons]
    return {
        "segments": [{**row, "persons": [persons.get(person) for person in row["persons"]]} for row in segments],
        "persons": others if is_kept else [*persons],
    }


class SegmenterState(VendorState):
    """The records of one organization of the Segmenter. Reach it as ``mock.segmenter``.

    Records are dictionaries with the names of the API, such as ``broadcastMediumId``.

        mock.segmenter.add_segment("Newsletter", persons=[{"email": "ann@example.org"}])
    """

    @property
    def segments(self) -> list[Json]:
        """All segments with their persons, oldest first."""
        with self.world.lock:
            segments: list[Json] = deepcopy(export(self.world.look_up(self._credential).store)["segments"])
        return segments

    @property
    def persons(self) -> list[Json]:
        """All persons of the organization, oldest first, whether or not they are in a segment."""
        return self.rows("persons")

    def add_segment(self, name: str, **members: Any) -> Json:
        """Add a segment with its *persons* without a call to the API, and return it.

        *members* are the fields of the segment, such as ``persons``. By default it has a new id and no persons. Raises
        `SettingError` for an invalid field and for an id that already exists.
        """
        (row,) = rows(_SEGMENT, {"segments": [{"name": name, **members}]}, "segmenter", "segments")
        with self.world.lock:
            segments, mark = self.store["segmenter.segments"], self.world.log.mark
            if row.get("id") in segments:
                raise SettingError(f"segmenter.segments: a record with the key {row['id']!r} exists already")
            try:
                record = segments.put(_segment(row, self.store["segmenter.persons"], self.world, "segmenter", segments))
            except DuplicateKey as error:
                self.world.log.rollback(mark)
                raise SettingError(f"segmenter.{error}") from None
        return next(segment for segment in self.segments if segment["id"] == record["id"])
