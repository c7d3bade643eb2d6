"""The rules in force, in order, as one stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from threading import RLock
from typing import Any

from ..callsite import caller
from ..core import Call, Operation, Proceed, Stage, through
from ..core.world import World
from ..messages import Response
from ..settings import SettingError, suggestion
from ._kinds import kinds, made
from ._match import Match
from ._rule import FaultRule, When

_MEMBERS = ("operation", "match", "when")


class FaultRules:
    """What goes wrong, and when: the stage that wraps a call in every fault; the first rule is outermost.

    *operations* are those that a rule may mean, by name (None: one that only refuses), *newest* tells the
    journal's newest entry. A kind's file that can't be imported is an error here, at the start, and not at the
    first rule.
    """

    def __init__(
        self, world: World, operations: Mapping[str, Operation | None], newest: Callable[[], int] = int
    ) -> None:
        self._world, self._operations, self._newest = world, operations, newest
        self._rules: tuple[FaultRule, ...] = ()
        self._armed: tuple[FaultRule, ...] = ()
        self._numbers, self._lock = 0, RLock()
        kinds()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Lead *call* through the rules."""
        rules, through_all = self._rules, False
        if not rules:
            return await proceed()

        async def rest(_: Call) -> Response:
            nonlocal through_all
            through_all = True
            return await proceed()

        try:
            return await through(rules, rest)(call)
        finally:
            if not through_all:
                _keep_back(call, rules)

    def __iter__(self) -> Iterator[FaultRule]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    @property
    def armed(self) -> tuple[FaultRule, ...]:
        """Every rule since the plan was last cleared, those that were removed included."""
        return self._armed

    def add(
        self,
        fault: Stage,
        operation: str = "*",
        match: Match = None,
        *,
        when: Mapping[str, Any] | None = None,
        **conditions: Any,
    ) -> FaultRule:
        """Arm *fault* for the operations that the glob *operation* fits, and return its rule.

        *conditions* are skip, times, every, chance, connection, from_ and until (*when* has them by
        their JSON names). *match* is a mapping or a function of the call. Raises `SettingError` for
        an operation or a vendor that there is not, naming the nearest, and for what can't be.
        """
        told = {name.rstrip("_"): value for name, value in conditions.items()}
        self._check(fault, operation, match)
        conditions_ = When.of({**(when or {}), **told})
        with self._lock:
            id_, now = str(self._numbers + 1), self._world.clock.now()
            rule = FaultRule(id_, fault, operation, match, conditions_, now, self._world.random_stream(f"fault {id_}"))
            rule.where, rule.since = caller(), self._newest()
            self._numbers += 1
            self._rules, self._armed = (*self._rules, rule), (*self._armed, rule)
        return rule

    def load(self, told: Any) -> list[FaultRule]:
        """Arm what *told* says: a rule as JSON or a fault, or a list of them. All or none.

        ``{"kind": ..., its settings..., "operation": ..., "match": {...}, "when": {...}}``.
        """
        with self._lock:
            before = self._rules, self._armed, self._numbers
            try:
                if isinstance(told, (list, tuple)):
                    return [self._loaded(one, f"faults[{index}]: ") for index, one in enumerate(told)]
                return [self._loaded(told)]
            except Exception:
                self._rules, self._armed, self._numbers = before
                raise

    def check(self, rules: Any) -> None:
        """Raise the `SettingError` that `load` would raise for *rules*, and arm nothing."""
        with self._lock:
            before = self._rules, self._armed, self._numbers
            try:
                self.load(rules)
            finally:
                self._rules, self._armed, self._numbers = before

    @contextmanager
    def injected(
        self, fault: Stage, operation: str = "*", match: Match = None, **conditions: Any
    ) -> Iterator[FaultRule]:
        """Arm *fault* for the length of a ``with`` block; arguments as `add` has them."""
        rule = self.add(fault, operation, match, **conditions)
        try:
            yield rule
        finally:
            self.remove(rule.id)

    def get(self, id_: str) -> FaultRule | None:
        """Return the rule with this id, or None."""
        return next((rule for rule in self._rules if rule.id == id_), None)

    def remove(self, id_: str) -> bool:
        """Disarm the rule with this id; tell whether there was one."""
        with self._lock:
            gone = [rule for rule in self._rules if rule.id == id_]
            self._rules = tuple(rule for rule in self._rules if rule.id != id_)
            for rule in gone:
                rule.until = self._newest()
            return bool(gone)

    def clear(self) -> None:
        """Disarm every fault, and number rules from 1 again."""
        with self._lock:
            self._rules, self._armed, self._numbers = (), (), 0

    def _check(self, fault: Stage, operation: str, match: Match) -> None:
        if isinstance(fault, type) or not callable(fault):
            raise SettingError(f"fault: {fault!r} is none; make one, such as faults.Hang()")
        if not any(fnmatchcase(name, str(operation)) for name in self._operations):
            raise SettingError(f"operation: {operation!r} is none{suggestion(str(operation), self._operations)}")
        suits = getattr(fault, "suits", lambda _: True)
        able = [name for name, row in self._operations.items() if suits(row)]
        if not any(fnmatchcase(name, str(operation)) for name in able):
            kind = getattr(fault, "kind", "")
            raise SettingError(f"operation: {operation!r} has nothing that {kind!r} could strike; there are {able}")
        vendors = sorted({name.partition(".")[0] for name in self._operations})
        if isinstance(match, Mapping) and "vendor" in match and match["vendor"] not in vendors:
            wrong = match["vendor"]
            raise SettingError(f"match.vendor: {wrong!r} is none{suggestion(str(wrong), vendors)}; there are {vendors}")

    def _loaded(self, told: Any, place: str = "") -> FaultRule:
        try:
            return self._made(told)
        except SettingError as error:
            raise SettingError(f"{place}{error}") from None

    def _made(self, told: Any) -> FaultRule:
        if callable(told):
            return self.add(told)
        if not isinstance(told, Mapping):
            raise SettingError(f"fault: {told!r} is no object with a 'kind'")
        rest = {name: value for name, value in told.items() if name in _MEMBERS}
        fault = made({name: value for name, value in told.items() if name not in _MEMBERS})
        when = {} if rest.get("when") is None else rest["when"]
        if not isinstance(when, Mapping):
            raise SettingError(f"when: {when!r} is no object")
        return self.add(fault, str(rest.get("operation", "*")), rest.get("match"), when=when)


def _keep_back(call: Call, rules: tuple[FaultRule, ...]) -> None:
    """Tell the rules behind the one that answered *call* itself that it never reached them."""
    by = call.fired_faults[-1] if call.fired_faults else ""
    ids = [f"{rule.id} {rule.kind}" for rule in rules]
    for rule in rules[ids.index(by) + 1 :] if by in ids else ():
        rule.kept_back(call, by)
