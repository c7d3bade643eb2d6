"""Salsa's tables, its part of a data file, and ``mock.salsa``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from ...clock import iso, seconds
from ...core import DataRow, Identifier, Json, Validator, VendorState, rows
from ...core.world import World
from ...settings import SettingError, suggestion
from ...store import DuplicateKey, Index, InitialRecords, Record, Store, TableSchema
from .operations.common import CRM_TYPE
from .operations.segments import comparable_name
from .records import completed, custom_fields, emails, without_nulls
from .schemas import CONTACTS, TEXTS, TYPES, Address, Coordinate, CustomField, Scalar, uuid

DEFAULT_TIME = "2018-01-01T00:00:00.000Z"
"""The date of records of a data file that have none. It is fixed, so that equal data gives equal responses."""
_MOST_NAMES = 1000  # more are not searched for the nearest, which would take seconds


SEGMENTS = TableSchema(
    "segments",
    itemgetter("segmentId"),
    (Index.of_member("name", comparable_name), Index.of_member("externalSystemId")),
    normal=str.lower,
)
SUPPORTERS = TableSchema(
    "supporters",
    itemgetter("supporterId"),
    (Index("email", emails), Index.of_member("externalSystemId"), Index("customField", custom_fields)),
    normal=str.lower,
)
MEMBERS = TableSchema(
    "members",
    itemgetter("segmentId", "supporterId"),
    (Index.of_member("segmentId"), Index.of_member("supporterId")),
)
TABLES = (SEGMENTS, SUPPORTERS, MEMBERS)


class TimeText(fields.String):
    """A time as an ISO 8601 string, stored in the format of responses."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        try:
            return iso(seconds(text))
        except ValueError as error:
            raise ValidationError(f"{error}.") from None


class SegmentRow(DataRow):
    """A group in a data file.

    INTEGRATED is a CRM group, CUSTOM a group of the user interface, DEFAULT a built-in group.
    """

    segmentId = fields.String(validate=uuid)
    name = fields.String(required=True, validate=validate.Length(1, 64))
    description = fields.String(validate=validate.Length(max=256))
    externalSystemId = fields.String(validate=validate.Length(max=100))
    type = fields.String(load_default=CRM_TYPE, validate=validate.OneOf(TYPES))
    mailingList = fields.Boolean()
    publicName = fields.String()
    publicDescription = fields.String()
    parameterName = fields.String()


class ContactRow(DataRow):
    """A contact of a supporter, such as an e-mail address."""

    type = fields.String(required=True, validate=validate.OneOf(CONTACTS))
    value = fields.String()
    status = fields.String()
    smsStatus = fields.String()


def _members_of(schema: type[Schema]) -> dict[str, fields.Field[Any]]:
    return {name: _row_field(field) for name, field in schema().fields.items() if name != "errors"}


def _row_field(field: fields.Field[Any]) -> fields.Field[Any]:
    """Return a field that converts like *field* of a request, without its checks: a group may have older records."""
    kind = next(kind for kind in (Scalar, Identifier, Coordinate, fields.String) if isinstance(field, kind))
    return kind(allow_none=True)


class AddressRow(DataRow.from_dict(_members_of(Address))):  # type: ignore[misc]
    """The address of a supporter."""


class CustomFieldRow(DataRow.from_dict(_members_of(CustomField))):  # type: ignore[misc]
    """The value of a field that the organization has defined."""


class SupporterRow(DataRow.from_dict({name: fields.String() for name in TEXTS})):  # type: ignore[misc]
    """A supporter in a data file."""

    shapes = (without_nulls, completed)
    supporterId = fields.String(validate=uuid)
    createdDate = TimeText(load_default=DEFAULT_TIME)
    lastModified = TimeText(load_default=DEFAULT_TIME)
    readOnly = fields.Boolean(load_default=False)
    address = fields.Nested(AddressRow, load_default=dict)
    contacts = fields.List(fields.Nested(ContactRow), load_default=list)
    customFieldValues = fields.List(fields.Nested(CustomFieldRow), load_default=list)


