"""Bytes in, requests out: httptools' callbacks and the limits of size, without a socket."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from segment_mock.doors._habit import Habit, Turn
from segment_mock.doors._head import HEAD_LIMIT, headers, weight
from segment_mock.doors._target import host_of, is_control, split
from segment_mock.doors._wire import Manner, plain
from segment_mock.messages import Request, Response

_VERB = re.compile(rb"[\r\n]*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}) ")
_NO_PROXY = "This is no proxy: start segment-mock with --proxy, and CONNECT is answered."
_FOREIGN = "Host {!r} is no vendor's: segment-mock lets nothing out."


class _Enough(Exception):
    """Stops the parser: the turn is decided, the rest of the request is not wanted."""


class Reader:
    """Reads one connection's requests and puts each into *turns*, in order.

    *body_limit* and *control_body_limit* are bytes; a body beyond them makes a request marked
    ``too_large`` at once. A request that names a host which *admits* refuses is refused, as is
    CONNECT unless *tunnels*. Once it is ``done`` it must be fed no more; ``torn`` says that the client may
    still be sending the rest of a request that was refused. ``count`` is of requests so far.
    """

    def __init__(
        self,
        body_limit: int,
        control_body_limit: int,
        door: str = "live",
        *,
        admits: Callable[[str], bool] = lambda host: True,
        tunnels: bool = False,
    ) -> None:
        self.turns: deque[Turn] = deque()
        self.count = 0
        self.partial = self.expects = self.done = self.torn = False
        self._body_limit, self._control_body_limit, self._door = body_limit, control_body_limit, door
        self._admits, self._tunnels = admits, tunnels
        self._verb = ""
        self._in_head = False
        self._parser = HttpRequestParser(self)
        self._habit = Habit()

    def feed(self, data: bytes) -> None:
        """Read on; complete requests, or the refusal of a broken one, are then in ``turns``."""
        begun, count = self.partial, self.count
        if not begun and (known := self._habit(data, count + 1)):
            self.count += 1
            self.turns.append(known)
            return
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._read_again(data[upgrade.args[0] :])
        except HttpParserError as error:
            if not self.done:
                self._mistaken(error, b"" if begun or count != self.count else data)
        else:
            if not begun and not self.partial and self.count == count + 1:
                self._habit.learn(data, self.turns[-1])
            elif self._in_head and count == self.count:  # so all of data belongs to one open head
                self._spilled += len(data)
                self._measure(self._spilled)

    def refuse(self, status: int, sentence: str) -> None:
        """Answer what is being read plainly with *status* and *sentence*, and read no more."""
        self._last(plain(status, sentence))

    def close(self) -> None:
        """Let go of the parser, which holds this reader in a circle."""
        self.done, self.partial = True, False
        self.turns.clear()
        del self._parser

    def on_message_begin(self) -> None:
        self.partial = self._in_head = True
        self.expects = self._upgrading = False
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._trailing = self._spilled = self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            self._fields.append((name, value))
            return
        self._trailing += weight([(name, value)])  # a trailer is read by nobody, but may not go on for ever
        if self._measure(self._trailing):
            raise _Enough

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._headers = headers(self._fields)
        if self._measure(len(self._url) + weight(self._fields)):
            raise _Enough
        self._method = self._verb or self._parser.get_method().decode("latin-1")
        if self._method == "CONNECT":
            self._connect(self._url.decode("latin-1"))
            raise _Enough
        if self._parser.should_upgrade():
            self._upgrading = True
            return
        self._target = self._url.decode("latin-1")
        if self._target[:1] != "/":
            self._absolute()
        self._limit = self._control_body_limit if is_control(self._target) else self._body_limit
        self._admit(int(self._headers.get("content-length", 0)))
        self.expects = self._headers.get("expect", "").lower() == "100-continue"

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        self._admit(self._size)
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._upgrading:
            return
        self.count += 1
        body = b"".join(self._body) if self._body else b""
        request = Request(self._method, self._target, self._headers, body, self._door, self.count)
        self.turns.append((request, self._manner()))
        self.partial = self.expects = False
        self._verb = ""

    def _manner(self) -> Manner:
        if not self._parser.should_keep_alive():
            self.done = True
            return "close"
        old = "connection" in self._headers and self._parser.get_http_version() == "1.0"
        return "keep-alive" if old else ""

    def _measure(self, head_size: int) -> bool:
        if head_size <= HEAD_LIMIT:
            return False
        self.refuse(431, f"The header block is longer than {HEAD_LIMIT} bytes.")
        return True

    def _connect(self, authority: str) -> None:
        host = host_of(authority.rpartition("@")[2])
        if not self._tunnels:
            self.refuse(403, _NO_PROXY)
        elif not self._admits(host):
            self.refuse(403, _FOREIGN.format(host))
        else:
            self.turns.append((Request("CONNECT", host, self._headers, b"", self._door, self.count + 1), ""))
            self.done, self.partial = True, False

    def _absolute(self) -> None:
        authority, self._target = split(self._target)
        if authority:
            self._headers["host"] = authority
            if not self._admits(host_of(authority)):
                self.refuse(403, _FOREIGN.format(host_of(authority)))
                raise _Enough

    def _admit(self, size: int) -> None:
        if size > self._limit:
            self.count += 1
            self._last(Request(self._method, self._target, self._headers, b"", self._door, self.count, True))
            raise _Enough

    def _last(self, answer: Request | Response) -> None:
        self.turns.append((answer, "close"))
        self.done = self.torn = True
        self.partial = self._in_head = self.expects = False

    def _read_again(self, rest: bytes) -> None:
        # Java's client asks for h2c on every plain connection, with bodies too; the parser stops
        # reading there. So it reads the request once more as if nothing had been asked.
        head = [f"{self._method} {self._url.decode('latin-1')} HTTP/{self._parser.get_http_version()}"]
        head += [f"{name}: {value}" for name, value in self._headers.items() if name != "upgrade"]
        self._parser = HttpRequestParser(self)
        self.feed("\r\n".join([*head, "\r\n"]).encode("latin-1") + rest)

    def _mistaken(self, error: HttpParserError, data: bytes) -> None:
        # The parser knows a fixed list of methods; the vendor has an answer for any other verb.
        unknown = isinstance(error, HttpParserInvalidMethodError) and _VERB.match(data)
        if unknown and not self._verb:
            self._verb = unknown[1].decode("latin-1")
            self._parser = HttpRequestParser(self)
            self.feed(b"POST " + data[unknown.end() :])
        elif data[:2] == b"\x16\x03":
            self.refuse(400, "This is TLS; the door speaks plain HTTP here: use an http:// address.")
        else:
            self.refuse(400, f"This is not HTTP/1.1: {error}.")
