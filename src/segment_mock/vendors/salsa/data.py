"""Salsa's part of a data file, read and written; and the same data under Python names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from marshmallow import Schema, fields, validate

from ...contract import Face, Json, rows
from ...settings import SettingError
from ...store import Index, Layout, Record, Seed, Store, Taken
from ...world import World
from .operations.segments import MANAGED
from .schemas import TYPES, uuid

DAWN = "2018-01-01T00:00:00.000Z"
"""When data that tells no dates came to be: fixed, so that equal data make equal replies."""


def emails(supporter: Record) -> list[str]:
    """Return a supporter's e-mail addresses in lower case."""
    return [c["value"].lower() for c in supporter["contacts"] if c["type"] == "EMAIL" and c.get("value")]


def _of(name: str) -> Index:
    return Index(name, lambda record: (record[name],) if record.get(name) is not None else ())


SEGMENTS = Layout(
    "segments",
    itemgetter("segmentId"),
    (Index("name", lambda record: (record["name"].strip(),)), _of("externalSystemId")),
)
SUPPORTERS = Layout("supporters", itemgetter("supporterId"), (Index("email", emails), _of("externalSystemId")))
MEMBERS = Layout("members", itemgetter("segmentId", "supporterId"), (_of("segmentId"), _of("supporterId")))
TABLES = (SEGMENTS, SUPPORTERS, MEMBERS)


class SegmentRow(Schema):
    """A group in a data file."""

    segmentId = fields.String(validate=uuid)
    name = fields.String(required=True, validate=validate.Length(1, 64))
    description = fields.String(validate=validate.Length(max=256))
    externalSystemId = fields.String(validate=validate.Length(1, 100))
    type = fields.String(load_default=MANAGED, validate=validate.OneOf(TYPES))
    mailingList = fields.Boolean()
    publicName = fields.String()
    publicDescription = fields.String()
    parameterName = fields.String()


class ContactRow(Schema):
    """One way to reach a supporter."""

    type = fields.String(required=True)
    value = fields.String(required=True)
    status = fields.String()


class SupporterRow(Schema):
    """A supporter in a data file."""

    supporterId = fields.String(validate=uuid)
    externalSystemId = fields.String(validate=validate.Length(1, 100))
    title = fields.String()
    firstName = fields.String()
    middleName = fields.String()
    lastName = fields.String()
    suffix = fields.String()
    dateOfBirth = fields.String()
    gender = fields.String()
    createdDate = fields.String(load_default=DAWN)
    lastModified = fields.String(load_default=DAWN)
    readOnly = fields.Boolean(load_default=False)
    address = fields.Dict(load_default=dict)
    contacts = fields.List(fields.Nested(ContactRow()), load_default=list)
    customFieldValues = fields.List(fields.Dict(), load_default=list)


class MembershipRow(Schema):
    """The supporters of one group: ids, external ids, names or e-mails, or a mapping with a date."""

    segment = fields.String(required=True)
    supporters = fields.List(fields.Raw(), required=True)


_SEGMENT, _SUPPORTER, _MEMBERSHIP = SegmentRow(), SupporterRow(), MembershipRow()


def load(document: Json, world: World) -> Mapping[str, Seed]:
    """Return the tables of *document*; raises `SettingError` naming the row, the field and the value."""
    try:
        segments = Seed(SEGMENTS, _keyed(_SEGMENT, document, "segments", "segmentId", world))
        supporters = Seed(SUPPORTERS, _keyed(_SUPPORTER, document, "supporters", "supporterId", world))
        members = Seed(MEMBERS, _memberships(document, segments, supporters))
    except Taken as error:
        raise SettingError(f"data.salsa.{error}") from None
    return {"segments": segments, "supporters": supporters, "members": members}


def _keyed(schema: Schema, document: Json, collection: str, key: str, world: World) -> Iterator[Record]:
    for record in rows(schema, document, "salsa", collection):
        yield {**record, key: record.get(key, "").lower() or world.uuid(f"data.salsa.{collection}")}


def _memberships(document: Json, segments: Seed, supporters: Seed) -> Iterator[Record]:
    for index, row in enumerate(rows(_MEMBERSHIP, document, "salsa", "members")):
        place = f"data.salsa.members[{index}]"
        segment = _the(segments, row["segment"], ("externalSystemId", "name"), f"{place}.segment")
        for told in row["supporters"]:
            member = told if isinstance(told, dict) else {"supporter": told}
            name = str(member.get("supporter"))
            supporter = _the(supporters, name, ("externalSystemId", "email"), f"{place}.supporters")
            ids = {"segmentId": segment["segmentId"], "supporterId": supporter["supporterId"]}
            yield {**ids, "joinedDate": member.get("joinedDate", DAWN)}


def _the(seed: Seed, name: str, indexes: tuple[str, str], where: str) -> Record:
    """Return the one record that *name* is the id of, or is found by in one of *indexes*."""
    number = seed.numbers.get(name.lower())
    if number is not None:
        return seed.records[number]
    for index in indexes:
        found = seed.postings[index].get(name.lower() if index == "email" else name.strip(), [])
        if len(found) > 1:
            raise SettingError(f"{where}: {len(found)} records are called {name!r}; use the id")
        if found:
            return seed.records[found[0]]
    raise SettingError(f"{where}: {name!r} is none of this data's {seed.layout.name}, by id, external id or name")


def export(store: Store) -> Json:
    """Return all tables in the form of a data file; loading it again gives the same."""
    members = [
        {"segment": row["segmentId"], "supporters": [_member(m) for m in found]}
        for row in store["salsa.segments"]
        if (found := store["salsa.members"].find("segmentId", row["segmentId"]))
    ]
    return {
        "segments": [*store["salsa.segments"]],
        "supporters": [*store["salsa.supporters"]],
        "members": members,
    }


def _member(row: Record) -> Any:
    if row["joinedDate"] == DAWN:
        return row["supporterId"]
    return {"supporter": row["supporterId"], "joinedDate": row["joinedDate"]}


class SalsaFace(Face):
    """``mock.salsa``: one organization as a test wants to see and prepare it, in wire names."""

    @property
    def segments(self) -> list[Json]:
        """Every group, oldest first."""
        return self.rows("segments")

    @property
    def supporters(self) -> list[Json]:
        """Every supporter, oldest first."""
        return self.rows("supporters")

    @property
    def members(self) -> list[Json]:
        """Every membership: segmentId, supporterId, joinedDate; oldest first."""
        return self.rows("members")

    def add_segment(self, name: str, **members: Any) -> Json:
        """Add a group (type INTEGRATED unless said) past the API; raises `SettingError`."""
        members.setdefault("segmentId", self.world.uuid("salsa.segments"))
        return self.add("segments", {"segments": [{"name": name, **members}]})
