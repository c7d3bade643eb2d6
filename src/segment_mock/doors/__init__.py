"""Ways in: each door turns its client's bytes or calls into a Request and carries out the Response."""

from ._switchboard import BOARD as BOARD
from ._switchboard import Line as Line
from ._switchboard import NetworkBlocked as NetworkBlocked
