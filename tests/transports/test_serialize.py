import pytest

from segment_mock.messages import CLOSED, RESET, Delivery, Response
from segment_mock.transports.serialize import ending, serialize, split_delivery, text_response

NOON = 1521640800.0
DATE = b"Date: Wed, 21 Mar 2018 14:00:00 GMT\r\n"
HELLO = Response(200, {"Content-Type": "text/plain"}, b"hello")


def delivered(**delivery):
    """Return a response that is delivered so."""
    return Response(200, {}, b"hello", Delivery(**delivery))


def joined(response, **how):
    """Return both parts as bytes."""
    first, rest = split_delivery(response, NOON, **how)
    return first, bytes(rest)


def test_a_whole_response():
    """Status line, the response's own headers in order, length, date, a blank line, the body."""
    expected = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n" + DATE + b"\r\nhello"

    assert expected == serialize(HELLO, NOON)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (0.0, b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
        (NOON + 0.999, DATE),
        (-62135596800.0, b"Date: Mon, 01 Jan 0001 00:00:00 GMT\r\n"),
        (253402300799.0, b"Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n"),
    ],
)
def test_the_date_is_imf_fixdate(now, expected):
    """RFC 7231, 7.1.1.1: whole seconds, English names, four digits of year."""
    assert expected in serialize(HELLO, now)


@pytest.mark.parametrize("manner", ["close", "keep-alive"])
def test_the_connection_header_says_how_it_goes_on(manner):
    assert f"Connection: {manner}\r\n".encode() in serialize(HELLO, NOON, manner)
    assert b"Connection" not in serialize(HELLO, NOON)


def test_head_tells_the_length_without_the_body():
    """An answer to HEAD has the Content-Length of the body that it does not carry."""
    reply = serialize(HELLO, NOON, head_only=True)

    assert reply.endswith(b"\r\n\r\n")
    assert b"Content-Length: 5\r\n" in reply


@pytest.mark.parametrize("status", [204, 304])
def test_responses_that_have_no_body(status):
    """204 and 304 carry neither body nor length, whatever the core gave."""
    reply = serialize(Response(status, {}, b"hello"), NOON)

    assert reply.endswith(b"\r\n\r\n")
    assert b"Content-Length" not in reply


def test_a_status_without_a_name():
    """A status that HTTP does not name has an empty phrase, after its blank."""
    assert serialize(Response(299), NOON).startswith(b"HTTP/1.1 299 \r\n")


def test_a_header_never_splits_a_response():
    """Line breaks in a header's name or value become blanks; what is not latin-1 a question mark."""
    reply = serialize(Response(200, {"X-A": "1\r\nX-B: 2", "X\n-C": "\0é€"}), NOON)

    assert b"X-A: 1  X-B: 2\r\nX -C: \xe9?\r\n" in reply


def test_a_sentence_of_the_doors_own():
    """What the door itself has to say is one line of text."""
    assert text_response(400, "Why.") == Response(400, {"Content-Type": "text/plain; charset=utf-8"}, b"Why.\n")


def test_keep_cuts_the_body_but_not_its_length():
    """Only the first bytes are sent, with the Content-Length of the whole body and no header that announces it."""
    first, rest = joined(delivered(keep=2, end="close"))

    assert (first.endswith(b"\r\n\r\nhe"), rest) == (True, b"")
    assert b"Content-Length: 5\r\n" in first
    assert b"Connection" not in first


def test_chunk_sends_the_head_at_once_and_the_body_after():
    """With *chunk* the head leaves alone; *keep* still counts bytes of the body."""
    first, rest = joined(delivered(keep=3, chunk=1))

    assert (first.endswith(b"\r\n\r\n"), rest) == (True, b"hel")


def test_a_body_may_look_like_the_end_of_a_head():
    """Only the first blank line ends the head."""
    _, rest = joined(Response(200, {}, b"\r\n\r\n", Delivery(chunk=1)))

    assert rest == b"\r\n\r\n"


def test_raw_bytes_leave_as_they_are():
    """*raw* stands for status line, headers and body; it may be dripped too."""
    assert joined(delivered(raw=b"junk")) == (b"junk", b"")
    assert joined(delivered(raw=b"junk", chunk=1)) == (b"", b"junk")


@pytest.mark.parametrize(
    ("response", "manner", "expected"),
    [
        (HELLO, "", "open"),
        (HELLO, "keep-alive", "open"),
        (HELLO, "close", "close"),
        (CLOSED, "", "close"),
        (RESET, "close", "reset"),
        (Delivery(keep=4), "", "close"),
        (Delivery(keep=5), "", "open"),
        (Delivery(keep=4, end="reset"), "", "reset"),
        (Delivery(raw=b"junk", keep=1), "", "open"),
        (Delivery(end="close"), "", "close"),
    ],
)
def test_what_becomes_of_the_connection(response, manner, expected):
    """The delivery's end counts; an open one closes if the client asked or the body is cut."""
    if isinstance(response, Delivery):
        response = Response(200, {}, b"hello", response)

    assert expected == ending(response, manner)


def test_closing_response_has_connection_close():
    """An end that the response survives is announced, as RFC 7230, 6.6 asks."""
    first, _ = joined(delivered(end="close"))

    assert b"Connection: close\r\n" in first
