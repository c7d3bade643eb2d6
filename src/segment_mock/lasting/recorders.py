"""Parts of an emulator that record their changes since they were last saved."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..core.limited_world import LimitedWorld
from ..core.world import CountedStream, Organization, RateWindow, World, organization_name, restored_place
from ..faults import FaultRules
from ..faults.base import Fault
from ..faults.registry import kinds
from ..forking import new_rlock
from ..journal import Entry, Journal
from ..messages import Request, Response
from ..settings import SettingError
from ..store import ChangeLog, Key, Row, Table, TableState
from ..tally import CallTally
from .plain import encode


class RecordedLog(ChangeLog):
    """A change log that records its own changes in *done*, in order, as pairs of an action and its arguments.

    *lowest* is the lowest mark that it was rolled back to since this was saved.
    """

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, ...]] = []
        self.lowest = 0
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
        self.lowest = min(self.lowest, mark)
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
        return self._recorded(super().organization(credential))

    def restore_organization(self, name: str) -> Organization:
        """Return the organization called *name*."""
        return self.known_as(name) or self._recorded(super().restore_organization(name))

    def known_as(self, name: str) -> Organization | None:
        """Return the organization called *name*, if there is one."""
        return self.by_name.get(name)

    def repeat_use(self, name: str) -> None:
        """Use the organization called *name* as a call did in an earlier process."""
        self.restore_organization(name)

    def repeat_drop(self, name: str, mark: int) -> None:
        """Drop the organization called *name*, whose tables were emptied from *mark* of the log on."""
        self.restore_organization(name).counters.clear()
        self.dropped += 1

    def dropped_organizations(self) -> dict[str, Any]:
        """Return the count, names and marks of dropped organizations as JSON for `restore_dropped`."""
        return {"count": self.dropped, "limit": None, "names": [], "recoverable": []}

    def restore_dropped(self, dropped: Mapping[str, Any]) -> None:
        """Restore the result of `dropped_organizations`; the organizations themselves have been restored before."""
        self.dropped = dropped["count"]

    def _recorded(self, organization: Organization) -> Organization:
        if organization.name not in self.by_name:
            with self.lock:
                self.by_name[organization.name] = organization
                self.log.done.append(("organization", organization.name))
        return organization


class RecordedLimitedWorld(RecordedWorld, LimitedWorld):
    """A world with a limited number of organizations, which also records which of them are used and dropped.

    The place of an organization is its name, because an earlier process may have made it.
    """

    def __init__(self, seed: int, *, limit: int) -> None:
        LimitedWorld.__init__(self, seed, limit=limit, log=RecordedLog(), new_stream=CountedStream)

    def organization(self, credential: str = "") -> Organization:
        """Return the organization of *credential*, and record that it is the most recently used one."""
        name = self.organization_name(credential)
        place = restored_place(name)
        with self.lock:
            is_newest = next(reversed(self._organizations), None) == place
            organization = LimitedWorld.organization(self, place)
            if not is_newest:
                self.log.done.append(("use", name))
            return organization

    def organization_name(self, credential: str) -> str:
        """Return the name of the organization of *credential*, which may be a place."""
        return credential[1:] if credential.startswith("\0") else super().organization_name(credential)

    def known_as(self, name: str) -> Organization | None:
        """Return the organization called *name*, also one that was dropped and could be brought back."""
        place = restored_place(name)
        return self._recoverable[place][1] if place in self._recoverable else self._organizations.get(place)

    def repeat_use(self, name: str) -> None:
        """Use the organization called *name* as a call did in an earlier process."""
        place, organization = restored_place(name), self.restore_organization(name)
        if place in self._recoverable:
            self._take_back(place, organization)
        self._organizations.move_to_end(place)

    def repeat_drop(self, name: str, mark: int) -> None:
        """Drop the organization called *name*, whose tables were emptied from *mark* of the log on."""
        organization = self.restore_organization(name)
        self._organizations.pop(restored_place(name), None)
        self._count_as_dropped(restored_place(name), organization, mark)

    def dropped_organizations(self) -> dict[str, Any]:
        """Return the count, names and marks of dropped organizations as JSON for `restore_dropped`."""
        recoverable = [[organization.name, mark] for mark, organization in self._recoverable.values()]
        return {
            "count": self.dropped, "limit": self._limit, "names": [*self._names], "recoverable": recoverable,
        }  # fmt: skip

    def restore_dropped(self, dropped: Mapping[str, Any]) -> None:
        """Restore the result of `dropped_organizations`; the organizations themselves have been restored before."""
        super().restore_dropped(dropped)
        self._names.update(dict.fromkeys(dropped["names"]))
        for name, mark in dropped["recoverable"]:
            organization = self._organizations.pop(restored_place(name))
            organization.is_dropped = True
            self._recoverable[restored_place(name)] = mark, organization

    def _recorded(self, organization: Organization) -> Organization:
        return organization  # it is in its place, and `organization` records the use

    def _take_back(self, credential: str, organization: Organization) -> None:
        super()._take_back(credential, organization)
        self.log.done.append(("use", organization.name))

    def _count_as_dropped(self, credential: str, organization: Organization, mark: int) -> None:
        super()._count_as_dropped(credential, organization, mark)
        self.log.done.append(("drop", organization.name, mark))


class Touched(NamedTuple):
    """An entry that was opened or closed: whether its call *is_over*, and whether the journal *is_without* it."""

    entry: Entry
    is_over: bool = False
    is_without: bool = False


class RecordedJournal(Journal):
    """A journal that records the entries that were opened or closed since they were last saved, and counts calls.

    *closings* counts the calls that have ended. *recording* guards all this, so that each is saved once.
    """

    touched: dict[int, Touched]

    def __init__(self, size: int, weight: int) -> None:
        super().__init__(size, weight)
        self.recording = new_rlock()
        self.touched, self.tally, self.closings = {}, CallTally(), 0
        self._open: dict[int, Entry] = {}
        self._of_thread = threading.local()

    @property
    def own_closing(self) -> int:
        """The value of *closings* at the end of this thread's last call."""
        number: int = getattr(self._of_thread, "closing", 0)
        return number

    def open(self, request: Request, vendor: str, operation: str, secret: str, now: float, mark: int) -> Entry:
        """Add an entry for a call, and record it."""
        with self.recording:
            entry = super().open(request, vendor, operation, secret, now, mark)
            self._open[entry.id] = entry
            self.touched[id(entry)] = Touched(entry)
        return entry

    def close(self, entry: Entry, response: Response | None, now: float, end: int) -> int:
        """End *entry*, and record it."""
        oldest = super().close(entry, response, now, end)
        with self.recording:
            self.tally.count(entry)
            self.closings += 1
            self._of_thread.closing = self.closings
            is_here = self._open.get(entry.id) is entry
            if is_here:
                del self._open[entry.id]
            self.touched[id(entry)] = Touched(entry, is_over=True, is_without=not is_here)
        return oldest

    def clear(self) -> None:
        """Drop every entry."""
        with self.recording:
            super().clear()
            self._open.clear()

    def reset(self) -> None:
        """Drop every entry and begin again."""
        with self.recording:
            super().reset()
            self._open.clear()

    def take_touched(self) -> list[Touched]:
        """Return the entries that changed, and treat them as saved."""
        with self.recording:
            touched, self.touched = self.touched, {}
            return [*touched.values()]


