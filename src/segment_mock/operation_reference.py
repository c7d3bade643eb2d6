"""The reference of a vendor and of its operations: ``segment-mock vendors`` prints it, and the docs have it as a page.

It is made from rows of the `catalogue`. Both print the same tables; they differ only in how a table looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from .core import Json
from .example_calls import ExampleCall

BODY = "the body"
_LITERAL = re.compile("``(.*?)``")


@dataclass(frozen=True)
class ReferenceTable:
    """A table with a title. Cells are plain text; those of *literals* (numbers of columns) are names or values."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    literals: tuple[int, ...] = ()


class Sources:
    """The sources that tables refer to by number, so that a sentence is printed once."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}

    def number(self, row: Json) -> str:
        """Return the number of the source of *row*, and whether it has no source."""
        key = (row["mark"], row["source"])
        number = self._numbers.setdefault(key, len(self._numbers) + 1)
        return f"[{number}] assumed" if row["mark"] == "assumed" else f"[{number}]"

    def table(self) -> ReferenceTable:
        """Return every source that was numbered."""
        rows = [(f"[{number}]", _with_mark(*key)) for key, number in self._numbers.items()]
        return ReferenceTable("Sources", ("number", "source"), tuple(rows))


def vendor_facts(vendor: Json) -> list[tuple[str, str]]:
    """Return the facts that every call to *vendor* needs: hosts, base path, credential, limits."""
    limits = vendor["limits"]
    bounds = [f"{limits['calls']} calls in {limits['seconds']:g} seconds"] if limits["calls"] is not None else []
    bounds += [f"{limits['items']} items a call"] if limits["items"] is not None else []
    words = f"{', '.join(bounds)} ({source_words(limits)})" if bounds else "none known"
    return [
        ("Hosts", ", ".join(vendor["hosts"])),
        ("Base path", vendor["root"]),
        ("Credential", f"header {vendor['key_header']}" if vendor["key_header"] else "none"),
        ("Limits", words),
    ]


def operations_table(vendor: Json) -> ReferenceTable:
    """Return the operations of *vendor*, with paths below its base path."""
    rows = tuple(
        (
            row["method"],
            row["path"].removeprefix(vendor["root"]) or "(base path)",
            row["name"].partition(".")[2],
            plain(row["summary"]),
        )
        for row in vendor["operations"]
    )
    return ReferenceTable("Operations", ("method", "path", "operation", "does"), rows, (0, 1, 2))


def operation_paths(vendor: Json, name: str) -> list[tuple[str, str]]:
    """Return method and whole path of each path of the operation *name*."""
    return [(row["method"], row["path"]) for row in vendor["operations"] if row["name"] == name]


def operation_row(vendor: Json, name: str) -> Json:
    """Return the catalogue's row of the operation *name*, which is a full name."""
    row: Json = next(row for row in vendor["operations"] if row["name"] == name)
    return row


def operation_tables(vendor: Json, name: str) -> Iterator[ReferenceTable]:
    """Yield the tables of the operation *name*: request, response, errors, assumptions, sources."""
    sources, operation = Sources(), operation_row(vendor, name)
    fields = [row for row in vendor["fields"] if row["operation"] == name]
    request_fields = [row for row in fields if row["in"] == "request"]
    request = tuple(
        (row["path"], row["type"], "; ".join(_rules(row)), sources.number(row))
        for row in request_fields
        if not row["ignored"]
    )
    rules = tuple((row["path"] or BODY, row["rule"]) for row in vendor["rules"] if row["operation"] == name)
    response = tuple(
        (row["path"], row["type"], "; ".join(_rules(row, "always present")), sources.number(row))
        for row in fields
        if row["in"] == "reply"
    )
    yield ReferenceTable("Request", ("field", "type", "rule", "source"), request, (0, 1))
    yield ReferenceTable("Rules over several fields", ("in", "rule"), rules, (0,))
    yield ReferenceTable(
        "Members of responses that a request may repeat; the API ignores them",
        ("in", "fields"),
        _ignored(request_fields),
        (0, 1),
    )
    yield ReferenceTable("Response", ("field", "type", "rule", "source"), response, (0, 1))
    yield from error_tables(vendor, sources, operation["refusals"], with_items=operation["has_item_errors"])
    yield assumptions_table(vendor, operation["assumptions"])
    yield sources.table()


def error_tables(vendor: Json, sources: Sources, kinds: Iterable[str], *, with_items: bool) -> Iterator[ReferenceTable]:
    """Yield the errors of a call that are of these *kinds* and, if so wanted, those of one item of a batch."""
    kinds = {*kinds}
    calls = tuple(
        (str(row["status"]), row["kind"], _with_limit(row["message"], vendor), sources.number(row))
        for row in sorted(vendor["refusals"], key=itemgetter("status"))
        if row["kind"] in kinds
    )
    items = tuple((str(row["code"]), row["kind"], row["message"], sources.number(row)) for row in vendor["item_errors"])
    yield ReferenceTable("Errors", ("status", "kind", "text", "source"), calls, (0, 1))
    yield ReferenceTable(
        "Errors of an item, in a response with status 200",
        ("code", "kind", "text", "source"),
        items * with_items,
        (0, 1),
    )


def assumptions_table(vendor: Json, names: Iterable[str] | None = None) -> ReferenceTable:
    """Return the rules that no source states: those of *names*, by default all of *vendor*."""
    table_rows = [row for row in vendor["assumptions"] if names is None or row["name"] in {*names}]
    rows = tuple(
        (row["name"], str(row["choice"]), f"{row['rule']} Why: {row['reason']}.{_change(row)}") for row in table_rows
    )
    return ReferenceTable("Assumptions", ("name", "choice", "rule"), rows, (0,))


def example_intro(example: ExampleCall) -> str:
    """Return a sentence that says what *example* shows, and its source."""
    return f"{example.title} ({_with_mark(example.mark, example.source)})"


def source_words(row: Json) -> str:
    """Return the source of *row* with its mark."""
    return _with_mark(row["mark"], row["source"])


def plain(text: str) -> str:
    """Return a line of a docstring with quotes instead of its marks of code."""
    return _LITERAL.sub(r"'\1'", text)


def _ignored(rows: Iterable[Json]) -> tuple[tuple[str, str], ...]:
    """Return the ignored fields of *rows* by the object that has them."""
    by_place: dict[str, list[str]] = {}
    for place, _, field in (row["path"].rpartition(".") for row in rows if row["ignored"]):
        by_place.setdefault(place or BODY, []).append(field)
    return tuple((place, ", ".join(names)) for place, names in by_place.items())


def _rules(row: Json, required: str = "required") -> list[str]:
    """Return the rules for a field: whether it is required, its limits, and whether it may be null."""
    return [*[required] * row["required"], *row["limits"], *["may be null"] * row["nullable"]]


def _change(row: Json) -> str:
    choices = f" {'|'.join(row['choices'])}" if row["choices"] else ""
    return f" Changed by: {row['setting']}{choices}." if row["setting"] else ""


def _with_limit(message: str, vendor: Json) -> str:
    limit = vendor["limits"]["items"]
    return message if limit is None else message.replace("{limit}", str(limit))


def _with_mark(mark: str, source: str) -> str:
    if source == "assumed":
        return "assumed: no document or recording states it"
    # Do not repeat the mark if the source begins with it.
    return source if source.startswith(mark) else f"{mark}: {source}"
