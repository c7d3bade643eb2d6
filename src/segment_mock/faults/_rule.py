"""When one fault strikes, and how often it has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any, cast

from ..core import Call, Proceed, Stage
from ..core.world import Random
from ..messages import Response
from ..settings import FLOAT, INT, Option, OptionType, SettingError, suggestion
from ._match import Match, test_of


def _connection(value: Any) -> Any:
    if value == "reused" or (type(value) is int and value > 0):
        return value
    raise ValueError


WHEN = (
    Option("skip", "How many matching calls pass first.", 0, INT, min=0),
    Option("times", "How often it strikes at most.", None, INT, min=0),
    Option("every", "Only every so many-th of the matching calls that are not skipped.", None, INT, min=1),
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
_SILENT = {
    "skip": "skipped as told",
    "every": "not the turn of every",
    "times": "struck as often as told",
    "chance": "luck said no",
    "connection": "not that call of its connection",
    "window": "outside its time",
    "nothing": "nothing there to spoil",
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
    def of(cls, told: dict[str, Any]) -> When:
        """Return *told* (JSON names) as conditions; raises `SettingError` naming what can't be."""
        rows = {option.name: option for option in WHEN}
        for name in told:
            if name not in rows:
                raise SettingError(f"when: {name}: no such condition{suggestion(str(name), rows)}; there are {[*rows]}")
        try:
            read = {name: rows[name].read(value) for name, value in told.items() if value is not None}
        except SettingError as error:
            raise SettingError(f"when: {str(error).partition(' (--')[0]}") from None
        return cls(**{"from_" if name == "from" else name: value for name, value in read.items()})

    def as_dict(self) -> dict[str, Any]:
        """Return the conditions that say something, by their JSON names."""
        told = {option.name: getattr(self, "from_" if option.name == "from" else option.name) for option in WHEN}
        return {option.name: told[option.name] for option in WHEN if told[option.name] != option.default}


class FaultRule:
    """One armed *fault*: a stage that strikes or lets pass, and counts.

    ``seen`` are the calls that reached it, ``matched`` those it is meant for, ``fired`` those it
    struck, ``suppressed`` those a condition spared. ``where`` is the line that armed it; it was in force
    for the calls after the journal's entry ``since`` up to entry ``until`` (None: to the end).
    """

    def __init__(
        self, id_: str, fault: Stage, operation: str, match: Match, when: When, armed: float, rng: Random
    ) -> None:
        self.id, self.fault, self.operation, self.match, self.when = id_, fault, operation, match, when
        self.armed, self._luck, self._test = armed, rng, test_of(match)
        self._lock, self._spared, self._kept = Lock(), Counter[str](), Counter[str]()
        self.seen = self.matched = self.fired = self.since = 0
        self.where, self.until = "", cast("int | None", None)

    @property
    def kind(self) -> str:
        """The fault's kind, or the name of a stage that is none."""
        return str(getattr(self.fault, "kind", getattr(self.fault, "__name__", type(self.fault).__name__)))

    @property
    def suppressed(self) -> int:
        """How many matching calls a condition spared."""
        return self._spared.total()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Lead *call* through the fault if it strikes, else past it."""
        if not self._strikes(call):
            return await proceed()
        call.fired_faults.append(f"{self.id} {self.kind}")
        call.rule_rng = self._luck
        return await self.fault(call, proceed)

    def why(self) -> str:
        """Tell in a sentence why the rule has not fired, or that it has."""
        if self.fired:
            return f"fired {self.fired} times"
        told = ", ".join(f"{count} {_SILENT[reason]}" for reason, count in self._spared.items())
        before = [f"rule {by} answered {count} of its calls first" for by, count in self._kept.items()]
        if self.matched:
            told = f"matched {self.matched} times, but: {told}"
        elif self.seen:
            told = f"none of {self.seen} calls was one that it is meant for"
        else:
            told = "" if before else "no call reached it"
        return "; ".join(filter(None, [told, *before]))

    def kept_back(self, call: Call, by: str) -> None:
        """Note that the rule *by* answered *call* itself, if this one is meant for it."""
        if self._means(call):
            with self._lock:
                self._kept[by] += 1

    def as_dict(self) -> dict[str, Any]:
        """Return the rule and its counters as JSON."""
        fault = self.fault.as_dict() if hasattr(self.fault, "as_dict") else {"kind": self.kind}
        match = "a function" if callable(self.match) else self.match
        counters = {"seen": self.seen, "matched": self.matched, "fired": self.fired, "suppressed": self.suppressed}
        told = {"id": self.id, **fault, "operation": self.operation, "when": self.when.as_dict()}
        return {**told, **({"match": match} if match else {}), **counters, "why": self.why()}

    def _strikes(self, call: Call) -> bool:
        meant = self._means(call)
        fits = meant and getattr(self.fault, "fits", lambda _: True)(call)
        with self._lock:
            self.seen += 1
            if not meant:
                return False
            self.matched += 1
            spared = self._spares(call) if fits else "nothing"
            if spared:
                self._spared[spared] += 1
            else:
                self.fired += 1
            return not spared

    def _means(self, call: Call) -> bool:
        return fnmatchcase(f"{call.vendor.name}.{call.operation.name}", self.operation) and self._test(call)

    def _spares(self, call: Call) -> str:
        """Return the condition that spares this call, or ``""``."""
        when, turn, age = self.when, call.request.number, call.arrived - self.armed
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
        return "" if when.chance >= 1 or self._luck.random() < when.chance else "chance"
