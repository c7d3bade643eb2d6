"""The Segmenter's part of a data file, read and written; and the same data under Python names."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from marshmallow import fields

from ...contract import Face, Json, rows
from ...settings import SettingError
from ...store import ChangeLog, Index, Layout, Record, Seed, Store, Table, Taken
from ...world import World
from .operations import know
from .schemas import CreateSegment, Person

SEGMENTS = Layout("segments", itemgetter("id"))
PERSONS = Layout(
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

    id = fields.String()


class SegmentRow(CreateSegment):
    """A segment with its people in a data file."""

    id = fields.String()
    broadcastMediumId = fields.String()
    segmentType = fields.String()
    persons = fields.List(fields.Nested(PersonRow()), load_default=list)


_SEGMENT, _PERSON = SegmentRow(), PersonRow()


def load(document: Json, world: World) -> Mapping[str, Seed]:
    """Return the tables of *document*; raises `SettingError` naming the row, the field and the value."""
    people = Table("", Seed(PERSONS), ChangeLog().append)
    told = rows(_SEGMENT, document, "segmenter", "segments")
    try:
        segments = Seed(SEGMENTS, [_segment(row, people, world, "data.segmenter") for row in told])
        know(people, world, rows(_PERSON, document, "segmenter", "persons"), "data.segmenter.persons")
    except Taken as error:
        raise SettingError(f"data.segmenter.{error}") from None
    return {"segments": segments, "persons": Seed(PERSONS, people)}


def _segment(row: Json, people: Table, world: World, kind: str) -> Record:
    persons = [person["id"] for person in know(people, world, row.pop("persons"), f"{kind}.persons")]
    return {"id": world.uuid(f"{kind}.segments"), **row, "persons": persons}


def export(store: Store) -> Json:
    """Return all tables in the form of a data file; loading it again gives the same."""
    segments, persons = store["segmenter.segments"], store["segmenter.persons"]
    members = {person for segment in segments for person in segment["persons"]}
    return {
        "segments": [{**row, "persons": [persons.get(person) for person in row["persons"]]} for row in segments],
        "persons": [person for person in persons if person["id"] not in members],
    }


class SegmenterFace(Face):
    """``mock.segmenter``: one organization as a test wants to see and prepare it, in wire names."""

    @property
    def segments(self) -> list[Json]:
        """Every segment with its people, oldest first."""
        with self.world.lock:
            shown: list[Json] = export(self.store)["segments"]
        return shown

    @property
    def persons(self) -> list[Json]:
        """Everybody whom the organization knows, in a segment or not, oldest first."""
        return self.rows("persons")

    def add_segment(self, name: str, **members: Any) -> Json:
        """Add a segment with its ``persons`` past the API and return it; raises `SettingError`."""
        (row,) = rows(_SEGMENT, {"segments": [{"name": name, **members}]}, "segmenter", "segments")
        with self.world.lock:
            if row.get("id") in self.store["segmenter.segments"]:
                raise SettingError(f"segmenter.segments: {row['id']!r} is there already")
            record = _segment(row, self.store["segmenter.persons"], self.world, "segmenter")
            self.store["segmenter.segments"].put(record)
        return next(segment for segment in self.segments if segment["id"] == record["id"])
