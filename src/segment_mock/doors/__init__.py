"""Ways in: each door turns its client's bytes or calls into a Request and carries out the Response."""

from ._switchboard import BOARD as BOARD
from ._switchboard import Line as Line
from ._switchboard import NetworkBlocked as NetworkBlocked
from ._target import fits as fits
from ._target import host_of as host_of
from ._target import is_loopback as is_loopback
