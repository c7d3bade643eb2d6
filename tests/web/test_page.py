"""The page's files and their security headers. The tests of the page in a browser are in tests/browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests

from segment_mock import SegmentMock, create_app, web
from tests.waiting import PATIENCE

STATIC = Path(web.__file__).with_name("static")
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_the_page_is_at_mock_and_requires_no_token() -> None:
    client = create_app(admin_token="s").test_client()

    page, moved = client.get("/_mock/"), client.get("/_mock")

    assert (200, "text/html; charset=utf-8") == (page.status_code, page.content_type)
    assert "/_mock/" == re.sub("^https?://[^/]*", "", moved.headers["Location"])


@pytest.mark.parametrize("path", ["/_mock/", "/_mock/docs"])
def test_pages_forbid_foreign_scripts_and_framing(path: str) -> None:
    response = create_app().test_client().get(path)
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))

    assert ("'none'", "'self'", "'none'") == (policy["default-src"], policy["script-src"], policy["frame-ancestors"])
    assert ("DENY", "nosniff") == (response.headers["X-Frame-Options"], response.headers["X-Content-Type-Options"])
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|https?://", response.text)


@pytest.mark.parametrize("name", sorted(file.name for file in STATIC.iterdir() if file.suffix != ".html"))
def test_static_files_have_their_content_type_and_no_external_url(name: str) -> None:
    with create_app(admin_token="s").test_client().get(f"/_mock/static/{name}") as response:
        expected = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}[Path(name).suffix]
        assert (200, expected) == (response.status_code, response.content_type.partition(";")[0])
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)\w", response.text)


def test_a_file_outside_the_folder_is_not_served() -> None:
    client = create_app().test_client()

    for name in ("nothing.js", "..%2fpage.py", "%2e%2e/page.py"):
        assert 404 == client.get(f"/_mock/static/{name}").status_code


def test_the_root_redirects_a_browser_to_the_page_and_is_404_for_others() -> None:
    with SegmentMock() as mock:
        url = mock.serve().url
        browser = requests.get(f"{url}/", headers=HTML, allow_redirects=False, timeout=PATIENCE)
        client = requests.get(f"{url}/", timeout=PATIENCE)

        assert (302, "/_mock/") == (browser.status_code, browser.headers["Location"])
        assert (404, 1) == (client.status_code, len(mock.journal))
    wsgi = create_app().test_client()
    assert (302, 404) == (wsgi.get("/", headers=HTML).status_code, wsgi.get("/").status_code)
