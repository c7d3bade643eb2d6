"""``mock.journal``: the calls and their replies, and assertions on them with helpful messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..har import har
from ..journal import Entry
from .capsule import capsule
from .explain import IgnoredField, describe, explain, hint_in_python, ignored_fields

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..emulator import Emulator
    from ..journal import EntryFilter, Filters
    from .source import Entries, Source


class BaseJournal:
    """The journal of one mock, oldest entry first.

    The *filters* of its methods:

    * ``json``: what the body of the request must contain, or be as a whole with ``exact=True``
    * ``headers``, ``query``, ``status``, ``fault``, ``organization``
    * ``after``, ``before``: times; ``since``: the id of an entry

    ``json`` and ``status`` are compared by ``==``, so matchers such as those of dirty-equals work.
    An operation is a name with or without its vendor, or a glob. Raises `SettingError` with the nearest name for an
    unknown name.
    """

    def __init__(self, core: Source) -> None:
        self._core = core

    @property
    def _journal(self) -> Entries:
        return self._core.journal

    def __len__(self) -> int:
        return len(self._journal)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._journal)

    @property
    def forgotten(self) -> int:
        """How many older entries were dropped, because of their number or the size of their bodies."""
        return self._journal.forgotten

    def get(self, number: int) -> Entry | None:
        """Return the entry with this id, or None if it does not exist or was dropped."""
        return self._journal.get(number)

    def clear(self) -> None:
        """Drop every entry; ids go on."""
        self._journal.clear()

    def entries(
        self,
        vendor: str | None = None,
        operation: str | None = None,
        *,
        json: Any = None,
        limit: int | None = None,
        **filters: Unpack[Filters],
    ) -> list[Entry]:
        """Return the matching entries, oldest first; *limit* keeps only the newest ones, at most that many."""
        return self._core.entries(vendor=vendor, operation=operation, json=json, limit=limit, **filters)

    def har(
        self,
        vendor: str | None = None,
        operation: str | None = None,
        *,
        json: Any = None,
        limit: int | None = None,
        **filters: Unpack[Filters],
    ) -> dict[str, Any]:
        """Return the matching entries as an HTTP Archive 1.2, which browsers' developer tools open.

        Write it to a file with ``json.dump``. Arguments are those of `entries`. Operation, changes, faults and other
        members that the format lacks are in ``_segmentMock`` of each entry. Credentials are redacted.
        """
        return har(self.entries(vendor, operation, json=json, limit=limit, **filters), __version__)

    def hint(self, entry: Entry) -> str:
        """Return ``entry.hint`` with settings as keywords of `SegmentMock` and the marker, not as flags."""
        return hint_in_python(self._core, entry.hint)

    def ignored_fields(self) -> list[IgnoredField]:
        """Return the members of requests that the API ignores, one for each operation and place."""
        return ignored_fields(self._core)

    def assert_called(
        self,
        operation: str,
        *,
        times: Any = None,
        json: Any = None,
        within: float | None = None,
        **filters: Unpack[Filters],
    ) -> list[Entry]:
        """Return the calls of *operation* that match; raises AssertionError with the nearest calls if there are none.

        *times* is the expected number of calls, compared by ``==`` (default: at least one). *within* counts only the
        calls of that many last seconds of the mock's clock.
        """
        __tracebackhide__ = True
        wanted = self._wanted(operation, json, within, filters)
        matching = wanted.select(self._journal)
        if not (matching if times is None else times == len(matching) and self._knows(wanted)):
            raise AssertionError(explain(self._core, wanted, matching, times))
        return matching

    def assert_not_called(
        self, operation: str, *, json: Any = None, within: float | None = None, **filters: Unpack[Filters]
    ) -> None:
        """Raise AssertionError if a call of *operation* matches, or if a dropped entry might have matched."""
        __tracebackhide__ = True
        self.assert_called(operation, times=0, json=json, within=within, **filters)

    def assert_order(self, *steps: str | tuple[str, Any]) -> list[Entry]:
        """Return the calls that match *steps*, each later than the one before; other calls may lie between.

        A step is an operation, or a tuple of an operation and the ``json`` that its body must contain. Raises
        AssertionError with the first step that no call matches.
        """
        __tracebackhide__ = True
        matching: list[Entry] = []
        for step in steps:
            operation, json = (step, None) if isinstance(step, str) else step
            wanted = self._wanted(operation, json, None, {"since": matching[-1].id if matching else None})
            fit = wanted.select(self._journal)
            if not fit:
                raise AssertionError(self._out_of_order(wanted, matching, len(steps)))
            matching.append(fit[0])
        return matching

    def wait_for(
        self, operation: str, *, times: int = 1, timeout: float = 5.0, json: Any = None, **filters: Unpack[Filters]
    ) -> list[Entry]:
        """Wait until *times* matching calls are over, and return them.

        Use it for clients in other threads or processes. Raises AssertionError after *timeout* real seconds (the
        mock's clock may be frozen).
        """
        __tracebackhide__ = True
        wanted = self._wanted(operation, json, None, filters)
        matching: list[Entry] = []

        def enough() -> bool:
            matching[:] = [entry for entry in wanted.select(self._journal) if entry.end is not None]
            return len(matching) >= times

        if not self._journal.wait(enough, timeout):
            raise AssertionError(f"waited {timeout:g} s: {explain(self._core, wanted, matching, times)}")
        return matching

    def _wanted(self, operation: str, json: Any, within: float | None, filters: Filters) -> EntryFilter:
        if within is not None:
            filters = {**filters, "after": self._core.now() - within}
        return self._core.entry_filter(operation=operation, json=json, **filters)

    def _knows(self, wanted: EntryFilter) -> bool:
        """Return whether no dropped entry may match."""
        oldest = next(iter(self._journal), None)
        return not self.forgotten or (
            oldest is not None
            and (oldest.id <= (wanted.since or 0) or (wanted.after is not None and oldest.time < float(wanted.after)))
        )

    def _out_of_order(self, wanted: EntryFilter, matching: Sequence[Entry], steps: int) -> str:
        place = f"step {len(matching) + 1} of {steps}"
        after = f" after call {matching[-1].id} ({matching[-1].operation})" if matching else ""
        all_calls = "\n".join(["all calls, in order:", *(f"  {describe(entry)}" for entry in self._journal)][:21])
        return f"{place}{after}: {explain(self._core, wanted, [], None)}\n{all_calls}"


class Journal(BaseJournal):
    """The journal of a mock in this process."""

    def __init__(self, core: Emulator) -> None:
        super().__init__(core)
        self._emulator = core

    def subscribe(self, listener: Callable[[Entry], None]) -> None:
        """Call *listener* with each entry when its call is over, on the thread that answered it."""
        journal = self._emulator.journal
        journal.listeners = (*journal.listeners, listener)

    def capsule(self, about: str = "") -> dict[str, Any]:
        """Return records, seed, clock, faults and calls as JSON for ``segment-mock replay``, without credentials.

        *about* is its title. Raises LookupError if the records before the first call can't be restored any more.
        """
        return capsule(self._emulator, about)
