"""The page in Chromium: each panel, used with the mouse and with the keyboard."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from werkzeug.serving import make_server

from segment_mock import SegmentMock, create_app, faults
from segment_mock.faults import kinds
from segment_mock.transports.server.server import LiveServer
from tests.waiting import PATIENCE

from .conftest import METRICS, Client, Open, download_json

expect = pytest.importorskip("playwright.sync_api", reason="playwright is missing: nox -s browser has it").expect


def row(page: Any, number: int) -> Any:
    """Return the locator of the row of call *number*."""
    return page.locator(f"#call-{number}")


# Calls.


def test_a_call_appears_while_the_page_is_open(open_page: Open, client: Client) -> None:
    page = open_page()
    expect(page.get_by_text("No call yet.")).to_be_visible()

    client.upsert("Choir")

    expect(row(page, 1)).to_contain_text("upsert_segments")
    expect(row(page, 1)).to_contain_text("+1 segment")
    expect(page.get_by_text("1 of 1 call", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="Timeline of 1 call in 1 lane;")).to_be_visible()
    expect(page.get_by_text("The newest: 1 call, ")).to_be_visible()


def test_a_delayed_call_is_shown_before_its_response(open_page: Open, mock: SegmentMock, client: Client) -> None:
    page = open_page()
    mock.faults.add(faults.Hang(), "salsa.get_metrics")

    def hang() -> None:
        with pytest.raises(requests.ConnectionError):
            client.metrics()

    thread = Thread(target=hang)
    thread.start()

    expect(row(page, 1)).to_contain_text("open")
    mock.reset()
    thread.join()
    expect(page.get_by_text("No call yet.")).to_be_visible()


def test_filters_narrow_the_list(open_page: Open, mock: SegmentMock, client: Client) -> None:
    mock.faults.add(faults.Error(status=503), "salsa.get_metrics", times=1)
    client.metrics()
    client.metrics()
    client.update_segment()
    page = open_page()
    count = page.locator(".calls .count")

    for label, value, number in [
        ("Vendor", "segmenter", 1),
        ("Operation", "salsa.get_metrics", 2),
        ("Status", "failed", 1),
        ("Fault", "error", 1),
        ("Fault", "none", 2),
    ]:
        page.get_by_label(label, exact=True).select_option(value)
        expect(count).to_have_text(f"{number} of 3 calls")
        page.get_by_label(label, exact=True).select_option("")
    page.get_by_label("Text").fill("/segments")
    expect(count).to_have_text("1 of 3 calls")
    expect(row(page, 3)).to_contain_text("404")


def test_a_call_shows_request_response_changes_and_provenance(
    open_page: Open, mock: SegmentMock, client: Client
) -> None:
    mock.faults.add(faults.Latency(seconds=0.01))
    client.upsert("Ärzte", externalSystemId="a1", nmae="x")
    page = open_page()

    row(page, 1).click()

    detail = page.get_by_role("region", name="Call", exact=True)
    expect(detail.get_by_role("heading", level=3)).to_contain_text("#1 salsa.upsert_segments")
    expect(detail.get_by_role("region", name="Body of the request")).to_contain_text('"externalSystemId": "a1"')
    expect(detail.get_by_role("region", name="Body of the response")).to_contain_text('"result": "ADDED"')
    expect(detail).to_contain_text("latency, rule 1")
    expect(detail).to_contain_text("seconds: 0.01; on *; fired once; armed by")
    expect(detail).to_contain_text("payload.segments[0].nmae (did you mean 'name'?)")
    expect(detail.locator(".change")).to_contain_text("added segments: Ärzte")
    detail.get_by_text("headers").first.click()
    expect(detail.locator(".headers").first).to_contain_text("[redacted]")
    expect(page.locator("body")).not_to_contain_text("s3cret")


def test_a_call_can_be_copied_as_a_curl_command(open_page: Open, client: Client) -> None:
    client.upsert("It's")
    page = open_page()
    row(page, 1).click()

    page.get_by_role("button", name="Copy as curl").click()

    # Without a secure origin there may be no clipboard; the page then shows the command in a dialog.
    dialog, toast = page.get_by_role("dialog"), page.get_by_text("The command is on the clipboard")
    expect(dialog.or_(toast)).to_be_visible()
    if dialog.is_visible():
        expect(dialog).to_contain_text("curl -X PUT")
        expect(dialog).to_contain_text("It'\\''s")


def test_records_can_be_rewound_to_a_call(open_page: Open, mock: SegmentMock, client: Client) -> None:
    for name in "AB":
        client.upsert(name)
    page = open_page()
    row(page, 1).click()

    page.get_by_role("button", name="Rewind to here").click()

    expect(page.get_by_text("The records are as they were after call 1.")).to_be_visible()
    assert "A" == mock.salsa.segments[-1]["name"]


def test_the_timeline_has_lanes_and_bars_and_connects_retries(
    open_page: Open, mock: SegmentMock, client: Client
) -> None:
    mock.faults.add(faults.Error(status=503), "salsa.upsert_segments", times=2)
    for _ in range(3):
        client.upsert("A")
    client.metrics()
    page = open_page()

    expect(page.locator(".lanes span")).to_have_text(["salsa.upsert_segments", "salsa.get_metrics"])
    expect(page.locator(".bar")).to_have_count(4)
    expect(page.locator(".bar.failed.struck")).to_have_count(2)
    expect(page.locator(".retry")).to_have_count(2)
    page.locator(".bar").nth(3).click()
    expect(page.get_by_role("heading", level=3).first).to_contain_text("#4 salsa.get_metrics")


def test_calls_can_be_read_by_keyboard(open_page: Open, client: Client) -> None:
    for _ in range(3):
        client.metrics()
    page = open_page()
    expect(row(page, 3)).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    grid = page.get_by_role("grid", name="Calls")
    for _ in range(20):
        if grid.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(grid).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(row(page, 2)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=3).first).to_be_focused()
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()


def test_the_journal_can_be_saved_as_har_and_cleared(open_page: Open, client: Client) -> None:
    client.metrics()
    page = open_page()

    archive = download_json(page, "Save as HAR")
    page.get_by_role("button", name="Clear").click()

    assert ["salsa.get_metrics"] == [entry["_segmentMock"]["operation"] for entry in archive["log"]["entries"]]
    expect(page.get_by_text("No call yet.")).to_be_visible()


def test_a_browser_can_replay_the_har_file(open_page: Open, mock: SegmentMock, client: Client, tmp_path: Path) -> None:
    """Playwright serves the recorded responses instead of the server, as a browser's developer tools can."""
    client.session.get(f"{client.url}{METRICS}", timeout=PATIENCE)
    page = open_page()
    file = tmp_path / "calls.har"
    file.write_text(json.dumps(download_json(page, "Save as HAR")))
    entry = mock.journal.get(1)

    page.route_from_har(file, url=f"{client.url}/api/**", not_found="abort")
    response = page.evaluate(
        "async (url) => { const r = await fetch(url); return [r.status, await r.json()]; }", METRICS
    )

    assert entry is not None
    assert [entry.status, entry.response_json] == response
    assert 1 == len(mock.journal)


