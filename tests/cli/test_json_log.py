"""``--log-format json``: every line on stderr is a JSON object, including errors, warnings and crashes."""

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
    """Return the JSON object in each line of *text*; a line that is not JSON fails the test."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def port_in_use() -> Iterator[str]:
    """The number of a port on which another server listens, as a string."""
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
        (("--port", "PORT_IN_USE"), 3, "--port 0 picks a free port"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "exec"])
def test_an_error_at_startup_is_one_object(
    command: str, args: tuple[str, ...], code: int, message: str, port_in_use: str
) -> None:
    if command == "exec" and args == ("surplus",):
        args, code, message = ("no-such-command",), 127, "no-such-command: No such file"
    elif command == "exec":
        args = (*args, "--", "true") if args != ("--port",) else args
    words = [port_in_use if word == "PORT_IN_USE" else word for word in args]
    result = CliRunner().invoke(main, [command, *JSON, *words], env={"SEGMENT_MOCK_TLS": "0"})
    (line,) = lines(result.stderr)

    assert (code, "ERROR", "") == (result.exit_code, line["level"], result.stdout)
    assert message in line["message"] or "admitted" in line["message"]


@pytest.mark.parametrize(
    "source", ["flag", "flag with =", "variable", "file of the flag", "file of the variable", "default file"]
)
def test_an_error_is_json_if_a_flag_variable_or_file_selects_json(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This includes errors in the command line, which are found before the settings are read."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ("segment-mock.yaml" if source == "default file" else "settings.yaml")
    file.write_text("log-format: json" if "file" in source else "seed: 1")
    flags = {
        "flag": JSON, "flag with =": ("--log-format=json",), "file of the flag": ("--config", str(file)),
    }  # fmt: skip
    env = {"SEGMENT_MOCK_LOG_FORMAT": "json"} if source == "variable" else {}
    env |= {"SEGMENT_MOCK_CONFIG": str(file)} if source == "file of the variable" else {}
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
def test_other_command_lines_do_not_select_json(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "segment-mock.yaml").write_text("{")

    assert not is_json_log(words)


def test_log_records_warnings_and_uncaught_exceptions_are_objects(capsys: pytest.CaptureFixture[str]) -> None:
    """The records come from two loggers, and one of the exceptions from a thread."""

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
    records = lines(capsys.readouterr().err)

    assert ["of a library", "of segment-mock"] == [line["message"] for line in records[:2]]
    assert "a warning" in records[2]["message"]
    assert "RuntimeError: in a thread" in records[3]["message"]
    assert "KeyError: 'in the main thread'" in records[4]["message"]


def test_error_log_restores_hooks_and_handlers() -> None:
    before = sys.excepthook, threading.excepthook, [*logging.getLogger().handlers], warnings.showwarning
    for form in ("json", "text"):
        with ErrorLog(sys.stderr, form):
            pass

    assert before == (sys.excepthook, threading.excepthook, [*logging.getLogger().handlers], warnings.showwarning)


@pytest.mark.slow  # starts processes
@pytest.mark.parametrize(
    "code",
    [
        "raise ZeroDivisionError('unexpected')",
        "raise KeyboardInterrupt",
    ],
)
def test_a_crash_at_startup_is_one_object(code: str, tmp_path: Path) -> None:
    """A crash is an unexpected exception, or Ctrl-C before ``serve`` handles signals."""
    script = tmp_path / "crash.py"
    script.write_text(
        f"import sys\nfrom segment_mock.cli import main, serve\n"
        f"def crash(settings):\n    {code}\nserve.create_mock = crash\nmain(sys.argv[1:])\n"
    )
    result = subprocess.run([sys.executable, str(script), "serve", *JSON], capture_output=True, text=True, check=False)
    (line,) = lines(result.stderr)

    assert 1 == result.returncode
    assert "ZeroDivisionError: unexpected" in line["message"] or "interrupted" in line["message"]
