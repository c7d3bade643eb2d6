"""What became of the records since a moment, and how that is told: a line a record, and by which call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..journal import Entry
from ..json_match import mismatches
from ..store import Change, Difference, Table, differences
from ._expected import Expected, deed_of, record

if TYPE_CHECKING:
    from ..emulator import Emulator

_SIGNS = {"added": "+", "updated": "~", "removed": "-"}
_SHOWN = 20
"""So many records of one table are told."""


def changed(core: Emulator, mark: int) -> dict[str, list[Difference]]:
    """Return what became of each table's records since *mark*, by the table's full name."""
    names = {id(layout): vendor.table(layout.name) for vendor in core.vendors.values() for layout in vendor.tables}
    by_table: dict[int, list[Change]] = {}
    for change in core.world.log.since(mark):
        by_table.setdefault(id(change.table), []).append(change)
    found: dict[str, list[Difference]] = {}
    for changes in by_table.values():
        table = changes[0].table
        whole = any(change.key is None for change in changes)
        rows = _compared(core, table, mark) if whole else differences(changes)
        found.setdefault(names[id(table.layout)], []).extend(rows)
    return {name: rows for name, rows in found.items() if rows}


def _compared(core: Emulator, table: Table, mark: int) -> Iterable[Difference]:
    """Return the differences of a table that was replaced as a whole, which its changes do not tell."""
    key, name = table.layout.key, table.layout.name
    now = {key(row): row for row in table}
    with core.world.log.undone(mark, table.organization):
        then = {key(row): row for row in table}
    pairs = ((each, then.get(each), now.get(each)) for each in {**then, **now})
    return [Difference(name, each, before, after) for each, before, after in pairs if before != after]


def diff(core: Emulator, name: str, expected: Expected, found: list[Difference], mark: int) -> Iterator[str]:
    """Yield the lines that tell how the changes *found* in the table *name* are not those *expected*.

    Each tells by which calls since *mark* it came.
    """
    counts = Counter(map(deed_of, found))
    got = ", ".join(f"{count} {deed}" for deed, count in counts.items()) or "no change"
    yield f"{name}: expected {expected}, got {got}"
    for change in found[:_SHOWN]:
        yield f"  {_SIGNS[deed_of(change)]} {_row(change)}{_by(core, name, change, mark)}"
        if change.before is not None and change.after is not None:
            yield from _members(change.before, change.after)
    if len(found) > _SHOWN:
        yield f"  and {len(found) - _SHOWN} more"
    for part in expected.parts:
        for row in part.rows:
            if row is not None and not any(_is(row, change, part.deed) for change in found):
                yield f"  missing: {part.deed} {dict(row)!r}"


def _is(row: Mapping[str, Any], change: Difference, deed: str) -> bool:
    return deed_of(change) == deed and not any(mismatches(row, record(change)))


def _row(change: Difference) -> str:
    if deed_of(change) == "updated":
        return repr(change.key)
    text = repr(record(change))
    return text if len(text) <= 300 else f"{text[:297]}..."


def _members(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for miss in mismatches(before, after, exact=True):
        yield f"      {miss.path}: {miss.expected!r} -> {miss.got!r}"


def _by(core: Emulator, table: str, change: Difference, mark: int) -> str:
    vendor = table.partition(".")[0]
    mine = [e for e in core.journal if e.vendor == vendor and e.end and e.end > mark and _touches(e, change)]
    told = [f"call {entry.id} {entry.operation}{f' at {entry.caller}' if entry.caller else ''}" for entry in mine]
    return f"  <- {', '.join(told[-3:])}" if told else "  <- by no call that the journal has"


def _touches(entry: Entry, change: Difference) -> bool:
    return any((each.table, each.key) == (change.table, change.key) for each in entry.changes)
