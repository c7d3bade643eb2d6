"""The reference matches the code: each page is up to date, and every public name has an entry."""

from __future__ import annotations

import ast
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import segment_mock
from segment_mock import vendor_api, vendor_testing
from segment_mock.cli import main
from segment_mock.core import all_options
from segment_mock.settings import scenarios
from segment_mock.vendors import find_vendors
from segment_mock.web.admin import all_views
from tests.docs_site.reference.commands import commands
from tests.docs_site.reference.outcomes import EXIT_CODES
from tests.docs_site.reference.pages import COMMAND, FOLDER, PAGES

SOURCE = Path(segment_mock.__file__).parent


def text_of(name: str) -> str:
    """Return the text of a page of the reference."""
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_up_to_date(name: str) -> None:
    assert PAGES[name]() == text_of(name), f"run `{COMMAND}`"


def test_every_public_name_of_python_has_an_entry() -> None:
    headings = re.findall(r"^### `(?:[\w.]*\.)?(\w+)`$", text_of("python.md"), re.MULTILINE)
    with_own_section = {"__version__", "faults"}

    assert set() == {*segment_mock.__all__} - {*headings} - with_own_section
    assert "## Faults\n" in text_of("python.md")
    assert "`segment_mock.__version__`" in text_of("python.md")


def test_every_public_name_for_vendors_has_an_entry() -> None:
    text = text_of("vendor-api.md")
    names = [*vendor_api.__all__, *vendor_testing.__all__]

    assert [] == [name for name in names if f"### `{name}`" not in text and f"| `{name}` |" not in text]


def test_every_entry_of_the_python_api_has_a_description() -> None:
    """The description follows the heading and the signature."""
    for page in ("python.md", "vendor-api.md"):
        entries = re.split(r"^#{3,4} ", text_of(page), flags=re.MULTILINE)[1:]
        silent = [
            entry.partition("\n")[0]
            for entry in entries
            if not re.sub(r"```py\n.*?```|<!--.*?-->|^#.*", "", entry.partition("\n")[2], flags=re.DOTALL).strip()
        ]
        assert [] == silent


def test_fixtures_markers_options_and_ini_keys_of_the_plugin_have_an_entry(pytester: pytest.Pytester) -> None:
    """pytest itself lists what the plugin has registered."""
    text = text_of("pytest.md")
    fixtures = pytester.runpytest("--fixtures").stdout.str()
    markers = pytester.runpytest("--markers").stdout.str()
    help_text = pytester.runpytest("--help").stdout.str()
    section = fixtures.partition("fixtures defined from pytest_segment_mock")[2].partition("\n---")[0]
    names = re.findall(r"^(\w+)(?: \[| --)", section, re.MULTILINE)
    marker_names = re.findall(r"^@pytest\.mark\.(segment_mock\w*)", markers, re.MULTILINE)
    options = re.findall(r"^ +(--segment-mock-[\w-]+)", help_text, re.MULTILINE)
    keys = re.findall(r"^ +(segment_mock_\w+) \(", help_text, re.MULTILINE)

    assert len(names) >= 7
    assert len(marker_names) == 2
    assert len(options) >= 6
    assert len(keys) >= 5
    assert [] == [name for name in names if f"### `{name}`\n" not in text]
    assert [] == [name for name in marker_names if f"### `@pytest.mark.{name}`\n" not in text]
    assert [] == [name for name in options if f"| `{name}=" not in text]
    assert [] == [name for name in keys if f"| `{name}` |" not in text]


def test_every_option_of_a_command_has_a_description() -> None:
    text, silent = text_of("cli.md"), []
    for name, command in commands():
        if command is main:
            continue
        section = text.partition(f"# `{name}`\n")[2].partition("\n## ")[0]
        assert section.strip()
        for row in command.params:
            if isinstance(row, click.Option):
                assert f"`{row.opts[0]}`" in section
                silent += [f"{name} {row.opts[0]}"] if not (row.help or "").partition("[")[0].strip() else []

    assert [] == silent


def test_help_keeps_the_line_breaks_of_examples() -> None:
    texts = [CliRunner().invoke(main, [*name.split()[1:], "--help"]).output for name, _ in commands()]

    assert [] == [text for text in texts if "\\" in text]
    assert "\n  segment-mock rules add faults.yaml\n" in "".join(texts)


