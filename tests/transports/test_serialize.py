"""Responses as bytes."""

import pytest

from segment_mock.messages import CLOSED, RESET, Delivery, Response
from segment_mock.transports.serialize import ending, serialize, split_delivery, text_response

NOON = 1521640800.0
DATE = b"Date: Wed, 21 Mar 2018 14:00:00 GMT\r\n"
HELLO = Response(200, {"Content-Type": "text/plain"}, b"hello")


def response_with(**delivery):
    """Return a response with this delivery."""
    return Response(200, {}, b"hello", Delivery(**delivery))


def split(response, **options):
    """Return the two parts of ``split_delivery`` as bytes."""
    first, rest = split_delivery(response, NOON, **options)
    return first, bytes(rest)


def test_a_complete_response_is_serialized():
    """It has the status line, the response's own headers in order, the length, the date, a blank line and the body."""
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
def test_the_date_header_has_the_format_imf_fixdate(now, expected):
    """RFC 7231, 7.1.1.1 requires whole seconds, English names and a four-digit year."""
    assert expected in serialize(HELLO, now)


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_the_connection_header_is_written_if_given(connection):
    assert f"Connection: {connection}\r\n".encode() in serialize(HELLO, NOON, connection)
    assert b"Connection" not in serialize(HELLO, NOON)


def test_a_response_to_head_has_a_length_and_no_body():
    response = serialize(HELLO, NOON, head_only=True)

    assert response.endswith(b"\r\n\r\n")
    assert b"Content-Length: 5\r\n" in response


@pytest.mark.parametrize("status", [204, 304])
def test_204_and_304_have_neither_body_nor_length(status):
    """A body of the response is not sent."""
    response = serialize(Response(status, {}, b"hello"), NOON)

    assert response.endswith(b"\r\n\r\n")
    assert b"Content-Length" not in response


def test_an_unknown_status_has_an_empty_reason_phrase():
    """The space before the phrase stays."""
    assert serialize(Response(299), NOON).startswith(b"HTTP/1.1 299 \r\n")


def test_line_breaks_in_headers_become_spaces():
    """This applies to names and values; characters outside Latin-1 become question marks."""
    response = serialize(Response(200, {"X-A": "1\r\nX-B: 2", "X\n-C": "\0é€"}), NOON)

    assert b"X-A: 1  X-B: 2\r\nX -C: \xe9?\r\n" in response


def test_a_text_response_has_one_line_of_plain_text():
    assert text_response(400, "Why.") == Response(400, {"Content-Type": "text/plain; charset=utf-8"}, b"Why.\n")


def test_keep_truncates_the_body_but_not_its_length():
    """Content-Length is that of the complete body, and no header announces the close."""
    first, rest = split(response_with(keep=2, end="close"))

    assert (first.endswith(b"\r\n\r\nhe"), rest) == (True, b"")
    assert b"Content-Length: 5\r\n" in first
    assert b"Connection" not in first


def test_with_chunk_the_head_is_a_separate_part():
    """*keep* still counts bytes of the body."""
    first, rest = split(response_with(keep=3, chunk=1))

    assert (first.endswith(b"\r\n\r\n"), rest) == (True, b"hel")


def test_a_body_may_contain_blank_lines():
    """Only the first blank line ends the head."""
    _, rest = split(Response(200, {}, b"\r\n\r\n", Delivery(chunk=1)))

    assert rest == b"\r\n\r\n"


def test_raw_bytes_replace_the_whole_response():
    """They can be sent in chunks too."""
    assert split(response_with(raw=b"junk")) == (b"junk", b"")
    assert split(response_with(raw=b"junk", chunk=1)) == (b"", b"junk")


@pytest.mark.parametrize(
    ("response", "connection", "expected"),
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
def test_the_ending_depends_on_delivery_and_client(response, connection, expected):
    """The end of the delivery decides; "open" becomes "close" if the client asked for it or the body is truncated."""
    if isinstance(response, Delivery):
        response = Response(200, {}, b"hello", response)

    assert expected == ending(response, connection)


def test_a_complete_response_before_a_close_has_connection_close():
    """RFC 7230, 6.6 requires it."""
    first, _ = split(response_with(end="close"))

    assert b"Connection: close\r\n" in first
