"""When one fault strikes, and how often it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, cast

from ..core import Call, Middleware, Proceed
from ..core.world import Random
from ..forking import new_lock
from ..hosts import host_of
from ..journal import matches_operation
from ..messages import Response
from ..settings import FLOAT, INT, Option, OptionType, SettingError, suggestion
from ._matching import Match, connection_test, predicate


def _connection(value: Any) -> Any:
    if value == "reused" or (type(value) is int and value > 0):
        return value
    raise ValueError


WHEN = (
    Option("skip", "How many matching calls pass first.", 0, INT, min=0),
    Option("times", "How often it strikes at most.", None, INT, min=0),
    Option("every", "Every Nth matching call; skipped calls are not counted.", None, INT, min=1),
    Option("chance", "How likely it strikes, from 0 to 1.", 1.0, FLOAT, min=0, max=1),
    Option(
        "connection",
        "Only on a reused connection, or only the first so many calls of one.",
        None,
        OptionType("'reused' or a number of calls", _connection),
    ),
    Option("from", "Not before so many seconds of the mock's clock after it was armed.", None, FLOAT, min=0),
    Option("until", "Not after so many seconds of the mock's clock after it was armed.", None, FLOAT, min=0),
)
_SPARED = {
    "skip": "skipped",
    "every": "spared by every={every}",
    "times": "after the last time",
    "chance": "spared by chance",
    "connection": "not that call of its connection",
    "window": "outside its time",
    "nothing": "with nothing to change",
}


@dataclass(frozen=True)
class When:
    """The conditions of a rule that are not about what is called."""

    skip: int = 0
    times: int | None = None
    every: int | None = None
    chance: float = 1.0
    connection: int | str | None = None
    from_: float | None = None
    until: float | None = None

    @classmethod
    def of(cls, conditions: dict[str, Any]) -> When:
        """Return the *conditions*, under their JSON names, as a value; raises `SettingError` for an invalid one."""
        rows = {option.name: option for option in WHEN}
        for name in conditions:
            if name not in rows:
                raise SettingError(
                    f"when: unknown condition {name!r}{suggestion(str(name), rows)}; expected one of {[*rows]}"
                )
        try:
            read = {name: rows[name].read(value) for name, value in conditions.items() if value is not None}
        except SettingError as error:
            raise SettingError(f"when: {str(error).partition(' (--')[0]}") from None
        return cls(**{"from_" if name == "from" else name: value for name, value in read.items()})

    def as_dict(self) -> dict[str, Any]:
        """Return the conditions that say something, by their JSON names."""
        values = {option.name: getattr(self, "from_" if option.name == "from" else option.name) for option in WHEN}
        return {option.name: values[option.name] for option in WHEN if values[option.name] != option.default}


class FaultRule:
    """One armed *fault*, when it strikes, and counters of what it did.

    ``seen`` are the calls that reached it, ``matched`` those it is meant for, ``fired`` those it struck, ``suppressed``
    those a condition spared; of a fault that prevents connections, the connections. ``where`` is the line that armed
    it; it was in force for the calls after the journal's entry ``since`` up to entry ``until`` (None: to the end).
    """

    def __init__(
        self, id_: str, fault: Middleware, operation: str, match: Match, when: When, armed: float, rng: Random
    ) -> None:
        self.id, self.fault, self.operation, self.match, self.when = id_, fault, operation, match, when
        self.armed, self._rng, self._test = armed, rng, predicate(match)
        self.at_connect = bool(getattr(fault, "at_connect", False))
        """Whether it strikes connections, and calls only where a connection could not be prevented."""
        self._connection_test = connection_test(operation, match) if self.at_connect else None
        self._lock, self._spared, self._unreached = new_lock(), Counter[str](), Counter[str]()
        self.seen = self.matched = self.fired = self.since = 0
        self.where, self.until = "", cast("int | None", None)

    @property
    def kind(self) -> str:
        """The fault's kind, or the name of a function that was armed as a fault."""
        return str(getattr(self.fault, "kind", getattr(self.fault, "__name__", type(self.fault).__name__)))

    @property
    def _noun(self) -> str:
        return "connection" if self.at_connect else "call"

    @property
    def suppressed(self) -> int:
        """How many matching calls a condition spared."""
        return self._spared.total()

    @property
    def counters(self) -> tuple[int, int, int, int]:
        """How many calls it has seen, matched, struck and spared."""
        return self.seen, self.matched, self.fired, self.suppressed

    @property
    def is_spent(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.when.times is not None and self.fired >= self.when.times

    def begin(self, call: Call, proceed: Proceed) -> Coroutine[Any, Any, Response]:
        """Strike: return the fault's coroutine for *call*."""
        call.fired_faults.append(f"{self.id} {self.kind}")
        call.rule_rng = self._rng
        fault = self.fault(call, proceed)
        if not hasattr(fault, "send"):
            raise TypeError(f"fault {self.kind}: expected an async function of a call and proceed, got {self.fault!r}")
        return fault

    def explain(self) -> str:
        """Return a sentence that says why the rule has not fired, or how often it has."""
        if self.fired:
            return f"fired {_times(self.fired)}"
        unreached = [f"rule {by} answered {_calls(count)} first" for by, count in self._unreached.items()]
        if self.when.times == 0:
            why = "it may strike 0 times"
        elif self.matched:
            spared = ", ".join(
                f"{count} {_SPARED[condition].format(every=self.when.every)}"
                for condition, count in self._spared.items()
            )
            why = f"matched {_times(self.matched)}, but: {spared}"
        elif self.seen:
            noun = self._noun
            why = f"the one {noun} did not match" if self.seen == 1 else f"none of {self.seen} {noun}s matched"
        else:
            why = "" if unreached else f"no {self._noun} reached it"
        return "; ".join(filter(None, [why, *unreached]))

    def note_unreached(self, call: Call, by: str) -> None:
        """Note that the rule *by* answered *call* itself, if this one is meant for it."""
        if self._means(call):
            with self._lock:
                self._unreached[by] += 1

    def as_dict(self) -> dict[str, Any]:
        """Return the rule and its counters as JSON."""
        fault = self.fault.as_dict() if hasattr(self.fault, "as_dict") else {"kind": self.kind}
        match = "a function" if callable(self.match) else self.match
        counters = {"seen": self.seen, "matched": self.matched, "fired": self.fired, "suppressed": self.suppressed}
        definition = {"id": self.id, **fault, "operation": self.operation, "when": self.when.as_dict()}
        return {**definition, **({"match": match} if match else {}), **counters, "why": self.explain()}

    def strikes(self, call: Call) -> bool:
        """Count *call*, and return whether the fault strikes it."""
        if self.at_connect and call.request.is_admitted:
            return False
        meant = self._means(call)
        fits = meant and getattr(self.fault, "fits", lambda _: True)(call)
        return self._count(meant, fits, call.request.number, call.arrived)

    def strikes_connection(self, vendor: str, host: str, now: float) -> bool:
        """Count a new connection to *host* of *vendor*, and return whether the fault prevents it."""
        assert self._connection_test is not None
        return self._count(self._connection_test(vendor, host), True, 1, now)

    def _count(self, meant: bool, fits: bool, number: int, now: float) -> bool:
        with self._lock:
            self.seen += 1
            if not meant:
                return False
            self.matched += 1
            spared = self._spares(number, now) if fits else "nothing"
            if spared:
                self._spared[spared] += 1
            else:
                self.fired += 1
            return not spared

    def _means(self, call: Call) -> bool:
        if self._connection_test is not None:
            return self._connection_test(call.vendor.name, host_of(call.request.headers.get("host", "")))
        return matches_operation(call.vendor.operation_name(call.operation.name), self.operation) and self._test(call)

    def _spares(self, turn: int, now: float) -> str:
        """Return the condition that spares the call that is *turn* on its connection, or ``""``."""
        when, age = self.when, now - self.armed
        if (when.from_ is not None and age < when.from_) or (when.until is not None and age > when.until):
            return "window"
        if (when.connection == "reused" and turn < 2) or (isinstance(when.connection, int) and turn > when.connection):
            return "connection"
        passed = self.fired + sum(self._spared[reason] for reason in ("skip", "every", "times", "chance"))
        if passed < when.skip:
            return "skip"
        if when.every is not None and (passed - when.skip + 1) % when.every:
            return "every"
        if when.times is not None and self.fired >= when.times:
            return "times"
        return "" if when.chance >= 1 or self._rng.random() < when.chance else "chance"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _calls(count: int) -> str:
    return "1 of its calls" if count == 1 else f"{count} of its calls"
