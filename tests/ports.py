"""Ports for servers of other programs, which are started after their port is chosen."""

from __future__ import annotations

import socket
from contextlib import suppress
from random import SystemRandom


def free_port() -> int:
    """Return a port for a server that another program starts later, at random.

    It is below those that systems give to clients and to servers without a port of their own, so that none of them
    takes it meanwhile.
    """
    while True:
        port = SystemRandom().randrange(20_000, 32_000)  # the seed of the run is the same in parallel processes
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
