"""A call in, an answer out: the one tuple of stages, and the remote control of the whole."""

from ._catalogue import catalogue
from ._emulator import Emulator, Snapshot
from ._options import options
from ._proof import Proof, proofs
from ._wanted import Filters, Wanted, called

__all__ = ["Emulator", "Filters", "Proof", "Snapshot", "Wanted", "called", "catalogue", "options", "proofs"]
