"""``mock.expect_changes``: check the changes of records that a block of code makes, with a readable diff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..journal import Entry
from ..json_match import brief, mismatches
from ..settings import SettingError, unknown_name
from ..store import Difference, Record
from ..wording import plural, warn_unused

if TYPE_CHECKING:
    from types import TracebackType

    from .source import Source

ChangeKind: TypeAlias = Literal["added", "updated", "removed"]
_SIGNS: Mapping[ChangeKind, str] = {"added": "+", "updated": "~", "removed": "-"}
_SHOWN = 20
"""How many records of one table are listed."""
_PLAIN = (str, int, float, bool, type(None))
"""Types of members that are equal only to values of these types, with an equal hash."""


@dataclass(frozen=True)
class Part:
    """Rows that are expected to be added, updated or removed: each a partial record, or None for any record."""

    kind: ChangeKind
    rows: tuple[Mapping[str, Any] | None, ...]


@dataclass(frozen=True)
class Expected:
    """The expected changes of one table; ``+`` joins two of them. With *free*, any further change is allowed."""

    parts: tuple[Part, ...] = ()
    free: bool = False

    def __add__(self, other: Expected) -> Expected:
        if not isinstance(other, Expected):
            return NotImplemented
        return Expected((*self.parts, *other.parts), self.free or other.free)

    def __str__(self) -> str:
        return "anything" if self.free else _counts(part.kind for part in self.parts for _ in part.rows)

    def fits(self, changes: Sequence[Difference]) -> bool:
        """Return whether *changes* are the expected ones."""
        return self.free or all(
            len(rows := self.rows(kind)) == len(records := _records(kind, changes))
            and not any(_unmatched(rows, records))
            for kind in _SIGNS
        )

    def rows(self, kind: str) -> list[Mapping[str, Any] | None]:
        """Return the expected rows of one *kind* of change."""
        return [row for part in self.parts if part.kind == kind for row in part.rows]


def added(*rows: int | Mapping[str, Any]) -> Expected:
    """Expect new records: a number of records, or one record for each of *rows* (default: one record).

    A row is a dictionary with the members to check; a record may have further members. Use it in
    ``mock.expect_changes``, and join it with others by ``+``. Raises TypeError for anything else.

        with mock.expect_changes(salsa={"segments": added({"name": "Donors"})}):
            sync_groups()
    """
    return _expected("added", rows)


def updated(*rows: int | Mapping[str, Any]) -> Expected:
    """Expect changed records: a number of records, or one record for each of *rows* (default: one record).

    A row is a dictionary with the members to check in the record after the change. Raises TypeError for anything else.

        with mock.expect_changes(salsa={"segments": updated({"name": "Donors", "description": "New"})}):
            sync_groups()
    """
    return _expected("updated", rows)


def removed(*rows: int | Mapping[str, Any]) -> Expected:
    """Expect removed records: a number of records, or one record for each of *rows* (default: one record).

    A row is a dictionary with the members to check in the record before its removal. Raises TypeError for anything
    else.

        with mock.expect_changes(salsa={"segments": removed(2)}):
            delete_old_groups()
    """
    return _expected("removed", rows)


unchanged = Expected()
"""Expect no change of a table in ``mock.expect_changes``; this is the default for tables that are not named."""
anything = Expected(free=True)
"""Allow any change of a table in ``mock.expect_changes``."""


def change_kind(change: Difference) -> ChangeKind:
    """Return whether *change* added, updated or removed its record."""
    if change.before is None:
        return "added"
    return "removed" if change.after is None else "updated"


def record(change: Difference) -> Record:
    """Return the record after *change*, or the old record if it was removed."""
    row = change.before if change.after is None else change.after
    assert row is not None
    return row


def _records(kind: str, changes: Iterable[Difference]) -> list[Record]:
    return [record(change) for change in changes if change_kind(change) == kind]


def _counts(kinds: Iterable[str]) -> str:
    """Return how many of *kinds* there are of each, such as ``2 added, 1 removed``."""
    counts = Counter(kinds)
    return ", ".join(f"{counts[kind]} {kind}" for kind in _SIGNS if counts[kind]) or "no change"


def _expected(kind: ChangeKind, rows: tuple[int | Mapping[str, Any], ...]) -> Expected:
    parts: list[Mapping[str, Any] | None] = []
    for row in rows or (1,):
        if isinstance(row, Mapping):
            parts.append(row)
        elif type(row) is int and row >= 0:
            parts += [None] * row
        else:
            raise TypeError(f"{kind}({brief(row)}): expected a number of records, or records as dictionaries")
    return Expected((Part(kind, tuple(parts)),))


def _unmatched(
    rows: Sequence[Mapping[str, Any] | None], records: Sequence[Record]
) -> tuple[list[Mapping[str, Any] | None], list[Record]]:
    """Match rows and records one to one, as many as possible, and return those that are left over."""
    partial = [row for row in rows if row is not None]
    unmatched_rows, other_records = _unmatched_partial(partial, records)
    free = len(rows) - len(partial)  # each of them takes any record
    return [*unmatched_rows, *[None] * (free - len(other_records))], other_records[free:]


def _unmatched_partial(
    rows: Sequence[Mapping[str, Any]], records: Sequence[Record]
) -> tuple[list[Mapping[str, Any] | None], list[Record]]:
    candidates = _candidates(rows, records)
    takes: dict[int, int] = {}
    """The row that takes each record, both by index."""
    hopeless: set[int] = set()
    """Records that no further row can free: a search that failed came by them."""
    unmatched: list[Mapping[str, Any] | None] = []

    def fits(row: int, index: int) -> bool:
        return not any(mismatches(rows[row], records[index]))

    for start, expected in enumerate(rows):
        reached: dict[int, int] = {}
        """The row that would rather take each record."""
        queue = [start]
        for row in queue:  # which grows by the rows that would have to take another record
            index = next((i for i in candidates[row] if i not in takes and fits(row, i)), None)
            if index is not None:
                _reassign(takes, reached, row, index)
                break
            for i in candidates[row]:
                if i in takes and i not in reached and i not in hopeless and fits(row, i):
                    reached[i] = row
                    queue.append(takes[i])
        else:
            hopeless.update(reached)
            unmatched.append(expected)
    return unmatched, [other for index, other in enumerate(records) if index not in takes]


def _reassign(takes: dict[int, int], reached: Mapping[int, int], row: int, index: int) -> None:
    """Let *row* take the free record *index*, the row that *reached* its record take that one, and so on."""
    records = {other: each for each, other in takes.items() if each in reached}
    while True:
        takes[index] = row
        if row not in records:
            return
        index = records[row]
        row = reached[index]


def _candidates(rows: Sequence[Mapping[str, Any]], records: Sequence[Record]) -> list[Sequence[int]]:
    """Return for each row the indexes of the records that may fit, by the most selective plain member of the row."""
    everything = range(len(records))
    plain = [{name: member for name, member in row.items() if type(member) in _PLAIN} for row in rows]
    indexes: dict[str, dict[Any, list[int]]] = {name: {} for members in plain for name in members}
    for index, other in enumerate(records):
        for name, by_value in indexes.items():
            if isinstance(other.get(name), _PLAIN):
                by_value.setdefault(other.get(name), []).append(index)
    return [
        min((indexes[name].get(member, ()) for name, member in members.items()), key=len, default=everything)
        for members in plain
    ]


class ExpectedChanges:
    """A context manager that checks that exactly the *expected* changes happen, by vendor and table.

    Raises `SettingError` for an unknown vendor or table. At the end of the block it raises AssertionError with a diff
    if the changes differ, and LookupError if the mock was reset within the block. An exception of the block passes
    through. A RuntimeWarning says if it was never used in a ``with`` statement.
    """

    def __init__(self, core: Source, expected: Mapping[str, Mapping[str, Expected]]) -> None:
        self._core, self._expected = core, _by_table(core, expected)
        self._is_used = False

    def __enter__(self) -> None:
        self._is_used = True
        self._moment = self._core.snapshot()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        __tracebackhide__ = True
        moment = self._moment
        del self._moment  # lets the change log drop its oldest part
        if error is None:
            wrong = [*self._wrong(moment)]
            if wrong:
                raise AssertionError("\n".join(["the records did not change as expected:", *wrong]))

    def __del__(self) -> None:
        if not getattr(self, "_is_used", True):  # otherwise an argument was refused
            warn_unused("expect_changes(...)", "nothing was checked")

    def _wrong(self, moment: Any) -> Iterator[str]:
        by_table = self._core.changes_since(moment)
        for name in dict.fromkeys([*self._expected, *by_table]):
            expected, changes = self._expected.get(name, unchanged), by_table.get(name, [])
            if not expected.fits(changes):
                yield from diff(self._core, name, expected, changes, moment.mark)


def _by_table(core: Source, by_vendor: Mapping[str, Mapping[str, Expected]]) -> dict[str, Expected]:
    expected: dict[str, Expected] = {}
    for vendor, tables in by_vendor.items():
        if vendor not in core.vendors:
            raise SettingError(unknown_name("vendor", vendor, core.vendors))
        table_names = [schema.name for schema in core.vendors[vendor].tables]
        if not isinstance(tables, Mapping):
            actual = str(tables) if isinstance(tables, Expected) else brief(tables)
            example = next(iter(table_names), "table")  # a vendor may have none
            raise SettingError(
                f"{vendor}: expected a dictionary of tables, such as {{{example!r}: anything}}, got {actual}"
            )
        for table, words in tables.items():
            if table not in table_names:
                raise SettingError(f"{vendor}: {unknown_name('table', table, table_names)}")
            if not isinstance(words, Expected):
                raise SettingError(f"{vendor}.{table}: {brief(words)} is not added(), updated(), removed() or anything")
            expected[core.vendors[vendor].table(table)] = words
    return expected


def diff(core: Source, name: str, expected: Expected, changes: list[Difference], mark: int) -> Iterator[str]:
    """Yield how the *changes* in table *name* differ from *expected*, and which calls made them."""
    unmatched = {kind: _unmatched(expected.rows(kind), _records(kind, changes)) for kind in _SIGNS}
    actual, wrong = _counts(map(change_kind, changes)), sum(len(rows) for rows, _ in unmatched.values())
    but = (
        f"; {plural(wrong, 'record')} {'is' if wrong == 1 else 'are'} not as expected"
        if str(expected) == actual
        else ""
    )
    yield f"{name}: expected {expected}, got {actual}{but}"
    for change in changes[:_SHOWN]:
        yield f"  {_SIGNS[change_kind(change)]} {_row(change)}{_calls_behind(core, name, change, mark)}"
        if change.before is not None and change.after is not None:
            yield from _members(change.before, change.after)
    if len(changes) > _SHOWN:
        yield f"  and {len(changes) - _SHOWN} more"
    for kind, (rows, records) in unmatched.items():
        missing = [row for row in rows if row is not None]
        for row in missing[:_SHOWN]:
            yield f"  missing: {kind} {brief(dict(row))}"
            nearest = min(([*mismatches(row, other)] for other in records), key=len, default=[])
            yield from (f"      {miss}" for miss in nearest[:_SHOWN])
        if len(missing) > _SHOWN:
            yield f"  and {len(missing) - _SHOWN} more missing"


def _row(change: Difference) -> str:
    if change_kind(change) == "updated":
        return repr(change.key)
    text = repr(record(change))
    return text if len(text) <= 300 else f"{text[:297]}..."


def _members(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for miss in mismatches(before, after, exact=True):
        yield f"      {miss.path}: {brief(miss.expected)} -> {brief(miss.actual)}"


def _calls_behind(core: Source, table: str, change: Difference, mark: int) -> str:
    vendor = table.partition(".")[0]
    entries = [e for e in core.journal if e.vendor == vendor and e.end and e.end > mark and _touches(e, change)]
    calls = [f"call {entry.id} {entry.operation}{f' at {entry.caller}' if entry.caller else ''}" for entry in entries]
    return f"  <- {', '.join(calls[-3:])}" if calls else "  <- by no call in the journal"


def _touches(entry: Entry, change: Difference) -> bool:
    return any((each.table, each.key) == (change.table, change.key) for each in entry.changes)
