"""When a fault strikes: the rules in force, in order."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..contract import Call, Proceed, Stage, through
from ..messages import Response


@dataclass(frozen=True)
class Rule:
    """One armed *fault* for the operations that the glob *operation* fits (``salsa.*``, ``*``)."""

    fault: Stage
    operation: str = "*"

    def fits(self, call: Call) -> bool:
        """Tell whether the rule is meant for *call*."""
        return fnmatchcase(f"{call.vendor.name}.{call.operation.name}", self.operation)


class Plan:
    """The stage that wraps a call in every fault that strikes it; the first rule is outermost."""

    def __init__(self) -> None:
        self._rules: tuple[Rule, ...] = ()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Lead *call* through the faults whose rules fit."""
        if not self._rules:
            return await proceed()
        striking = [rule.fault for rule in self._rules if rule.fits(call)]

        async def rest(_: Call) -> Response:
            return await proceed()

        return await through(striking, rest)(call)

    def add(self, fault: Stage, operation: str = "*") -> Rule:
        """Arm *fault* for *operation* and return its rule."""
        rule = Rule(fault, operation)
        self._rules = (*self._rules, rule)
        return rule

    def clear(self) -> None:
        """Disarm every fault."""
        self._rules = ()
