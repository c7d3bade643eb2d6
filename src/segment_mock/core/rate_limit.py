"""Rate limits: count the calls of a credential by the mock's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from ..forking import new_lock
from .world import organization_name

_NAMES = 10_000
"""How many names are remembered; beyond that, the least recently used are dropped."""


class RateWindow:
    """A sliding window of *seconds* in which a name may make *calls* calls."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls, self.seconds = calls, seconds
        self._calls_by_name: dict[str, deque[float]] = {}
        self._restored: dict[str, deque[float]] = {}
        self._lock = new_lock()

    def admit(self, name: str, now: float) -> bool:
        """Count a call of *name* at *now*, and return whether it is within the limit."""
        with self._lock:
            moments = self._calls_by_name.pop(name, None)
            if moments is None:
                moments = self._restored.pop(organization_name(name), None) if self._restored else None
                moments = deque(maxlen=self.calls) if moments is None else moments
            self._calls_by_name[name] = moments
            if len(self._calls_by_name) > _NAMES:
                del self._calls_by_name[next(iter(self._calls_by_name))]
            while moments and moments[-1] > now:  # the clock was set back, so these calls lie in the future
                moments.pop()
            fits = len(moments) < self.calls or now - moments[0] >= self.seconds
            moments.append(now)
            return fits

    def left(self, name: str, now: float) -> int:
        """Return how many more calls *name* may make at *now*."""
        with self._lock:
            recent = sum(0 <= now - moment < self.seconds for moment in self._calls_by_name.get(name, ()))
        return self.calls - recent

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._calls_by_name.clear()
            self._restored.clear()

    def moments(self) -> dict[str, list[float]]:
        """Return the times of the calls of each name, by a digest of the name, the oldest last call first."""
        with self._lock:
            seen = {
                **self._restored,
                **{organization_name(name): moments for name, moments in self._calls_by_name.items()},
            }
            return {digest: [*moments] for digest, moments in seen.items()}

    def restore(self, moments: Mapping[str, Iterable[float]]) -> None:
        """Restore the calls that `moments` returned."""
        with self._lock:
            self._calls_by_name.clear()
            self._restored = {digest: deque(row, self.calls) for digest, row in moments.items()}

    def restore_call(self, digest: str, now: float) -> None:
        """Count a call at *now* of the name with this *digest*, after `restore`."""
        moments = self._restored.pop(digest, None)
        self._restored[digest] = deque(maxlen=self.calls) if moments is None else moments
        while self._restored[digest] and self._restored[digest][-1] > now:
            self._restored[digest].pop()
        self._restored[digest].append(now)