def test_a_list_of_a_thousand_calls_has_few_elements(open_page: Open, client: Client) -> None:
    for _ in range(1000):
        client.metrics()
    page = open_page()

    expect(page.locator(".calls .count")).to_have_text("1000 of 1000 calls")
    page.locator(".grid").evaluate("element => { element.scrollTop = element.scrollHeight; }")

    expect(row(page, 1)).to_be_visible()
    assert page.locator(".grid .row").count() < 100
    assert page.locator("*").count() < 2000


# Records.


def test_a_group_shows_its_members_and_a_person_their_groups(open_page: Open, mock: SegmentMock) -> None:
    group, person = mock.salsa.add_segment("Choir"), mock.salsa.add_supporter("ada@example.org", firstName="Ada")
    mock.salsa.add_member(group["segmentId"], person["supporterId"])
    page = open_page("records")
    page.get_by_label("Search").fill("choir")

    page.get_by_role("button", name="Choir").click()
    detail = page.get_by_role("region", name="Record", exact=True)
    expect(detail).to_contain_text("supporters (1)")
    detail.get_by_role("button", name="Ada").click()

    expect(detail.get_by_role("heading", level=3)).to_have_text("Ada")
    expect(detail).to_contain_text("segments (1)")
    expect(detail.get_by_role("button", name="Choir")).to_be_visible()


