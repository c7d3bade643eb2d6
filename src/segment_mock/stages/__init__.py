"""What happens to every call, whichever vendor's it is; the emulator says in which order."""

from ._admission import Authenticate, Throttle
from ._alone import alone
from ._decode import Decode
from ._record import Record, dress

__all__ = ["Authenticate", "Decode", "Record", "Throttle", "alone", "dress"]
