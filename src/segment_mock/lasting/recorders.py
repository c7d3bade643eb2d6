"""Parts of an emulator that record their changes since they were last saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.world import CountedStream, Organization, RateWindow, World, organization_name
from ..faults import FaultRules
from ..faults.base import Fault
from ..faults.registry import kinds
from ..journal import Entry, Journal
from ..messages import Request
from ..settings import SettingError
from ..store import ChangeLog, Key, Row, Table, TableState
from ..tally import CallTally
from .plain import encode


class RecordedLog(ChangeLog):
    """A change log that records its own changes in *done*, in order, as pairs of an action and its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, ...]] = []
        self._is_undoing = False

    def append(self, table: Table, key: Key, before: Row | TableState | None, after: Row | TableState | None) -> None:
        """Add one write."""
        super().append(table, key, before, after)
        if self._is_undoing:
            return
        if isinstance(after, TableState):
            self.done.append(("replace", table, after.initial))  # what is written over it follows
        else:
            self.done.append(("write", table, key, after))

    def commit(self, mark: int, organization: str, now: float) -> None:
        """Add a call, and record it."""
        super().commit(mark, organization, now)
        self.done.append(("commit", mark, organization, now))

    def rollback(self, mark: int) -> None:
        """Undo every write since *mark*. It is recorded as one step, which has the same effect when it is repeated."""
        if mark == self.mark:
            return
        self._is_undoing = True
        try:
            super().rollback(mark)
        finally:
            self._is_undoing = False
        self.done.append(("rollback", mark))


class RecordedWorld(World):
    """A world that records its change log and its new organizations; *by_name* has all organizations."""

    log: RecordedLog

    def __init__(self, seed: int, *, isolated: bool) -> None:
        super().__init__(seed, isolated=isolated, log=RecordedLog(), new_stream=CountedStream)

    def _begin(self) -> None:
        super()._begin()
        self.by_name: dict[str, Organization] = {}

    def organization(self, credential: str = "") -> Organization:
        """Return the organization of *credential*, and record a new one."""
        return self._known(super().organization(credential))

    def restore_organization(self, name: str) -> Organization:
        """Return the organization called *name*."""
        return self.by_name.get(name) or self._known(super().restore_organization(name))

    def _known(self, organization: Organization) -> Organization:
        if organization.name not in self.by_name:
            with self.lock:
                self.by_name[organization.name] = organization
                self.log.done.append(("organization", organization.name))
        return organization


class RecordedJournal(Journal):
    """A journal that records the entries that were opened or closed since they were last saved, and counts calls."""

    touched: dict[int, Entry]

    def __init__(self, size: int, weight: int) -> None:
        super().__init__(size, weight)
        self.touched = {}
        self.tally = CallTally()

    def open(self, request: Request, vendor: str, operation: str, secret: str, now: float, mark: int) -> Entry:
        """Add an entry for a call, and record it."""
        entry = super().open(request, vendor, operation, secret, now, mark)
        self.touched[entry.id] = entry
        return entry

    def close(self, entry: Entry, end: int) -> int:
        """End *entry*, and record it."""
        oldest = super().close(entry, end)
        self.tally.count(entry)
        self.touched[entry.id] = entry
        return oldest


class RecordedWindow(RateWindow):
    """A rate window that records the calls since they were last saved, by a digest of the name."""

    def __init__(self, calls: int, seconds: float) -> None:
        super().__init__(calls, seconds)
        self.admitted: list[tuple[str, float]] = []

    def admit(self, name: str, now: float) -> bool:
        """Count a call, and record it."""
        fits, digest = super().admit(name, now), organization_name(name)
        self.admitted.append((digest, now))  # in one step, because another thread may save meanwhile
        return fits


class LastingFaultRules(FaultRules):
    """Fault rules that can be saved, so they refuse Python functions."""

    def _check(self, fault: Any, operation: str, match: Any) -> None:
        super()._check(fault, operation, match)
        kind = kinds().get(getattr(fault, "kind", ""))
        if not isinstance(fault, Fault) or type(fault) is not kind:
            raise SettingError("fault: a function can't be armed where state lasts (--store); arm a kind of fault")
        if match is not None and not isinstance(match, Mapping):
            raise SettingError("match: a function can't be armed where state lasts (--store); give a mapping")
        try:
            encode({"match": match, "fault": fault.as_dict()})
        except (TypeError, ValueError) as error:
            raise SettingError(f"fault: where state lasts (--store), a rule consists of JSON: {error}") from None
