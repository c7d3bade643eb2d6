"""Shell completion of commands, flags, choices, files, scenarios, faults, vendors and operations."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from click.shell_completion import ShellComplete, get_completion_class
from click.testing import CliRunner

from segment_mock.cli import main
from segment_mock.cli.completion import VARIABLE
from segment_mock.faults import kinds
from segment_mock.settings import scenarios

SHELLS = ("bash", "zsh", "fish")
BIN = Path(sys.executable).parent
"""The folder of the ``segment-mock`` command, which the tests put on the ``PATH`` of a shell."""
PATIENCE = 60
"""Seconds to wait for the completions of a shell before the test fails."""


class WordCompletion(ShellComplete):
    """Click's completion for a command line that is already split into words, so that no shell is needed."""

    name = "words"
    source_template = ""


def completions(*words: str) -> list[str]:
    """Return the completions of the last of *words*.

    ``<file>`` and ``<dir>`` mean that the shell itself completes names of files or folders.
    """
    items = WordCompletion(main, {}, "segment-mock", VARIABLE).get_completions([*words[:-1]], words[-1])
    return [item.value if item.type == "plain" else f"<{item.type}>" for item in items]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ser", ["serve"]),
        ("comp", ["completion"]),
        ("completion ", [*SHELLS]),
        ("serve --cred", ["--credentials"]),
        ("serve --credentials ", ["any", "isolated", "listed"]),
        ("serve --limits o", ["off"]),
        ("exec --log-format ", ["text", "json"]),
        ("serve --salsa-non-crm r", ["result"]),
        ("serve --scenario segmenter.d", ["segmenter.down"]),
        ("serve --faults ", ["<file>"]),
        ("serve --stubs x", ["<file>"]),
        ("serve --scenarios ", ["<file>"]),
        ("serve --config ", ["<file>"]),
        ("serve --ready-file ", ["<file>"]),
        ("serve --data x", ["<file>"]),
        ("serve --data d", ["demo"]),
        ("health --ca-file ", ["<file>"]),
        ("env --ca-file ", ["<file>"]),
        ("serve --host l", ["localhost"]),
        ("faults late", ["latency"]),
        ("faults tim", ["times"]),
        ("faults CONN", ["CONNECTION_RESET_BY_PEER"]),
        ("faults segmenter.dow", ["segmenter.down"]),
        ("faults --scenarios ", ["<file>"]),
        ("vendors segmenter.up", ["segmenter.update_segment"]),
        ("vendors salsa.up", ["salsa.upsert_segments", "salsa.upsert_supporters"]),
        ("openapi s", ["salsa", "segmenter"]),
        ("journal --operation salsa.delete_seg", ["salsa.delete_segments"]),
        ("journal --vendor s", ["salsa", "segmenter"]),
        ("journal --fault ite", ["item"]),
        ("journal --har ", ["<file>"]),
        ("rules a", ["add"]),
        ("rules add err", ["error"]),
        ("rules add rules.y", ["<file>"]),
        ("rules add error sta", ["status=", "status=500"]),
        ("rules add error status=5", ["status=500"]),
        ("rules add garble how=h", ["how=html"]),
        ("rules add disconnect times=1 res", ["reset=", "reset=true", "reset=false"]),
        ("rules add garble how= h", ["html"]),
        ("rules add garble how h", ["html"]),
        ("rules add nothing ev", ["every=", "every=1"]),
        ("rules add error --operation segmenter.c", ["segmenter.create_segment"]),
        ("rules scenario lost", ["lost-replies"]),
        ("replay ", ["<file>"]),
        ("state import ", ["<file>"]),
        ("conform --vendor s", ["salsa", "segmenter"]),
        ("conform --only salsa/recorded-met", ["salsa/recorded-metrics"]),
        ("record --vendor s", ["salsa", "segmenter"]),
        ("record --out ", ["<dir>"]),
        ("exec -- sh x", ["<file>"]),
        ("exec -- /bin/s", ["<file>"]),
    ],
)
def test_last_word_of_a_command_line_is_completed(
    line: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert expected == completions(*line.split(" "))


def test_an_invalid_command_line_raises_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMENT_MOCK_SEDE", "x")
    monkeypatch.setenv("SEGMENT_MOCK_LIMITS", "x")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "segment-mock.yaml").write_text("{")
    for line in (
        "nothing ",
        "serve nothing ",
        "serve --nothing ",
        "serve --port x --limits ",
        "rules add error = ",
        "= ",
    ):
        completions(*line.split(" "))


def test_every_command_kind_and_scenario_is_completed() -> None:
    assert {*kinds()} < {*completions("rules", "add", "")}
    assert [*scenarios()] == completions("serve", "--scenario", "")
    assert {*kinds(), *scenarios()} < {*completions("faults", "")}
    assert [*main.list_commands(main.make_context("x", [], resilient_parsing=True))] == completions("")


def test_every_setting_with_choices_or_a_file_is_completed() -> None:
    serve: Any = main.get_command(main.make_context("x", [], resilient_parsing=True), "serve")
    for parameter in serve.params:
        if parameter.metavar:
            assert [*parameter.metavar.split("|")] == completions("serve", parameter.opts[0], "")


