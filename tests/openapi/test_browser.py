"""The page of the OpenAPI documents in Chromium; skipped without Chromium."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from segment_mock import SegmentMock
from segment_mock.vendors import find_vendors

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", OFFLINE, "--virtual-time-budget=8000", "--dump-dom")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_shows_the_operations_without_network_access(tmp_path: Path) -> None:
    with SegmentMock() as mock:
        page = f"{mock.serve().url}/_mock/docs"
        command = [str(CHROMIUM), f"--user-data-dir={tmp_path}", *FLAGS, page]
        html = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    paths_on_page = {row.partition('"')[0] for row in html.split('opblock-summary-path" data-path="')[1:]}
    first, *_ = find_vendors()
    assert {first.root + path for operation in first.operations for path in operation.paths} <= paths_on_page
    assert "Failed to load" not in html
