"""One table: records by key in insertion order, with indexes, as changes to immutable initial records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from ..json_match import brief
from .ordered_ids import OrderedIds

Record: TypeAlias = dict[str, Any]
"""A record with the API's names. It is replaced as a whole, never mutated."""
Key: TypeAlias = Hashable


class DuplicateKey(ValueError):
    """A record would have the same key, or the same value of a unique index, as another record.

    *place* and *other* are the rows of the two records, such as ``segments[1]``, if they are rows of a data file.
    """

    def __init__(self, problem: str, place: str = "", other: str = "") -> None:
        super().__init__(f"{place and f'{place}: '}{problem}{other and f' {other}'}")
        self.problem, self.place, self.other = problem, place, other


class Row(NamedTuple):
    """A record and its insertion number; ``record`` is None after the record was deleted."""

    number: int
    record: Record | None


@dataclass(frozen=True)
class Index:
    """An index of a table, called *name*: *values* returns the values under which a record is found.

    With *unique*, no two records may share a value (default: False).
    """

    name: str
    values: Callable[[Record], Iterable[Hashable]]
    unique: bool = False

    @classmethod
    def of_member(cls, name: str, normal: Callable[[Any], Hashable] | None = None) -> Index:
        """Return the index of the member *name*, which finds no record without it; *normal* returns the normal form."""
        return cls(name, partial(_member_of, name, normal))


def _member_of(name: str, normal: Callable[[Any], Hashable] | None, record: Record) -> tuple[Hashable, ...]:
    value = record.get(name)
    if value is None:
        return ()
    return (value,) if normal is None else (normal(value),)


@dataclass(frozen=True)
class TableSchema:
    """The schema of a table.

    * *name*: the name without the vendor, such as ``segments``
    * *key*: returns the key of a record
    * *indexes*: the indexes by which records can be found
    * *normal*: returns the normal form of a string key, such as its lower case (default: the key itself)
    """

    name: str
    key: Callable[[Record], Key]
    indexes: tuple[Index, ...] = ()
    normal: Callable[[str], str] = str


class InitialRecords:
    """The initial records of one table, which the tables of all organizations share.

    ``numbers`` maps a key to the insertion number of its record. ``postings`` map the values of each index to insertion
    numbers in ascending order. Raises `DuplicateKey` if two records have the same key or unique value.
    """

    def __init__(self, schema: TableSchema, records: Iterable[Record] = ()) -> None:
        self.schema = schema
        self.deleted: dict[Key, None] = {}
        """Keys of records that were deleted before these records were loaded."""
        self.records = list(records)
        self.numbers: dict[Key, int] = dict(zip(map(schema.key, self.records), range(len(self.records)), strict=True))
        if len(self.numbers) != len(self.records):
            raise self._first_duplicate()
        self.postings = {index.name: self._postings(index) for index in schema.indexes}

    def _first_duplicate(self) -> DuplicateKey:
        first_numbers: dict[Key, int] = {}
        keys = enumerate(map(self.schema.key, self.records))
        return next(
            self._shared("id", key, first, number)
            for number, key in keys
            if (first := first_numbers.setdefault(key, number)) != number
        )

    def _shared(self, name: str, value: Hashable, first: int, number: int) -> DuplicateKey:
        table = self.schema.name
        return DuplicateKey(f"the {name} {brief(value)} is already used by", f"{table}[{number}]", f"{table}[{first}]")

    def _postings(self, index: Index) -> dict[Hashable, list[int]]:
        postings: dict[Hashable, list[int]] = {}
        values = index.values
        for number, record in enumerate(self.records):
            for value in values(record):
                numbers = postings.get(value)
                if numbers is None:
                    postings[value] = [number]
                elif numbers[-1] != number:
                    if index.unique:
                        raise self._shared(index.name, value, numbers[0], number)
                    numbers.append(number)
        return postings


