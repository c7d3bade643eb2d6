"""``segment-mock record``, and ``conform --fixtures``: the differences between a recorded vendor and the mock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from segment_mock.cli import main
from segment_mock.conform.recording import Exchange, documents
from segment_mock.messages import Request, Response
from segment_mock.vendors import find_vendors
from tests.conform.targets import TOKEN, Sandbox

ROOT = "https://api.salsalabs.org/api/integration/ext/v1"
PROGRAM = f"""
import json, os, sys, requests
headers = {{"authToken": {TOKEN!r}}}
def call(method, path, payload):
    response = requests.request(method, {ROOT!r} + path, json={{"payload": payload}}, headers=headers)
    print(response.status_code)
    return response.json()
response = call("PUT", "/segments", {{"segments": [{{"name": "Donors", "description": "All"}}]}})
key = response["payload"]["segments"][0]["segmentId"]
call("POST", "/segments/search", {{"identifierType": "SEGMENT_ID", "identifiers": [key], "offset": 0, "count": 5}})
call("DELETE", "/segments", {{"segments": [{{"segmentId": key}}]}})
sys.exit(7)
"""


@contextmanager
def serve_sandbox(sandbox: Sandbox) -> Iterator[None]:
    """Serve *sandbox* in a thread."""
    thread = Thread(target=sandbox.server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        sandbox.server.shutdown()
        thread.join()
        sandbox.server.server_close()


def change_search(path: str, status: int, body: Any) -> tuple[int, Any]:
    """Change the response to a search: remove a member, change the type of one, and add one."""
    if path.endswith("/search") and status == 200:
        group = body["payload"]["segments"][0]
        del group["description"]
        group["totalMembers"] = "0"
        group["archived"] = False
    return status, body


def record(target: str, out: Path, code: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["record", "--target", target, "--vendor", "salsa", "--out", str(out), *options]
    return subprocess.run(
        [sys.executable, "-m", "segment_mock", *command, "--", sys.executable, "-c", code],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module", params=[None, change_search], ids=["same", "drifted"])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Whether the vendor's responses were changed, and the folder with the recording."""
    out = tmp_path_factory.mktemp("recorded") / "out"
    sandbox = Sandbox(request.param)
    with serve_sandbox(sandbox):
        result = record(sandbox.url, out, PROGRAM)
    assert (7, "200\n200\n200\n") == (result.returncode, result.stdout), result.stderr
    assert "segment-mock recorded 3 calls" in result.stderr
    return request.param, out


def test_a_recording_has_no_credentials_ids_and_times(recorded: tuple[Any, Path]) -> None:
    """It has the form of fixtures/. An id in a later request has the placeholder of the earlier response."""
    _, out = recorded
    names = sorted(file.name for file in out.iterdir())
    texts = "".join(file.read_text() for file in out.iterdir())
    put, search, delete = (json.loads((out / name).read_text()) for name in names[:3])
    key = put["response"]["body"]["payload"]["segments"][0]["segmentId"]

    assert [
        "001-upsert-segments.json",
        "002-search-segments.json",
        "003-delete-segments.json",
        "recording.har",
    ] == names
    assert TOKEN not in texts
    assert {"authToken": "TOKEN"} == put["request"]["headers"]
    assert "salsa.upsert_segments" == put["operation"]
    assert key.startswith("{{id ")
    assert [key] == search["request"]["body"]["payload"]["identifiers"]
    assert key == delete["request"]["body"]["payload"]["segments"][0]["segmentId"]
    assert "recorded" == put["mark"]
    assert 3 == len(json.loads((out / "recording.har").read_text())["log"]["entries"])


def test_conform_reports_each_difference_and_no_other(recorded: tuple[Any, Path]) -> None:
    """New ids and times do not count as differences."""
    alter, out = recorded

    result = CliRunner().invoke(main, ["conform", "--fixtures", str(out)])

    lines = [line.strip() for line in result.output.splitlines() if line.startswith("   ")]
    place = "payload.segments[0]"
    expected = [
        f"{place}.totalMembers: expected '0', got 0",
        f"{place}.archived: missing, recorded as false",
        f"{place}.description: was not recorded, got 'All'",
    ]
    assert sorted(expected if alter else []) == sorted(lines)
    assert (1 if alter else 0) == result.exit_code
    assert ("2 same, 1 drifted" if alter else "3 same, 0 drifted") in result.output