def test_ten_thousand_records_can_be_searched_and_paged(open_page: Open, mock: SegmentMock) -> None:
    mock.load({"salsa": {"supporters": [{"firstName": f"Person {n}"} for n in range(10_000)]}})
    page = open_page("records")
    page.get_by_role("button", name="salsa.supporters (10000)").click()

    expect(page.locator(".records .count")).to_have_text("1 to 50 of 10000")
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".records .count")).to_have_text("51 to 100 of 10000")
    expect(page.get_by_role("button", name="Person 50", exact=True)).to_be_visible()
    page.get_by_label("Search").fill("person 999")
    expect(page.locator(".records .count")).to_have_text("1 to 11 of 11; 10000 in all")


def test_a_record_can_be_added_edited_and_deleted(open_page: Open, mock: SegmentMock) -> None:
    mock.load({"salsa": {"segments": [{"name": "Old"}]}})
    page = open_page("records")

    page.get_by_role("button", name="Add").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Record").fill('{"nmae": "New"}')
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.get_by_role("alert")).to_contain_text("did you mean 'name'?")
    dialog.get_by_label("Record").fill('{"name": "New"}')
    dialog.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Old").click()
    page.get_by_role("button", name="Edit").click()
    text = dialog.get_by_label("Record")
    text.fill(text.input_value().replace('"Old"', '"Renamed"'))
    dialog.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="New").click()
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()

    expect(page.get_by_role("button", name="salsa.segments (1)")).to_be_visible()
    expect(page.get_by_role("button", name="Renamed")).to_be_visible()
    assert ["Renamed"] == [segment["name"] for segment in mock.salsa.segments]


def test_records_can_be_exported_and_imported(open_page: Open, mock: SegmentMock, tmp_path: Path) -> None:
    before = mock.state(deleted=True)
    page = open_page("records")
    exported = download_json(page, "Export")
    file = tmp_path / "state.json"
    file.write_text(json.dumps({"salsa": {"segments": [{"name": "Only"}]}}))

    page.get_by_label("File of records to import").set_input_files(file)
    expect(page.get_by_role("button", name="salsa.segments (1)")).to_be_visible()

    assert before == exported
    assert ["Only"] == [segment["name"] for segment in mock.salsa.segments]


def test_the_list_of_records_updates_after_a_call(open_page: Open, mock: SegmentMock, client: Client) -> None:
    mock.load({})
    page = open_page("records")
    expect(page.get_by_role("button", name="salsa.segments (0)")).to_be_visible()

    client.upsert("Fresh")

    expect(page.get_by_role("button", name="salsa.segments (1)")).to_be_visible()
    expect(page.get_by_role("button", name="Fresh")).to_be_visible()


def test_changes_since_a_call_and_a_snapshot_are_listed(open_page: Open, client: Client) -> None:
    client.upsert("A")
    client.upsert("B")
    page = open_page()
    row(page, 1).click()

    page.get_by_role("link", name="Changed since").click()
    changes = page.locator(".since .change")
    expect(changes).to_have_count(1)
    expect(changes).to_contain_text("added salsa.segments: B")

    page.get_by_role("link", name="Clock").click()
    page.get_by_label("Name").fill("now")
    page.get_by_role("button", name="Take").click()
    page.get_by_role("link", name="Changed since now").click()
    expect(page.locator(".since")).to_contain_text("No record has changed since.")
    client.upsert("C")
    expect(changes).to_contain_text("added salsa.segments: C")


