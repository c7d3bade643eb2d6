"""Unusual conditions of the page: loading, large data, hostile text, a lost server, and small screens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from segment_mock import SegmentMock, faults
from segment_mock.transports.server.server import LiveServer
from tests.waiting import PATIENCE

from .conftest import SEGMENTS, Client, Open, violations

expect = pytest.importorskip("playwright.sync_api", reason="playwright is missing: nox -s browser has it").expect

SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg onload=alert(3)>"
RIGHT_TO_LEFT = "\u202e\u05e9\u05dc\u05d5\u05dd \u2066\u0639\u0627\u0644\u0645"  # each direction mark is left open
CURL = """Promise.all([import('./static/detail.js'), fetch('journal/1').then((reply) => reply.json())])
  .then(([detail, entry]) => detail.curl(entry))"""
PANELS = ("calls", "records", "faults", "clock", "vendors")


class DelayedResponses:
    """Holds back the responses to requests whose URL matches *pattern*, until ``release`` is called."""

    def __init__(self, page: Any, pattern: str) -> None:
        self._routes: list[Any] = []
        self._page, self._pattern = page, pattern
        page.route(pattern, self._delay)

    def _delay(self, route: Any) -> None:
        self._routes.append((route, route.fetch()))

    def release(self) -> None:
        """Deliver the responses, with the content that they had at the time of the request."""
        for route, response in self._routes:
            route.fulfill(response=response)
        self._page.unroute(self._pattern)


@pytest.fixture
def new_page(browser: Any, server: LiveServer) -> Iterator[Any]:
    """An empty page of the browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    yield page
    context.close()


# Before and after loading.


@pytest.mark.parametrize(
    ("panel", "path", "text"),
    [
        ("calls", "journal/summary", "Loading the calls …"),
        ("records", "organizations", "Loading the records …"),
        ("faults", "fault-kinds", "Loading the faults …"),
        ("clock", "clock", "Loading the snapshots …"),
        ("vendors", "examples", "Loading the vendors …"),
    ],
)
def test_a_panel_shows_that_it_is_loading(new_page: Any, server: LiveServer, panel: str, path: str, text: str) -> None:
    responses = DelayedResponses(new_page, f"**/_mock/{path}")
    new_page.goto(f"{server.url}/_mock/#{panel}")

    expect(new_page.get_by_text(text)).to_be_visible()
    expect(new_page.get_by_text("No call yet.")).to_be_hidden()
    responses.release()
    expect(new_page.get_by_text(text)).to_be_hidden()


def test_a_panel_that_failed_to_load_offers_to_try_again(new_page: Any, server: LiveServer) -> None:
    for path in ("journal/summary", "vendors"):
        new_page.route(f"**/_mock/{path}", lambda route: route.fulfill(status=502, body="<html>Bad Gateway</html>"))
    new_page.goto(f"{server.url}/_mock/")
    expect(new_page.get_by_text("The calls could not be read.")).to_be_visible()
    expect(new_page.locator("#toasts .problem").first).to_have_text("The server answered with HTTP 502.")
    new_page.get_by_role("link", name="Vendors").click()
    expect(new_page.get_by_text("The vendors could not be read.")).to_be_visible()

    new_page.unroute("**/_mock/vendors")
    new_page.get_by_role("button", name="Try again").click()

    expect(new_page.get_by_role("heading", name="Salsa Engage Groups")).to_be_visible()


def test_a_call_that_arrives_while_the_journal_is_loading_is_not_lost(
    new_page: Any, server: LiveServer, client: Client
) -> None:
    client.metrics()
    responses = DelayedResponses(new_page, "**/_mock/journal/summary")
    new_page.goto(f"{server.url}/_mock/")
    new_page.locator("#connection[data-state=live]").wait_for()
    expect(new_page.get_by_text("Loading the calls …")).to_be_visible()

    client.metrics()
    expect(new_page.locator("#call-2")).to_be_visible()
    responses.release()

    expect(new_page.locator("#call-1")).to_be_visible()
    expect(new_page.locator("#call-2")).to_be_visible()


# Numbers and plurals.


def test_changes_are_counted_in_singular_and_plural(open_page: Open, client: Client) -> None:
    body = {"payload": {"segments": [{"name": "A"}, {"name": "B"}]}}
    client.session.put(client.url + SEGMENTS, json=body, headers={"authToken": "t"}, timeout=PATIENCE)
    client.upsert("C")
    page = open_page()

    expect(page.locator("#call-1 [data-column=changes]")).to_have_text("+2 segments")
    expect(page.locator("#call-2 [data-column=changes]")).to_have_text("+1 segment")


