"""The armed fault rules, in order, and how a call passes through them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import coroutine
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict, cast, overload

from ..callsite import caller
from ..core import Call, Middleware, Operation
from ..core.world import World
from ..forking import new_rlock
from ..journal import matches_operation, unknown_operation
from ..json_match import brief, is_deep
from ..messages import ConnectFailure, Response, check_response
from ..settings import SettingError, unknown_name
from ..wording import comma_list
from .matching import Match, connection_test
from .registry import fault_of, kinds
from .rule import FaultRule, Injection, When

if TYPE_CHECKING:
    from typing_extensions import Unpack

FaultSource: TypeAlias = "str | Mapping[str, Any] | Middleware"
"""What users may arm: the name of a kind, a dictionary with a ``kind``, a `Fault`, or an async function."""
_MEMBERS = ("operation", "match", "when")
_MOST_CLEARED = 1000
"""How many rules are kept after `FaultRules.clear`, for the plugin that tells which of them never fired."""


class Conditions(TypedDict, total=False):
    """The keyword arguments of ``faults.add`` that say when a rule strikes. `When` describes them.

    None sets no condition.
    """

    skip: int | None
    times: int | None
    every: int | None
    chance: float | None
    connection: int | Literal["reused"] | None
    from_: float | None
    until: float | None


class FaultRules:
    """The armed fault rules of a mock, in the order of arming. Reach them as ``mock.faults``.

    A call passes the rules from the first to the last, and then reaches the operation. Iterate over it for the rules in
    force; ``len(mock.faults)`` is their number.

        rule = mock.faults.add("disconnect", "salsa.upsert_segments", times=1)
        sync_groups()  # its first call fails, its retry succeeds
        assert rule.fired == 1
    """

    def __init__(
        self, world: World, operations: Mapping[str, Operation | None], newest: Callable[[], int] = int
    ) -> None:
        """Start without rules. *operations* are the operations by name; *newest* returns the journal's newest id.

        The value of *operations* is None for calls without an operation, such as an unknown path. Imports all kinds of
        fault, so that a broken file is an error at the start.
        """
        self._world, self._operations, self._newest = world, operations, newest
        self._rules: tuple[FaultRule, ...] = ()
        self._armed: tuple[FaultRule, ...] = ()
        self._cleared: tuple[FaultRule, ...] = ()
        self.active: tuple[FaultRule, ...] = ()
        """The armed rules that can still strike; a rule that has fired as often as ``times`` allows is left out."""
        self._numbers, self._lock = 0, new_rlock()
        self.connections_armed = 0
        """How many ``connect`` faults were armed so far."""
        kinds()

    def connect_failure(self, vendor: str, host: str) -> ConnectFailure | None:
        """Return how a new connection to *host* fails (such as ``refused``), or None if it is established.

        *vendor* is the name of the host's vendor, ``""`` if unknown. The rules count the connection.
        """
        for rule in self.active:
            if rule.at_connect and rule.strikes_connection(vendor, host, self._world.clock.now()):
                if rule.is_spent:
                    self._refresh()
                return cast("ConnectFailure", getattr(rule.fault, "how", "refused"))
        return None

    @coroutine
    def apply(self, call: Call, perform: Callable[[], Response]) -> Generator[Any, Any, Response]:
        """Pass *call* through every active rule to *perform*, and return the response.

        A fault that strikes yields pauses, which are yielded on to the transport, or a request to proceed, which runs
        the next rule. Running faults are in a list instead of on Python's call stack, so their number is not limited.
        """
        rules, reached = self.active, 0
        proceed_from: int | None = 0  # the rule at which the call continues inwards, if it does
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
                    return check_response(result)
                fault, following = running[-1]
                try:
                    wish = fault.send(result) if error is None else fault.throw(error)
                except StopIteration as end:
                    result, error = end.value, None
                    running.pop()
                    if call.is_unchanged:
                        call.is_unchanged = False
                        rules[following - 1].retract(call)
                        self._refresh()
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

    def __repr__(self) -> str:
        return f"<FaultRules: {comma_list(self._rules) or 'none is armed'}>"

    @property
    def armed(self) -> tuple[FaultRule, ...]:
        """Every rule armed since the last `clear` or reset, including rules that were removed since."""
        return self._armed

    @property
    def ever_armed(self) -> tuple[FaultRule, ...]:
        """The rules armed since the last reset, including the latest 1,000 of those that `clear` removed."""
        return (*self._cleared, *self._armed)

    @overload
    def add(
        self,
        fault: FaultSource,
        operation: str = "*",
        match: Match = None,
        *,
        when: Mapping[str, Any] | None = None,
        **conditions: Unpack[Conditions],
    ) -> FaultRule: ...

    @overload
    def add(
        self,
        fault: list[Any] | tuple[Any, ...],
        operation: str = "*",
        match: Match = None,
        *,
        when: Mapping[str, Any] | None = None,
        **conditions: Unpack[Conditions],
    ) -> list[FaultRule]: ...

    def add(
        self,
        fault: FaultSource | list[Any] | tuple[Any, ...],
        operation: str = "*",
        match: Match = None,
        *,
        when: Mapping[str, Any] | None = None,
        **conditions: Any,
    ) -> FaultRule | list[FaultRule]:
        """Arm a fault, and return its rule. For a list of faults, arm all of them and return a list of rules.

        * *fault*: the name of a kind, a `Fault`, an async function, or a dictionary with a ``kind`` and its settings.
          The dictionary may also have ``operation``, ``match`` and ``when``.
        * *operation*: the operation to strike, with or without its vendor, or a glob (default: all operations)
        * *match*: a dictionary with any of ``vendor``, ``host``, ``headers``, ``query`` and ``json`` (a path in the
          body and its value), or a function of the call. The fault strikes only calls that match.
        * *conditions*: ``skip``, ``times``, ``every``, ``chance``, ``connection``, ``from_`` and ``until``; see the
          page "Faults"
        * *when*: the same conditions as a dictionary, where ``from_`` is called ``from``

        Raises `SettingError` for an unknown kind, operation, vendor or condition, with the nearest valid name, and for
        an invalid value.

            mock.faults.add(faults.Error(status=503), "upsert_*", times=2)
            mock.faults.add("hang", match={"json": {"payload.segments[*].name": "Donors"}}, chance=0.1)
        """
        condition_values = {name.rstrip("_"): value for name, value in conditions.items()}
        if isinstance(fault, (list, tuple)):
            with self._all_or_none():
                return [self._add(source, operation, match, {**(when or {}), **condition_values}) for source in fault]
        return self._add(fault, operation, match, {**(when or {}), **condition_values})

    def load(self, definition: Any) -> list[FaultRule]:
        """Arm the rules of a *definition* as in a faults file, and return them.

        *definition* is one rule, or a list of rules of which all or none are armed. A rule is a dictionary, the name of
        a kind, a `Fault` or an async function. Raises `SettingError` with the position in the list.

            mock.faults.load([{"kind": "latency", "seconds": 2, "operation": "salsa.*", "when": {"times": 3}}])
        """
        with self._all_or_none():
            if isinstance(definition, (list, tuple)):
                return [self._loaded(row, f"faults[{index}]: ") for index, row in enumerate(definition)]
            return [self._loaded(definition)]

    def check(self, rules: Any) -> None:
        """Raise the `SettingError` that `load` would raise for *rules*; arm nothing."""
        with self._lock:
            before = self._state()
            try:
                self.load(rules)
            finally:
                self._return_to(before)

    @overload
    def injected(
        self, fault: FaultSource, operation: str = "*", match: Match = None, **conditions: Unpack[Conditions]
    ) -> AbstractContextManager[FaultRule]: ...

    @overload
    def injected(
        self,
        fault: list[Any] | tuple[Any, ...],
        operation: str = "*",
        match: Match = None,
        **conditions: Unpack[Conditions],
    ) -> AbstractContextManager[list[FaultRule]]: ...

    def injected(
        self,
        fault: FaultSource | list[Any] | tuple[Any, ...],
        operation: str = "*",
        match: Match = None,
        **conditions: Any,
    ) -> AbstractContextManager[Any]:
        """Return a context manager that arms *fault* for the ``with`` block, and gives the rule (or the list of rules).

        It takes the same arguments as `add`, and raises the same errors at the start of the block. It is a decorator
        too. A RuntimeWarning says if it was used in neither way.

            with mock.faults.injected("disconnect", "salsa.*") as rule:
                sync_groups()
        """
        return Injection(self, partial(self.add, fault, operation, match, **conditions))

    def get(self, id_: str) -> FaultRule | None:
        """Return the rule in force with this id, or None if there is none."""
        return next((rule for rule in self._rules if rule.id == id_), None)

    def remove(self, id_: str) -> bool:
        """Disarm the rule with this id, and return whether it was in force."""
        with self._lock:
            removed_rules = [rule for rule in self._rules if rule.id == id_]
            self._rules = tuple(rule for rule in self._rules if rule.id != id_)
            for rule in removed_rules:
                rule.until = self._newest()
            self._refresh()
            return bool(removed_rules)

    def clear(self) -> None:
        """Disarm every rule; the next rule gets the id 1."""
        with self._lock:
            self._cleared = self.ever_armed[-_MOST_CLEARED:]
            self._rules, self._armed, self.active, self._numbers = (), (), (), 0

    def reset(self) -> None:
        """Disarm and forget every rule; the next rule gets the id 1."""
        if self._numbers or self._cleared:  # a test suite resets its mock for each test, and few tests arm a rule
            with self._lock:
                self._rules, self._armed, self._cleared, self.active, self._numbers = (), (), (), (), 0

    def definitions(self) -> dict[str, Any]:
        """Return all rules and counters, also of removed rules, as a JSON-compatible dictionary for `restore`."""
        with self._lock:
            rows = [
                {
                    "id": rule.id, "armed": rule.armed, "since": rule.since, "where": rule.where,
                    "definition": rule.definition(), **rule.tally(),
                }
                for rule in self._armed
            ]  # fmt: skip
            return {"rows": rows, "numbers": self._numbers, "connections": self.connections_armed}

    def restore(self, definitions: Mapping[str, Any]) -> None:
        """Replace all rules with the rules in *definitions*, which the method `definitions` returned."""
        with self._lock:
            self._armed = tuple(map(self._restored, definitions["rows"]))
            self._rules = tuple(rule for rule in self._armed if rule.until is None)
            self._numbers, self.connections_armed = definitions["numbers"], definitions["connections"]
            self._refresh()

    def _restored(self, row: Mapping[str, Any]) -> FaultRule:
        source, operation, match, when = own_members(row["definition"], "*", None, {})
        random = self._world.random_stream(f"fault {row['id']}")
        rule = FaultRule(row["id"], fault_of(source), operation, match, When.of({**when}), row["armed"], random)
        rule.where, rule.since = row["where"], row["since"]
        self._restore_tally(rule, row)
        return rule

    def restore_tallies(self, tallies: Mapping[str, Mapping[str, Any]]) -> None:
        """Set the counters of the rules to *tallies*, which has a `FaultRule.tally` for each rule id."""
        with self._lock:
            for rule in self._armed:
                if rule.id in tallies:
                    self._restore_tally(rule, tallies[rule.id])
            self._refresh()

    def _restore_tally(self, rule: FaultRule, tally: Mapping[str, Any]) -> None:
        rule.restore(tally, f"fault {rule.id} {self._world.seed}")

    def _refresh(self) -> None:
        with self._lock:
            self.active = tuple(rule for rule in self._rules if not rule.is_spent)

    @contextmanager
    def _all_or_none(self) -> Iterator[None]:
        with self._lock:
            before = self._state()
            try:
                yield
            except Exception:
                self._return_to(before)
                raise

    def _state(self) -> tuple[Any, ...]:
        return self._rules, self._armed, self._numbers, self.connections_armed

    def _return_to(self, state: tuple[Any, ...]) -> None:
        self._rules, self._armed, self._numbers, self.connections_armed = state
        self._refresh()

    def _add(self, source: Any, operation: str, match: Match, when: Mapping[str, Any]) -> FaultRule:
        if is_deep(source):
            raise SettingError("fault: the dictionary is nested too deeply")
        source, operation, match, when = own_members(source, operation, match, when)
        fault = fault_of(source)
        if not isinstance(operation, str):
            raise SettingError(f"operation: {brief(operation)} is not text; expected a name, such as 'salsa.*'")
        self._check(fault, operation, match)
        conditions = When.of({**when})
        if conditions.connection is not None and getattr(fault, "at_connect", False):
            raise SettingError("when: connection: a fault that prevents connections strikes before any call")
        with self._lock:
            id_, now = str(self._numbers + 1), self._world.clock.now()
            random = self._world.random_stream(f"fault {id_}")
            rule = FaultRule(id_, fault, operation, match, conditions, now, random)
            rule.where, rule.since = caller(), self._newest()
            self.connections_armed += rule.at_connect
            self._numbers += 1
            self._rules, self._armed = (*self._rules, rule), (*self._armed, rule)
            self.active = self.active if rule.is_spent else (*self.active, rule)
        return rule

    def _check(self, fault: Middleware, operation: str, match: Match) -> None:
        if not any(matches_operation(name, operation) for name in self._operations):
            raise SettingError(unknown_operation(operation, self._operations))
        if getattr(fault, "at_connect", False):
            connection_test(operation, match)
        suits = getattr(fault, "suits", lambda _: True)
        able = [name for name, row in self._operations.items() if suits(row)]
        if not any(matches_operation(name, operation) for name in able):
            kind = getattr(fault, "kind", "")
            raise SettingError(
                f"operation: the fault {kind!r} can't strike {operation!r}; expected one of {comma_list(able)}"
            )
        vendors = sorted({name.partition(".")[0] for name in self._operations})
        if isinstance(match, Mapping) and "vendor" in match and match["vendor"] not in vendors:
            wrong = match["vendor"]
            raise SettingError(f"match.vendor: {unknown_name('vendor', wrong, vendors)}")

    def _loaded(self, definition: Any, place: str = "") -> FaultRule:
        try:
            return self._add(definition, "*", None, {})
        except SettingError as error:
            raise SettingError(f"{place}{error}") from None


_PROCEED: Final = object()


@coroutine
def _proceed() -> Generator[object, Response, Response]:
    """Ask `FaultRules.apply` to pass the call on, and return the response."""
    return (yield _PROCEED)


def own_members(
    source: Any, operation: str, match: Match, when: Mapping[str, Any]
) -> tuple[Any, str, Match, Mapping[str, Any]]:
    """Return the fault, operation, match and conditions of a rule.

    If *source* is a dictionary, it may have ``operation``, ``match`` and ``when``, which replace the other arguments.
    Raises `SettingError` if one of them is given in both places.
    """
    if not isinstance(source, Mapping):
        return source, operation, match, when
    own = {name: source[name] for name in _MEMBERS if source.get(name) is not None}
    has_condition = {"operation": operation != "*", "match": match is not None, "when": bool(when)}
    for name in own:
        if has_condition[name]:
            raise SettingError(f"{name}: given both in the dictionary and as an argument; expected only one of them")
    when = own.get("when", when)
    if not isinstance(when, Mapping):
        raise SettingError(f"when: {brief(when)} is not a dictionary of conditions")
    fault = {name: value for name, value in source.items() if name not in _MEMBERS}
    return fault, own.get("operation", operation), own.get("match", match), when
