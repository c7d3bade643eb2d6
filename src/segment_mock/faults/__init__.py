"""Faults: what goes wrong (one file for each kind) and when (the rules)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..settings import suggestion
from ..wording import comma_list
from .base import Fault, option
from .registry import ALIASES, fault_from_json, fault_of, is_kind, kinds
from .rule import WHEN, FaultRule, When
from .rules import Conditions, FaultRules, FaultSource, own_members

__all__ = [
    "ALIASES", "WHEN", "Conditions", "Fault", "FaultRule", "FaultRules", "FaultSource", "When", "fault_from_json",
    "fault_of", "is_kind", "kinds", "option", "own_members",
]  # fmt: skip


if TYPE_CHECKING:  # for type checkers; at run time each kind is imported on first use
    from .connect import Connect as Connect
    from .disconnect import Disconnect as Disconnect
    from .drift import Drift as Drift
    from .drip import Drip as Drip
    from .embedded import Embedded as Embedded
    from .error import Error as Error
    from .garble import Garble as Garble
    from .hang import Hang as Hang
    from .item import Item as Item
    from .latency import Latency as Latency
    from .refuse import Refuse as Refuse
    from .stale import Stale as Stale
    from .truncate import Truncate as Truncate
else:

    def __getattr__(name: str) -> Any:
        for kind in kinds().values():
            if kind.__name__ == name:
                return kind
        names = [kind.__name__ for kind in kinds().values()]
        raise AttributeError(f"unknown fault {name!r}{suggestion(name, names)}; expected one of {comma_list(names)}")


def __dir__() -> list[str]:
    return sorted([*__all__, *(kind.__name__ for kind in kinds().values())])
