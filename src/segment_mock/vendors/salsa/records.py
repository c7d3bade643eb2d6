"""Records of supporters: complete the values of a client, and merge them into a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ...clock import iso, seconds
from ...core import Json

STATUS = "OPT_IN"
"""The status of an e-mail address without one; other contacts were recorded without a status."""
_FIELD_TYPE = "STRING"
_US_DATE = re.compile(r"\s*(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def without_nulls(value: Any) -> Any:
    """Return *value* without null members, at any depth."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return [without_nulls(member) for member in value] if isinstance(value, list) else value


def emails(supporter: Mapping[str, Any]) -> list[str]:
    """Return a supporter's e-mail addresses in lower case."""
    contacts = supporter.get("contacts") or ()
    return [contact["value"].lower() for contact in contacts if contact["type"] == "EMAIL" and contact.get("value")]


def custom_fields(supporter: Mapping[str, Any]) -> list[str]:
    """Return the names and the ids of a supporter's custom fields."""
    fields = [field for field in supporter["customFieldValues"] if isinstance(field, dict)]
    return [field[key] for field in fields for key in ("name", "fieldId") if isinstance(field.get(key), str)]


def completed(supporter: Json) -> Json:
    """Return a supporter of a data file with all members that contacts and custom fields have in responses."""
    contacts, fields = supporter["contacts"], supporter["customFieldValues"]
    if fields or not all(map(_is_complete, contacts)):
        supporter = {
            **supporter,
            "contacts": [complete_contact(contact) for contact in contacts],
            "customFieldValues": [
                complete_field(field, None) if isinstance(field.get("name"), str) else field for field in fields
            ],
        }
    return supporter


def _is_complete(contact: Json) -> bool:
    return contact["type"] != "EMAIL" or "status" in contact


def complete_contact(contact: Json) -> Json:
    """Return *contact*, with a default status if it is an e-mail address without a status."""
    return contact if _is_complete(contact) else {**contact, "status": STATUS}


def complete_field(field: Json, definition: Mapping[str, Any] | None) -> Json:
    """Return a custom field as a search shows it; *definition* is the same field of any supporter."""
    attributes = definition or {}
    name = field.get("name", attributes.get("name"))
    completed_field = {
        "fieldId": field.get("fieldId") or attributes.get("fieldId") or _id_of(str(name)),
        "name": name,
        **{key: value for key, value in field.items() if key not in ("fieldId", "name", "type")},
        "type": field.get("type") or attributes.get("type") or _FIELD_TYPE,
    }
    if completed_field["type"] == "DATE" and (moment := utc(completed_field.get("value"))):
        completed_field["value"] = moment
    return completed_field


def _id_of(name: str) -> str:
    from hashlib import sha256  # loads OpenSSL

    # No call of the API defines a field, so derive the id from the name; it is the same in every run and data file.
    digits = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def fits_type(value: str, kind: str) -> bool:
    """Return whether a custom field of type *kind* can have *value*."""
    if kind == "DATE":
        return utc(value) is not None
    if kind == "NUMBER":
        return bool(_NUMBER.fullmatch(value))
    return kind != "BOOLEAN" or value.strip().lower() in ("true", "false")


def utc(value: Any) -> str | None:
    """Return a date (ISO 8601, or month/day/year in US Eastern time) as responses have it; None if it is invalid."""
    if not isinstance(value, str):
        return None
    try:
        match = _US_DATE.fullmatch(value)
        if not match:
            return iso(seconds(value))
        month, day, year, hour, minute, second = (int(group or 0) for group in match.groups())
        local = datetime(year, month, day, hour, minute, second)
        return iso((local + _behind_utc(local)).replace(tzinfo=timezone.utc).timestamp())
    except (ValueError, OverflowError):
        return None


def _behind_utc(local: datetime) -> timedelta:
    # Daylight saving time lasts from the second Sunday of March to the first Sunday of November, in any year.
    begin, end = (
        _sunday_from(local.replace(month=month, day=day, hour=2, minute=0)) for month, day in ((3, 8), (11, 1))
    )
    return timedelta(hours=4 if begin <= local < end else 5)


def _sunday_from(day: datetime) -> datetime:
    return day + timedelta(days=6 - day.weekday())


def merged_contacts(stored: Iterable[Json], new: Iterable[Json]) -> list[Json]:
    """Return *stored* with each contact of *new*, which replaces the contact of the same type and value, if any.

    Members that a contact omits are kept. A contact whose value is null removes the contacts of its type.
    """
    contacts = {contact_key(contact): contact for contact in stored}
    for contact in new:
        key = contact_key(contact)
        if "value" in contact and contact["value"] is None:
            contacts = {other: row for other, row in contacts.items() if row["type"] != contact["type"]}
        else:
            contacts[key] = complete_contact(without_nulls({**contacts.get(key, {}), **contact}))
    return [*contacts.values()]


def contact_key(contact: Json) -> tuple[str, str | None]:
    """Return the key of *contact* among the contacts of a supporter."""
    kind, value = contact["type"], contact.get("value")
    return kind, value.lower() if value and kind == "EMAIL" else value


def merged_fields(
    stored: Iterable[Json], new: Iterable[Json], define: Callable[[Json], Mapping[str, Any] | None]
) -> list[Json]:
    """Return *stored* with each custom field of *new*, which replaces the field of the same name, if any.

    A field whose value is null is removed. *define* returns the same field of any supporter.
    """
    fields = [*stored]
    for field in new:
        index = next((i for i, row in enumerate(fields) if is_same_field(row, field)), None)
        if "value" in field and field["value"] is None:
            fields = [row for i, row in enumerate(fields) if i != index]
        elif index is None:
            fields.append(complete_field(without_nulls(field), define(field)))
        else:
            fields[index] = complete_field({**fields[index], **without_nulls(field)}, None)
    return fields


def is_same_field(row: Mapping[str, Any], field: Mapping[str, Any]) -> bool:
    """Return whether *field*, as sent, is the custom field of *row*: by name, or by id if it has no name."""
    key = "name" if field.get("name") is not None else "fieldId"
    return field.get(key) is not None and row.get(key) == field[key]
