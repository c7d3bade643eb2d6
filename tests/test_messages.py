"""Requests and responses as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from types import coroutine

import pytest

from segment_mock.messages import (
    CLOSED,
    RESET,
    WHOLE,
    Delivery,
    Request,
    Response,
    body_limit_for,
    check_header,
    check_response,
    reason,
    run_sync,
)


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "OK"), (404, "Not Found"), (429, "Too Many Requests"), (299, ""), (0, ""), (999, "")]
)
def test_reason(status: int, expected: str) -> None:
    """Statuses of the standard have a phrase; others are sent without one."""
    assert expected == reason(status)


def test_a_plain_response() -> None:
    """By default it is whole, empty and leaves the connection open."""
    reply = Response(204)

    assert ({}, b"", WHOLE) == (reply.headers, reply.body, reply.delivery)
    assert (None, None, 0.0, None, None, "open") == dataclasses.astuple(WHOLE)
    assert (b"", "close", b"", "reset") == (CLOSED.raw, CLOSED.end, RESET.raw, RESET.end)


def test_delivery_is_frozen() -> None:
    """Responses share the deliveries of the module, so nothing may change them."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Delivery().end = "close"  # type: ignore[misc]


@pytest.mark.parametrize("value", [Request("GET", "/", {}), Response(200)])
def test_values_take_no_other_attributes(value: Request | Response) -> None:
    with pytest.raises(AttributeError):
        value.note = "text"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "x"),
        ("X Y", "x"),
        ("X:", "x"),
        ("X\u00e9", "x"),
        (1, "x"),
        ("X", "a\r\nb"),
        ("X", "\0"),
        ("X", "\u20ac"),
        ("X", 1),
    ],
)
def test_headers_that_http_does_not_have(name: object, value: object) -> None:
    with pytest.raises(ValueError, match="header"):
        check_header(name, value)


def test_a_response_is_checked_as_it_is_sent() -> None:
    """Spaces around the values of headers are no part of them."""
    checked = check_response(Response(200, {"X-A": " a\tb\t", "X-B": ""}, b"x", CLOSED))

    assert Response(200, {"X-A": "a\tb", "X-B": ""}, b"x", CLOSED) == checked


@pytest.mark.parametrize(
    ("target", "limit"), [("/segments", 10), ("/_mock", 160), ("/_mock/state", 160), ("/_mockery", 10)]
)
def test_body_limit(target: str, limit: int) -> None:
    assert limit == body_limit_for(target, 10)


def test_a_call_without_an_event_loop() -> None:
    """Each pause is handed over; what waiting raises ends the call; a response is returned as it is."""

    @coroutine
    def call() -> Generator[float, None, Response]:
        yield 1.5
        yield 2.5
        return Response(201)

    def refuse(seconds: float) -> None:
        raise TimeoutError(seconds)

    pauses: list[float] = []
    assert (201, [1.5, 2.5]) == (run_sync(call(), pauses.append).status, pauses)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError, match=r"1\.5"):
        run_sync(call(), refuse)  # type: ignore[arg-type]
    assert 204 == run_sync(Response(204), refuse).status