def test_every_setting_has_a_row() -> None:
    text = text_of("settings.md")
    rows = [
        (f"| `{row.name}`<br>`{row.flag}`", f"<br>`{row.variable}` |", f"| {row.help} |")
        for row in all_options(find_vendors())
    ]

    assert [] == [row for row in rows if not all(part in text for part in row)]


def test_every_call_of_the_control_plane_has_a_heading() -> None:
    text = text_of("control-plane.md")
    views = [view for view in all_views() if view.documented]
    calls = [
        f"## `{view.method} /_mock{re.sub(r'<(int:)?|>', lambda m: '{' if m[0] != '>' else '}', view.path)}`"
        for view in views
    ]

    assert [] == [call for call in calls if f"{call}\n" not in text]
    assert text.count("\n## `") == len(calls)


def test_every_scenario_has_a_heading() -> None:
    text = text_of("scenarios.md")

    assert [] == [name for name, row in scenarios().items() if f"## `{name}`\n\n{row['about']}\n" not in text]


def hints_in_the_source() -> Iterator[str]:
    """Yield the longest constant part of each hint that the code can give."""
    files = [
        *(SOURCE / "core").glob("*.py"),
        *(SOURCE / "vendors").rglob("*.py"),
        SOURCE / "routing.py",
        SOURCE / "cli" / "record.py",
    ]
    for file in files:
        module = ast.parse(file.read_text(encoding="utf-8"))
        nodes = [*ast.walk(module)]
        functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
        for node in nodes:
            if isinstance(node, ast.keyword) and node.arg == "hint":
                function = functions.get(getattr(node.value, "id", ""))
                yield from literals(function or node.value)
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "append":
                if getattr(node.func.value, "attr", "") == "hints":  # type: ignore[attr-defined]
                    yield from literals(node)
            elif isinstance(node, ast.FunctionDef) and node.name in ("choice_hints", "credential_hint", "_nearest"):
                yield from literals(node)


def literals(node: ast.AST) -> Iterator[str]:
    """Yield the longest constant part of each string below *node* that has several words."""
    inner = {id(part) for text in ast.walk(node) if isinstance(text, ast.JoinedStr) for part in ast.walk(text)}
    for text in ast.walk(node):
        pieces = text.values if isinstance(text, ast.JoinedStr) else [text] if id(text) not in inner else []
        words = [part.value for part in pieces if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        longest = max(words, key=len, default="").strip()
        if " " in longest and "\n" not in longest and "*" not in longest:
            yield longest


def test_every_hint_of_the_code_is_on_the_page() -> None:
    hints, text = {*hints_in_the_source()}, text_of("hints.md")

    assert len(hints) > 8
    assert [] == [hint for hint in hints if hint not in text]


def test_every_header_of_the_mock_is_on_the_page() -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py"))
    names = {*re.findall(r"X-Segment-Mock-\w+", sources)}

    assert len(names) >= 4
    assert [] == [name for name in names if f"`{name}`" not in text_of("headers.md")]


def exit_code_of(*words: str) -> int:
    """Run the command and return its exit code."""
    return CliRunner().invoke(main, words).exit_code


@pytest.mark.skipif(os.name == "nt", reason="exit codes of a POSIX shell")
def test_commands_exit_with_the_documented_codes(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other_server:
        port = str(other_server.getsockname()[1])
        port_in_use = exit_code_of("serve", "--port", port)
    plain = tmp_path / "plain"
    plain.write_text("no program")
    python = (sys.executable, "-c")
    codes = {
        0: exit_code_of("vendors"),
        1: exit_code_of("health", "--url", "http://127.0.0.1:1"),
        2: exit_code_of("serve", "--port", "many"),
        3: port_in_use,
        126: exit_code_of("exec", "--", str(plain)),
        127: exit_code_of("exec", "--", str(tmp_path / "missing")),
        128: exit_code_of("exec", "--", *python, "import os; os.kill(os.getpid(), 15)") - 15,
    }

    assert {number: number for number, _ in EXIT_CODES} == codes