class JoinedRow(DataRow):
    """A member with the joining date."""

    supporter = fields.String(required=True)
    joinedDate = TimeText(load_default=DEFAULT_TIME)


_JOINED_OBJECT = {
    "type": "object",
    "properties": {"supporter": {"type": "string"}, "joinedDate": {"type": "string"}},
    "required": ["supporter"],
    "additionalProperties": False,
}


class MembershipRow(DataRow):
    """The supporters of one group: ids, external ids, names or e-mail addresses, or a dictionary with a date."""

    segment = fields.String(required=True)
    supporters = fields.List(
        fields.Raw(metadata={"anyOf": [{"type": "string"}, _JOINED_OBJECT]}),
        required=True,
    )


ROWS: Mapping[str, Schema] = {"segments": SegmentRow(), "supporters": SupporterRow(), "members": MembershipRow()}
_SEGMENT, _SUPPORTER = Validator(SegmentRow()), Validator(SupporterRow())
_MEMBERSHIP, _JOINED = Validator(MembershipRow()), Validator(JoinedRow())


def load(document: Json, world: World) -> Mapping[str, InitialRecords]:
    """Return the tables of *document*; raises `SettingError` with row, field and value for an invalid row."""
    segments = InitialRecords(SEGMENTS, _keyed(_SEGMENT, document, "segments", "segmentId", world))
    supporters = InitialRecords(SUPPORTERS, _keyed(_SUPPORTER, document, "supporters", "supporterId", world))
    try:
        members = InitialRecords(MEMBERS, (record for _, record in _memberships(document, segments, supporters)))
    except DuplicateKey:
        raise _repeated_member(_memberships(document, segments, supporters)) from None
    return {"segments": segments, "supporters": supporters, "members": members}


def _keyed(validator: Validator, document: Json, collection: str, key: str, world: World) -> Iterator[Record]:
    records = rows(validator, document, "salsa", collection)
    existing_ids = {record.get(key, "").lower() for record in records}
    for record in records:
        yield {**record, key: record.get(key, "").lower() or world.new_id(f"data.salsa.{collection}", existing_ids)}


def _repeated_member(memberships: Iterable[tuple[str, Record]]) -> DuplicateKey:
    """Return the error for the first of *memberships* that is there twice."""
    first_places: dict[Any, str] = {}
    return next(
        DuplicateKey(f"the supporter {record['supporterId']!r} is already listed in", place, other)
        for place, record in memberships
        if (other := first_places.setdefault(MEMBERS.key(record), place)) != place
    )


def _memberships(document: Json, segments: InitialRecords, supporters: InitialRecords) -> Iterator[tuple[str, Record]]:
    """Yield the place and the record of each membership."""
    for index, row in enumerate(rows(_MEMBERSHIP, document, "salsa", "members")):
        place = f"salsa.members[{index}]"
        segment = _record_called(segments, row["segment"], ("externalSystemId", "name"), f"{place}.segment")
        joined = [item if isinstance(item, dict) else {"supporter": item} for item in row["supporters"]]
        for number, member in enumerate(rows(_JOINED, {"supporters": joined}, place, "supporters")):
            name = member["supporter"]
            supporter = _record_called(supporters, name, ("externalSystemId", "email"), f"{place}.supporters[{number}]")
            ids = {"segmentId": segment["segmentId"], "supporterId": supporter["supporterId"]}
            yield f"members[{index}].supporters[{number}]", {**ids, "joinedDate": member["joinedDate"]}


def _record_called(initial: InitialRecords, name: str, indexes: tuple[str, str], where: str) -> Record:
    """Return the record with the id *name*, or with the value *name* in one of *indexes*."""
    number = initial.numbers.get(name.lower())
    if number is not None:
        return initial.records[number]
    for index in indexes:
        numbers = _numbers(initial, index, name)
        if len(numbers) > 1:
            raise SettingError(f"{where}: {len(numbers)} records have the name {name!r}; use the id")
        if numbers:
            return initial.records[numbers[0]]
    names = [
        initial.records[numbers[0]].get(index) or str(value)  # the name of a group as it is written
        for index in indexes
        for value, numbers in initial.postings[index].items()
    ]
    near = suggestion(name, names) if len(names) <= _MOST_NAMES else ""
    noun = initial.schema.name[:-1]
    raise SettingError(f"{where}: no {noun} of this data has the id, external id or name {name!r}{near}")