@pytest.mark.parametrize(
    ("table", "word"),
    [("segments", "segment"), ("persons", "person"), ("companies", "company"), ("boxes", "box"), ("news", "new"),
     ("classes", "class"), ("staff", "staff"), ("class", "class"), ("houses", "house")],
)  # fmt: skip
def test_the_name_of_a_table_has_a_singular(open_page: Open, table: str, word: str) -> None:
    page = open_page()

    assert word == page.evaluate(f"import('./static/dom.js').then((dom) => dom.singular({table!r}))")


def test_integers_that_javascript_can_not_represent_are_shown_unchanged(open_page: Open, client: Client) -> None:
    client.upsert("A", externalSystemId=9007199254740993)
    page = open_page()
    page.locator("#call-1").click()

    expect(page.get_by_role("region", name="Body of the request")).to_contain_text("9007199254740993")


# Large data.


@pytest.mark.slow
def test_the_newest_calls_are_listed_and_the_number_of_older_calls_is_shown(browser: Any) -> None:
    with SegmentMock(journal_size=10_000, limits="off") as mock:
        server = mock.serve()
        with mock.session() as session:
            for _ in range(10_000):
                session.get("https://api.salsalabs.org/api/integration/ext/v1/metrics", headers={"authToken": "t"})
        page = browser.new_page()
        page.goto(f"{server.url}/_mock/")

        expect(page.locator(".calls .count")).to_have_text("5000 of 5000 calls; 5000 older calls not shown")
        page.locator(".grid").press("End")
        expect(page.locator("#call-5001")).to_have_attribute("aria-selected", "true")
        assert page.locator("*").count() < 2000
        page.close()


def test_rows_keep_their_scroll_position_while_calls_arrive(open_page: Open, client: Client) -> None:
    for _ in range(100):
        client.metrics()
    page = open_page()
    expect(page.locator(".calls .count")).to_have_text("100 of 100 calls")
    page.locator(".grid").evaluate("element => { element.scrollTop = 50 * 34; }")
    expect(page.locator("#call-50")).to_be_visible()
    before = page.locator("#call-50").bounding_box()["y"]

    client.metrics()
    expect(page.locator(".calls .count")).to_have_text("101 of 101 calls")

    assert before == page.locator("#call-50").bounding_box()["y"]


def test_a_very_long_body_is_shown_truncated_and_can_be_saved_in_full(
    open_page: Open, mock: SegmentMock, client: Client
) -> None:
    people = [{"externalId": str(number), "email": f"{number}@example.org"} for number in range(1000)]
    body = {"name": "All", "broadcastMediumId": "email", "segmentType": "static", "persons": people}
    response = client.session.post(f"{client.url}/segments", json=body, headers={"x-api-key": "k"}, timeout=PATIENCE)
    assert 200 == response.status_code
    page = open_page()
    page.locator("#call-1").click()

    expect(page.get_by_role("region", name="Body of the request")).to_contain_text('"name": "All"')
    expect(page.get_by_text("The first 50000 characters of ").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the body of the request").click()
    assert body == json.loads(Path(download.value.path()).read_text(encoding="utf-8"))


def test_a_body_that_the_journal_truncated_is_labelled(open_page: Open, mock: SegmentMock, client: Client) -> None:
    """The curl command refers to a file instead, because the truncated body would be a different request."""
    body = {"name": "n" * 5_000_000, "broadcastMediumId": "email", "segmentType": "static"}
    client.session.post(f"{client.url}/segments", json=body, headers={"x-api-key": "k"}, timeout=PATIENCE)
    page = open_page()
    page.locator("#call-1").click()

    expect(page.get_by_text("The journal keeps the first 64 KiB of a body.")).to_have_count(1)
    assert "--data-binary @body" in page.evaluate(CURL)
    assert page.locator(".change").first.evaluate("element => element.textContent.length") < 10_000


def test_a_very_long_name_is_shown_truncated(open_page: Open, mock: SegmentMock) -> None:
    mock.load({"segmenter": {"segments": [{"name": "n" * 1_000_000}]}})
    page = open_page("records")
    page.get_by_role("button", name="segmenter.segments (1)").click()
    page.locator(".sheet tbody button").first.click()

    expect(page.get_by_role("heading", level=3).first).to_contain_text("… (1000000 characters)")
    assert 1600 == page.evaluate("document.documentElement.scrollWidth")


def test_a_long_list_of_faults_is_truncated(open_page: Open, mock: SegmentMock) -> None:
    for _ in range(2000):
        mock.faults.add(faults.Error(status=503), "segmenter.*")
    page = open_page("faults")

    expect(page.get_by_text("and 1800 more")).to_be_visible()
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_text("Nothing is armed")).to_be_visible()


