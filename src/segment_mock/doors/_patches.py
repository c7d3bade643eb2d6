"""What is put into one client library, and how it is taken out again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from operator import getitem
from typing import Any, TypeAlias

Patch: TypeAlias = tuple[Any, str, object]
"""A class or module, the name of an attribute of it, and what takes that attribute's place."""

_ABSENT = object()


class Patches:
    """Patches of the client library *name*, as it is imported now, which *home* made; and what stood there before.

    *places* are where they stand, as the attributes of an owner and a name; *ours* what they put there.
    """

    def __init__(self, name: str, home: object, patches: Iterable[Patch]) -> None:
        self.name, self._module, self._home = name, sys.modules[name], home
        rows = [*patches]
        self._owners = [owner for owner, *_ in rows]
        self.places = [(vars(owner), at) for owner, at, _ in rows]
        self.ours = [ours for *_, ours in rows]
        self._originals = [there.get(at, _ABSENT) for there, at in self.places]

    def are_of(self, module: object, home: object) -> bool:
        """Tell whether they were made of these two.

        Both may be imported anew, as pytest's own pytester has it: what was made of the former is of no use then.
        """
        return self._home is home and self._module is module

    def are_in_place(self) -> bool:
        """Tell whether nobody has put anything over any of them."""
        return [there.get(at) for there, at in self.places] == self.ours

    def are_as_before(self) -> bool:
        """Tell whether every place has what it had when these were made."""
        return [there.get(at, _ABSENT) for there, at in self.places] == self._originals

    def put(self) -> None:
        """Put every patch in its place."""
        for owner, (_, at), ours in zip(self._owners, self.places, self.ours, strict=True):
            setattr(owner, at, ours)

    def remove(self) -> None:
        """Put back what was there before, but where somebody else has put something since: that is theirs."""
        for owner, (there, at), ours, original in zip(
            self._owners, self.places, self.ours, self._originals, strict=True
        ):
            if there.get(at) is not ours:
                continue
            if original is _ABSENT:
                delattr(owner, at)
            else:
                setattr(owner, at, original)


class Picture:
    """How it looks when all of *patches*, by the name of their library, stand: to look once is to look at each."""

    def __init__(self, patches: Mapping[str, Patches]) -> None:
        self._names = [*patches]
        self._modules = [sys.modules.get(name) for name in self._names]
        places = [place for each in patches.values() for place in each.places]
        self._theres, self._names_there = [there for there, _ in places], [at for _, at in places]
        self._ours = [ours for each in patches.values() for ours in each.ours]

    def is_true(self) -> bool:
        """Tell whether it looks like this: no library imported anew, and nobody has put anything over a patch."""
        try:
            found = [*map(getitem, self._theres, self._names_there)]
        except KeyError:  # somebody has taken one away
            return False
        return found == self._ours and [*map(sys.modules.get, self._names)] == self._modules
