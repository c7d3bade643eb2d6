"""Colours and progress: only in a terminal, except that variables turn colours on or off."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from click.testing import CliRunner

from segment_mock import SegmentMock
from segment_mock.cli import main, terminal
from segment_mock.cli.log import CallLog
from segment_mock.cli.terminal import Progress, colour_of, has_colours

ESCAPE = "\x1b["
PATIENCE = 60
"""Seconds to wait for the output of a program before the test fails."""


class FakeTerminal(io.StringIO):
    """A stream in memory that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _default_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset NO_COLOR and FORCE_COLOR, and set TERM to xterm."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("variables", "at_terminal", "at_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "0"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": ""}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
    ],
)
def test_colours_depend_on_variables_and_terminal(
    variables: dict[str, str], at_terminal: bool, at_pipe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert (at_terminal, at_pipe) == (has_colours(FakeTerminal()), has_colours(io.StringIO()))


def test_a_closed_stream_gets_no_colours() -> None:
    stream = io.StringIO()
    stream.close()

    assert not has_colours(stream)


@pytest.fixture
def server() -> Iterator[tuple[SegmentMock, str]]:
    """A mock with one call in its journal and a running server, and the server's URL."""
    with SegmentMock(data="demo") as mock, mock.session() as session:
        session.get("/api/integration/ext/v1/metrics", headers={"authToken": "t"})
        yield mock, mock.serve().url


def run(*args: str, **env: str) -> Any:
    """Run ``segment-mock`` with *args* in this process, with the variables *env*."""
    return CliRunner().invoke(main, args, env=env)


COMMANDS = [
    (["journal"], "32"),
    (["rules", "list"], None),
    (["conform", "--target", "URL", "--only", "salsa/recorded-metrics"], "32"),
    (["nothing"], "31"),
    (["serve", "--seed", "x"], "31"),
    (["vendors", "nothing"], "31"),
    (["health", "--url", "http://127.0.0.1:1"], "31"),
]
"""Command lines, each with the ANSI code of a colour that it prints with FORCE_COLOR; None if it prints no colour."""


@pytest.mark.parametrize(("command", "colour"), COMMANDS)
def test_commands_print_colours_only_with_force_color(
    command: list[str], colour: str | None, server: tuple[SegmentMock, str]
) -> None:
    """Apart from the colours, the text is the same."""
    env = {"SEGMENT_MOCK_URL": server[1]}
    words = [server[1] if word == "URL" else word for word in command]
    plain, forced, no_color = run(*words, **env), run(*words, FORCE_COLOR="1", **env), run(*words, NO_COLOR="1", **env)

    assert ESCAPE not in plain.output + no_color.output
    assert plain.exit_code == forced.exit_code
    if colour:
        assert f"{ESCAPE}{colour}m" in forced.output
    if command[0] != "journal":  # the journal's rows include durations, which differ
        assert plain.output == without_colours(forced.output)


def without_colours(text: str) -> str:
    """Return *text* without the escape sequences of colours."""
    import click

    return click.unstyle(text)


def test_replay_colours_its_results(tmp_path: Path) -> None:
    capsule = tmp_path / "capsule.json"
    with SegmentMock(seed=1) as mock, mock.session() as session:
        session.get("/api/integration/ext/v1/metrics", headers={"authToken": "t"})
        capsule.write_text(json.dumps(mock.journal.capsule()))
    plain, forced = run("replay", str(capsule)), run("replay", str(capsule), FORCE_COLOR="1")

    assert 0 == plain.exit_code
    assert ESCAPE not in plain.output
    assert f"{ESCAPE}32msame" in forced.output


def test_log_lines_on_a_terminal_colour_status_and_fault() -> None:
    screen, pipe = FakeTerminal(), io.StringIO()
    with SegmentMock() as mock, CallLog(screen, "text") as coloured, CallLog(pipe, "text") as plain:
        mock.journal.subscribe(coloured)
        mock.journal.subscribe(plain)
        mock.faults.add({"kind": "error", "status": 503}, times=1)
        with mock.session() as session:
            for _ in range(2):
                session.get("/api/integration/ext/v1/metrics", headers={"authToken": "t"})
            session.get("/nowhere")

    assert [f"{ESCAPE}31m503{ESCAPE}0m", f"{ESCAPE}32m200{ESCAPE}0m", f"{ESCAPE}33m404{ESCAPE}0m"] == [
        line.split(" ")[1] for line in screen.getvalue().splitlines()
    ]
    assert f"{ESCAPE}35mfault " in screen.getvalue()
    assert pipe.getvalue() == without_colours(screen.getvalue())


def test_a_json_log_has_no_colours() -> None:
    screen = FakeTerminal()
    with SegmentMock() as mock, CallLog(screen, "json") as log:
        mock.journal.subscribe(log)
        with mock.session() as session:
            session.get("/nowhere")

    assert 404 == json.loads(screen.getvalue())["status"]


def test_every_outcome_has_a_colour() -> None:
    assert ["green", "cyan", "yellow", "red", "magenta"] == [*map(colour_of, ("201", "302", "404", "500", "reset"))]


# Progress of slow commands.


def test_progress_is_shown_on_a_terminal_and_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, is_shown = FakeTerminal(), threading.Event()
    write = screen.write
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal, "DELAY", 0)
    monkeypatch.setattr(screen, "write", lambda text: (write(text), "1 of 3" in text and is_shown.set()))
    with Progress("counting", 3) as progress:
        progress.step()
        assert is_shown.wait(PATIENCE)
        terminal.echo("a line", err=True)
        is_shown.clear()
        assert is_shown.wait(PATIENCE)

    assert "counting ... 1 of 3, " in screen.getvalue()
    assert "\r\x1b[Ka line\n" in screen.getvalue()  # the progress is erased before the line
    assert screen.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("stream", [io.StringIO(), FakeTerminal()])
