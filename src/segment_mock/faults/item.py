"""Partial failure: some items of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..core import Call, ItemFailure, Items, Json, Operation, Proceed, Refusal
from ..messages import Response
from ..settings import INT, TEXT, OptionType
from .base import Fault, pairs, setting

_RESULTS = ("SYSTEM_ERROR", "NOT_FOUND", "NOT_ALLOWED", "VALIDATION_ERROR")


def _indexes(value: Any) -> tuple[int, ...]:
    indexes = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if not all(type(index) is int and index >= 0 for index in indexes):
        raise ValueError
    return indexes


@dataclass(frozen=True)
class Item(Fault):
    """Fail some items of a batch in the vendor's format, and perform the other items.

    An item fails if it meets all of *index*, *where* and *every* that are set; without them, every item fails. The
    identifiers of a search are items too; a search of all records has no items.
    """

    kind: ClassVar[str] = "item"
    result: str = setting("SYSTEM_ERROR", "The result of a failed item.", TEXT, choices=_RESULTS)
    index: tuple[int, ...] | int | None = setting(
        None,
        "Which items, counted from 0: a number, or a list of numbers.",
        OptionType("an index from 0, or a list of them", _indexes),
    )
    where: Mapping[str, Any] | None = setting(
        None,
        "Only items with these members and values ('*' is any value). An item of supporterIds has one member, "
        "supporterId; an identifier of a search has segmentId, supporterId or externalSystemId.",
        OptionType("a dictionary of names and values", pairs),
    )
    every: int | None = setting(None, "Every Nth item.", INT, min=1)
    message: str = setting("", "The message of the item's error, if the result has one.", TEXT)

    def fits(self, call: Call) -> bool:
        """Return whether *call* has a batch with an item to fail."""
        return bool(self._failing_indexes(call))

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Select the items that the operation will fail."""
        marked = dict.fromkeys(self._failing_indexes(call), ItemFailure(self.result, self.message))
        call.item_failures = {**call.item_failures, **marked}
        response = await proceed()
        if not call.has_failed_items:  # the whole call was refused
            call.note_unchanged()
        return response

    def suits(self, operation: Operation | None) -> bool:
        """Return whether *operation* has items."""
        return operation is not None and operation.items is not None

    def _failing_indexes(self, call: Call) -> list[int]:
        batch = call.operation.items
        if batch is None:
            return []
        return [index for index, item in enumerate(_items(call, batch)) if self._strikes(batch, index, item)]

    def _strikes(self, batch: Items, index: int, item: Json) -> bool:
        return (
            (self.index is None or index in _indexes(self.index))
            and (self.every is None or (index + 1) % self.every == 0)
            and all(
                _has_value(item, name, expected, name in batch.ids) for name, expected in (self.where or {}).items()
            )
        )


def _has_value(item: Json, name: str, expected: Any, is_id: bool) -> bool:
    value = item.get(name)
    if type(value) is int and isinstance(expected, str):
        value = str(value)  # the API accepts a number in place of a string
    if expected == "*":
        return value is not None
    if is_id and isinstance(value, str) and isinstance(expected, str):
        return value.lower() == expected.lower()
    return name in item and bool(value == expected)


def _items(call: Call, batch: Items) -> list[Json]:
    try:
        payload = call.vendor.unwrap(call.json)
        items = payload[batch.sent]
        members = [batch.members(payload, item) for item in items] if isinstance(items, list) else []
    except (Refusal, KeyError, TypeError):
        return []
    return [item if isinstance(item, dict) else {} for item in members]
