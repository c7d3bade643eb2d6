"""A call in, an answer out: the one tuple of stages, and the remote control of the whole."""

from ._catalogue import catalogue
from ._emulator import Emulator, Snapshot, options

__all__ = ["Emulator", "Snapshot", "catalogue", "options"]
