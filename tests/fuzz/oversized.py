"""Requests of excessive size or depth: each has a name, pieces to send, and the allowed statuses of the response."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.fuzz.generators import SALSA

MIB = 2**20
KEYS = b"Host: localhost\r\nauthToken: t\r\nx-api-key: k\r\n"


def put(path: str, body: bytes) -> list[bytes]:
    """Return a PUT of *body* to *path*."""
    return [b"PUT %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n" % (path.encode(), KEYS, len(body)), body]


def with_length(path: str, size: int) -> Iterator[bytes]:
    """Yield a PUT with a Content-Length and a body of *mib* MiB."""
    yield b"PUT %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n" % (path.encode(), KEYS, size * MIB)
    for _ in range(size):
        yield b" " * MIB


def chunked(path: str, size: int) -> Iterator[bytes]:
    """Yield the same body in chunks of one MiB."""
    yield b"PUT %s HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n" % (path.encode(), KEYS)
    for _ in range(size):
        yield b"%x\r\n%s\r\n" % (MIB, b" " * MIB)
    yield b"0\r\n\r\n"


def array_of(frame: str, item: str, count: int) -> bytes:
    """Return *frame* with its ``%s`` replaced by *count* copies of *item*."""
    return (frame % ",".join([item] * count)).encode()


PEOPLE, GROUPS = '{"persons":[%s]}', '{"payload":{"segments":[%s]}}'
IDS = '{"payload":{"identifierType":"SUPPORTER_ID","identifiers":[%s]}}'
STATE = '{"segmenter":{"segments":[%s]}}'


def oversized_requests(count: int) -> Iterator[tuple[str, Iterable[bytes], tuple[int, ...]]]:
    """Yield every oversized request; lists have *count* items."""
    yield "100 MiB", with_length("/segments", 100), (413,)
    yield "100 MiB in chunks", chunked(f"{SALSA}/segments", 100), (413,)
    yield "300 MiB of state", with_length("/_mock/state", 300), (413,)
    yield "people who are nobody", put("/segments/s", array_of(PEOPLE, "{}", count)), (400,)
    yield "people who are null", put("/segments/s", array_of(PEOPLE, "null", count)), (400,)
    yield "groups without a name", put(f"{SALSA}/segments", array_of(GROUPS, "{}", count)), (429,)
    yield "lists of lists", put(f"{SALSA}/segments", array_of(GROUPS, "[[]]", count)), (400, 429)
    yield "members", put("/segments/s", b"{%s}" % b",".join(b'"%d":0' % name for name in range(count))), (200, 400)
    yield "identifiers", [b"POST" + piece[3:] if at == 0 else piece for at, piece in enumerate(
        put(f"{SALSA}/supporters/search", array_of(IDS, '"a"', count)))], (429,)  # fmt: skip
    yield "rows of a state", put("/_mock/state", array_of(STATE, "1", count)), (400,)
    yield "depth", put("/segments/s", b'{"persons":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), (400,)
    yield "depth of a state", put("/_mock/state", b'{"a":' * 100_000), (400,)
