"""Fixtures: a real Chromium, the page of a mock in it, and clients of that mock."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from segment_mock import SegmentMock
from segment_mock.transports.server.server import LiveServer
from tests.waiting import PATIENCE

REQUIRED = "PAGE_TESTS_REQUIRED" in os.environ
"""Set by ``nox -s browser``: there a missing program fails the tests, which otherwise are skipped."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
METRICS = "/api/integration/ext/v1/metrics"
SEGMENTS = "/api/integration/ext/v1/segments"


def skip_without(program: str) -> None:
    """Skip the test because *program* is missing; fail it if the tests are required to run."""
    if REQUIRED:
        pytest.fail(f"{program} is missing", pytrace=False)
    pytest.skip(f"{program} is missing; run nox -s browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests of a module."""
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        skip_without("playwright")
    if CHROMIUM is None:
        skip_without("Chromium")
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock(data="demo") as mock:
        yield mock


@pytest.fixture
def server(mock: SegmentMock) -> LiveServer:
    return mock.serve()


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    with requests.Session() as session:
        yield Client(session, server.url)


class Client:
    """A client of the vendors' APIs of the live server at *url*."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self.session, self.url = session, url

    def metrics(self, token: str = "t") -> None:
        self.session.get(self.url + METRICS, headers={"authToken": token}, timeout=PATIENCE)

    def upsert(self, name: str, **members: Any) -> requests.Response:
        body = {"payload": {"segments": [{"name": name, **members}]}}
        return self.session.put(self.url + SEGMENTS, json=body, headers={"authToken": "s3cret"}, timeout=PATIENCE)

    def update_segment(self, id_: str = "nobody") -> None:
        self.session.put(f"{self.url}/segments", json={"id": id_}, headers={"x-api-key": "k"}, timeout=PATIENCE)


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any, server: LiveServer) -> Iterator[Open]:
    """Return a function that opens a panel of the page and waits until it is connected.

    At the end, fail if the browser reported an error, or if the page sent a request to another host.
    """
    contexts, problems, hosts = [], [], set()

    def open_(panel: str = "calls", *, width: int = 1600, height: int = 1000, live: bool = True, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE * 1000)
        context.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if is_problem(message) else None)
        page.goto(f"{server.url}/_mock/#{panel}")
        if live:
            page.locator("#connection[data-state=live]").wait_for()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [] == problems
    assert hosts <= {urlsplit(server.url).netloc, ""}


def is_problem(message: Any) -> bool:
    """Return whether a console message reports a problem of the page, not only an HTTP status or a lost connection."""
    return message.type in ("error", "warning") and "Failed to load resource" not in message.text


@pytest.fixture(scope="session")
def axe() -> str:
    """The source code of axe-core, a script that finds problems of accessibility."""
    file = Path(os.environ.get("PAGE_TESTS_NODE_MODULES", "node_modules"), "axe-core", "axe.min.js")
    if not file.exists():
        skip_without("axe-core")
    return file.read_text(encoding="utf-8")


def violations(page: Any, axe: str) -> list[str]:
    """Return the violations that axe-core finds on *page*, including best practices."""
    page.evaluate(axe)
    violations = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{row['id']}: {node['target']} {node['failureSummary'][:300]}"
        for row in violations
        for node in row["nodes"][:3]
    ]


def download_json(page: Any, button: str) -> Any:
    """Press *button* and return the content of the JSON file that the browser downloads."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