def _numbers(initial: InitialRecords, index: str, name: str) -> list[int]:
    postings = initial.postings[index]
    if index == "name":
        candidates = postings.get(comparable_name(name), [])
        return [number for number in candidates if initial.records[number]["name"].strip() == name.strip()]
    return postings.get(name.lower() if index == "email" else name.strip(), [])


def export(store: Store) -> Json:
    """Return all tables in the form of a data file; loading it restores the same tables."""
    # Group only consecutive rows, so that the members of a group and the groups of a member keep their order.
    runs = groupby(store["salsa.members"], key=itemgetter("segmentId"))
    members = [{"segment": segment, "supporters": [_member(row) for row in rows]} for segment, rows in runs]
    return {
        "segments": [*store["salsa.segments"]],
        "supporters": [*store["salsa.supporters"]],
        "members": members,
    }


def _member(row: Record) -> Any:
    if row["joinedDate"] == DEFAULT_TIME:
        return row["supporterId"]
    return {"supporter": row["supporterId"], "joinedDate": row["joinedDate"]}


class SalsaState(VendorState):
    """The records of one organization of Salsa Engage. Reach it as ``mock.salsa``.

    Records are dictionaries with the names of the API, such as ``segmentId``.

        group = mock.salsa.add_segment("Donors")
        ann = mock.salsa.add_supporter("ann@example.org")
        mock.salsa.add_member(group["segmentId"], ann["supporterId"])
    """

    @property
    def segments(self) -> list[Json]:
        """All groups, oldest first."""
        return self.rows("segments")

    @property
    def supporters(self) -> list[Json]:
        """All supporters, oldest first."""
        return self.rows("supporters")

    @property
    def members(self) -> list[Json]:
        """All memberships, oldest first, with segmentId, supporterId and joinedDate."""
        return self.rows("members")

    def add_segment(self, name: str, **members: Any) -> Json:
        """Add a group without a call to the API, and return it.

        *members* are further fields of the group, such as ``externalSystemId``. By default the group is a CRM group (of
        the type INTEGRATED) with a new id. Raises `SettingError` for an invalid field and for an id that already
        exists.
        """
        members.setdefault("segmentId", self.new_id("segments"))
        return self.add("segments", {"segments": [{"name": name, **members}]})

    def add_supporter(self, email: str | None = None, **members: Any) -> Json:
        """Add a supporter without a call to the API, and return it.

        *email* adds an EMAIL contact with the status OPT_IN. *members* are further fields of the supporter, such as
        ``firstName``. By default the supporter has a new id and the current time of the mock's clock as its dates.
        Raises `SettingError` for an invalid field and for an id that already exists.
        """
        contacts = [{"type": "EMAIL", "value": email, "status": "OPT_IN"}] if email else []
        members["contacts"] = [*contacts, *members.get("contacts", ())]
        members.setdefault("supporterId", self.new_id("supporters"))
        members.setdefault("createdDate", self.world.clock.iso())
        members.setdefault("lastModified", members["createdDate"])
        return self.add("supporters", {"supporters": [members]})

    def add_member(self, segment_id: str, supporter_id: str) -> Json:
        """Add a supporter to a group without a call to the API, and return the membership.

        The current time of the mock's clock is the ``joinedDate``. Raises `SettingError` for an unknown id.
        """
        record = {"segmentId": segment_id, "supporterId": supporter_id, "joinedDate": self.world.clock.iso()}
        with self.world.lock:
            for table, key in (("segments", segment_id), ("supporters", supporter_id)):
                if key not in self.store[f"salsa.{table}"]:
                    raise SettingError(f"salsa.{table}: no record has the id {key!r}")
            return dict(self.store["salsa.members"].put(record))
