"""``conform`` detects any difference between a server and the examples."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conform.targets import CREDENTIALS, run

ONE = ("--allow-writes", "--only", "salsa/search-by-segment-id", *CREDENTIALS)


def groups(body: Any) -> list[dict[str, Any]]:
    """Return the groups of a response to a search."""
    return body["payload"]["segments"]


def wrong_status(body: Any) -> tuple[int, Any]:
    return 201, body


def missing_member(body: Any) -> tuple[int, Any]:
    del groups(body)[1]["name"]
    return 200, body


def changed_type(body: Any) -> tuple[int, Any]:
    groups(body)[0]["totalMembers"] = "0"
    return 200, body


def changed_value(body: Any) -> tuple[int, Any]:
    groups(body)[2]["result"] = "found"
    return 200, body


def reordered(body: Any) -> tuple[int, Any]:
    groups(body).reverse()
    return 200, body


def one_less(body: Any) -> tuple[int, Any]:
    groups(body).pop()
    return 200, body


def null(body: Any) -> tuple[int, Any]:
    return 200, {**body, "payload": None}


@pytest.mark.parametrize(
    ("drift", "difference"),
    [
        (wrong_status, "status: expected 200, got 201"),
        (missing_member, "payload.segments[1].name: expected 'Phone Bank Team-conform-"),
        (changed_type, "payload.segments[0].totalMembers: expected 0, got '0'"),
        (changed_value, "payload.segments[2].result: expected 'FOUND', got 'found'"),
        (reordered, "payload.segments[0].segmentId: expected '"),
        (one_less, "payload.segments[2]: expected {"),
        (null, "payload: expected {"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_difference_is_reported(sandbox, drift, difference: str) -> None:
    """The command exits with 1, and prints the example, the path, the expected and the actual value."""
    target = sandbox(lambda path, status, body: drift(body) if path.endswith("/search") else (status, body))
    result = run(target.url, *ONE)

    assert 1 == result.exit_code
    assert result.stdout.startswith(f"fail  salsa/search-by-segment-id\n        {difference}")


def test_an_additional_member_is_no_difference(sandbox) -> None:
    """Only the members of the example are compared."""
    target = sandbox(lambda path, status, body: (status, {**body, "new": 1}))

    assert 0 == run(target.url, *ONE).exit_code


def test_an_id_of_another_form_is_a_difference(sandbox) -> None:
    """A value that differs each time must keep its form: the id of a new record is a UUID."""

    def renumbered(path: str, status: int, body: Any) -> tuple[int, Any]:
        for group in body["payload"]["segments"]:
            group["result"] = "CREATED"
            group["segmentId"] = 17
        return status, body

    result = run(sandbox(renumbered).url, "--allow-writes", "--only", "salsa/upsert-added", *CREDENTIALS)

    assert 1 == result.exit_code
    assert "payload.segments[0].segmentId: expected a UUID, got 17" in result.stdout
    assert "payload.segments[0].result: expected 'ADDED', got 'CREATED'" in result.stdout
