"""``mock.expect_changes``: what becomes of the records within a block, held against what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..settings import SettingError, suggestion
from ._diff import changed, diff
from ._expected import Expected, unchanged

if TYPE_CHECKING:
    from types import TracebackType

    from ..emulator import Emulator


class ExpectedChanges:
    """A ``with`` block in which the records change as *told*, by vendor and table, and no others do.

    Raises `SettingError` for a vendor or a table that there is not; at the end of the block AssertionError with
    a diff, or LookupError when a reset lies between. An error of the block goes first.
    """

    def __init__(self, core: Emulator, told: Mapping[str, Mapping[str, Expected]]) -> None:
        self._core, self._expected = core, _tables(core, told)

    def __enter__(self) -> None:
        self._moment = self._core.snapshot()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        __tracebackhide__ = True
        moment = self._moment
        del self._moment  # lets go of the log's tail
        if error is None:
            wrong = [*self._wrong(moment.mark)]
            if wrong:
                raise AssertionError("\n".join(["the records did not change as expected:", *wrong]))

    def _wrong(self, mark: int) -> Iterator[str]:
        core = self._core
        with core.world.lock:
            found = changed(core, mark)
        for name in dict.fromkeys([*self._expected, *found]):
            expected, changes = self._expected.get(name, unchanged), found.get(name, [])
            if not expected.fits(changes):
                yield from diff(core, name, expected, changes, mark)


def _tables(core: Emulator, told: Mapping[str, Mapping[str, Expected]]) -> dict[str, Expected]:
    expected: dict[str, Expected] = {}
    for vendor, tables in told.items():
        if vendor not in core.vendors:
            raise SettingError(
                f"{vendor}: no such vendor{suggestion(vendor, core.vendors)}; there are {[*core.vendors]}"
            )
        known = [layout.name for layout in core.vendors[vendor].tables]
        for table, words in tables.items():
            if table not in known:
                raise SettingError(f"{vendor}.{table}: no such table{suggestion(table, known)}; there are {known}")
            if not isinstance(words, Expected):
                raise SettingError(f"{vendor}.{table}: {words!r} is not added(), updated(), removed() or anything")
            expected[core.vendors[vendor].table(table)] = words
    return expected
