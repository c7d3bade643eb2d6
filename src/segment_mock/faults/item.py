"""Partial failure: some items of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..core import Call, Json, Proceed, Refusal, Spoiled
from ..messages import Response
from ..settings import INT, TEXT, OptionType
from ._base import Fault, pairs, setting

_RESULTS = ("SYSTEM_ERROR", "NOT_FOUND", "NOT_ALLOWED", "VALIDATION_ERROR")


def _indexes(value: Any) -> tuple[int, ...]:
    found = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if not all(type(index) is int and index >= 0 for index in found):
        raise ValueError
    return found


@dataclass(frozen=True)
class Item(Fault):
    """Fail chosen items of a batch in the vendor's form and perform the others: real partial failure.

    Items are chosen by *index*, by *where*, by *every*, or all of these together; by none, all.
    """

    kind: ClassVar[str] = "item"
    result: str = setting("SYSTEM_ERROR", "The result of a chosen item.", TEXT, choices=_RESULTS)
    index: tuple[int, ...] | int | None = setting(
        None, "Which items, from 0: a number or several.", OptionType("an index from 0, or a list of them", _indexes)
    )
    where: Mapping[str, Any] | None = setting(
        None,
        "Only items that have these members with these values; an item of supporterIds is its supporterId.",
        OptionType("names and values", pairs),
    )
    every: int | None = setting(None, "Only every so many-th item.", INT, min=1)
    message: str = setting("", "The sentence of the item's error, where the result has one.", TEXT)

    def fits(self, call: Call) -> bool:
        """Tell whether the call has a batch with an item to spoil."""
        return bool(self._chosen(call))

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Mark the chosen items; the operation fails them and performs the others."""
        marked = dict.fromkeys(self._chosen(call), Spoiled(self.result, self.message))
        call.spoiled = {**call.spoiled, **marked}
        return await proceed()

    def _chosen(self, call: Call) -> list[int]:
        return [index for index, item in enumerate(_items(call)) if self._strikes(index, item)]

    def _strikes(self, index: int, item: Json) -> bool:
        wanted = (self.where or {}).items()
        return (
            (self.index is None or index in _indexes(self.index))
            and (self.every is None or (index + 1) % self.every == 0)
            and wanted <= item.items()
        )


def _items(call: Call) -> list[Json]:
    batch = call.operation.items
    if batch is None:
        return []
    try:
        items = call.vendor.unwrap(call.json)[batch.sent]
    except (Refusal, KeyError, TypeError):
        return []
    if not isinstance(items, list):
        return []
    # A batch of bare ids is called after the member that each of them is.
    return [item if isinstance(item, dict) else {batch.sent.removesuffix("s"): item} for item in items]