class RecordedWindow(RateWindow):
    """A rate window that records the calls since they were last saved, by a digest of the name."""

    def __init__(self, calls: int, seconds: float) -> None:
        super().__init__(calls, seconds)
        self._admitted: list[tuple[str, float]] = []
        self._recording = new_rlock()

    def admit(self, name: str, now: float) -> bool:
        """Count a call, and record it."""
        with self._recording:
            self._admitted.append((organization_name(name), now))
            return super().admit(name, now)

    def take_admitted(self) -> list[tuple[str, float]]:
        """Return name and time of each admitted call, and treat the calls as saved."""
        with self._recording:
            admitted, self._admitted = self._admitted, []
            return admitted

    def take_moments(self) -> dict[str, list[float]]:
        """Return `moments`, and treat all calls as saved."""
        with self._recording:
            self._admitted = []
            return self.moments()


class LastingFaultRules(FaultRules):
    """Fault rules that can be saved, so they refuse Python functions."""

    def _check(self, fault: Any, operation: str, match: Any) -> None:
        super()._check(fault, operation, match)
        kind = kinds().get(getattr(fault, "kind", ""))
        if not isinstance(fault, Fault) or type(fault) is not kind:
            raise SettingError("fault: a Python function can't be armed with a store; arm a kind of fault")
        if callable(match):
            raise SettingError("match: a Python function can't be armed with a store; expected a dictionary")
        try:
            encode({"match": match, "fault": fault.as_dict()})
        except (TypeError, ValueError) as error:
            raise SettingError(f"fault: with a store, a rule has to be valid JSON: {error}") from None
