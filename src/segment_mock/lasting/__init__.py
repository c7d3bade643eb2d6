"""State that lasts: an emulator whose state is in a store, and survives the process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..emulator import Emulator
from ..persistence import MEMORY
from ..settings import SettingError

__all__ = ["new_emulator"]


def new_emulator(given: Mapping[str, Any]) -> Emulator:
    """Return an emulator with the settings *given*; with ``store``, its state lasts.

    Raises `SettingError` for an invalid setting, and for a store that can't be opened.
    """
    store = given.get("store")
    if store in (None, MEMORY):
        if given.get("standby"):
            raise SettingError("standby: there is nothing to wait for without a store (--store)")
        return Emulator(given)
    from .emulator import LastingEmulator

    return LastingEmulator(given)