# Faults.


def test_each_kind_has_a_form_with_its_settings(open_page: Open) -> None:
    page = open_page("faults")
    expect(page.get_by_label("Kind").locator("option")).to_have_text([*kinds()])

    for name, kind in kinds().items():
        page.get_by_label("Kind").select_option(name)
        settings = [row.name for row in fields(kind)]
        expect(page.locator("form > .fields label")).to_have_text(settings)


def test_an_armed_fault_fires_and_can_be_removed(open_page: Open, mock: SegmentMock, client: Client) -> None:
    page = open_page("faults")
    page.get_by_label("Kind").select_option("error")
    page.get_by_label("Strikes").select_option("salsa.get_metrics")
    page.get_by_label("status", exact=True).fill("503")
    page.get_by_text("When it strikes").click()
    page.get_by_label("skip", exact=True).fill("1")
    page.get_by_role("button", name="Arm", exact=True).click()
    armed = page.get_by_role("region", name="Armed faults")
    expect(armed.get_by_role("row").nth(1)).to_contain_text("no call reached it")

    client.metrics()
    expect(armed.get_by_role("row").nth(1)).to_contain_text("1 skipped")
    client.metrics()
    expect(armed.get_by_role("row").nth(1)).to_contain_text("fired once")
    (rule,) = mock.faults
    assert ({"kind": "error", "status": 503}, 1) == (rule.fault.as_dict(), rule.fired)  # type: ignore[attr-defined]
    armed.get_by_role("button", name="Remove fault 1").click()

    expect(page.get_by_text("Nothing is armed")).to_be_visible()
    assert not [*mock.faults]


def test_an_invalid_condition_is_an_error_that_explains_it(open_page: Open) -> None:
    page = open_page("faults")
    page.get_by_text("When it strikes").click()
    page.get_by_label("connection", exact=True).fill("sometimes")

    page.get_by_role("button", name="Arm", exact=True).click()

    expect(page.locator("#toasts .problem")).to_contain_text("'sometimes' is not 'reused' or a number of calls")


def test_a_scenario_can_be_armed_with_one_click(open_page: Open, mock: SegmentMock) -> None:
    page = open_page("faults")

    page.get_by_role("button", name="Arm segmenter.down").click()

    expect(page.get_by_role("region", name="Armed faults")).to_contain_text("on segmenter.*")
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_text("Nothing is armed")).to_be_visible()


# Clock, snapshots, reset.


def test_the_clock_can_be_frozen_set_and_advanced(open_page: Open, mock: SegmentMock) -> None:
    page = open_page("clock")
    clock_time = page.locator("time")

    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("frozen", exact=True)).to_be_visible()
    page.get_by_label("Set to").fill("2030-05-06T07:08:09Z")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(clock_time).to_have_text("2030-05-06T07:08:09.000Z")
    page.get_by_role("button", name="Advance by 1 h").click()
    expect(clock_time).to_have_text("2030-05-06T08:08:09.000Z")
    mock.clock.advance(1)
    expect(clock_time).to_have_text("2030-05-06T08:08:10.000Z")
    page.get_by_label("Set to").fill("soon")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#toasts .problem")).to_contain_text("soon")
    page.get_by_role("button", name="Let it run").click()
    expect(page.get_by_text("running", exact=True)).to_be_visible()


def test_a_snapshot_can_be_created_and_restored(open_page: Open, mock: SegmentMock) -> None:
    before = mock.state()
    page = open_page("clock")
    page.get_by_label("Name").fill("before? 100 %")
    page.get_by_role("button", name="Take").click()
    expect(page.get_by_role("button", name="Restore before")).to_be_visible()
    mock.salsa.add_segment("New")

    page.get_by_role("button", name="Restore before").click()

    expect(page.get_by_text("The records are those of")).to_be_visible()
    assert before == mock.state()


