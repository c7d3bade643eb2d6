"""A head that a connection has sent before is not parsed again, and nobody can tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_mock.doors._habit import Habit, Turn
from segment_mock.doors._reader import Reader
from segment_mock.messages import Request

HEAD = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n{}\r\n"


def turns(pieces: list[bytes], *, forgetful: bool = False) -> list[Turn]:
    """Return what a reader makes of *pieces*, with or without its habit."""
    reader = Reader(1000, 1000)
    for piece in pieces:
        if forgetful:
            reader._habit = Habit()
        if not reader.done:
            reader.feed(piece)
    found = [*reader.turns]
    reader.close()
    return found


def asked(body: bytes, extra: str = "", length: int | None = None) -> bytes:
    """Return a request of *body* with an *extra* header line."""
    return HEAD.format(len(body) if length is None else length, extra).encode() + body


def test_the_second_of_two_like_requests_is_known() -> None:
    """The parser is fed the first; the second is the same but for body and turn."""
    first, second = turns([asked(b"one"), asked(b"two")])
    assert (first[0].body, second[0].body) == (b"one", b"two")
    assert (first[0].turn, second[0].turn) == (1, 2)
    assert first[0].headers is second[0].headers


@pytest.mark.parametrize(
    "extra",
    ["Connection: close\r\n", "Expect: 100-continue\r\n", "Upgrade: h2c\r\nConnection: Upgrade\r\n"],
)
def test_what_says_more_than_a_request_is_read_each_time(extra: str) -> None:
    """Whoever closes, waits to be told to go on or asks for another protocol is not taken from memory."""
    reader = Reader(1000, 1000)
    reader.feed(asked(b"one", extra))
    assert reader._habit(asked(b"one", extra), 2) is None
    reader.close()


def test_an_unknown_verb_is_not_remembered_as_the_one_it_was_read_with() -> None:
    """PURGE, which the parser does not know and reads as POST, leaves no POST behind."""
    purge, post = b"PURGE /a HTTP/1.1\r\n\r\n", b"POST /a HTTP/1.1\r\n\r\n"
    assert [turn[0].method for turn in turns([purge, purge, post])] == ["PURGE", "PURGE", "POST"]


def test_a_head_that_has_not_ended_is_not_taken_for_one_that_has() -> None:
    """A segment may end where a known head did, and go on with other headers."""
    known = b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n"
    for rest in (b"\r\nX-Extra: 1\r\n\r\n", b"bc:80\r\n\r\n"):
        _, (second, _) = turns([known, known[:-4], rest])
        assert isinstance(second, Request)
        assert second.headers == ({"host": "a", "x-extra": "1"} if rest[:1] == b"\r" else {"host": "abc:80"})


def test_a_loop_may_hand_over_a_bytearray() -> None:
    """As asyncio's for Windows once did."""
    assert turns([bytearray(asked(b"one"))] * 2) == turns([asked(b"one")] * 2)  # type: ignore[list-item]


def test_only_so_many_heads_are_remembered() -> None:
    """A client that never says the same twice fills no memory."""
    reader = Reader(1000, 1000)
    for number in range(100):
        reader.feed(asked(b"x", f"X-Number: {number}\r\n"))
    assert len(reader._habit._known) == 8
    assert {known.body for known, _ in reader._habit._known.values()} == {b""}
    reader.close()


PIECE = st.one_of(
    st.builds(asked, st.binary(max_size=12), st.sampled_from(["", "X: 1\r\n", "Connection: close\r\n"])),
    st.builds(asked, st.binary(max_size=12), length=st.integers(0, 12)),
    st.sampled_from([b"GET /b HTTP/1.1\r\n\r\n", b"GET /b HTTP/1.1\n\n", b"\r\nGET /b HTTP/1.1\r\n\r\n", b"\r\n\r\n"]),
    st.just(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
)


@given(st.lists(PIECE, min_size=1, max_size=4), st.integers(1, 3))
def test_it_reads_what_the_parser_alone_would(pieces: list[bytes], times: int) -> None:
    """Whole, short, overlong and pipelined requests, said again and again, give the same turns either way."""
    pieces = pieces * times
    assert turns(pieces) == turns(pieces, forgetful=True)


@given(st.lists(PIECE, min_size=1, max_size=4), st.data())
def test_it_reads_what_the_parser_alone_would_however_bytes_arrive(pieces: list[bytes], data: st.DataObject) -> None:
    """Cut anywhere, the same bytes give the same turns."""
    everything = b"".join(pieces * 2)
    ends = [at for at in range(len(everything)) if everything[at : at + 4] == b"\r\n\r\n"]
    where = st.one_of(st.integers(0, len(everything)), st.sampled_from(ends or [0]))
    cuts = sorted(data.draw(st.lists(where, max_size=4)))
    parts = [everything[a:b] for a, b in zip([0, *cuts], [*cuts, len(everything)], strict=True) if a < b]
    assert turns(parts) == turns(parts, forgetful=True)


def test_a_request_that_was_too_large_is_not_remembered() -> None:
    """Its body was thrown away, so its head alone says nothing."""
    reader = Reader(2, 1000)
    reader.feed(asked(b"one"))
    (found, manner) = reader.turns[0]
    assert isinstance(found, Request)
    assert (found.too_large, manner, reader._habit._known) == (True, "close", {})
    reader.close()
