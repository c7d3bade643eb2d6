"""The site of docs/ on a desktop and on a phone. `SITE_PICTURES=FOLDER nox -s browser` saves pictures of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import violations

pytest.importorskip("mkdocs", reason="mkdocs is missing: nox -s browser has it")
pytest.importorskip("playwright.sync_api", reason="playwright is missing: nox -s browser has it")

ROOT = Path(__file__).parents[2]
WIDTHS = {"desktop": 1280, "phone": 390}
PICTURE_PAGES = ("", "how-to/pytest/", "reference/python/", "reference/settings/", "reference/faults/")
"""The pages of which pictures are saved, and whose accessibility is tested."""


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without logging requests."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Do nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """The URL of the built site, and the paths of its pages."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(folder)]
    result = subprocess.run(command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert 0 == result.returncode, result.stderr
    pages = sorted(file.parent.relative_to(folder).as_posix() + "/" for file in folder.rglob("index.html"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", ["" if page == "./" else page for page in pages]
    server.shutdown()
    server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize("screen", WIDTHS)
def test_every_page_fits_the_screen_and_loads_nothing_from_other_hosts(
    browser: Any, site: tuple[str, list[str]], screen: str
) -> None:
    """No page is wider than the screen, has an error in a script, or requests a missing file."""
    url, pages = site
    context = browser.new_context(viewport={"width": WIDTHS[screen], "height": 900})
    problems, hosts = [], set()
    context.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
    page.on(
        "response",
        lambda response: problems.append(f"{response.status} {response.url}") if response.status >= 400 else None,
    )
    for name in pages:
        page.goto(url + name)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        problems += [f"{name or 'index'}: {wide} px wider than the screen"] if wide > 0 else []
        if name in PICTURE_PAGES and "SITE_PICTURES" in os.environ:
            file = f"{(name or 'index').strip('/').replace('/', '-')}-{screen}.png"
            page.screenshot(path=Path(os.environ["SITE_PICTURES"], file))
    context.close()

    assert {*PICTURE_PAGES} <= {*pages}
    assert [] == problems
    assert {urlsplit(url).netloc} == hosts


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", WIDTHS)
def test_pages_have_no_accessibility_violations(
    browser: Any, site: tuple[str, list[str]], axe: str, screen: str, scheme: str
) -> None:
    """axe-core checks contrast, labels, landmarks and keyboard access."""
    url, _ = site
    context = browser.new_context(viewport={"width": WIDTHS[screen], "height": 900}, color_scheme=scheme)
    page, findings = context.new_page(), []
    for name in PICTURE_PAGES:
        page.goto(url + name)
        findings += [f"{name or 'index'}: {finding}" for finding in violations(page, axe)]
    context.close()

    assert [] == findings