# Hostile text, and text from right to left.


def test_markup_in_data_is_shown_as_text(open_page: Open, mock: SegmentMock, client: Client) -> None:
    mock.load({"salsa": {"segments": [{"name": SCRIPT[:64]}]}, "segmenter": {"segments": [{"name": SCRIPT}]}})
    mock.faults.add(faults.Error(status=500, body=SCRIPT), "segmenter.*")
    client.upsert(SCRIPT[:60], description=SCRIPT, **{SCRIPT: 1})
    client.update_segment(SCRIPT)
    client.session.get(f"{client.url}/{SCRIPT}", timeout=PATIENCE)
    client.session.post(f"{client.url}/_mock/snapshots/{SCRIPT.replace('/', '')}", timeout=PATIENCE)
    page = open_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))

    for number in (1, 2, 3):
        page.locator(f"#call-{number}").click()
        expect(page.get_by_role("heading", level=3).first).to_contain_text(f"#{number} ")
    for panel in PANELS[1:]:
        page.evaluate(f"location.hash = '#{panel}'")
        expect(page.locator(f".panel.{panel}")).to_be_visible()
    page.get_by_role("link", name="Records").click()
    page.get_by_role("button", name="segmenter.segments (1)").click()
    page.locator(".sheet tbody button").first.click()
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_role("dialog")).to_be_visible()

    assert [] == dialogs
    assert 0 == page.locator("main img, main script, dialog img, [onerror], [onload]").count()


def test_text_from_right_to_left_does_not_affect_the_text_around_it(
    open_page: Open, mock: SegmentMock, client: Client
) -> None:
    client.upsert(RIGHT_TO_LEFT)
    page = open_page()
    page.locator("#call-1").click()

    change = page.locator(".change summary")
    expect(change).to_contain_text(RIGHT_TO_LEFT)
    mark, name = change.locator(".mark").bounding_box(), change.locator("b").bounding_box()
    assert mark["x"] < name["x"]
    assert "isolate" == change.locator("b").evaluate("element => getComputedStyle(element).unicodeBidi")
    assert "isolate" == page.locator(".json .text").first.evaluate("element => getComputedStyle(element).unicodeBidi")


@pytest.mark.parametrize(
    ("path", "option"),
    [("/segments/1?tags=[a,b]", "--globoff"), ("/segments", "--data-raw '@/etc/passwd'")],
)
def test_special_characters_are_escaped_in_the_curl_command(
    open_page: Open, client: Client, path: str, option: str
) -> None:
    """To curl, brackets in a URL are a pattern, and @ in front of a body means a file."""
    connection = HTTPConnection(client.url.removeprefix("http://"))  # requests would percent-encode the brackets
    connection.request("PUT", path, "@/etc/passwd", {"x-api-key": "k"})
    connection.getresponse().read()
    connection.close()
    page = open_page()

    assert option in page.evaluate(CURL)


# Loss of the server.


def test_without_a_server_an_action_is_an_error(open_page: Open, server: LiveServer) -> None:
    page = open_page("clock")
    expect(page.get_by_text("running", exact=True)).to_be_visible()

    server.stop()
    page.get_by_role("button", name="Freeze").click()

    expect(page.locator("#toasts .problem").first).to_have_text("The server does not answer.")
    expect(page.locator("#connection")).to_have_text("connecting")


def test_the_page_switches_to_a_new_server_at_the_same_address(
    open_page: Open, mock: SegmentMock, server: LiveServer, client: Client
) -> None:
    for _ in range(3):
        client.metrics()
    page = open_page()
    expect(page.locator("#call-3")).to_be_visible()
    port = server.port
    server.stop()
    client.session.close()

    with SegmentMock() as other:
        other.session().get("https://api.salsalabs.org/")
        other.serve(port=port)
        expect(page.locator(".calls .count")).to_have_text("1 of 1 call")
        expect(page.locator("#call-3")).to_be_hidden()


# Forms.