def test_only_calls_to_the_hosts_of_the_vendor_are_forwarded(tmp_path: Path) -> None:
    """The other vendor's host, any other host and the control plane are refused: the target gets one call."""
    code = f"""
import os, requests, urllib.request
def call(url):
    try:
        print(requests.get(url, headers={{"authToken": "t"}}).status_code)
    except requests.exceptions.ProxyError:
        print("refused")
call("https://api.instaleap.io/segments")
call("https://example.org/")
call("http://example.org/")
print(requests.get(os.environ["SEGMENT_MOCK_URL"] + "/_mock/state", proxies={{"http": None}}).status_code)
print(requests.get(os.environ["SEGMENT_MOCK_URL"] + "/api/integration/ext/v1/x").status_code)
call({ROOT!r} + "/metrics")
"""
    sandbox = Sandbox()
    with serve_sandbox(sandbox):
        result = record(sandbox.url, tmp_path / "out", code)

    assert [("GET", "/api/integration/ext/v1/metrics")] == sandbox.calls, result.stdout + result.stderr
    assert "segment-mock recorded 1 call " in result.stderr


def test_no_other_command_forwards_calls() -> None:
    sources = Path(main.callback.__code__.co_filename).parent  # type: ignore[union-attr]

    assert ["record.py"] == [file.name for file in sources.glob("*.py") if "_forwarded" in file.read_text()]


def test_the_error_names_a_target_that_does_not_answer(tmp_path: Path) -> None:
    code = f"import requests; print(requests.get({ROOT!r} + '/metrics', headers={{'authToken': 't'}}).status_code)"

    result = record("http://127.0.0.1:9", tmp_path / "out", code)

    assert (0, "502\n") == (result.returncode, result.stdout)
    assert "not recorded: GET /api/integration/ext/v1/metrics: ConnectionError" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conform"], "Missing option '--target'"),
        (["conform", "--fixtures", "{}"], "it has no recordings"),
        (
            ["conform", "--fixtures", "{}", "--vendor", "salsa", "--json"],
            "--fixtures replays every recording; it can't be combined with --vendor and --json",
        ),
        (
            ["record", "--target", "x", "--vendor", "salsa", "--out", "{}", "--", "true"],
            "--target: expected a base URL",
        ),
        (
            ["record", "--target", "http://x", "--vendor", "salsa", "--out", "tests", "--", "true"],
            "the folder is not empty",
        ),
    ],
)
def test_the_error_names_an_invalid_option(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, [argument.format(tmp_path) for argument in arguments])

    assert 2 == result.exit_code
    assert message in result.output


@pytest.mark.parametrize(("text", "message"), [("{", "it is not valid JSON"), ("[]", "request: expected an object")])
def test_the_error_names_a_file_that_is_not_a_recording(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)

    result = CliRunner().invoke(main, ["conform", "--fixtures", str(tmp_path)])

    assert 2 == result.exit_code
    assert f"{tmp_path / 'a.json'}: {message}" in result.output.replace("\n", "")


def test_a_recording_that_writes_needs_allow_writes_for_a_target(recorded: tuple[Any, Path]) -> None:
    result = CliRunner().invoke(main, ["conform", "--fixtures", str(recorded[1]), "--target", "http://127.0.0.1:9"])

    assert 2 == result.exit_code
    assert "001-upsert-segments, 003-delete-segments" in result.output


def test_a_secret_of_any_name_is_replaced_wherever_it_occurs() -> None:
    """In a member of a body, in the response that repeats it, in a header and in a query."""
    vendor = next(vendor for vendor in find_vendors() if vendor.name == "salsa")
    request = Request(
        "POST",
        "/x?access_token=123&y=1",
        {"authtoken": "t", "Cookie": "session=0123456789"},
        b'{"password": "a-secret-word"}',
    )
    response = Response(200, {}, b'{"said": "a-secret-word and session=0123456789", "n": [1]}')

    ((document,), clean) = documents(vendor, [Exchange("salsa.x", request, response)], "recorded")

    assert {"authToken": "TOKEN"} == document["request"]["headers"]
    assert "/x?access_token=[redacted]&y=1" == document["request"]["path"]
    assert {"password": "[redacted]"} == document["request"]["body"]
    assert {"said": "[redacted] and [redacted]", "n": [1]} == document["response"]["body"]
    assert "so [redacted]" == clean("so a-secret-word")


def test_a_folder_that_cannot_be_written_is_refused_before_the_command_runs(tmp_path: Path) -> None:
    """The calls of the command could not be repeated, so they would be lost."""
    (tmp_path / "file").touch()
    command = ["touch", str(tmp_path / "ran")]
    out = str(tmp_path / "file" / "out")
    result = CliRunner().invoke(
        main, ["record", "--target", "http://127.0.0.1:9", "--vendor", "salsa", "--out", out, "--", *command]
    )

    assert 2 == result.exit_code
    assert f"Error: --out {out}: it can't be written: Not a directory" in result.output
    assert ["file"] == [path.name for path in tmp_path.iterdir()]