class TableState:
    """The contents of a table at one time: its initial records, and everything written since.

    A posting has the insertion numbers of an index value. A new posting with a single number, the usual case, is the
    number itself.
    """

    __slots__ = ("initial", "next_number", "order", "postings", "rows", "written")

    def __init__(self, initial: InitialRecords) -> None:
        self.initial = initial
        self.rows: dict[Key, Row] = {}
        self.written: dict[int, Record] = {}
        self.order = OrderedIds(range(len(initial.records)))
        self.postings: dict[str, dict[Hashable, OrderedIds | int]] = {name: {} for name in initial.postings}
        self.next_number = len(initial.records)

    def row(self, key: Key) -> Row | None:
        """Return the row of *key*, whose record is None if it was deleted; None if the key never had one."""
        row = self.rows.get(key)
        if row is None:
            number = self.initial.numbers.get(key)
            return None if number is None else Row(number, self.initial.records[number])
        return row

    def record_at(self, number: int) -> Record:
        """Return the record of an insertion *number*."""
        written = self.written.get(number)
        return self.initial.records[number] if written is None else written

    def numbers(self, index: str, value: Hashable) -> OrderedIds | Sequence[int]:
        """Return the insertion numbers of the records whose *index* has *value*, ascending."""
        posting = self.postings[index].get(value)
        if posting is None:
            return self.initial.postings[index].get(value, ())
        return posting if isinstance(posting, OrderedIds) else (posting,)

    def insert(self, key: Key, row: Row) -> None:
        """Add the first *row* of *key*."""
        number, record = row
        if record is None:
            self.rows[key] = row
            return
        # Ask the indexes first: a record that one of them can't read must not be added in part.
        values_by_index = [(index, (*index.values(record),)) for index in self.initial.schema.indexes]
        self.rows[key] = row
        self.written[number] = record
        self.order.add(number)
        for index, values in values_by_index:
            posting, initial = self.postings[index.name], self.initial.postings[index.name]
            for value in values:
                if value in posting or value in initial:
                    self._overlay(index.name, value).add(number)
                else:
                    posting[value] = number

    def link(self, index: str, value: Hashable, number: int) -> None:
        """Add *number* to the posting of *value*."""
        postings = self.postings[index]
        if value in postings or value in self.initial.postings[index]:
            self._overlay(index, value).add(number)
        else:
            postings[value] = number

    def unlink(self, index: str, value: Hashable, number: int) -> None:
        """Remove *number* from the posting of *value*."""
        postings = self.postings[index]
        if isinstance(postings.get(value), int):
            del postings[value]
        else:
            self._overlay(index, value).discard(number)

    def _overlay(self, index: str, value: Hashable) -> OrderedIds:
        numbers = self.numbers(index, value)
        order = self.postings[index][value] = numbers if isinstance(numbers, OrderedIds) else OrderedIds(numbers)
        return order


Note: TypeAlias = Callable[["Table", Key, "Row | TableState | None", "Row | TableState | None"], None]


