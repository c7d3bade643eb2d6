"""``mock.journal``: the calls and their responses, and assertions on them with helpful messages."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from .. import __version__
from ..har import har
from ..journal import Entry, undecided_note
from ..json_match import brief
from ..settings import SettingError
from ..wording import plural
from .capsule import capsule
from .explain import IgnoredField, describe, explain, hint_in_python, ignored_fields

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..emulator import Emulator
    from ..journal import EntryFilter, Filters
    from .source import Entries, Source

_LONGEST_WAIT = 1e6
"""Seconds of the longest wait, 11 days; a condition of Python's threads can't wait for more than 49 days on Windows."""


class BaseJournal:
    """The methods that the journals of a mock in this process and of a server share; see `Journal`."""

    def __init__(self, core: Source) -> None:
        self._core = core

    @property
    def _journal(self) -> Entries:
        return self._core.journal

    def __len__(self) -> int:
        return len(self._journal)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._journal)

    def __repr__(self) -> str:
        return f"<Journal of {plural(len(self), 'call')}>"

    @property
    def forgotten(self) -> int:
        """The number of older entries that were dropped, because of their number or the size of their bodies."""
        return self._journal.forgotten

    def get(self, number: int) -> Entry | None:
        """Return the entry with the id *number*, or None if it does not exist or was dropped."""
        return self._journal.get(number)

    def clear(self) -> None:
        """Drop all entries. Ids continue: they do not start from 1 again."""
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
        """Return the entries that match all arguments, oldest first.

        *operation* may omit its vendor, and may be a glob. *json* has members that the body of the request must
        contain. *limit* keeps at most that many of the newest entries. Raises `SettingError` for an unknown name, and
        warns if *json* can't be compared with a body, because it is longer than 64 KiB.

            mock.journal.entries(operation="salsa.*", status=429)
        """
        entries, note = self._entries(vendor=vendor, operation=operation, json=json, limit=limit, **filters)
        if note:
            warnings.warn(note, stacklevel=2)
        return entries

    def har(
        self,
        vendor: str | None = None,
        operation: str | None = None,
        *,
        json: Any = None,
        limit: int | None = None,
        **filters: Unpack[Filters],
    ) -> dict[str, Any]:
        """Return the matching entries in the HTTP Archive 1.2 format, which browsers' developer tools open.

        It takes the same arguments as `entries`, and returns a dictionary. Members that the format lacks, such as
        operation, changes and faults, are in ``_segmentMock`` of each entry. Credentials are redacted. It warns as
        `entries` does.

            with open("calls.har", "w") as file:
                json.dump(mock.journal.har(), file)
        """
        entries, note = self._entries(vendor=vendor, operation=operation, json=json, limit=limit, **filters)
        if note:
            warnings.warn(note, stacklevel=2)
        return har(entries, __version__, note)

    def hint(self, entry: Entry) -> str:
        """Return ``entry.hint``, in which settings are keywords of `SegmentMock` or the marker instead of flags."""
        return hint_in_python(self._core, entry.hint)

    def ignored_fields(self) -> list[IgnoredField]:
        """Return the fields of all requests in the journal that the API ignores, once for each operation and path.

        Such a field is usually a misspelt name.
        """
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
        """Assert that *operation* was called, and return the matching calls, oldest first.

        * *times*: the expected number of calls, compared by ``==`` (default: at least one)
        * *json*: members that the body of the request must contain
        * *within*: count only calls of the last *within* seconds of the mock's clock
        * *filters*: further conditions, such as ``status`` and ``headers``

        Raises AssertionError with the most similar calls and their differences.

            mock.journal.assert_called("salsa.upsert_segments", times=2, status=200)
        """
        __tracebackhide__ = True
        _check_times(times)
        entry_filter = self._filter_of(operation, json, within, filters)
        matching = entry_filter.select(self._journal)
        if not (matching if times is None else times == len(matching) and self._has_every_match(entry_filter)):
            raise AssertionError(explain(self._core, entry_filter, matching, times))
        return matching

    def assert_not_called(
        self, operation: str, *, json: Any = None, within: float | None = None, **filters: Unpack[Filters]
    ) -> None:
        """Assert that no call of *operation* matches. It takes the same filters as `assert_called`.

        Raises AssertionError if a call matches, and if one might have matched whose entry or body was dropped.
        """
        __tracebackhide__ = True
        self.assert_called(operation, times=0, json=json, within=within, **filters)

    def assert_order(self, *steps: str | tuple[str, Any]) -> list[Entry]:
        """Assert that calls match *steps* in this order, and return one call for each step.

        Other calls may come in between. A step is an operation, or a tuple of an operation and the ``json`` that the
        body must contain. Raises AssertionError with the first step that no call matches, and with all calls.

            mock.journal.assert_order("salsa.search_segments", "salsa.upsert_segments")
        """
        __tracebackhide__ = True
        matching: list[Entry] = []
        if not steps:
            raise SettingError("assert_order: there is no step, so it would assert nothing")
        for step in steps:
            if not isinstance(step, str) and not (isinstance(step, tuple) and len(step) == 2):
                raise SettingError(f"assert_order: {brief(step)} is neither an operation nor (operation, json)")
            operation, json = (step, None) if isinstance(step, str) else step
            entry_filter = self._filter_of(operation, json, None, {"since": matching[-1].id if matching else None})
            fit = entry_filter.select(self._journal)
            if not fit:
                raise AssertionError(self._out_of_order(entry_filter, matching, len(steps)))
            matching.append(fit[0])
        return matching

    def wait_for(
        self, operation: str, *, times: int = 1, timeout: float = 5.0, json: Any = None, **filters: Unpack[Filters]
    ) -> list[Entry]:
        """Wait until at least *times* matching calls have ended (default: 1), and return all of them.

        Use it for clients in other threads or processes. *timeout* is in real seconds (default: 5), because the mock's
        clock may be frozen. Raises AssertionError after *timeout*, and `SettingError` if it is not a number.
        """
        __tracebackhide__ = True
        _check_times(times, is_compared=False)
        _check_seconds("timeout", timeout)
        entry_filter = self._filter_of(operation, json, None, filters)
        matching: list[Entry] = []

        def enough() -> bool:
            matching[:] = [entry for entry in entry_filter.select(self._journal) if entry.end is not None]
            return len(matching) >= times

        if not self._journal.wait(enough, min(timeout, _LONGEST_WAIT)):
            raise AssertionError(f"waited {timeout:g} s: {explain(self._core, entry_filter, matching, times)}")
        return matching

    def _entries(self, **filters: Any) -> tuple[list[Entry], str]:
        """Return the matching entries, and a sentence about those that may match."""
        entries, undecided = self._core.entries(**filters)
        return entries, undecided_note([entry.id for entry in undecided])

    def _filter_of(self, operation: str, json: Any, within: float | None, filters: Filters) -> EntryFilter:
        if within is not None:
            _check_seconds("within", within)
            filters = {**filters, "after": self._core.now() - within}
        return self._core.entry_filter(operation=operation, json=json, **filters)

    def _has_every_match(self, entry_filter: EntryFilter) -> bool:
        """Return whether no dropped entry, and none whose body was dropped, may match."""
        if any(map(entry_filter.may_match, self._journal)):
            return False
        oldest = next(iter(self._journal), None)
        return not self.forgotten or (
            oldest is not None
            and (
                oldest.id <= (entry_filter.since or 0)
                or (entry_filter.after is not None and oldest.time < cast("float", entry_filter.after))
            )
        )

    def _out_of_order(self, entry_filter: EntryFilter, matching: Sequence[Entry], steps: int) -> str:
        place = f"step {len(matching) + 1} of {steps}"
        after = f" after call {matching[-1].id} ({matching[-1].operation})" if matching else ""
        all_calls = "\n".join(["all calls, in order:", *(f"  {describe(entry)}" for entry in self._journal)][:21])
        return f"{place}{after}: {explain(self._core, entry_filter, [], None)}\n{all_calls}"


def _check_times(times: Any, *, is_compared: bool = True) -> None:
    """Raise `SettingError` unless *times* is a number of calls, or an object that *is_compared* with one by ``==``."""
    if isinstance(times, int) and not isinstance(times, bool):
        is_valid = times >= 0
    else:
        is_valid = is_compared and not isinstance(times, (str, bool, float, list, tuple))
    if not is_valid:
        raise SettingError(f"times: {brief(times)} is not a whole number, at least 0")


def _check_seconds(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise SettingError(f"{name}: {brief(value)} is not a number of seconds, at least 0")


class Journal(BaseJournal):
    """The journal of a mock: its most recent calls, oldest first. Reach it as ``mock.journal``.

    Iterate over it for the entries; ``len(mock.journal)`` is their number. The *filters* of its methods select entries:

    * ``json``: members that the body of the request must contain, nested or by paths such as
      ``payload.segments[0].name``, or the whole body with ``exact=True``
    * ``headers``, ``query``: names and values that the request must have
    * ``status``, ``fault``, ``organization``: the response's status, a fault that struck, an organization or its
      credential
    * ``after``, ``before``: times of arrival, ISO 8601 or epoch seconds
    * ``since``: the id of an entry; only later entries match

    Values of ``json`` and ``status`` are compared by ``==``, so matchers such as those of dirty-equals work. An
    operation may omit its vendor, and may be a glob. Raises `SettingError` with the nearest valid name for an unknown
    name.

        mock.journal.assert_called("salsa.upsert_segments", times=1, status=200)
    """

    def __init__(self, core: Emulator) -> None:
        super().__init__(core)
        self._emulator = core

    def subscribe(self, listener: Callable[[Entry], None]) -> None:
        """Call *listener* with each entry when its call has ended, on the thread that answered the call."""
        self._emulator.journal.subscribe(listener)

    def capsule(self, about: str = "") -> dict[str, Any]:
        """Return a capsule: initial records, seed, clock, faults and calls, as a JSON-compatible dictionary.

        Save it as a JSON file, and ``segment-mock replay FILE`` repeats the calls. It contains no credentials. *about*
        is its title, such as the id of a test. Raises LookupError if the records before the first call can no longer be
        restored.
        """
        return capsule(self._emulator, about)
