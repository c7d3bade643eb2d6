"""Which exchanges somebody means: the one way to choose among the journal's entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, TypedDict

from ..clock import iso, seconds
from ..journal import BODY_LIMIT, Entry
from ..json_match import ABSENT, Mismatch, mismatches
from ..settings import SettingError, suggestion


class Filters(TypedDict, total=False):
    """The filters by keyword that every question to the journal takes, as `Wanted` tells them."""

    status: Any
    fault: str | None
    organization: str | None
    after: str | float | None
    before: str | float | None
    exact: bool
    since: int | None


@dataclass(frozen=True)
class Wanted:
    """What an entry must be like; None asks nothing.

    *operation* is a name with or without its vendor, or a glob; *fault* the kind of one that struck (or
    its id); *organization* the name of one; *after* and *before* are times (ISO 8601 or epoch seconds),
    *after* included; *json* is what the request's body must have, all of it if *exact*. *vendor*,
    *operation*, *fault* and *organization* are compared as text, *status* and *json* by ``==``.
    *since* is an entry id after which to begin, *limit* keeps the newest so many. Raises
    `SettingError` for what is no time and for a negative limit.
    """

    vendor: str | None = None
    operation: str | None = None
    status: Any = None
    fault: str | None = None
    organization: str | None = None
    after: str | float | None = None
    before: str | float | None = None
    json: Any = None
    exact: bool = False
    since: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        for name in ("after", "before"):
            try:
                object.__setattr__(self, name, None if getattr(self, name) is None else seconds(getattr(self, name)))
            except ValueError as error:
                raise SettingError(f"{name}: {error}") from None
        if self.limit is not None and self.limit < 0:
            raise SettingError(f"limit: {self.limit!r} is less than 0")

    def among(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return those of *entries* that fit, oldest first."""
        found = [entry for entry in entries if self.names(entry) and not any(self.misses(entry))]
        return found if self.limit is None else found[max(0, len(found) - self.limit) :]

    def names(self, entry: Entry) -> bool:
        """Tell whether *entry* is a call of the operation and vendor that are meant, and not too old."""
        return (
            self.vendor in (None, entry.vendor)
            and (self.operation is None or called(entry.operation, self.operation))
            and (self.since is None or entry.id > self.since)
        )

    def misses(self, entry: Entry) -> Iterator[Mismatch]:
        """Yield each respect in which *entry* is not what is meant, other than what it calls."""
        if self.status is not None and self.status != entry.status:
            yield Mismatch("status", self.status, entry.status)
        kinds = {word for told in entry.faults for word in told.split()}
        if self.fault is not None and self.fault not in kinds:
            yield Mismatch("fault", self.fault, ", ".join(entry.faults) or ABSENT)
        if self.organization is not None and self.organization != entry.organization:
            yield Mismatch("organization", self.organization, entry.organization)
        if self.after is not None and entry.time < float(self.after):
            yield Mismatch("time", f"{iso(float(self.after))} or later", iso(entry.time))
        if self.before is not None and entry.time >= float(self.before):
            yield Mismatch("time", f"before {iso(float(self.before))}", iso(entry.time))
        if self.json is not None:
            yield from self._body(entry)

    def _body(self, entry: Entry) -> Iterator[Mismatch]:
        body = entry.request_json
        if body is None and len(entry.request_body) >= BODY_LIMIT:
            yield Mismatch("body", self.json, "more than the 64 KiB that the journal keeps of it")
        else:
            yield from mismatches(self.json, body, exact=self.exact)


def called(name: str, told: str) -> bool:
    """Tell whether *told*, a name with or without its vendor or a glob, means the operation *name*."""
    return fnmatchcase(name, told) or fnmatchcase(name.partition(".")[2], told)


def check(told: Mapping[str, Any], operations: Sequence[str], vendors: Sequence[str]) -> None:
    """Raise `SettingError` for a filter, an operation or a vendor that there is not, naming the nearest."""
    filters = [row.name for row in fields(Wanted)]
    for name in told:
        if name not in filters:
            raise SettingError(f"{name}: no such filter{suggestion(name, filters)}; there are {filters}")
    operation, vendor = told.get("operation"), told.get("vendor")
    if operation is not None and not any(called(name, operation) for name in operations):
        raise SettingError(f"operation: {operation!r} is none{suggestion(operation, operations)}")
    if vendor is not None and vendor not in vendors:
        raise SettingError(f"vendor: {vendor!r} is none{suggestion(vendor, vendors)}; there are {vendors}")
