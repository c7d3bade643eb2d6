"""Security headers of the control plane: no page can be framed, and JSON runs no script."""

from __future__ import annotations

import re

import pytest

from segment_mock import SegmentMock

PATHS = ("docs", "docs/swagger-ui.css", "health", "state", "faults", "vendors", "journal", "openapi.json", "nothing",
         "journal?x=1")  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_every_response_of_the_control_plane_forbids_framing(path: str) -> None:
    """It has X-Frame-Options, X-Content-Type-Options, and frame-ancestors in its Content-Security-Policy."""
    with SegmentMock() as mock, mock.session() as client:
        headers = client.get(f"/_mock/{path}").headers

    assert ("DENY", "nosniff") == (headers["X-Frame-Options"], headers["X-Content-Type-Options"])
    assert re.search(r"frame-ancestors 'none'(;|$)", headers["Content-Security-Policy"])


@pytest.mark.parametrize("path", ["state", "faults", "nothing"])
def test_json_responses_forbid_all_content(path: str) -> None:
    with SegmentMock() as mock, mock.session() as client:
        assert client.get(f"/_mock/{path}").headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/favicon.ico", "/robots.txt", "/apple-touch-icon.png", "/.well-known/x"])
def test_automatic_requests_of_browsers_get_404_and_are_not_in_the_journal(path: str) -> None:
    with SegmentMock() as mock, mock.session() as client:
        response = client.get(path)

        assert (404, 0) == (response.status_code, len(mock.journal))


def test_vendor_responses_have_no_security_headers() -> None:
    with SegmentMock() as mock, mock.session() as client:
        assert "X-Frame-Options" not in client.post("/segments", json={}, headers={"x-api-key": "k"}).headers