def test_the_reset_button_asks_for_confirmation(open_page: Open, mock: SegmentMock, client: Client) -> None:
    client.upsert("A")
    page = open_page()
    expect(row(page, 1)).to_be_visible()

    page.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert 1 == len(mock.journal)
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()

    expect(page.get_by_text("No call yet.")).to_be_visible()
    assert 0 == len(mock.journal)


# Vendors.


def test_vendors_show_provenance_and_send_examples(open_page: Open, mock: SegmentMock) -> None:
    page = open_page("vendors")
    table = page.get_by_role("region", name="Operations of Salsa Engage Groups")
    metrics = table.get_by_role("row").filter(has_text="get_metrics")
    expect(metrics).to_contain_text("documented")

    metrics.get_by_text("1 example").click()
    metrics.get_by_role("button", name="recorded-metrics").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Send").click()

    expect(dialog.get_by_role("heading", name="HTTP 200")).to_be_visible()
    expect(dialog.get_by_role("region", name="Body of the response")).to_contain_text('"payload"')
    assert ["salsa.get_metrics"] == [entry.operation for entry in mock.journal]


def test_the_openapi_page_works_with_its_content_security_policy(open_page: Open, server: LiveServer) -> None:
    page = open_page("vendors")

    page.get_by_role("link", name="OpenAPI documents").click()

    expect(page.locator(".opblock").first).to_be_visible()


# The page as a whole.


def test_the_root_redirects_to_the_page(open_page: Open, mock: SegmentMock, server: LiveServer) -> None:
    page = open_page()

    page.goto(f"{server.url}/")

    expect(page).to_have_url(f"{server.url}/_mock/")
    expect(page.get_by_text("No call yet.")).to_be_visible()
    assert 0 == len(mock.journal)


def test_the_page_reconnects_after_a_restart_of_the_server(
    open_page: Open, mock: SegmentMock, server: LiveServer
) -> None:
    page = open_page()

    server.stop()
    expect(page.locator("#connection")).to_have_attribute("data-state", "connecting")
    mock.session().get("https://api.salsalabs.org/")
    server.start()

    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    expect(row(page, 1)).to_be_visible()


def test_the_openapi_page_asks_for_the_admin_token(browser: Any, mock_with_token: SegmentMock) -> None:
    page = browser.new_page()
    page.goto(f"{mock_with_token.serve().url}/_mock/docs")
    page.get_by_role("dialog").get_by_label("Token").fill("s3cret")
    page.get_by_role("dialog").get_by_role("button", name="Sign in").click()

    expect(page.locator(".opblock").first).to_be_visible()
    page.close()


def test_the_page_works_under_a_wsgi_server(browser: Any) -> None:
    served = make_server("127.0.0.1", 0, create_app(data="demo"), threaded=True)
    thread = Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    page = browser.new_page()
    try:
        page.goto(f"http://127.0.0.1:{served.port}/")
        expect(page.get_by_text("No call yet.")).to_be_visible()
        requests.get(f"http://127.0.0.1:{served.port}{METRICS}", headers={"authToken": "t"}, timeout=PATIENCE)

        expect(row(page, 1)).to_contain_text("get_metrics")
    finally:
        page.close()
        served.shutdown()
        thread.join()
        served.server_close()


@pytest.fixture
def mock_with_token() -> Any:
    with SegmentMock(data="demo", admin_token="s3cret") as mock:
        yield mock


def test_the_admin_token_is_requested_and_removed_on_sign_out(browser: Any, mock_with_token: SegmentMock) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{mock_with_token.serve().url}/_mock/")
    dialog = page.get_by_role("dialog")

    dialog.get_by_label("Token").fill("wrong")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("alert")).to_have_text("The server refuses this token.")
    dialog.get_by_label("Token").fill("s3cret")
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    expect(page.get_by_text("No call yet.")).to_be_visible()
    assert [[], 0, 0] == [
        context.cookies(),
        page.evaluate("localStorage.length"),
        page.evaluate("sessionStorage.length"),
    ]
    page.reload()

    expect(dialog.get_by_label("Token")).to_have_value("")
    context.close()
