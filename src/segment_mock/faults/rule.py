"""A fault rule: when its fault strikes, and counters of what it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, ContextDecorator
from dataclasses import dataclass
from functools import wraps
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction
from typing import Any, TypeVar, cast

from ..core import Call, Middleware, Proceed
from ..core.world import Random, moved
from ..forking import new_lock
from ..hosts import host_of
from ..journal import matches_operation
from ..json_match import brief
from ..messages import Response
from ..settings import FLOAT, INT, Option, OptionType, SettingError, suggestion
from ..wording import comma_list, times, warn_unused
from .base import Fault
from .matching import Match, connection_test, predicate


def _connection(value: Any) -> Any:
    if (isinstance(value, str) and value == "reused") or (type(value) is int and value > 0):
        return value
    raise ValueError


WHEN = (
    Option("skip", "How many matching calls to leave alone first.", 0, INT, min=0),
    Option("times", "How often the fault strikes at most.", None, INT, min=0),
    Option("every", "Every Nth matching call; skipped calls are not counted.", None, INT, min=1),
    Option("chance", "Probability that it strikes, from 0 to 1.", 1.0, FLOAT, min=0, max=1),
    Option(
        "connection",
        "Only on a reused connection ('reused'), or only for this many first calls of a connection.",
        None,
        OptionType("'reused' or a number of calls", _connection),
    ),
    Option(
        "from", "Seconds of the mock's clock, from arming the fault, before which it never strikes.", None, FLOAT, min=0
    ),
    Option(
        "until", "Seconds of the mock's clock, from arming the fault, after which it never strikes.", None, FLOAT, min=0
    ),
)
_REASONS = {
    "skip": "skipped",
    "every": "excluded by every={when.every}",
    "times": "excluded by times={when.times}",
    "chance": "excluded by chance={when.chance:g}",
    "connection": "excluded by connection={when.connection}",
    "window": "outside its time window",
    "nothing": "with nothing to change",
}


@dataclass(frozen=True)
class When:
    """The timing conditions of a rule: which of the matching calls its fault strikes.

    * *skip*: leave this many matching calls alone first (default: 0)
    * *times*: strike at most this often (default: no limit)
    * *every*: strike every Nth call after the skipped ones (default: each)
    * *chance*: probability of striking, from 0 to 1 (default: 1)
    * *connection*: ``"reused"``, or a number N: only the first N calls of each connection (default: all calls)
    * *from_*, *until*: seconds of the mock's clock since arming, between which the fault may strike
    """

    skip: int = 0
    times: int | None = None
    every: int | None = None
    chance: float = 1.0
    connection: int | str | None = None
    from_: float | None = None
    until: float | None = None

    @classmethod
    def of(cls, conditions: dict[str, Any]) -> When:
        """Create conditions from a dictionary with their JSON names (``from`` is the JSON name of ``from_``).

        Raises `SettingError` for an unknown name and for an invalid value.
        """
        rows = {option.name: option for option in WHEN}
        for name in conditions:
            if name not in rows:
                near = suggestion(name, [*rows, "operation", "match"])
                raise SettingError(f"when: unknown condition {brief(name)}{near}; expected one of {comma_list(rows)}")
        try:
            read = {name: rows[name].read(value) for name, value in conditions.items() if value is not None}
        except SettingError as error:
            raise SettingError(f"when: {error}") from None
        if read.get("from") is not None and read.get("until") is not None and read["until"] < read["from"]:
            raise SettingError(
                f"when: until {read['until']:g} is before from {read['from']:g}, so it would never strike"
            )
        return cls(**{"from_" if name == "from" else name: value for name, value in read.items()})

    def as_dict(self) -> dict[str, Any]:
        """Return the conditions that differ from their defaults, as a dictionary with their JSON names."""
        values = {option.name: getattr(self, "from_" if option.name == "from" else option.name) for option in WHEN}
        return {option.name: values[option.name] for option in WHEN if values[option.name] != option.default}


class FaultRule:
    """An armed fault with its conditions and counters. ``mock.faults.add`` returns it.

    * ``id``, ``kind``, ``operation``, ``match``, ``when``: what was armed, and for which calls
    * ``seen``: calls that reached the rule
    * ``matched``: calls that the operation and the match select
    * ``fired``: calls that the fault struck
    * ``suppressed``: matching calls that the fault left alone, because of a condition such as ``times`` or because it
      had nothing to change
    * ``where``: the line of code that armed the rule (``file:line``)
    * ``since``, ``until``: ids of the journal's newest entry when the rule was armed and removed (None: still armed)

    A fault that prevents connections counts connections instead of calls.
    """

    def __init__(
        self, id_: str, fault: Middleware, operation: str, match: Match, when: When, armed: float, rng: Random
    ) -> None:
        self.id, self.fault, self.operation, self.match, self.when = id_, fault, operation, match, when
        self.armed, self._rng, self._test = armed, rng, predicate(match)
        self.at_connect = bool(getattr(fault, "at_connect", False))
        """Whether it strikes connections; it then strikes calls only if the connection could not be prevented."""
        self._connection_test = connection_test(operation, match) if self.at_connect else None
        self._lock, self._suppressions, self._unreached = new_lock(), Counter[str](), Counter[str]()
        self._match_error = ""
        self.seen = self.matched = self.fired = self.since = 0
        self.where, self.until = "", cast("int | None", None)

    def __repr__(self) -> str:
        return described(self, self.fired)

    @property
    def kind(self) -> str:
        """The kind of the fault, such as ``latency``; for a function, its name."""
        return str(getattr(self.fault, "kind", getattr(self.fault, "__name__", type(self.fault).__name__)))

    @property
    def _noun(self) -> str:
        return "connection" if self.at_connect else "call"

    @property
    def suppressed(self) -> int:
        """The number of matching calls that the fault left alone.

        Either a condition such as ``times`` or ``chance`` excluded the call, or the fault had nothing to change in it.
        """
        return self._suppressions.total()

    @property
    def counters(self) -> tuple[int, int, int, int]:
        """The four counters as a tuple: ``(seen, matched, fired, suppressed)``."""
        return self.seen, self.matched, self.fired, self.suppressed

    @property
    def position(self) -> tuple[int, int, int, int, int, int | None]:
        """A tuple that changes whenever the rule counts a call, draws a random number or is removed.

        The stores compare it to find the rules that have to be saved.
        """
        suppressions, unreached = self._suppressions.total(), self._unreached.total()
        return self.seen, self.fired, suppressions, unreached, getattr(self._rng, "words", 0), self.until

    def tally(self) -> dict[str, Any]:
        """Return all counters and the position in the random stream, as a JSON-compatible dictionary for `restore`."""
        with self._lock:
            return {
                "seen": self.seen, "matched": self.matched, "fired": self.fired, "spared": {**self._suppressions},
                "unreached": {**self._unreached}, "words": getattr(self._rng, "words", 0), "until": self.until,
            }  # fmt: skip

    def restore(self, tally: Mapping[str, Any], seed: str) -> None:
        """Set the counters to *tally*, and move the random stream that *seed* starts to the position in *tally*."""
        with self._lock:
            self.seen, self.matched, self.fired = tally["seen"], tally["matched"], tally["fired"]
            self._suppressions, self._unreached = Counter(tally["spared"]), Counter(tally["unreached"])
            self._rng, self.until = moved(self._rng, seed, tally["words"]), tally["until"]

    def definition(self) -> dict[str, Any]:
        """Return the rule without its counters, as a dictionary that `FaultRules.load` accepts."""
        fault = self.fault.as_dict() if hasattr(self.fault, "as_dict") else {"kind": self.kind}
        return {**fault, "operation": self.operation, "when": self.when.as_dict(), "match": self.match}

    @property
    def is_spent(self) -> bool:
        """Whether the fault has struck as often as ``times`` allows, so that it can't strike again."""
        return self.when.times is not None and self.fired >= self.when.times

    def begin(self, call: Call, proceed: Proceed) -> Coroutine[Any, Any, Response]:
        """Start the fault for *call*, and return its coroutine; *proceed* passes the call on.

        Raises TypeError if the fault is not an async function.
        """
        call.fired_faults.append(f"{self.id} {self.kind}")
        call.rule_rng = self._rng
        fault = self.fault(call, proceed)
        if not hasattr(fault, "send"):
            raise TypeError(f"fault {self.kind}: expected an async function of a call and proceed, got {self.fault!r}")
        return fault

    def retract(self, call: Call) -> None:
        """Count *call* as suppressed instead of fired, because the fault has changed nothing in it."""
        with self._lock:
            self.fired -= 1
            self._suppressions["nothing"] += 1
        call.fired_faults.remove(f"{self.id} {self.kind}")

    def explain(self) -> str:
        """Return a phrase that says how often the rule fired, or why it did not.

        For example: ``matched 2 times, but: 2 skipped`` or ``no call reached it``.
        """
        if self.fired:
            return f"fired {times(self.fired)}"
        unreached = [f"rule {by} answered {count} of its calls first" for by, count in self._unreached.items()]
        if self.when.times == 0:
            why = "times=0 never lets it strike"
        elif self.matched:
            reasons = ", ".join(
                f"{count} {_REASONS[condition].format(when=self.when)}"
                for condition, count in self._suppressions.items()
            )
            why = f"matched {times(self.matched)}, but: {reasons}"
        elif self._match_error:
            why = f"its match raised {self._match_error}"
        elif self.seen:
            noun = self._noun
            why = f"the one {noun} did not match" if self.seen == 1 else f"none of {self.seen} {noun}s matched"
        else:
            why = "" if unreached else f"no {self._noun} reached it"
        return "; ".join(filter(None, [why, *unreached]))

    def note_unreached(self, call: Call, by: str) -> None:
        """Record that the rule *by* answered *call* before this rule could, if *call* matches this rule."""
        if self._means(call):
            with self._lock:
                self._unreached[by] += 1

    def as_dict(self) -> dict[str, Any]:
        """Return the rule, its counters and `explain` (as ``why``), as a JSON-compatible dictionary."""
        fault = self.fault.as_dict() if hasattr(self.fault, "as_dict") else {"kind": self.kind}
        match = "a function" if callable(self.match) else self.match
        counters = {"seen": self.seen, "matched": self.matched, "fired": self.fired, "suppressed": self.suppressed}
        definition = {"id": self.id, **fault, "operation": self.operation, "when": self.when.as_dict()}
        return {**definition, **({"match": match} if match else {}), **counters, "why": self.explain()}

    def strikes(self, call: Call) -> bool:
        """Count *call*, and return whether the fault strikes this call."""
        if self.at_connect and call.request.is_admitted:
            return False
        try:
            is_match = self._means(call)
            fits = is_match and getattr(self.fault, "fits", lambda _: True)(call)
        except Exception as error:  # a user's match may be any function
            self._match_error = brief(error)
            self._count(False, False, call.request.number, call.arrived)
            raise
        return self._count(is_match, fits, call.request.number, call.arrived)

    def strikes_connection(self, vendor: str, host: str, now: float) -> bool:
        """Count a new connection to *host*, and return whether the fault prevents the connection.

        *vendor* is the name of the host's vendor, and *now* the time of the mock's clock in epoch seconds.
        """
        assert self._connection_test is not None
        return self._count(self._connection_test(vendor, host), True, 1, now)

    def _count(self, is_match: bool, fits: bool, number: int, now: float) -> bool:
        with self._lock:
            self.seen += 1
            if not is_match:
                return False
            self.matched += 1
            condition = self._spares(number, now) if fits else "nothing"
            if condition:
                self._suppressions[condition] += 1
            else:
                self.fired += 1
            return not condition

    def _means(self, call: Call) -> bool:
        if self._connection_test is not None:
            return self._connection_test(call.vendor.name, host_of(call.request.headers.get("host", "")))
        return matches_operation(call.operation_name, self.operation) and self._test(call)

    def _spares(self, turn: int, now: float) -> str:
        """Return the condition that excludes the call with the number *turn* on its connection, or ``""``."""
        when, age = self.when, now - self.armed
        if (when.from_ is not None and age < when.from_) or (when.until is not None and age > when.until):
            return "window"
        if (when.connection == "reused" and turn < 2) or (isinstance(when.connection, int) and turn > when.connection):
            return "connection"
        passed_count = self.fired + sum(self._suppressions[reason] for reason in ("skip", "every", "times", "chance"))
        if passed_count < when.skip:
            return "skip"
        if when.every is not None and (passed_count - when.skip + 1) % when.every:
            return "every"
        if when.times is not None and self.fired >= when.times:
            return "times"
        return "" if when.chance >= 1 or self._rng.random() < when.chance else "chance"


