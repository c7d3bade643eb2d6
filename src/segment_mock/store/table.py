"""One table: records by key in insertion order, with indexes, written over initial records that never change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from typing import TypeAlias

from .ordered_ids import OrderedIds
from .schema import DuplicateKey, Index, InitialRecords, Key, Record, Row


class TableState:
    """What a table holds at a time: its seed and all that was written over it.

    A posting that the seed does not have and that has one number is that number: most are.
    """

    __slots__ = ("next", "order", "postings", "rows", "seed", "written")

    def __init__(self, seed: InitialRecords) -> None:
        self.seed = seed
        self.rows: dict[Key, Row] = {}
        self.written: dict[int, Record] = {}
        self.order = OrderedIds(range(len(seed.records)))
        self.postings: dict[str, dict[Hashable, OrderedIds | int]] = {name: {} for name in seed.postings}
        self.next = len(seed.records)

    def row(self, key: Key) -> Row | None:
        """Return what *key* has or had, None if it never had anything."""
        row = self.rows.get(key)
        if row is None:
            number = self.seed.numbers.get(key)
            return None if number is None else Row(number, self.seed.records[number])
        return row

    def at(self, number: int) -> Record:
        """Return the record of an insertion *number*."""
        written = self.written.get(number)
        return self.seed.records[number] if written is None else written

    def numbers(self, index: str, value: Hashable) -> OrderedIds | Sequence[int]:
        """Return the insertion numbers of the records whose *index* has *value*, ascending."""
        held = self.postings[index].get(value)
        if held is None:
            return self.seed.postings[index].get(value, ())
        return held if isinstance(held, OrderedIds) else (held,)

    def insert(self, key: Key, row: Row, links: Sequence[tuple[Index, Hashable]]) -> None:
        """Put a *row* where *key* had nothing; *links* are the values of its record, if it has one."""
        number, record = row
        self.rows[key] = row
        if record is not None:
            self.written[number] = record
            self.order.add(number)
        postings, seeded = self.postings, self.seed.postings
        for index, value in links:
            held = postings[index.name]
            if value in held or value in seeded[index.name]:
                self._overlay(index.name, value).add(number)
            else:
                held[value] = number

    def link(self, index: str, value: Hashable, number: int) -> None:
        """Let *number* be found by *value*."""
        postings = self.postings[index]
        if value in postings or value in self.seed.postings[index]:
            self._overlay(index, value).add(number)
        else:
            postings[value] = number

    def unlink(self, index: str, value: Hashable, number: int) -> None:
        """Let *number* be found by *value* no more."""
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
    """Records of one kind in one organization; *note* is told every write: table, key, before, after."""

    def __init__(self, organization: str, seed: InitialRecords, note: Note) -> None:
        self.organization, self.schema = organization, seed.schema
        self._note, self._image = note, TableState(seed)

    def __len__(self) -> int:
        return len(self._image.order)

    def __contains__(self, key: Key) -> bool:
        row = self._image.rows.get(key)
        return key in self._image.seed.numbers if row is None else row.record is not None

    def __iter__(self) -> Iterator[Record]:
        return map(self._image.at, self._image.order)

    def get(self, key: Key) -> Record | None:
        """Return the record of *key*, or None."""
        row = self._image.row(key)
        return row and row.record

    def was_deleted(self, key: Key) -> bool:
        """Tell whether *key* had a record once and has none now."""
        row = self._image.row(key)
        return key in self._image.seed.deleted if row is None else row.record is None

    def deleted_keys(self) -> list[Key]:
        """Return every key that `was_deleted`, those of the initial records first."""
        written = [key for key, row in self._image.rows.items() if row.record is None]
        return [*(key for key in self._image.seed.deleted if key not in self._image.rows), *written]

    def page(self, offset: int, count: int) -> list[Record]:
        """Return at most *count* records from the *offset*-th on, in insertion order."""
        written, seeded = self._image.written, self._image.seed.records
        numbers = self._image.order.page(offset, count)
        return [seeded[number] if (row := written.get(number)) is None else row for number in numbers]

    def find(self, index: str, value: Hashable, offset: int = 0, count: int | None = None) -> list[Record]:
        """Return the records whose *index* has *value*, in insertion order, or a page of them."""
        numbers = self._image.numbers(index, value)
        if not numbers:
            return []
        if isinstance(numbers, OrderedIds):
            numbers = numbers.page(offset, len(numbers) if count is None else count)
        else:
            numbers = numbers[offset : None if count is None else offset + count]
        return [self._image.at(number) for number in numbers]

    def first(self, index: str, value: Hashable) -> Record | None:
        """Return the earliest record whose *index* has *value*, or None."""
        for number in self._image.numbers(index, value):
            return self._image.at(number)
        return None

    def count(self, index: str, value: Hashable) -> int:
        """Return how many records have *value*, without looking at them."""
        image = self._image
        held = image.postings[index].get(value)
        if held is None:
            return len(image.seed.postings[index].get(value, ()))
        return len(held) if isinstance(held, OrderedIds) else 1

    def put(self, record: Record) -> Record:
        """Add *record*, or replace the one of its key in its place; raises `DuplicateKey`."""
        key, image, links = self.schema.key(record), self._image, self._links(record)
        before = image.row(key)
        number = image.next if before is None or before.record is None else before.number
        for index, value in links:
            if index.unique:
                self._refuse_taken(index, value, number)
        after = Row(number, record)
        if number == image.next:
            image.next += 1
        if before is None:
            image.insert(key, after, links)
        else:
            self._set(key, before, after)
        self._note(self, key, before, after)
        return record

    def delete(self, key: Key) -> bool:
        """Remove the record of *key*; tell whether there was one."""
        before = self._image.row(key)
        if before is None or before.record is None:
            return False
        after = Row(before.number, None)
        self._set(key, before, after)
        self._note(self, key, before, after)
        return True

    def replace(self, seed: InitialRecords) -> None:
        """Hold *seed* and nothing else from now on; one entry in the log, whatever it weighs."""
        before, self._image = self._image, TableState(seed)
        self._note(self, None, before, self._image)

    def apply(self, key: Key, now: Row | TableState | None, then: Row | TableState | None) -> None:
        """Turn *now*, which must be in force, into *then*, unlogged: for the log only."""
        if isinstance(then, TableState):
            self._image = then
        else:
            assert not isinstance(now, TableState)
            self._set(key, now, then)

    def _links(self, record: Record) -> list[tuple[Index, Hashable]]:
        return [(index, value) for index in self.schema.indexes for value in index.values(record)]

    def _refuse_taken(self, index: Index, value: Hashable, own: int) -> None:
        for number in self._image.numbers(index.name, value):
            if number != own:
                raise DuplicateKey(f"{self.schema.name}: {index.name} {value!r} is taken")

    def _set(self, key: Key, now: Row | None, then: Row | None) -> None:
        image = self._image
        if now is None:
            if then is not None:
                image.insert(key, then, self._links(then.record) if then.record is not None else ())
            return
        old, new = now.record, then and then.record
        if old is not None and (then is None or new is None or now.number != then.number):
            image.order.discard(now.number)
            image.written.pop(now.number, None)
        if then is None:
            del image.rows[key]
        else:
            image.rows[key] = then
            if new is not None:
                image.written[then.number] = new
                image.order.add(then.number)
        self._reindex(now, then)

    def _reindex(self, now: Row, then: Row | None) -> None:
        image, was, will = self._image, now.number, -1 if then is None else then.number
        for index in self.schema.indexes:
            had, gets = _values(index, now), _values(index, then)
            if was == will and had == gets:
                continue
            for value in had:
                if was != will or value not in gets:
                    image.unlink(index.name, value, was)
            for value in gets:
                if was != will or value not in had:
                    image.link(index.name, value, will)


def _values(index: Index, row: Row | None) -> Collection[Hashable]:
    if row is None or row.record is None:
        return ()
    values = tuple(index.values(row.record))
    return values if len(values) < 2 else dict.fromkeys(values)