def test_pressing_a_dialog_button_twice_sends_one_request(open_page: Open, mock: SegmentMock) -> None:
    page = open_page("records")
    page.get_by_role("button", name="Add", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Record").fill('{"name": "Once"}')
    dialog.get_by_role("button", name="Add").evaluate("button => { button.click(); button.click(); }")

    expect(page.get_by_text("The record is added.")).to_be_visible()
    assert 1 == [row["name"] for row in mock.salsa.segments].count("Once")


def test_a_file_can_be_imported_again_after_it_was_corrected(
    open_page: Open, mock: SegmentMock, tmp_path: Path
) -> None:
    file = tmp_path / "state.json"
    page = open_page("records")
    expect(page.locator(".sheet tbody tr").first).to_be_visible()
    file_input = page.get_by_label("File of records to import")

    file.write_text("{salsa")
    file_input.set_input_files(file)
    expect(page.locator("#toasts .problem")).to_contain_text("state.json: this is not JSON: ")
    assert "" == file_input.input_value()
    file.write_text(json.dumps({"salsa": {"segments": [{"name": "Only"}]}}))
    file_input.set_input_files(file)

    expect(page.get_by_text("state.json is imported.")).to_be_visible()
    assert ["Only"] == [row["name"] for row in mock.salsa.segments]


@pytest.mark.parametrize("name", [".", "..", "a/b"])
def test_a_snapshot_name_that_a_url_cannot_contain_is_refused_by_the_form(open_page: Open, name: str) -> None:
    page = open_page("clock")
    field = page.get_by_label("Name")
    field.fill(name)

    page.get_by_role("button", name="Take").click()

    assert field.evaluate("element => element.validity.patternMismatch")


# The admin token.


def test_after_cancelling_a_button_offers_to_sign_in(browser: Any) -> None:
    with SegmentMock(data="demo", admin_token="geheim ✓") as mock:
        page = browser.new_page()
        page.goto(f"{mock.serve().url}/_mock/#records")
        dialog = page.get_by_role("dialog")

        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_have_count(0)
        expect(page.locator("#connection")).to_have_text("signed out")
        page.get_by_role("button", name="Sign in").click()
        dialog.get_by_label("Token").fill("geheim ✓")
        dialog.get_by_role("button", name="Sign in").click()

        expect(page.locator("#connection")).to_have_text("live")
        expect(page.get_by_role("button", name="Sign in")).to_be_hidden()
        expect(page.locator(".sheet tbody tr").first).to_be_visible()
        page.close()


# Small screens, and use without a mouse.


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_panel_fits_a_phone(open_page: Open, mock: SegmentMock, client: Client, axe: str, scheme: str) -> None:
    mock.load({"segmenter": {"segments": [{"name": "W" * 300}]}})
    client.upsert("W" * 64, description="x" * 256)
    client.session.post(f"{client.url}/_mock/snapshots/{'s' * 200}", timeout=PATIENCE)
    page = open_page(width=390, height=844, color_scheme=scheme, bypass_csp=True)
    for panel in PANELS:
        page.evaluate(f"location.hash = '#{panel}'")
        expect(page.locator(f".panel.{panel} :is(.row:not(.head), tbody tr, li, .scenarios li)").first).to_be_visible()
        assert 390 == page.evaluate("document.documentElement.scrollWidth"), panel
        assert [] == violations(page, axe), panel
    page.get_by_role("link", name="Records").click()
    page.get_by_role("button", name="segmenter.segments (1)").click()
    page.locator(".sheet tbody button").first.click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    box = page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.get_by_role("dialog").evaluate("element => element.scrollWidth <= element.clientWidth")


def test_panels_can_be_used_by_keyboard_alone(open_page: Open, mock: SegmentMock) -> None:
    page = open_page()

    def tab_to(role: str, name: str) -> None:
        """Press Tab until the element with this role and name has the focus."""
        target = page.get_by_role(role, name=name, exact=True)
        for _ in range(60):
            if target.count() and target.first.evaluate("element => element === document.activeElement"):
                return
            page.keyboard.press("Tab")
        pytest.fail(f"Tab does not reach the {role} {name}")

    tab_to("link", "Faults")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Arm segmenter.down")).to_be_visible()
    tab_to("button", "Arm segmenter.down")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Armed faults")).to_contain_text("on segmenter.*")
    page.keyboard.press("Shift+Tab")
    page.evaluate("document.body.focus(); document.activeElement.blur()")
    tab_to("link", "Records")
    page.keyboard.press("Enter")
    expect(page.locator(".sheet tbody tr").first).to_be_visible()
    tab_to("button", "Add")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Record")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Add", exact=True)).to_be_focused()
