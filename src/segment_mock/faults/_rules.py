"""The armed fault rules, in order, and how a call is led through them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from threading import RLock
from types import coroutine
from typing import Any, Final

from ..callsite import caller
from ..core import Call, Middleware, Operation
from ..core.world import World
from ..messages import Response
from ..settings import SettingError, suggestion
from ._kinds import fault_from_json, kinds
from ._matching import Match
from ._rule import FaultRule, When

_MEMBERS = ("operation", "match", "when")


class FaultRules:
    """What goes wrong, and when: the armed rules, the first outermost.

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
        self._active: tuple[FaultRule, ...] = ()
        self._numbers, self._lock = 0, RLock()
        kinds()

    @property
    def active(self) -> tuple[FaultRule, ...]:
        """The armed rules that may still strike: a rule that struck as often as it may is passed over."""
        return self._active

    @coroutine
    def apply(self, call: Call, perform: Callable[[], Response]) -> Generator[Any, Any, Response]:
        """Lead *call* through every active rule to *perform*, and return the response.

        The faults that strike stand one inside the other in a list, not on Python's stack, so there may be any
        number of them: what one yields is either a pause, passed on, or the wish to proceed, carried out here.
        """
        rules, reached = self._active, 0
        proceed_from: int | None = 0  # the rule from which the call goes on inwards, if it does
        running: list[tuple[Coroutine[Any, Any, Response], int]] = []  # a fault, and the rule after its own
        result: Response | None = None
        error: BaseException | None = None
        try:
            while True:
                if proceed_from is not None:
                    index = next((i for i in range(proceed_from, len(rules)) if rules[i].strikes(call)), len(rules))
                    reached, proceed_from = max(reached, index + 1), None
                    if index == len(rules):
                        result = perform()
                    else:
                        running.append((rules[index].begin(call, _proceed), index + 1))
                if not running:
                    assert result is not None
                    return result
                fault, following = running[-1]
                try:
                    wish = fault.send(result) if error is None else fault.throw(error)
                except StopIteration as end:
                    result, error = end.value, None
                    running.pop()
                except Exception as raised:
                    running.pop()
                    if not running:
                        raise
                    result, error = None, raised
                else:
                    result = error = None
                    if wish is _PROCEED:
                        proceed_from = following
                    else:
                        yield wish
        finally:
            while running:
                running.pop()[0].close()
            for rule in rules[reached:] if call.fired_faults else ():
                rule.note_unreached(call, call.fired_faults[-1])
            if any(rule.is_spent for rule in rules):
                self._refresh()

    def __iter__(self) -> Iterator[FaultRule]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    @property
    def armed(self) -> tuple[FaultRule, ...]:
        """Every rule since the rules were last cleared, those that were removed included."""
        return self._armed

    def add(
        self,
        fault: Middleware,
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
            self._active = self._active if rule.is_spent else (*self._active, rule)
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
                self._refresh()
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
        self, fault: Middleware, operation: str = "*", match: Match = None, **conditions: Any
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
            self._refresh()
            return bool(gone)

    def clear(self) -> None:
        """Disarm every fault, and number rules from 1 again."""
        with self._lock:
            self._rules, self._armed, self._active, self._numbers = (), (), (), 0

    def _refresh(self) -> None:
        with self._lock:
            self._active = tuple(rule for rule in self._rules if not rule.is_spent)

    def _check(self, fault: Middleware, operation: str, match: Match) -> None:
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
            return self._rule(told)
        except SettingError as error:
            raise SettingError(f"{place}{error}") from None

    def _rule(self, told: Any) -> FaultRule:
        if callable(told):
            return self.add(told)
        if not isinstance(told, Mapping):
            raise SettingError(f"fault: {told!r} is no object with a 'kind'")
        rest = {name: value for name, value in told.items() if name in _MEMBERS}
        fault = fault_from_json({name: value for name, value in told.items() if name not in _MEMBERS})
        when = {} if rest.get("when") is None else rest["when"]
        if not isinstance(when, Mapping):
            raise SettingError(f"when: {when!r} is no object")
        return self.add(fault, str(rest.get("operation", "*")), rest.get("match"), when=when)


_PROCEED: Final = object()


@coroutine
def _proceed() -> Generator[object, Response, Response]:
    """Ask `FaultRules.apply` to lead the call on, and return the response."""
    return (yield _PROCEED)
