"""The rules in force, in order, as one stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

from ..contract import Call, Proceed, Stage, through
from ..messages import Response
from ..settings import SettingError, nearest
from ..world import World
from ._kinds import made
from ._match import Match
from ._rule import Rule, When

_MEMBERS = ("operation", "match", "when")


class Plan:
    """What goes wrong, and when: the stage that wraps a call in every fault; the first rule is outermost.

    *operations* are the names that a rule may mean.
    """

    def __init__(self, world: World, operations: Iterable[str]) -> None:
        self._world, self._operations = world, tuple(operations)
        self._rules: tuple[Rule, ...] = ()
        self._numbers = 0

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Lead *call* through the rules."""
        if not self._rules:
            return await proceed()

        async def rest(_: Call) -> Response:
            return await proceed()

        return await through(self._rules, rest)(call)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def add(
        self,
        fault: Stage,
        operation: str = "*",
        match: Match = None,
        *,
        when: Mapping[str, Any] | None = None,
        **conditions: Any,
    ) -> Rule:
        """Arm *fault* for the operations that the glob *operation* fits, and return its rule.

        *conditions* are skip, times, every, chance, connection, from_ and until (*when* has them by
        their JSON names). *match* is a mapping or a function of the call. Raises `SettingError` for
        an operation that no vendor has, naming the nearest, and for what can't be.
        """
        told = {name.rstrip("_"): value for name, value in conditions.items()}
        if not any(fnmatchcase(name, operation) for name in self._operations):
            raise SettingError(f"operation: {operation!r} is none{nearest(operation, self._operations)}")
        self._numbers += 1
        id_, now = str(self._numbers), self._world.clock.now()
        rule = Rule(
            id_, fault, operation, match, When.of({**(when or {}), **told}), now, self._world.draws(f"fault {id_}")
        )
        self._rules = (*self._rules, rule)
        return rule

    def load(self, told: Any) -> list[Rule]:
        """Arm what *told* says: a rule as JSON or a fault, or a list of them. All or none.

        ``{"kind": ..., its settings..., "operation": ..., "match": {...}, "when": {...}}``.
        """
        before = self._rules
        try:
            return [self._loaded(one) for one in (told if isinstance(told, (list, tuple)) else [told])]
        except Exception:
            self._rules = before
            raise

    @contextmanager
    def injected(self, fault: Stage, operation: str = "*", match: Match = None, **conditions: Any) -> Iterator[Rule]:
        """Arm *fault* for the length of a ``with`` block; arguments as `add` has them."""
        rule = self.add(fault, operation, match, **conditions)
        try:
            yield rule
        finally:
            self.remove(rule.id)

    def get(self, id_: str) -> Rule | None:
        """Return the rule with this id, or None."""
        return next((rule for rule in self._rules if rule.id == id_), None)

    def remove(self, id_: str) -> bool:
        """Disarm the rule with this id; tell whether there was one."""
        before = self._rules
        self._rules = tuple(rule for rule in before if rule.id != id_)
        return len(self._rules) < len(before)

    def clear(self) -> None:
        """Disarm every fault, and number rules from 1 again."""
        self._rules, self._numbers = (), 0

    def _loaded(self, told: Any) -> Rule:
        if callable(told):
            return self.add(told)
        if not isinstance(told, Mapping):
            raise SettingError(f"fault: {told!r} is no object with a 'kind'")
        rest = {name: value for name, value in told.items() if name in _MEMBERS}
        fault = made({name: value for name, value in told.items() if name not in _MEMBERS})
        when = rest.get("when") or {}
        if not isinstance(when, Mapping):
            raise SettingError(f"when: {when!r} is no object")
        return self.add(fault, str(rest.get("operation", "*")), rest.get("match"), when=when)