class Table:
    """The records of one kind in one organization.

    *note* is called with each write: table, key, record before, record after.
    """

    def __init__(self, organization: str, initial: InitialRecords, note: Note) -> None:
        self.organization, self.schema = organization, initial.schema
        self._note, self._state, self._is_logged = note, TableState(initial), False

    def __len__(self) -> int:
        return len(self._state.order)

    def __contains__(self, key: Key) -> bool:
        row = self._state.rows.get(key)
        return key in self._state.initial.numbers if row is None else row.record is not None

    def __iter__(self) -> Iterator[Record]:
        return map(self._state.record_at, self._state.order)

    def get(self, key: Key) -> Record | None:
        """Return the record with the key *key*, or None."""
        row = self._state.row(key)
        return row and row.record

    def was_deleted(self, key: Key) -> bool:
        """Return whether a record with the key *key* existed and was deleted."""
        row = self._state.row(key)
        return key in self._state.initial.deleted if row is None else row.record is None

    def deleted_keys(self) -> list[Key]:
        """Return the keys of all deleted records, those of the initial data first."""
        written = [key for key, row in self._state.rows.items() if row.record is None]
        return [*(key for key in self._state.initial.deleted if key not in self._state.rows), *written]

    def page(self, offset: int, count: int) -> list[Record]:
        """Return at most *count* records from position *offset* on (the first is 0), in insertion order."""
        written, initial = self._state.written, self._state.initial.records
        numbers = self._state.order.page(offset, count)
        return [initial[number] if (row := written.get(number)) is None else row for number in numbers]

    def find(self, index: str, value: Hashable, offset: int = 0, count: int | None = None) -> list[Record]:
        """Return the records whose *index* has *value*, in insertion order.

        *offset* (from 0) and *count* select a page of them (default: all).
        """
        numbers = self._state.numbers(index, value)
        if not numbers:
            return []
        if isinstance(numbers, OrderedIds):
            numbers = numbers.page(offset, len(numbers) if count is None else count)
        else:
            numbers = numbers[offset : None if count is None else offset + count]
        return [self._state.record_at(number) for number in numbers]

    def first(self, index: str, value: Hashable) -> Record | None:
        """Return the earliest record whose *index* has *value*, or None."""
        for number in self._state.numbers(index, value):
            return self._state.record_at(number)
        return None

    def count(self, index: str, value: Hashable) -> int:
        """Return the number of records whose *index* has *value*, without reading the records."""
        state = self._state
        posting = state.postings[index].get(value)
        if posting is None:
            return len(state.initial.postings[index].get(value, ()))
        return len(posting) if isinstance(posting, OrderedIds) else 1

    def put(self, record: Record) -> Record:
        """Add *record*, or replace the record with the same key, which keeps its position. Return the record.

        Raises `DuplicateKey` if another record has the same value in a unique index.
        """
        key, state = self.schema.key(record), self._state
        before = state.row(key)
        number = state.next_number if before is None or before.record is None else before.number
        for index in self.schema.indexes:
            if index.unique:
                self._refuse_taken(index, record, number)
        after = Row(number, record)
        if before is None:
            state.insert(key, after)
        else:
            self._set(key, before, after)
        if number == state.next_number:
            state.next_number += 1
        self._note(self, key, before, after)
        return record

    def delete(self, key: Key) -> bool:
        """Delete the record with the key *key*, and return whether there was one."""
        before = self._state.row(key)
        if before is None or before.record is None:
            return False
        after = Row(before.number, None)
        self._set(key, before, after)
        self._note(self, key, before, after)
        return True

    def is_unwritten(self, initial: InitialRecords) -> bool:
        """Return whether the table has only the records *initial*, and no write that a rollback could undo."""
        return self._state.initial is initial and not (self._state.rows or self._is_logged)

    def replace(self, initial: InitialRecords) -> None:
        """Replace all records with *initial*, as a single entry in the change log."""
        before, self._state, self._is_logged = self._state, TableState(initial), True
        self._note(self, None, before, self._state)

    def apply(self, key: Key, now: Row | TableState | None, then: Row | TableState | None) -> None:
        """Change the current value *now* of *key* to *then* without logging it. Only the change log calls it."""
        self._is_logged = True
        if isinstance(then, TableState):
            self._state = then
        else:
            assert not isinstance(now, TableState)
            self._set(key, now, then)

    def _refuse_taken(self, index: Index, record: Record, own: int) -> None:
        for value in index.values(record):
            if any(number != own for number in self._state.numbers(index.name, value)):
                raise DuplicateKey(f"{self.schema.name}: another record already has the {index.name} {value!r}")

    def _set(self, key: Key, now: Row | None, then: Row | None) -> None:
        state = self._state
        if now is None:
            if then is not None:
                state.insert(key, then)
            return
        old, new = now.record, then and then.record
        moves = [(index, _values(index, now), _values(index, then)) for index in self.schema.indexes]  # as in `insert`
        if old is not None and (then is None or new is None or now.number != then.number):
            state.order.discard(now.number)
            state.written.pop(now.number, None)
        if then is None:
            del state.rows[key]
        else:
            state.rows[key] = then
            if new is not None:
                state.written[then.number] = new
                state.order.add(then.number)
        was, will = now.number, -1 if then is None else then.number
        for index, had, gets in moves:
            if was == will and had == gets:
                continue
            for value in had:
                if was != will or value not in gets:
                    state.unlink(index.name, value, was)
            for value in gets:
                if was != will or value not in had:
                    state.link(index.name, value, will)


def _values(index: Index, row: Row | None) -> Collection[Hashable]:
    if row is None or row.record is None:
        return ()
    values = tuple(index.values(row.record))
    return values if len(values) < 2 else dict.fromkeys(values)


def state_of(table: Table) -> TableState:
    """Return the current contents of *table*."""
    return table._state


def is_logged(table: Table) -> bool:
    """Return whether a rollback may change *table* although it has only its initial records."""
    return table._is_logged


def set_state(table: Table, state: TableState, *, logged: bool) -> None:
    """Replace the contents of *table* with *state*, without logging it; *logged* is what `is_logged` returned."""
    table._state, table._is_logged = state, logged


def repeat_write(table: Table, key: Key, after: Row) -> None:
    """Write *after* as `Table.put` or `Table.delete` did in an earlier process, and log the write."""
    before = table._state.row(key)
    table._state.next_number = max(table._state.next_number, after.number + 1)
    table._set(key, before, after)
    table._note(table, key, before, after)


def restored_state(initial: InitialRecords, rows: Iterable[tuple[Key, Row]], next_number: int) -> TableState:
    """Return the state of a table with *initial* records, over which *rows* were written."""
    table = Table("", initial, lambda *_: None)
    for key, row in rows:
        table.apply(key, table._state.row(key), row)
    table._state.next_number = next_number
    return table._state
