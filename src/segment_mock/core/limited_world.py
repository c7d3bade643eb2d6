"""A world that keeps a limited number of organizations and drops the least recently used one."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator

from ..store import ChangeLog
from .world import Organization, Random, World

_LOG = logging.getLogger("segment_mock")
_REMEMBERED = 10_000
"""How many names of dropped organizations are remembered."""


class LimitedWorld(World):
    """A world of isolated organizations that keeps at most *limit* of them.

    The organization of the initial data is not counted. A new organization over the limit drops the one with the oldest
    last call. Dropping returns its tables to the initial data as one more write of the change log, so an earlier
    snapshot or journal entry can restore it.
    """

    _organizations: OrderedDict[str, Organization]

    def __init__(
        self,
        seed: int = 0,
        *,
        limit: int,
        log: ChangeLog | None = None,
        new_stream: Callable[[str], Random] = Random,
    ) -> None:
        self._limit = limit
        super().__init__(seed, isolated=True, log=log, new_stream=new_stream)

    def _begin(self) -> None:
        super()._begin()
        self._organizations = OrderedDict()
        # By credential: the place in the log where it was dropped, and what a rollback to before that needs again.
        self._recoverable: OrderedDict[str, tuple[int, Organization]] = OrderedDict()
        self._names: OrderedDict[str, None] = OrderedDict()

    def organization(self, credential: str = "") -> Organization:
        """Return the organization of *credential*, which is then the most recently used one."""
        organization = self._organizations.get(credential)
        try:
            if organization is not None:
                self._organizations.move_to_end(credential)
                return organization
        except KeyError:  # another thread has dropped it meanwhile
            pass
        with self.lock:
            organization = self._organizations.get(credential) or self._enter(credential)
            if credential:
                self.drop_beyond_limit()
            return organization

    def recoverable(self) -> Iterator[Organization]:
        """Return every organization, including dropped ones that a rollback of the log could restore."""
        return iter([*self, *(organization for _, organization in self._recoverable.values())])

    def has_named(self, name: str) -> bool:
        """Return whether an organization has or had this *name*."""
        return name in self._names or super().has_named(name)

    def rollback(self, mark: int) -> None:
        """Undo every write since *mark*, and restore the organizations that were dropped since."""
        with self.lock:
            super().rollback(mark)
            for credential, (dropped_at, organization) in [*self._recoverable.items()]:
                if dropped_at >= mark:
                    self._take_back(credential, organization)

    def _enter(self, credential: str) -> Organization:
        if credential in self._recoverable:
            organization = self._recoverable[credential][1]
            self._take_back(credential, organization)
        else:
            organization = super().organization(credential)
        if organization.name in self._names:
            organization.notice = (
                f"the organization of this credential was dropped (--max-organizations {self._limit}); "
                "it has started again with the initial data"
            )
        return organization

    def _take_back(self, credential: str, organization: Organization) -> None:
        del self._recoverable[credential]
        organization.is_dropped = False
        self._organizations[credential] = organization

    def drop_beyond_limit(self) -> None:
        """Drop the least recently used organizations, until the others are within the limit."""
        while (count := len(self._organizations) - ("" in self._organizations)) > self._limit:
            credential = next(credential for credential in self._organizations if credential)
            self._drop(credential, count)

    def _drop(self, credential: str, count: int) -> None:
        mark, organization = self.log.mark, self._organizations.pop(credential)
        for name, records in self._initial.items():
            table = organization.store[name]
            if not table.is_unwritten(records):
                table.replace(records)
        self._count_as_dropped(credential, organization, mark)
        _LOG.warning(
            "organization %s was dropped with its records: it was the least recently used of %d (--max-organizations)",
            organization.name,
            count,
        )

    def _count_as_dropped(self, credential: str, organization: Organization, mark: int) -> None:
        organization.is_dropped = True
        organization.counters.clear()
        if self.log.mark != mark:
            self._recoverable[credential] = mark, organization
        while self._recoverable and next(iter(self._recoverable.values()))[0] < self.log.reach:
            self._recoverable.popitem(last=False)
        self.dropped += 1
        self._names[organization.name] = None
        if len(self._names) > _REMEMBERED:
            self._names.popitem(last=False)
