"""The appearance of the page: accessibility (with axe-core), layout on each screen size, and documentation pictures."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, faults
from segment_mock.transports.server.server import LiveServer
from tests.waiting import PATIENCE

from .conftest import METRICS, Client, Open, violations

expect = pytest.importorskip("playwright.sync_api", reason="playwright is missing: nox -s browser has it").expect

PANELS = ("calls", "records", "faults", "clock", "vendors")
READY = {
    "calls": "#call-1",
    "records": ".sheet tbody tr",
    "faults": ".faults tbody tr",
    "clock": ".snapshots b",
    "vendors": ".vendors tbody tr",
}
IMAGES = Path(__file__).parents[2] / "docs" / "images"


@pytest.fixture
def busy_mock(mock: SegmentMock, client: Client) -> SegmentMock:
    """A mock with records, calls, faults and a snapshot to show on every panel; the same in each run."""
    mock.clock.set("2026-03-02T09:30:00Z")
    search = {"payload": {"offset": 0, "count": 20}}
    url, key = f"{client.url}/api/integration/ext/v1", {"authToken": "t"}

    def advance(seconds: float) -> None:
        mock.clock.advance(seconds)

    for _ in range(4):
        client.session.post(f"{url}/segments/search", json=search, headers=key, timeout=PATIENCE)
        advance(0.02)
    client.upsert("Volunteers 2026", externalSystemId="v26")
    advance(0.05)
    mock.faults.add(faults.Error(status=503), "salsa.upsert_segments", times=2)
    for _ in range(3):
        client.upsert("Board members", externalSystemId="board")
        advance(0.2)
    client.metrics("")
    mock.faults.add(faults.Latency(seconds=0.05), "segmenter.*")
    for _ in range(2):
        client.update_segment()
        advance(0.1)
    mock.faults.add(faults.Disconnect(after=True), "salsa.delete_segments", times=1)
    group = {"payload": {"segments": [{"segmentId": mock.salsa.segments[-1]["segmentId"]}]}}
    with pytest.raises(requests.ConnectionError):
        client.session.delete(f"{url}/segments", json=group, headers=key, timeout=PATIENCE)
    advance(0.1)
    client.upsert("Board members", externalSystemId="board")
    client.session.post(f"{client.url}/_mock/snapshots/before the sync", timeout=PATIENCE)
    return mock


def wait_for_panel(page: Any, panel: str) -> None:
    """Wait until the page shows the content of *panel*."""
    expect(page.locator(READY[panel]).first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("panel", PANELS)
def test_a_page_has_no_accessibility_violations(
    open_page: Open, busy_mock: SegmentMock, axe: str, panel: str, scheme: str
) -> None:
    page = open_page(panel, color_scheme=scheme, bypass_csp=True)
    wait_for_panel(page, panel)

    assert [] == violations(page, axe)


@pytest.mark.parametrize(
    ("panel", "opener"),
    [
        ("calls", "#call-8"),
        ("records", ".sheet tbody button"),
        ("records", ".records button.primary"),
        ("calls", "#reset"),
    ],
)
def test_dialogs_have_no_accessibility_violations(
    open_page: Open, busy_mock: SegmentMock, axe: str, panel: str, opener: str
) -> None:
    page = open_page(panel, bypass_csp=True)
    wait_for_panel(page, panel)
    page.locator(opener).first.click()
    expect(page.locator(".detail h3, dialog h2").first).to_be_visible()

    assert [] == violations(page, axe)


@pytest.mark.parametrize("width", [360, 768, 1600])
@pytest.mark.parametrize("panel", PANELS)
def test_no_panel_is_wider_than_the_screen(open_page: Open, busy_mock: SegmentMock, panel: str, width: int) -> None:
    page = open_page(panel, width=width, height=740)
    wait_for_panel(page, panel)

    assert width == page.evaluate("document.documentElement.scrollWidth")
    assert page.locator("main").bounding_box()["width"] <= width


def test_the_detail_of_a_call_fits_a_phone(open_page: Open, busy_mock: SegmentMock, axe: str) -> None:
    page = open_page(width=360, height=740, bypass_csp=True)
    page.locator("#call-8").click()
    expect(page.locator(".detail h3")).to_be_in_viewport()

    assert 360 == page.evaluate("document.documentElement.scrollWidth")
    assert [] == violations(page, axe)


@pytest.mark.parametrize(
    ("name", "panel", "options"),
    [
        ("page", "calls", {"width": 1440, "height": 900}),
        ("page-records", "records", {"width": 1440, "height": 900}),
        ("page-faults", "faults", {"width": 1440, "height": 900, "color_scheme": "dark"}),
        ("page-small", "calls", {"width": 360, "height": 740}),
    ],
)
def test_the_pictures_of_the_documentation_show_the_current_page(
    open_page: Open, busy_mock: SegmentMock, tmp_path: Path, name: str, panel: str, options: dict[str, Any]
) -> None:
    """PAGE_TESTS_PICTURES=1 makes the test replace them."""
    page = open_page(panel, **options)
    wait_for_panel(page, panel)
    if name == "page":
        page.locator("#call-8").click()
        expect(page.locator(".detail .change")).to_be_visible()
        page.mouse.move(5, 5)
    reference = IMAGES / f"{name}.png"
    file = reference if "PAGE_TESTS_PICTURES" in os.environ else tmp_path / reference.name

    page.screenshot(path=file, animations="disabled")

    sizes = [struct.unpack(">II", picture.read_bytes()[16:24]) for picture in (file, reference)]
    assert [(options["width"], options["height"])] * 2 == sizes
    # Fonts and times differ from run to run, so the pictures are scaled down before they are compared.
    assert difference(page, file, reference) < 3  # 0.2 on the machine that made them


COMPARE = """async (pictures) => {
  const pixels = async (data) => {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const canvas = new OffscreenCanvas(96, 96);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(await createImageBitmap(new Blob([bytes])), 0, 0, 96, 96);
    return context.getImageData(0, 0, 96, 96).data;
  };
  const [one, other] = await Promise.all(pictures.map(pixels));
  return one.reduce((sum, value, index) => sum + Math.abs(value - other[index]), 0) / one.length;
}"""


def difference(page: Any, *pictures: Path) -> float:
    """Scale two pictures down and return the mean difference of their pixels, from 0 to 255."""
    encoded = [b64encode(picture.read_bytes()).decode() for picture in pictures]
    return float(page.evaluate(COMPARE, encoded))


def test_pictures_of_different_panels_differ(open_page: Open, busy_mock: SegmentMock, tmp_path: Path) -> None:
    """The comparison above relies on this."""
    page = open_page("clock", width=1440, height=900)
    wait_for_panel(page, "clock")
    page.screenshot(path=tmp_path / "clock.png")

    assert difference(page, tmp_path / "clock.png", IMAGES / "page-records.png") > 5


LOAD = """
import sys
from http.client import HTTPConnection
connection = HTTPConnection(sys.argv[1])
for line in sys.stdin:
    for _ in range(int(line)):
        connection.request("GET", "{path}", headers={{"authToken": "t"}})
        assert connection.getresponse().read()
"""
"""A program that makes as many calls as a line of its input says, one after the other."""


@pytest.mark.slow
def test_the_page_can_be_used_during_a_thousand_calls_without_a_pause(
    open_page: Open, mock: SegmentMock, server: LiveServer
) -> None:
    page = open_page()
    command = [sys.executable, "-c", LOAD.format(path=METRICS), f"{server.host}:{server.port}"]

    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        for last, choice in zip(range(1000, 5001, 1000), ("", "good", "", "good", ""), strict=True):
            print(1000, file=process.stdin, flush=True)
            page.get_by_label("Status").select_option(choice)
            expect(page.locator(".calls .count")).to_contain_text(f"of {last} calls")

    assert 0 == process.returncode
    expect(page.locator("#call-5000")).to_be_visible()
