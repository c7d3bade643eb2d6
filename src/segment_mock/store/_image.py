"""What a table holds at a time."""

from __future__ import annotations

from collections.abc import Hashable

from ._order import Order
from ._seed import Key, Record, Row, Seed


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
