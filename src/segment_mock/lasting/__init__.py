"""State that lasts: an emulator whose state is in a store, and survives the process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..emulator import Emulator
from ..persistence import MEMORY
from ..settings import SettingError

__all__ = ["new_emulator"]


def new_emulator(settings: Mapping[str, Any]) -> Emulator:
    """Return an emulator with these *settings*; with ``store``, its state lasts.

    Raises `SettingError` for an invalid setting, and for a store that can't be opened.
    """
    store = settings.get("store")
    if store in (None, MEMORY):
        if settings.get("standby"):
            raise SettingError("standby: there is nothing to wait for without a store (--store)")
        return Emulator(settings)
    from .emulator import LastingEmulator

    return LastingEmulator(settings)
