"""The lower bound for a live server in Python: asyncio, httptools, one fixed response. PORT BODY-FILE."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from httptools import HttpRequestParser

RESPONSE = b""


class Floor(asyncio.Protocol):
    """Parses each request and writes a fixed response."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self.transport = transport
        self.parser = HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Parse the data."""
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Write the response."""
        self.transport.write(RESPONSE)  # type: ignore[attr-defined]


async def main(port: int, body: bytes) -> None:
    """Serve until the process is ended."""
    global RESPONSE  # a constant of the process
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    RESPONSE = head.encode() + body
    server = await asyncio.get_running_loop().create_server(Floor, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
