"""Rate limits: how many calls a credential may still make, on the world's clock."""

from __future__ import annotations

from collections import deque

from ..forking import new_lock

_NAMES = 10_000
"""How many names are remembered; beyond, those not seen for longest are forgotten."""


class RateWindow:
    """A sliding window of *seconds* in which a name may be seen *calls* times."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls, self.seconds = calls, seconds
        self._seen: dict[str, deque[float]] = {}
        self._lock = new_lock()

    def admit(self, name: str, now: float) -> bool:
        """Count a call of *name* at *now*, admitted or not, and tell whether it fits the window."""
        with self._lock:
            seen = self._seen.pop(name, None)
            if seen is None:
                seen = deque(maxlen=self.calls)
            self._seen[name] = seen
            if len(self._seen) > _NAMES:
                del self._seen[next(iter(self._seen))]
            while seen and seen[-1] > now:  # the clock was set back: those calls are yet to come
                seen.pop()
            fits = len(seen) < self.calls or now - seen[0] >= self.seconds
            seen.append(now)
            return fits

    def left(self, name: str, now: float) -> int:
        """Return how many calls *name* may still make at *now*."""
        with self._lock:
            recent = sum(0 <= now - moment < self.seconds for moment in self._seen.get(name, ()))
        return self.calls - recent

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._seen.clear()