def test_progress_is_not_shown_in_a_pipe_or_with_a_json_log(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(terminal, "DELAY", 0)
    with Progress("counting", quiet=stream.isatty()) as progress:
        assert progress._thread is None

    assert "" == stream.getvalue()


def test_progress_ignores_errors_of_a_closed_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, write_began = FakeTerminal(), threading.Event()

    def fail(text: str) -> int:
        write_began.set()
        raise OSError

    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal, "DELAY", 0)
    monkeypatch.setattr(screen, "write", fail)
    with Progress("counting"):
        assert write_began.wait(PATIENCE)


def read_until(terminal_fd: int, pattern: str, output: str = "") -> str:
    """Read from a terminal until its output, which begins with *output*, matches *pattern*; return the output."""
    end = monotonic() + PATIENCE
    while not re.search(pattern, output) and (remaining := end - monotonic()) > 0:
        if terminal_fd in select.select([terminal_fd], [], [], remaining)[0]:
            try:
                output += os.read(terminal_fd, 65536).decode("utf-8", "replace")
            except OSError:
                break
    return output


@pytest.mark.slow  # starts processes and waits for a second
def test_loading_data_shows_progress(tmp_path: Path) -> None:
    """The data file is a pipe that the test writes late. Without a terminal, no progress is shown."""
    pipe = tmp_path / "data.yaml"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "segment_mock", "exec", "--data", str(pipe), "--", "true"]
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(command, stderr=follower, stdout=subprocess.DEVNULL, env=environment) as process:
        os.close(follower)
        output = read_until(leader, r"loading data \.\.\. \d+ s")
        pipe.write_text("salsa: {segments: [{name: A}]}")
        output = read_until(leader, "answered 0 calls", output)
        code = process.wait(PATIENCE)
    os.close(leader)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        pipe.write_text("salsa: {segments: [{name: A}]}")
        _, plain = process.communicate(timeout=PATIENCE)

    assert (0, "segment-mock answered 0 calls\n") == (code, plain)
    # On a busy machine, the start of the server takes more than a second too.
    clear = r"(\r\x1b\[K)+"
    progress = rf"loading data \.\.\. \d+ s{clear}(starting the server \.\.\. \d+ s{clear})*"
    assert re.search(rf"{progress}segment-mock answered 0 calls", output), output


@pytest.mark.slow
def test_conform_with_a_slow_target_shows_progress() -> None:
    """The target leaves the second request without a response until progress is shown."""
    leader, follower = pty.openpty()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "segment_mock", "conform", "--target", url, "--salsa-token", "t"]
        command += ["--only", "salsa/recorded-metrics"]
        environment = {**os.environ, "TERM": "xterm"}
        with subprocess.Popen(command, stderr=follower, stdout=subprocess.DEVNULL, env=environment) as process:
            os.close(follower)
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.close()
            connection, _ = listener.accept()
            output = read_until(leader, r"0 of 1, \d+ s")
            connection.close()
            process.wait(PATIENCE)
    os.close(leader)

    assert re.search(r"comparing examples \.\.\. 0 of 1, \d+ s", output), output
