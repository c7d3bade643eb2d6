"""One table: records by key in insertion order, with indexes, written over seed data that never changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeAlias

from ._order import Order
from ._seed import Index, Key, Record, Row, Seed, Taken


class Image:
    """What a table holds at a time: its seed and all that was written over it.

    A posting that the seed does not have and that has one number is that number: most are.
    """

    __slots__ = ("next", "order", "postings", "rows", "seed", "written")

    def __init__(self, seed: Seed) -> None:
        self.seed = seed
        self.rows: dict[Key, Row] = {}
        self.written: dict[int, Record] = {}
        self.order = Order(range(len(seed.records)))
        self.postings: dict[str, dict[Hashable, Order | int]] = {name: {} for name in seed.postings}
        self.next = len(seed.records)


Note: TypeAlias = Callable[["Table", Key, "Row | Image | None", "Row | Image | None"], None]


class Table:
    """Records of one kind in one organization; *note* is told every write: table, key, before, after."""

    def __init__(self, organization: str, seed: Seed, note: Note) -> None:
        self.organization, self.layout, self.seed = organization, seed.layout, seed
        self._note, self._unique = note, tuple(index for index in seed.layout.indexes if index.unique)
        self._image = Image(seed)

    def __len__(self) -> int:
        return len(self._image.order)

    def __contains__(self, key: Key) -> bool:
        return self.get(key) is not None

    def __iter__(self) -> Iterator[Record]:
        return map(self._at, self._image.order)

    def get(self, key: Key) -> Record | None:
        """Return the record of *key*, or None."""
        row = self._row(key)
        return row and row.record

    def retired(self, key: Key) -> bool:
        """Tell whether *key* had a record once and has none now."""
        row = self._row(key)
        return row is not None and row.record is None

    def page(self, offset: int, count: int) -> list[Record]:
        """Return at most *count* records from the *offset*-th on, in insertion order."""
        return [self._at(number) for number in self._image.order.page(offset, count)]

    def find(self, index: str, value: Hashable, offset: int = 0, count: int | None = None) -> list[Record]:
        """Return the records whose *index* has *value*, in insertion order, or a page of them."""
        numbers = self._numbers(index, value)
        if isinstance(numbers, Order):
            numbers = numbers.page(offset, len(numbers) if count is None else count)
        else:
            numbers = numbers[offset : None if count is None else offset + count]
        return [self._at(number) for number in numbers]

    def first(self, index: str, value: Hashable) -> Record | None:
        """Return the earliest record whose *index* has *value*, or None."""
        number = next(iter(self._numbers(index, value)), None)
        return None if number is None else self._at(number)

    def count(self, index: str, value: Hashable) -> int:
        """Return how many records have *value*, without looking at them."""
        return len(self._numbers(index, value))

    def put(self, record: Record) -> Record:
        """Add *record*, or replace the one of its key in its place; raises `Taken`."""
        key, image = self.layout.key(record), self._image
        before = self._row(key)
        self._refuse_taken(record, before)
        if before is None or before.record is None:
            after, image.next = Row(image.next, record), image.next + 1
        else:
            after = Row(before.number, record)
        self._write(key, before, after)
        return record

    def delete(self, key: Key) -> bool:
        """Remove the record of *key*; tell whether there was one."""
        before = self._row(key)
        if before is None or before.record is None:
            return False
        self._write(key, before, Row(before.number, None))
        return True

    def replace(self, seed: Seed) -> None:
        """Hold *seed* and nothing else from now on; one entry in the log, whatever it weighs."""
        before, self._image = self._image, Image(seed)
        self._note(self, None, before, self._image)

    def revert(self) -> None:
        """Drop, unlogged, all that was written since the initial data."""
        self._image = Image(self.seed)

    def apply(self, key: Key, now: Row | Image | None, then: Row | Image | None) -> None:
        """Turn *now*, which must be in force, into *then*, unlogged: for the log only."""
        if isinstance(then, Image):
            self._image = then
        else:
            assert not isinstance(now, Image)
            self._set(key, now, then)

    def _row(self, key: Key) -> Row | None:
        image = self._image
        row = image.rows.get(key)
        if row is None:
            number = image.seed.numbers.get(key)
            return None if number is None else Row(number, image.seed.records[number])
        return row

    def _at(self, number: int) -> Record:
        written = self._image.written.get(number)
        return self._image.seed.records[number] if written is None else written

    def _numbers(self, index: str, value: Hashable) -> Order | Sequence[int]:
        held = self._image.postings[index].get(value)
        if isinstance(held, Order):
            return held
        return self._image.seed.postings[index].get(value, ()) if held is None else (held,)

    def _refuse_taken(self, record: Record, before: Row | None) -> None:
        own = before.number if before is not None and before.record is not None else None
        for index in self._unique:
            for value in index.values(record):
                for number in self._numbers(index.name, value):
                    if number != own:
                        raise Taken(f"{self.layout.name}: {index.name} {value!r} is taken")

    def _write(self, key: Key, before: Row | None, after: Row) -> None:
        self._set(key, before, after)
        self._note(self, key, before, after)

    def _set(self, key: Key, now: Row | None, then: Row | None) -> None:
        old, new = now and now.record, then and then.record
        if now is not None and old is not None and (then is None or new is None or now.number != then.number):
            self._image.order.discard(now.number)
            self._image.written.pop(now.number, None)
        if then is None:
            del self._image.rows[key]
        else:
            self._image.rows[key] = then
            if new is not None:
                self._image.written[then.number] = new
                self._image.order.add(then.number)
        self._reindex(now, then)

    def _reindex(self, now: Row | None, then: Row | None) -> None:
        stays = now is not None and then is not None and now.number == then.number
        for index in self.layout.indexes:
            had, gets = _values(index, now), _values(index, then)
            if stays and had == gets:
                continue
            if now is not None:
                for value in had.keys() - gets if stays else had:
                    self._unlink(index.name, value, now.number)
            if then is not None:
                for value in gets.keys() - had if stays else gets:
                    self._link(index.name, value, then.number)

    def _link(self, index: str, value: Hashable, number: int) -> None:
        postings = self._image.postings[index]
        if value not in postings and value not in self._image.seed.postings[index]:
            postings[value] = number
            return
        self._overlay(index, value).add(number)

    def _unlink(self, index: str, value: Hashable, number: int) -> None:
        postings = self._image.postings[index]
        if isinstance(postings.get(value), int):
            del postings[value]
            return
        self._overlay(index, value).discard(number)

    def _overlay(self, index: str, value: Hashable) -> Order:
        numbers = self._numbers(index, value)
        order = numbers if isinstance(numbers, Order) else Order(numbers)
        self._image.postings[index][value] = order
        return order


def _values(index: Index, row: Row | None) -> dict[Hashable, None]:
    return {} if row is None or row.record is None else dict.fromkeys(index.values(row.record))
