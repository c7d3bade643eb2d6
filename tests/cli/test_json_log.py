"""``--log-format json``: whatever happens, the log stream has JSON and nothing else."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from segment_mock.cli import main
from segment_mock.cli.errors import is_json_log
from segment_mock.cli.log import ErrorLog

JSON = ("--log-format", "json")


def lines(text: str) -> list[dict[str, Any]]:
    """Return each line of *text* as the JSON object that it has to be."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def busy() -> Iterator[str]:
    """A port on which a server listens."""
    with socket.create_server(("127.0.0.1", 0)) as other_server:
        yield str(other_server.getsockname()[1])


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("--seed", "x"), 2, "seed: 'x' is not a whole number"),
        (("--nothing",), 2, "No such option"),
        (("--port",), 2, "requires an argument"),
        (("--port", "70000"), 2, "port: expected at most 65535, got 70000"),
        (("surplus",), 2, "surplus"),
        (("--data", "nowhere.yaml"), 2, "nowhere.yaml: "),
        (("--faults", "nowhere.yaml"), 2, "nowhere.yaml: "),
        (("--scenario", "segmenter.dwn"), 2, "did you mean 'segmenter.down'"),
        (("--config", "nowhere.yaml"), 2, "nowhere.yaml: "),
        (("--host", "0.0.0.0"), 2, "refusing to listen on 0.0.0.0"),
        (("--host", "nowhere.invalid"), 2, "nowhere.invalid"),
        (("--ready-file", "/nowhere/file"), 2, "ready_file: "),
        (("--admin-token", ""), 2, "admin_token: it is empty"),
        (("--port", "BUSY"), 3, "--port 0 picks a free port"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "exec"])
def test_what_keeps_a_server_from_starting_is_one_object(
    command: str, args: tuple[str, ...], code: int, message: str, busy: str
) -> None:
    if command == "exec" and args == ("surplus",):
        args, code, message = ("no-such-command",), 127, "no-such-command: No such file"
    elif command == "exec":
        args = (*args, "--", "true") if args != ("--port",) else args
    words = [busy if word == "BUSY" else word for word in args]
    result = CliRunner().invoke(main, [command, *JSON, *words], env={"SEGMENT_MOCK_TLS": "0"})
    (line,) = lines(result.stderr)

    assert (code, "ERROR", "") == (result.exit_code, line["level"], result.stdout)
    assert message in line["message"] or "admitted" in line["message"]


@pytest.mark.parametrize(
    "source", ["flag", "flag with =", "variable", "file that is named", "file by variable", "file that is there"]
)
def test_every_way_to_ask_for_json_counts(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if what is wrong is found before the settings are read."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ("segment-mock.yaml" if source.endswith("there") else "settings.yaml")
    file.write_text("log-format: json" if "file" in source else "seed: 1")
    flags = {
        "flag": JSON, "flag with =": ("--log-format=json",), "file that is named": ("--config", str(file)),
    }  # fmt: skip
    env = {"SEGMENT_MOCK_LOG_FORMAT": "json"} if source == "variable" else {}
    env |= {"SEGMENT_MOCK_CONFIG": str(file)} if source == "file by variable" else {}
    for wrong in (("--nothing",), ("--seed", "x")):
        result = CliRunner().invoke(main, ["serve", *flags.get(source, ()), *wrong], env=env)

        assert "ERROR" == lines(result.stderr)[0]["level"]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["journal", *JSON],
        ["serve"],
        ["serve", "--log-format", "text"],
        ["serve", "--log-format"],
        ["exec", "--", "tool", *JSON],
        ["serve", *JSON, "--log-format", "text"],
    ],
)
def test_other_command_lines_ask_for_text(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "segment-mock.yaml").write_text("{")

    assert not is_json_log(words)


def test_what_is_logged_or_warned_of_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    """By any library, and what no thread handles."""

    def fail() -> None:
        raise RuntimeError("in a thread")

    with ErrorLog(sys.stderr, "json"):
        logging.getLogger("asyncio").error("of a library")
        logging.getLogger("segment_mock").warning("of %s", "segment-mock")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(False)
            logging.captureWarnings(True)
            warnings.warn("a warning", stacklevel=1)
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        sys.excepthook(KeyError, KeyError("in the main thread"), None)
    seen = lines(capsys.readouterr().err)

    assert ["of a library", "of segment-mock"] == [line["message"] for line in seen[:2]]
    assert "a warning" in seen[2]["message"]
    assert "RuntimeError: in a thread" in seen[3]["message"]
    assert "KeyError: 'in the main thread'" in seen[4]["message"]


def test_nothing_is_left_behind() -> None:
    before = sys.excepthook, threading.excepthook, [*logging.getLogger().handlers], warnings.showwarning
    for form in ("json", "text"):
        with ErrorLog(sys.stderr, form):
            pass

    assert before == (sys.excepthook, threading.excepthook, [*logging.getLogger().handlers], warnings.showwarning)


@pytest.mark.slow  # starts processes
@pytest.mark.parametrize(
    "code",
    [
        "raise ZeroDivisionError('of nobody')",
        "raise KeyboardInterrupt",
    ],
)
def test_a_crash_is_one_object_too(code: str, tmp_path: Path) -> None:
    """What should not happen: an error in this project while it starts, and Ctrl-C before it listens to signals."""
    script = tmp_path / "crash.py"
    script.write_text(
        f"import sys\nfrom segment_mock.cli import main, serve\n"
        f"def crash(settings):\n    {code}\nserve.create_mock = crash\nmain(sys.argv[1:])\n"
    )
    done = subprocess.run([sys.executable, str(script), "serve", *JSON], capture_output=True, text=True, check=False)
    (line,) = lines(done.stderr)

    assert 1 == done.returncode
    assert "ZeroDivisionError: of nobody" in line["message"] or "interrupted" in line["message"]
