"""Records over the control plane: pages of them, related records, single edits, and changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Response, request
from werkzeug.exceptions import BadRequest, Conflict, NotFound

from ..core import Json, Vendor
from ..core.vendor_state import load_records
from ..core.world import Organization
from ..emulator import Emulator
from ..json_match import brief
from ..settings import unknown_name
from ..store import DuplicateKey, Key, Record, Store, Table
from .views import OBJECT, TEXT, WHOLE_NUMBER, Views, as_json, described, list_of, object_of, read_object

views = Views()
_ANYTHING: Json = {}
_COUNT = object_of("TableCount", vendor=TEXT, table=TEXT, records=WHOLE_NUMBER)
_CHANGES = object_of(
    "RecordChanges",
    changes=list_of(
        object_of("TableChange", vendor=TEXT, table=TEXT, key=_ANYTHING, before=_ANYTHING, after=_ANYTHING)
    ),
    total=WHOLE_NUMBER,
)  # fmt: skip
_NATURAL = {**WHOLE_NUMBER, "minimum": 0, "maximum": 999_999_999}
_MOST = 1000
"""How many changes or related records are returned at most."""
_TABLE = {"vendor": "The name of the vendor.", "table": "A table of the vendor, such as segments."}
_OF = {"organization": described(TEXT, "The organization, by its name or its credential (--credentials isolated).")}


@views.get(
    "/organizations",
    object_of("Organizations", organizations=list_of(object_of("Organization", name=TEXT, tables=list_of(_COUNT)))),
)
def list_organizations(core: Emulator) -> Response:
    """Return every organization with the number of records in each of its tables."""
    with core.world.lock:
        rows = [
            {
                "name": organization.name,
                "tables": [
                    {
                        "vendor": vendor.name,
                        "table": schema.name,
                        "records": len(organization.store[vendor.table(schema.name)]),
                    }
                    for vendor in core.vendors.values()
                    for schema in vendor.tables
                ],
            }
            for organization in (
                core.world.look_up(),
                *(organization for organization in core.world if organization.name),
            )
        ]
    return as_json({"organizations": rows})


@views.get(
    "/records/<vendor>/<table>",
    object_of("Records", records=list_of(OBJECT), total=WHOLE_NUMBER, matching=WHOLE_NUMBER),
    arguments=_TABLE,
    query={
        **_OF,
        "search": described(TEXT, "Text that a value of the record must have, in any case."),
        "offset": described(_NATURAL, "How many records to skip; by default 0."),
        "limit": described(_NATURAL, "How many records to return at most; by default 100."),
    },
    refuses=(400, 404),
)
def list_records(core: Emulator, vendor: str, table: str) -> Response:
    """Return a page of the records of a table, oldest first; *search* is a string in any of their values."""
    offset, limit = _number("offset", 0), _number("limit", 100)
    words = request.args.get("search", "").lower()
    with core.world.lock:
        rows = _table(core, vendor, table, _organization(core).store)
        total = matching = len(rows)
        if words:
            matches = [record for record in rows if _contains(record, words)]
            matching, page = len(matches), matches[offset : offset + limit]
        else:
            page = rows.page(offset, limit)
        return as_json({"records": page, "total": total, "matching": matching})


@views.post(
    "/records/<vendor>/<table>",
    arguments=_TABLE,
    response=_CHANGES,
    body=object_of("RecordChange", before={"type": ["object", "null"]}, after={"type": ["object", "null"]}),
    query=_OF,
    refuses=(400, 404, 409, 413),
)
def change_record(core: Emulator, vendor: str, table: str) -> Response:
    """Add, replace or delete one record, without a call to the vendor's API.

    *before* is the record before the change, or null to add one. *after* is the new record, or null to delete it. A new
    record has the form of a row in a data file. Records that refer to a deleted record by its id are deleted too.
    """
    body = read_object('{"before": null, "after": {"name": "Donors"}}', ("before", "after"))
    for name in ("before", "after"):
        if name not in body:
            raise BadRequest(f"{name}: it is missing; expected an object or null")
        if body[name] is not None and not isinstance(body[name], dict):
            raise BadRequest(f"{name}: expected an object or null, got {brief(body[name])}")
    before, after = body["before"], body["after"]
    log = core.world.log
    with core.world.lock:
        store = _organization(core, core.world.organization).store
        rows, owner, mark = _table(core, vendor, table, store), core.vendors[vendor], log.mark
        try:
            document = owner.export(store)
            if before is not None:
                key = _key(rows, before)
                if rows.get(key) != before:
                    raise Conflict("The record has changed since it was read; read it again.")
                if after is None:
                    _delete(owner, store, rows, key)
                elif _key(rows, after) != key:
                    raise BadRequest("The id of a record can't be changed; add another record.")
                else:
                    rows.put(after)
                document = owner.export(store)
            elif after is not None:
                document = {**document, table: [*document.get(table, ()), after]}
            _become(core, owner, store, document)
        except (AttributeError, DuplicateKey, KeyError, TypeError) as error:
            log.rollback(mark)
            raise BadRequest(f"{table}: the record does not fit: {error}") from None
        except BaseException:
            log.rollback(mark)
            raise
        return as_json(_changes_since(core, mark, store.organization))


@views.get(
    "/related/<vendor>/<table>",
    object_of("Related", related=list_of(object_of("RelatedRecords", table=TEXT, records=list_of(OBJECT)))),
    arguments=_TABLE,
    query={**_OF, "key": described(TEXT, "The id of the record.")},
    refuses=(404,),
)
def list_related(core: Emulator, vendor: str, table: str) -> Response:
    """Return the records that are related to the record with the id *key*, by table, such as the members of a group."""
    key = request.args.get("key", "")
    with core.world.lock:
        store = _organization(core).store
        if key not in _table(core, vendor, table, store):
            raise NotFound(f"No record of {table} has the id {key!r}.")
        related = [
            {"table": name, "records": rows[:_MOST]}
            for name, rows in _related(core.vendors[vendor], store, table, key).items()
        ]
        return as_json({"related": related})


def _organization(core: Emulator, find: Callable[[str], Organization] | None = None) -> Organization:
    """Return the organization that the query selects by its name or by a credential.

    If no call has used it yet, *find* returns it; the default returns a temporary organization.
    """
    name = request.args.get("organization", "")
    return next((organization for organization in core.world if organization.name == name), None) or (
        find or core.world.look_up
    )(name)


def _table(core: Emulator, vendor: str, table: str, store: Store) -> Table:
    if vendor not in core.vendors:
        raise NotFound(unknown_name("vendor", vendor, core.vendors))
    names = [schema.name for schema in core.vendors[vendor].tables]
    if table not in names:
        raise NotFound(f"{vendor}: {unknown_name('table', table, names)}")
    return store[core.vendors[vendor].table(table)]


def _number(name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest(f"{name}: {text[:200]!r} is not a whole number from 0 to 999999999.")
    return int(text)


def _changes_since(core: Emulator, mark: int, organization: str) -> Json:
    rows = [
        {"vendor": table.partition(".")[0], **row._asdict()}
        for table, differences in core.differences_since(mark, organization).items()
        for row in differences
    ]
    return {"changes": rows[:_MOST], "total": len(rows)}


def _contains(value: Any, words: str) -> bool:
    if isinstance(value, dict):
        return any(_contains(member, words) for member in value.values())
    if isinstance(value, list):
        return any(_contains(item, words) for item in value)
    return value is not None and words in str(value).lower()


def _key(rows: Table, record: Record) -> Key:
    try:
        key = rows.schema.key(record)
        hash(key)
    except (KeyError, TypeError):
        raise BadRequest(f"{rows.schema.name}: the record has no id.") from None
    return key


def _become(core: Emulator, vendor: Vendor, store: Store, document: Json) -> None:
    """Make the tables of *vendor* equal to *document* by writing only the differences; raises `SettingError`."""
    for name, loaded in load_records(vendor, document, core.world).items():
        rows, key = store[vendor.table(name)], loaded.schema.key
        for record in loaded.records:
            if rows.get(key(record)) != record:
                rows.put(record)
        for record in [record for record in rows if key(record) not in loaded.numbers]:
            rows.delete(key(record))


def _delete(vendor: Vendor, store: Store, rows: Table, key: Key) -> None:
    """Delete the record of *key* and the records that refer to it."""
    for schema in vendor.tables:
        other = store[vendor.table(schema.name)]
        for record in [*other] if other is not rows else ():
            if _joins(other, record, key):
                other.delete(schema.key(record))
            elif names := [*_lists_of(record, rows, key)]:
                other.put({**record, **{name: [item for item in record[name] if item != key] for name in names}})
    rows.delete(key)


def _joins(rows: Table, record: Record, key: Key) -> bool:
    own = rows.schema.key(record)
    return isinstance(own, tuple) and key in own


def _lists_of(record: Record, rows: Table, key: Key) -> Iterator[str]:
    """Yield the name of each member of *record* that is a list of ids of *rows* and contains *key*."""
    for name, value in record.items():
        if isinstance(value, list) and key in value and all(isinstance(item, str) and item in rows for item in value):
            yield name


def _related(vendor: Vendor, store: Store, table: str, key: Key) -> dict[str, list[Record]]:
    tables = {schema.name: store[vendor.table(schema.name)] for schema in vendor.tables}
    record, rows = tables[table].get(key), tables.pop(table)
    assert record is not None
    related: dict[str, list[Record]] = {}
    for name, other in tables.items():
        joined = [row for row in other if _joins(other, row, key)]
        keys = (part for row in joined for part in _key_parts(other, row) if part != key)
        for part, where in ((part, where) for part in keys for where, there in tables.items() if part in there):
            related.setdefault(where, []).append(tables[where].get(part) or {})
        related.setdefault(name, []).extend(row for row in other if [*_lists_of(row, rows, key)])
        for value in record.values():
            if isinstance(value, list) and value and all(isinstance(item, str) and item in other for item in value):
                related[name].extend(other.get(item) or {} for item in value)
    return {name: records for name, records in related.items() if records}


def _key_parts(rows: Table, record: Record) -> Iterable[Key]:
    own = rows.schema.key(record)
    return own if isinstance(own, tuple) else ()
