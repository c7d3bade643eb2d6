"""What a table holds at a time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ._order import Order
from ._seed import Index, Key, Record, Row, Seed


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

    def numbers(self, index: str, value: Hashable) -> Order | Sequence[int]:
        """Return the insertion numbers of the records whose *index* has *value*, ascending."""
        held = self.postings[index].get(value)
        if held is None:
            return self.seed.postings[index].get(value, ())
        return held if isinstance(held, Order) else (held,)

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

    def _overlay(self, index: str, value: Hashable) -> Order:
        numbers = self.numbers(index, value)
        order = self.postings[index][value] = numbers if isinstance(numbers, Order) else Order(numbers)
        return order
