"""What goes wrong (a file a kind) and when (the plan)."""

from __future__ import annotations

from typing import Any

from ._base import Fault, option
from ._kinds import ALIASES, fault_from_json, fault_of, is_kind, kinds
from ._rule import WHEN, FaultRule
from ._rules import FaultRules

__all__ = [
    "ALIASES", "WHEN", "Fault", "FaultRule", "FaultRules", "fault_from_json", "fault_of", "is_kind", "kinds", "option",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # ``faults.Disconnect``: each kind in CamelCase, with no list of them to keep.
    for kind in kinds().values():
        if kind.__name__ == name:
            return kind
    raise AttributeError(f"no fault is called {name!r}; there are {[kind.__name__ for kind in kinds().values()]}")
