"""What may become of a table's records: words of ``mock.expect_changes``, and how they are held against what did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..json_match import mismatches
from ..store import Difference, Record

Deed: TypeAlias = Literal["added", "updated", "removed"]


@dataclass(frozen=True)
class Part:
    """*rows* of one *deed*, each a record in part or None for any; with ``+`` parts make an `Expected`."""

    deed: Deed
    rows: tuple[Mapping[str, Any] | None, ...]


@dataclass(frozen=True)
class Expected:
    """What is to become of one table: its parts, and nothing else unless *free*. Added up with ``+``."""

    parts: tuple[Part, ...] = ()
    free: bool = False

    def __add__(self, other: Expected) -> Expected:
        return Expected((*self.parts, *other.parts), self.free or other.free)

    def __str__(self) -> str:
        told = [f"{len(part.rows)} {part.deed}" for part in self.parts]
        return "anything" if self.free else ", ".join(told) or "no change"

    def fits(self, found: Sequence[Difference]) -> bool:
        """Tell whether the changes *found* in the table are those expected."""
        return self.free or all(
            _paired(self.rows(deed), [record(change) for change in found if deed_of(change) == deed])
            for deed in ("added", "updated", "removed")
        )

    def rows(self, deed: str) -> list[Mapping[str, Any] | None]:
        """Return every row expected to have been *deed*."""
        return [row for part in self.parts if part.deed == deed for row in part.rows]


def added(*rows: int | Mapping[str, Any]) -> Expected:
    """Expect new records: so many, or one like each of *rows*, which name only the members that matter."""
    return _expected("added", rows)


def updated(*rows: int | Mapping[str, Any]) -> Expected:
    """Expect records that changed: so many, or one for each of *rows*, as it is afterwards."""
    return _expected("updated", rows)


def removed(*rows: int | Mapping[str, Any]) -> Expected:
    """Expect records to be gone: so many, or one for each of *rows*, as it was before."""
    return _expected("removed", rows)


unchanged = Expected()
"""Expect no change: what every table is held to that is not named."""
anything = Expected(free=True)
"""Expect whatever happens."""


def deed_of(change: Difference) -> Deed:
    """Return what *change* did to its record."""
    if change.before is None:
        return "added"
    return "removed" if change.after is None else "updated"


def record(change: Difference) -> Record:
    """Return the record as it is after *change*, or as it was if it is gone."""
    found = change.before if change.after is None else change.after
    assert found is not None
    return found


def _expected(deed: Deed, rows: tuple[int | Mapping[str, Any], ...]) -> Expected:
    parts: list[Mapping[str, Any] | None] = []
    for row in rows or (1,):
        if isinstance(row, Mapping):
            parts.append(row)
        elif type(row) is int and row >= 0:
            parts += [None] * row
        else:
            raise TypeError(f"{deed}({row!r}): expected a number of records, or records as names and values")
    return Expected((Part(deed, tuple(parts)),))


def _paired(rows: Sequence[Mapping[str, Any] | None], found: Sequence[Record]) -> bool:
    """Tell whether each of *rows* can have one of *found* to itself, and none is left over."""
    takes: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for index, other in enumerate(found):
            wanted = rows[row]
            if index not in tried and (wanted is None or not any(mismatches(wanted, other))):
                tried.add(index)
                if index not in takes or place(takes[index], tried):
                    takes[index] = row
                    return True
        return False

    return len(rows) == len(found) and all(place(row, set()) for row in range(len(rows)))