def test_scenarios_in_the_file_of_the_scenarios_option_are_completed(tmp_path: Path) -> None:
    file, broken = tmp_path / "own.yaml", tmp_path / "broken.yaml"
    file.write_text("mine.slow: {about: slow, faults: [{kind: latency}]}")
    broken.write_text("{")

    assert ["mine.slow"] == completions("serve", "--scenarios", str(file), "--scenario", "mine")
    assert [] == completions("serve", "--scenarios", str(broken), "--scenario", "mine")
    assert ["segmenter.down"] == completions("serve", "--scenarios", str(broken), "--scenario", "segmenter.do")


def test_the_data_option_is_completed_with_demo_and_data_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("day.yaml", "demo.json", "dump.txt", ".demo.yaml", "other.yaml"):
        (tmp_path / name).write_text("")
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)

    assert ["demo", "data/", "day.yaml", "demo.json"] == completions("serve", "--data", "d")
    assert ["demo", "data/", "day.yaml", "demo.json", "other.yaml"] == completions("serve", "--data", "")


def test_the_command_of_exec_is_completed_with_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, file = tmp_path / "my-suite", tmp_path / "my-notes"
    for each in (program, file):
        each.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{tmp_path / 'nowhere'}")

    assert ["my-suite"] == completions("exec", "--", "my-")


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_prints_the_same_script_as_the_variable_of_click(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell], prog_name="segment-mock")
    kind: Any = get_completion_class(shell)

    assert (0, kind(main, {}, "segment-mock", VARIABLE).source() + "\n") == (result.exit_code, result.stdout)


def test_an_unknown_shell_exits_with_2_and_lists_the_known_ones() -> None:
    result = CliRunner().invoke(main, ["completion", "tcsh"])

    assert 2 == result.exit_code
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in result.stderr


# Completion in real shells.


@contextmanager
def shell_in_terminal(*command: str, home: Path) -> Iterator[int]:
    """Run *command* in a pseudo-terminal whose home folder is *home*, and yield the file descriptor of the terminal."""
    environment = {
        "HOME": str(home), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "TERM": "xterm", "COLUMNS": "200",
        "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    leader, follower = pty.openpty()
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment, cwd=home, start_new_session=True
    ) as process:
        os.close(follower)
        try:
            yield leader
        finally:
            process.kill()
            os.close(leader)


def read_until(terminal: int, words: list[str]) -> str:
    """Read from *terminal* until its output contains all of *words*, and return the output.

    It also returns if the shell ends or ``PATIENCE`` seconds pass.
    """
    output, end = b"", monotonic() + PATIENCE
    while not all(word.encode() in output for word in words) and (remaining := end - monotonic()) > 0:
        if terminal in select.select([terminal], [], [], remaining)[0]:
            try:
                output += os.read(terminal, 65536)
            except OSError:  # the shell has ended
                break
    return output.decode("utf-8", "replace")


LINES = [
    ("serve --credentials ", ["any", "isolated", "listed"]),
    ("serve --scenario segmenter.", ["segmenter.down", "segmenter.server_error"]),
    ("serve --faults my-f", ["my-faults.yaml"]),
    ("vendors salsa.upsert_s", ["salsa.upsert_segments", "salsa.upsert_supporters"]),
    ("rules add d", ["disconnect", "drift", "drip"]),
    ("journal --vendor s", ["salsa", "segmenter"]),
    ("", ["serve", "conform", "completion"]),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with two files whose names a shell can complete."""
    for name in ("my-faults.yaml", "my-fixtures.yaml"):
        (tmp_path / name).write_text("[]")
    return tmp_path


@pytest.mark.slow  # starts a shell, which runs a command for each key
@pytest.mark.skipif(not shutil.which("bash"), reason="no bash on this machine")
@pytest.mark.parametrize(("line", "words"), LINES)
def test_bash_completes(line: str, words: list[str], home: Path) -> None:
    (home / "rc").write_text(
        'eval "$(segment-mock completion bash)"\nbind "set page-completions off"\nbind "set bell-style none"\n'
        'PS1="ready> "\n'
    )
    with shell_in_terminal("bash", "--noprofile", "--rcfile", str(home / "rc"), "-i", home=home) as terminal:
        assert "ready> " in read_until(terminal, ["ready> "])
        os.write(terminal, f"segment-mock {line}\t\t\t".encode())
        screen = read_until(terminal, words)

    assert [] == [word for word in words if word not in screen], screen


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh on this machine")
@pytest.mark.parametrize(("line", "words"), LINES)
def test_zsh_completes(line: str, words: list[str], home: Path) -> None:
    (home / ".zshrc").write_text(
        'autoload -U compinit && compinit -u -D\neval "$(segment-mock completion zsh)"\nunsetopt beep\n'
        "LISTMAX=10000\nPS1='ready> '\n"
    )
    with shell_in_terminal("zsh", "-i", home=home) as terminal:
        assert "ready> " in read_until(terminal, ["ready> "])
        os.write(terminal, f"segment-mock {line}\t\t".encode())
        screen = read_until(terminal, words)

    assert [] == [word for word in words if word not in screen], screen


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("fish"), reason="no fish on this machine")
@pytest.mark.parametrize(("line", "words"), LINES)
def test_fish_completes(line: str, words: list[str], home: Path) -> None:
    script = f"segment-mock completion fish | source; complete --do-complete 'segment-mock {line}'"
    environment = {**os.environ, "HOME": str(home), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(
        ["fish", "--no-config", "-c", script], env=environment, cwd=home, capture_output=True, text=True, check=False
    )

    assert [] == [word for word in words if word not in result.stdout], result.stderr
