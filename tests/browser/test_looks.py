"""The look of the page: its accessibility (axe-core), on every screen, and in the pictures of the documentation."""

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
def busy(mock: SegmentMock, client: Client) -> SegmentMock:
    """A mock that has something to show on every panel, always the same."""
    mock.clock.set("2026-03-02T09:30:00Z")
    search = {"payload": {"offset": 0, "count": 20}}
    url, key = f"{client.url}/api/integration/ext/v1", {"authToken": "t"}

    def later(seconds: float) -> None:
        mock.clock.advance(seconds)

    for _ in range(4):
        client.session.post(f"{url}/segments/search", json=search, headers=key, timeout=10)
        later(0.02)
    client.upsert("Volunteers 2026", externalSystemId="v26")
    later(0.05)
    mock.faults.add(faults.Error(status=503), "salsa.upsert_segments", times=2)
    for _ in range(3):
        client.upsert("Board members", externalSystemId="board")
        later(0.2)
    client.metrics("")
    mock.faults.add(faults.Latency(seconds=0.05), "segmenter.*")
    for _ in range(2):
        client.update_segment()
        later(0.1)
    mock.faults.add(faults.Disconnect(after=True), "salsa.delete_segments", times=1)
    group = {"payload": {"segments": [{"segmentId": mock.salsa.segments[-1]["segmentId"]}]}}
    with pytest.raises(requests.ConnectionError):
        client.session.delete(f"{url}/segments", json=group, headers=key, timeout=10)
    later(0.1)
    client.upsert("Board members", externalSystemId="board")
    client.session.post(f"{client.url}/_mock/snapshots/before the sync", timeout=10)
    return mock


def show(page: Any, panel: str) -> None:
    """Wait until *panel* has been drawn."""
    expect(page.locator(READY[panel]).first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("panel", PANELS)
def test_page_has_no_accessibility_violations(
    open_page: Open, busy: SegmentMock, axe: str, panel: str, scheme: str
) -> None:
    page = open_page(panel, color_scheme=scheme, bypass_csp=True)
    show(page, panel)

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
    open_page: Open, busy: SegmentMock, axe: str, panel: str, opener: str
) -> None:
    page = open_page(panel, bypass_csp=True)
    show(page, panel)
    page.locator(opener).first.click()
    expect(page.locator(".detail h3, dialog h2").first).to_be_visible()

    assert [] == violations(page, axe)


@pytest.mark.parametrize("width", [360, 768, 1600])
@pytest.mark.parametrize("panel", PANELS)
def test_nothing_sticks_out_on_any_screen(open_page: Open, busy: SegmentMock, panel: str, width: int) -> None:
    page = open_page(panel, width=width, height=740)
    show(page, panel)

    assert width == page.evaluate("document.documentElement.scrollWidth")
    assert page.locator("main").bounding_box()["width"] <= width


def test_the_detail_of_a_call_fits_a_telephone(open_page: Open, busy: SegmentMock, axe: str) -> None:
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
def test_the_pictures_of_the_documentation_are_of_this_page(
    open_page: Open, busy: SegmentMock, tmp_path: Path, name: str, panel: str, options: dict[str, Any]
) -> None:
    """PAGE_TESTS_PICTURES=1 takes them again."""
    page = open_page(panel, **options)
    show(page, panel)
    if name == "page":
        page.locator("#call-8").click()
        expect(page.locator(".detail .change")).to_be_visible()
        page.mouse.move(5, 5)
    reference = IMAGES / f"{name}.png"
    file = reference if "PAGE_TESTS_PICTURES" in os.environ else tmp_path / reference.name

    page.screenshot(path=file, animations="disabled")

    sizes = [struct.unpack(">II", picture.read_bytes()[16:24]) for picture in (file, reference)]
    assert [(options["width"], options["height"])] * 2 == sizes
    # Fonts and times differ from one run to the next, so the pictures are compared at a small size.
    assert difference(page, file, reference) < 3  # 0.2 on the machine that took them


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
    """Return by how much two pictures differ in a pixel, from 0 to 255, once they are made small."""
    encoded = [b64encode(picture.read_bytes()).decode() for picture in pictures]
    return float(page.evaluate(COMPARE, encoded))


def test_pictures_of_two_panels_differ(open_page: Open, busy: SegmentMock, tmp_path: Path) -> None:
    """Otherwise the comparison would prove nothing."""
    page = open_page("clock", width=1440, height=900)
    show(page, "clock")
    page.screenshot(path=tmp_path / "clock.png")

    assert difference(page, tmp_path / "clock.png", IMAGES / "page-records.png") > 5


LOAD = """
import sys, time
from http.client import HTTPConnection
connection = HTTPConnection(sys.argv[1])
begun, slowest = time.perf_counter(), 0.0
for number in range({count}):
    time.sleep(max(0, begun + number / 1000 - time.perf_counter()))
    start = time.perf_counter()
    connection.request("GET", "{path}", headers={{"authToken": "t"}})
    assert connection.getresponse().read()
    slowest = max(slowest, time.perf_counter() - start)
print((number + 1) / (time.perf_counter() - begun), slowest)
"""


@pytest.mark.slow
def test_a_thousand_calls_a_second_while_the_page_is_open(
    open_page: Open, mock: SegmentMock, server: LiveServer
) -> None:
    page = open_page()
    script = LOAD.format(count=5000, path=METRICS)
    command = [sys.executable, "-c", script, f"{server.host}:{server.port}"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        expect(page.locator(".grid .row").nth(20)).to_be_visible()
        for choice in ("good", ""):  # the page can be used meanwhile
            page.get_by_label("Status").select_option(choice)
        output, _ = process.communicate(timeout=60)
    rate, slowest = map(float, output.split())

    sys.stderr.write(f"{rate:.0f} calls a second, the slowest took {slowest * 1000:.0f} ms\n")
    assert rate > 500  # 1000 on an idle machine
    expect(page.locator("#call-5000")).to_be_visible()
    expect(page.locator(".calls .count")).to_contain_text("of 5000 calls")