def described(rule: Any, fired: int) -> str:
    """Describe a rule of this process or of a server: its kind, operation, settings and conditions."""
    settings = rule.fault.as_dict() if isinstance(rule.fault, Fault) else {}
    values = {**settings, **rule.when.as_dict(), "fired": fired}
    words = " ".join(f"{name}={value!r}" for name, value in values.items() if name != "kind")
    return f"<rule {rule.id}: {rule.kind} on {rule.operation} {words}>"


_Function = TypeVar("_Function", bound=Callable[..., Any])


class Injection(ContextDecorator, AbstractContextManager[Any]):
    """A context manager that calls *arm* at its start, and removes the rule or rules that it returns from *rules*."""

    def __init__(self, rules: Any, arm: Callable[[], Any]) -> None:
        self._rules, self._arm = rules, arm
        self._added: list[Any] = []
        self._is_used = False

    def __call__(self, function: _Function) -> _Function:
        """Arm the rules while *function*, a function or coroutine function, runs; it is no mistake never to call it.

        Raises TypeError for a class, and for a generator, because its body runs after the call.
        """
        self._is_used = True
        if isclass(function) or isgeneratorfunction(function) or isasyncgenfunction(function):
            raise TypeError(
                f"faults.injected(...) decorates functions and coroutine functions, not {function!r}; use 'with'"
            )
        if not iscoroutinefunction(function):
            return super().__call__(function)

        async def awaited(*args: Any, **options: Any) -> Any:
            with self._recreate_cm():
                return await function(*args, **options)

        return cast("_Function", wraps(function)(awaited))

    def _recreate_cm(self) -> Injection:
        return Injection(self._rules, self._arm)

    def __enter__(self) -> Any:
        self._is_used = True
        added = self._arm()
        self._added = added if isinstance(added, list) else [added]
        return added

    def __exit__(self, *_: object) -> None:
        for rule in self._added:
            self._rules.remove(rule.id)

    def __del__(self) -> None:
        if not self._is_used:
            warn_unused("faults.injected(...)", "no fault was armed")
