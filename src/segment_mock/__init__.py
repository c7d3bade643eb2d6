"""An emulator of Salsa Engage Groups and Instaleap's Segmenter for tests."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import faults
    from .clock import Clock
    from .emulator import Snapshot
    from .faults import FaultRule
    from .journal import Entry
    from .mock import SegmentMock
    from .remote import RemoteMock, connect
    from .settings import SettingError
    from .testing import Journal, added, anything, removed, unchanged, updated
    from .transports.inprocess.registry import NetworkBlocked
    from .transports.inprocess.waiting import WouldHangForever
    from .transports.server.server import LiveServer
    from .web import create_app

__version__ = "0.2.0"
__all__ = [
    "Clock", "Entry", "FaultRule", "Journal", "LiveServer", "NetworkBlocked", "RemoteMock", "SegmentMock",
    "SettingError", "Snapshot", "WouldHangForever", "__version__", "added", "anything", "connect", "create_app",
    "faults", "removed", "unchanged", "updated",
]  # fmt: skip

_HOMES = {
    "Clock": ".clock",
    "Entry": ".journal",
    "FaultRule": ".faults",
    "LiveServer": ".transports.server.server",
    "NetworkBlocked": ".transports.inprocess.registry",
    "RemoteMock": ".remote",
    "SegmentMock": ".mock",
    "SettingError": ".settings",
    "Snapshot": ".emulator",
    "WouldHangForever": ".transports.inprocess.waiting",
    "connect": ".remote",
    "create_app": ".web",
    **dict.fromkeys(("Journal", "added", "anything", "removed", "unchanged", "updated"), ".testing"),
}

if not TYPE_CHECKING:  # a type checker would accept any name if it saw __getattr__

    def __getattr__(name):
        # Import on first use, so a test run without a mock does not pay for one.
        if name == "faults":
            return import_module(".faults", __name__)
        if name not in _HOMES:
            from difflib import get_close_matches

            near = get_close_matches(name, __all__, n=1)
            raise AttributeError(
                f"module 'segment_mock' has no attribute {name!r}" + (f" (did you mean {near[0]!r}?)" if near else "")
            )
        return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
