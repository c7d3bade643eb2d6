"""The commands that call a running server: journal, rules, clock, state, snapshot, reset, open."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import takewhile
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result

from segment_mock import SegmentMock
from segment_mock.cli import main
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
SEARCH = "/api/integration/ext/v1/segments/search"
ALL = {"payload": {"offset": 0, "count": 20}}
COMMANDS = re.findall(
    r"^\$ segment-mock (.*)$", (ROOT / "docs/how-to/remote-control.md").read_text(encoding="utf-8"), re.MULTILINE
)


@pytest.fixture
def mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SegmentMock]:
    """A mock with demo data and a running server; SEGMENT_MOCK_URL names the server, so commands call it."""
    with SegmentMock(data="demo") as mock:
        monkeypatch.setenv("SEGMENT_MOCK_URL", mock.serve().url)
        yield mock


def run(*words: str, exit_code: int = 0) -> Result:
    """Run ``segment-mock`` with *words* in this process, and check its exit code."""
    result = CliRunner().invoke(main, words)
    assert exit_code == result.exit_code, result.output
    return result


def search(mock: SegmentMock, **options: Any) -> None:
    """Send a search for all groups to *mock*; *options* are those of `requests.Session.post`."""
    mock.session().post(SEARCH, json=ALL, headers={"authToken": "t"}, **options)


def test_commands_of_the_remote_control_guide_succeed(
    mock: SegmentMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    search(mock)
    before = mock.state()
    for command in COMMANDS:
        words, _, file = command.partition(" > ")
        result = run(*shlex.split(words))
        if file:
            Path(file).write_text(result.stdout)

    assert len(COMMANDS) > 15
    assert before == mock.state()
    assert "1.2" == json.loads((tmp_path / "calls.har").read_text())["log"]["version"]


def test_journal_lists_filters_shows_and_clears_entries(mock: SegmentMock) -> None:
    search(mock)
    mock.session().put("/segments", json={"id": "x"}, headers={"x-api-key": "k"})
    table = run("journal").stdout.splitlines()
    one = run("journal", "1").stdout
    rows = json.loads(run("journal", "--operation", "segmenter.*", "--status", "404", "--json").stdout)

    assert ["#", "time", "operation"] == table[0].split()[:3]
    assert "salsa.search_segments" in table[1]
    assert "404" in table[2]
    assert f"POST {SEARCH}" in one
    assert "authtoken: [redacted]" in one
    assert [2] == [row["id"] for row in rows]
    for words in (["--header", "X-Api-Key=[redacted]"], ["--since", "1"], ["--limit", "1"], ["--body", '{"id": "x"}']):
        assert [2] == [row["id"] for row in json.loads(run("journal", *words, "--json").stdout)]
    assert "no call matches" in run("journal", "--fault", "hang").stderr
    run("journal", "--clear")
    assert 0 == len(mock.journal)


def test_journal_names_calls_whose_body_is_too_long_to_compare(mock: SegmentMock) -> None:
    persons = [{"externalId": str(number), "lastName": "x" * 100} for number in range(1000)]
    mock.session().put("/segments", json={"id": "x", "persons": persons}, headers={"x-api-key": "k"})
    note = "1 call left out that may match, because the journal keeps only the first 64 KiB of a body: #1"
    table, as_json = (run("journal", "--body", '{"id": "x"}', *words) for words in ((), ("--json",)))
    archive = run("journal", "--body", '{"id": "x"}', "--har", "-")

    assert [f"--body: {note}", "no call matches"] == table.stderr.splitlines()
    assert ([], f"--body: {note}\n") == (json.loads(as_json.stdout), as_json.stderr)
    assert ([], f"--body: {note}\n") == (json.loads(archive.stdout)["log"]["entries"], archive.stderr)
    assert "left out" not in run("journal").stderr


def test_journal_prints_no_escape_sequences_of_a_client(mock: SegmentMock) -> None:
    mock.session().put("/segments", json={"id": "a\x1b[31m", "\x1b[2J": 1}, headers={"x-api-key": "k"})

    assert "\x1b" not in run("journal").stdout
    assert "\x1b" not in run("journal", "1").stdout


@pytest.mark.parametrize(
    ("words", "exit_code", "sentence"),
    [
        (["journal", "--body", "{"], 2, "is not JSON"),
        (["journal", "--header", "x"], 2, "is not NAME=VALUE"),
        (["journal", "1", "--follow"], 2, "NUMBER and --follow can't be combined"),
        (["journal", "9"], 1, "entry 9 is not in the journal"),
        (["journal", "--operation", "salsa.serch_segments"], 1, "did you mean 'salsa.search_segments'?"),
        (["rules", "add", "hnag"], 1, "did you mean 'hang'?"),
        (["rules", "add", "error", "503"], 2, "is not NAME=VALUE"),
        (["rules", "add", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["rules", "remove", "9"], 1, "No fault has the id '9'"),
        (["rules", "scenario", "salsa.rate_limitd"], 1, "did you mean 'salsa.rate_limited'?"),
        (["clock", "set", "noon"], 1, "'noon' is not a time"),
        (["snapshot", "restore", "x"], 1, "no snapshot is called 'x'"),
        (["snapshot", "take", "a/b"], 1, "'a/b' can't be part of a URL"),
        (["journal", "--url", "nowhere"], 2, "is not the base URL of a server"),
        (["journal", "--url", "http://127.0.0.1:1"], 1, "http://127.0.0.1:1: no segment-mock answers"),
    ],
)
def test_an_error_is_reported_on_stderr_with_its_exit_code(
    mock: SegmentMock, words: list[str], exit_code: int, sentence: str
) -> None:
    result = run(*words, exit_code=exit_code)

    assert sentence in result.stderr
    assert "" == result.stdout


def test_rules_add_reads_arguments_and_files(mock: SegmentMock, tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("[{kind: hang, operation: salsa.*}, error]")
    run("rules", "add", "error", "status=503", "times=2", "--operation", "salsa.*", "--match", '{"vendor": "salsa"}')
    run("rules", "add", str(file))
    search(mock)
    rule = next(iter(mock.faults))
    table = run("rules", "list").stdout

    assert (503, 2, {"vendor": "salsa"}) == (rule.fault.status, rule.when.times, rule.match)
    assert 3 == len(mock.faults)
    assert re.search(r"1 +error status=503 +salsa\.\* +times=2 +1 +fired once", table)
    run("rules", "remove", "2", "3")
    assert ["1"] == [row["id"] for row in json.loads(run("rules", "list", "--json").stdout)]
    assert 3 == len(json.loads(run("rules", "list", "--removed", "--json").stdout))
    run("rules", "clear")
    assert "no fault is armed" in run("rules", "list").stderr


def test_clock_needs_the_admin_token_of_the_server() -> None:
    with SegmentMock(admin_token="hush") as mock:
        url = mock.serve().url
        refusal = run("clock", "--url", url, exit_code=1)
        wrong = run("clock", "--url", url, "--admin-token", "loud", exit_code=1)
        run("clock", "freeze", "2026-01-01", "--url", url, "--admin-token", "hush")

        option = "(--admin-token or SEGMENT_MOCK_ADMIN_TOKEN)"
        assert f"{url}: the server requires an admin token {option}\n" in refusal.stderr
        assert f"{url}: the admin token is wrong {option}\n" in wrong.stderr
        assert "2026-01-01T00:00:00.000Z" == mock.clock.iso()
        output = run("clock", "--json", "--url", url, "--admin-token", "hush").stdout
        assert {"now": "2026-01-01T00:00:00.000Z", "frozen": True} == json.loads(output)


def test_follow_prints_each_matching_call_after_its_response(mock: SegmentMock) -> None:
    search(mock)
    command = [sys.executable, "-m", "segment_mock", "journal", "--follow", "--json", "--operation", "salsa.*"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())  # printed once the command is subscribed to events
        mock.session().get("/segments")
        search(mock)
        second = json.loads(process.stdout.readline())
        process.send_signal(2)

        assert 0 == process.wait(PATIENCE)
    assert ([1, 3], ["salsa.search_segments"] * 2) == (
        [first["id"], second["id"]], [first["operation"], second["operation"]],
    )  # fmt: skip


def test_follow_exits_with_1_when_the_server_stops() -> None:
    with SegmentMock() as mock:
        url = mock.serve().url
        mock.session().get("/segments")
        command = [sys.executable, "-m", "segment_mock", "journal", "--follow", "--url", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            mock.close()
            _, error = process.communicate(timeout=PATIENCE)

    assert 1 == process.returncode
    assert f"{url}: no segment-mock answers" in error


def test_importing_the_cli_does_not_import_rich_flask_or_the_emulator() -> None:
    program = (
        "import sys; from segment_mock.cli import main\n"
        "import segment_mock.cli.journal\n"
        "sys.exit(any(name in sys.modules for name in ('rich', 'flask', 'segment_mock.emulator')))"
    )

    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode


def test_serve_does_not_import_what_its_first_response_does_not_need() -> None:
    """Each of these takes a noticeable part of the time to start."""
    command = [sys.executable, "-X", "importtime", "-m", "segment_mock", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = takewhile(lambda line: "listens on" not in line, process.stderr)
        imported = {line.rpartition("|")[2].strip() for line in lines}
        process.terminate()
        process.communicate(timeout=PATIENCE)

    assert {"segment_mock.emulator"} == imported & {
        *("flask", "requests", "segment_mock.emulator", "segment_mock.testing", "sortedcontainers", "yaml"),
    }


def test_journal_writes_a_har_file(mock: SegmentMock, tmp_path: Path) -> None:
    requests.get(mock.serve().url + "/segments", timeout=PATIENCE)
    file = tmp_path / "calls.har"
    run("journal", "--har", str(file))

    assert 1 == len(json.loads(file.read_text())["log"]["entries"])


def test_a_closed_stdout_exits_with_1_and_no_error_message(mock: SegmentMock) -> None:
    """For example, `segment-mock journal | head` closes it."""
    search(mock)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "segment_mock", "journal"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)

    assert (1, "") == (result.returncode, result.stderr)


def test_a_file_that_cannot_be_written_is_named_without_an_error_number(mock: SegmentMock, tmp_path: Path) -> None:
    file = tmp_path / "missing" / "calls.har"
    result = run("journal", "--har", str(file), exit_code=1)

    assert result.stderr.splitlines()[-1] == f"Error: {file}: No such file or directory"


def test_journal_prints_a_har_archive_to_stdout(
    mock: SegmentMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    search(mock)
    result = run("journal", "--har", "-")

    assert 1 == len(json.loads(result.stdout)["log"]["entries"])
    assert [] == [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, "{}"), (200, '{"a": 1}'), (200, '{"status": "fine"}'), (302, "{}"), (404, '{"detail": "Not Found"}')],
)
@pytest.mark.parametrize(
    "command",
    ["health", "env", "open --print", "reset", "journal", "journal --har calls.har", "journal --follow",
     "state export", "snapshot take a", "rules list", "clock"],
)  # fmt: skip
def test_commands_stop_if_another_json_server_is_at_the_address(
    status: int, body: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command sends one request, for the health of the server, and exits with 1."""
    requests_received: list[str] = []

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests_received.append(f"{self.command} {self.path}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with HTTPServer(("127.0.0.1", 0), Api) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        result = run(*command.split(), "--url", address, exit_code=1)
        thread.join()

    assert f"Error: {address}: the server there is not segment-mock; it answered {status} {body}\n" == result.stderr
    assert ("", ["GET /_mock/health"]) == (result.stdout, requests_received)
    assert [] == [*tmp_path.iterdir()]


def test_a_multiline_response_is_shown_on_one_line_of_the_error() -> None:
    """The response at the address is an HTML page of another server."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.0 404 Not Found\r\n\r\n<html>\n  <body>\n    no such page")

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        error = run("journal", "--url", address, exit_code=1).stderr
        thread.join()

    assert (
        f"Error: {address}: the server there is not segment-mock; it answered 404 <html> <body> no such page\n" == error
    )
