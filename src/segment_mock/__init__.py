"""An emulator of Salsa Engage Groups and Instaleap's Segmenter for tests."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .mock import SegmentMock
    from .settings import SettingError
    from .testing import added, anything, removed, unchanged, updated
    from .transports.inprocess.registry import NetworkBlocked
    from .transports.inprocess.waiting import WouldHangForever
    from .web import create_app

__version__ = "0.1.0"
__all__ = [
    "NetworkBlocked", "SegmentMock", "SettingError", "WouldHangForever", "__version__", "added", "anything",
    "create_app", "removed", "unchanged", "updated",
]  # fmt: skip

_HOMES = {
    "NetworkBlocked": ".transports.inprocess.registry",
    "SegmentMock": ".mock",
    "SettingError": ".settings",
    "WouldHangForever": ".transports.inprocess.waiting",
    "create_app": ".web",
    **dict.fromkeys(("added", "anything", "removed", "unchanged", "updated"), ".testing"),
}


def __getattr__(name: str) -> Any:
    # Nothing is imported before it is used: a test run that uses no mock pays for none.
    if name not in _HOMES:
        raise AttributeError(f"module 'segment_mock' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
