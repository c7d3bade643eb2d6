"""Runs the guides of docs/: writes their files and runs their commands, in order, in one folder.

The runner follows the page as a reader would:

- A block with ``title="sync.py"`` is a file. ``title="sync.py (continued)"`` is its next part, and
  ``title="sync.py: salsa"`` replaces the function ``salsa`` in it.
- A ``console`` block has commands after ``$``, each followed by its output. A line ``...`` stands for any lines, and
  ``...`` within a line for any text. A command without output must succeed.
- ``segment-mock serve`` runs in the background until the end, on a free port that replaces the default one.
- Each section (``##``) has its own folder. A page of STORIES has one folder for all its sections.
- ``<!-- slow -->`` below a heading moves the section to the slow tests; directly above a block, only that block.
- ``<!-- needs: go -->`` skips the section if that program is not installed.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from segment_mock.cli import main
from tests.all_modules import MODULES

assert MODULES
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
STORIES = ("tutorial.md", "coming-from/mockserver.md", "coming-from/wiremock.md")
URL = "http://127.0.0.1:7357"
PLUGINS = {
    "httpserver": "pytest_httpserver.pytest_plugin",
    "(requests_mock)": "requests_mock.contrib._pytest_plugin",
    "(respx_mock)": "respx.plugin",
    "pytest.mark.asyncio": "pytest_asyncio.plugin",
    "pytest -n": "xdist.plugin",
}
"""A string in a section, and the plugin of pytest that such a section needs; other plugins are not loaded."""
ENVIRONMENT = {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
PROGRESS = re.compile(r"[.FEsx]+ *\[ *\d+%\]")
TIMES = re.compile(r"\b\d+\.\d+s\b")


@dataclass
class Block:
    """A file to write, or commands to run."""

    page: str
    line: int
    language: str
    title: str
    text: str = ""
    is_slow: bool = False


@dataclass
class Section:
    """The blocks that run in one folder."""

    page: str
    heading: str = ""
    blocks: list[Block] = field(default_factory=list)
    is_slow: bool = False
    programs: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The name of the section's test."""
        words = re.sub(r"[^a-z0-9]+", "-", self.heading.lower()).strip("-")
        return f"{self.page.removesuffix('.md')}#{words}".rstrip("#")

    @property
    def text(self) -> str:
        """The code of all blocks."""
        return "\n".join(block.text for block in self.blocks)

    @property
    def missing(self) -> list[str]:
        """The required programs and modules that are not installed."""
        files = {Path(block.title.split(":")[0].split()[0]).stem for block in self.blocks if block.title}
        code = "\n".join(block.text for block in self.blocks if block.language == "python")
        names = set(re.findall(r"^[ \t]*(?:import|from) (\w+)", code, re.MULTILINE)) - files
        absent = [name for name in sorted(names) if not importlib.util.find_spec(name)]
        return absent + [program for program in self.programs if not shutil.which(program)]


def sections(page: Path) -> Iterator[Section]:
    """Yield the sections of *page*; a page of STORIES is one section."""
    name = page.relative_to(DOCS).as_posix()
    section, block, is_slow = Section(name), None, False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if block is not None:
            if line != "```":
                block.text += f"{line}\n"
                continue
            if block.title or block.language == "console":
                section.blocks.append(block)
            block = None
        elif line.startswith("```"):
            language, _, options = line[3:].partition(" ")
            title = re.search(r'title="(.*?)"', options)
            block = Block(name, number, language, title[1] if title else "", is_slow=is_slow)
            is_slow = False
        elif line == "<!-- slow -->":
            is_slow = True
        elif needs := re.fullmatch(r"<!-- needs: (.*) -->", line):
            section.programs = needs[1].split(", ")
        elif line.startswith("## ") and name not in STORIES:
            yield section
            section, is_slow = Section(name, line[3:]), False
        elif line and is_slow:  # text follows the comment, so the comment applies to the section
            section.is_slow, is_slow = True, False
    yield section


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a console block, with the lines of its output."""
    command, printed = "", list[str]()
    for line in block.text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, printed
            command, printed = line[2:], []
        elif command.endswith("\\"):
            command += f"\n{line}"
        else:
            printed.append(line)
    if command:
        yield command, printed


def matches(printed: list[str], output: str) -> bool:
    """Return whether *output* has the *printed* lines of a page, in which ``...`` stands for anything."""
    patterns = [_pattern(line) for line in printed]
    positions = {0}  # the lines of output that the next pattern may match
    lines = [TIMES.sub("0s", line) for line in output.rstrip("\n").split("\n")]
    for pattern in patterns:
        if pattern is None:
            positions = set(range(min(positions, default=len(lines) + 1), len(lines) + 1))
        else:
            positions = {i + 1 for i in positions if i < len(lines) and pattern.fullmatch(lines[i].rstrip())}
    return len(lines) in positions


def _pattern(line: str) -> re.Pattern[str] | None:
    """Return a pattern for a *line* of output, or None for a line that stands for any number of lines."""
    if line.strip() == "...":
        return None
    text = TIMES.sub("0s", line).rstrip()
    parts = [text] if PROGRESS.fullmatch(text) else text.split("...")
    return re.compile(".*".join(map(re.escape, parts)))


class Folder:
    """An empty folder in which a section runs."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *, in_shell: bool) -> None:
        self.path = pytester.path
        self._pytester, self._monkeypatch, self._in_shell = pytester, monkeypatch, in_shell
        self._servers: list[subprocess.Popen[str]] = []
        self._url = URL
        self._environment = {**os.environ, **ENVIRONMENT, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(self, section: Section) -> None:
        """Write the files of *section*, run its commands, and compare their output with the page."""
        plugins = [plugin for sign, plugin in PLUGINS.items() if sign in section.text]
        options = " ".join(f"-p {name}" for name in ["pytest_segment_mock", "no:cacheprovider", *plugins])
        self._environment["PYTEST_ADDOPTS"] = f"{options} -W 'ignore:Module already imported'"
        for name in (*ENVIRONMENT, "PYTEST_ADDOPTS"):
            self._monkeypatch.setenv(name, self._environment[name])
        for block in section.blocks:
            name = block.title.split(".py")[0]
            self._monkeypatch.delitem(
                sys.modules, name, raising=False
            )  # a module of this test suite may have the same name
            if block.is_slow and not self._in_shell:
                continue
            if block.title:
                self._write(block)
                continue
            for command, printed in commands(block):
                code, output = self._run(command)
                output = output.replace(self._url, URL)
                where = f"docs/{block.page}, line {block.line}: $ {command}\n"
                if printed:
                    assert matches(printed, output), f"{where}prints\n{output}and not\n" + "\n".join(printed)
                else:
                    assert code == 0, f"{where}ends with exit code {code} and prints\n{output}"

    def close(self) -> None:
        """Stop the servers that the section started."""
        for server in self._servers:
            server.terminate()
            server.communicate(timeout=30)

    def _write(self, block: Block) -> None:
        name, _, function = block.title.partition(": ")
        file = self.path / name.removesuffix(" (continued)")
        before = file.read_text() if file.exists() else ""
        if function:
            file.write_text(_with_function_replaced(before, function, block.text))
        elif name.endswith(" (continued)"):
            file.write_text(f"{before}\n\n{block.text}")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)

    def _run(self, command: str) -> tuple[int, str]:
        """Run *command* and return its exit code and output."""
        words = shlex.split(command)
        if words[0] == "cd":
            self.path = self.path / words[1]
            return 0, ""
        if words == [".", ".venv/bin/activate"]:
            self._environment["PATH"] = f"{self.path}/.venv/bin:{self._environment['PATH']}"
            for name in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
                del self._environment[name]
            return 0, ""
        if words[:2] == ["segment-mock", "serve"]:
            return 0, self._serve(words[2:])
        if not self._in_shell and not re.search(r"[|<>*$&;]", command):
            if words[0] == "pytest":
                result = self._pytester.runpytest_inprocess(*words[1:])
                return int(result.ret), "".join(f"{line}\n" for line in (*result.outlines, *result.errlines))
            if words[0] == "segment-mock" and words[1] not in ("exec", "record"):
                url = {"SEGMENT_MOCK_URL": self._url} if self._servers else {}
                result = CliRunner().invoke(main, words[1:], env=url)
                return result.exit_code, result.output
        return self._run_in_shell(command)

    def _run_in_shell(self, command: str) -> tuple[int, str]:
        script = re.sub(re.escape(URL), self._url, command).replace("/path/to/segment-mock", str(ROOT))
        environment = dict(self._environment)
        if self._servers and re.match(r"segment-mock (?!exec|record|conform)", command):
            environment["SEGMENT_MOCK_URL"] = self._url
        result = subprocess.run(
            ["bash", "-uc", script],
            cwd=self.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        return result.returncode, result.stdout

    def _serve(self, words: list[str]) -> str:
        server = subprocess.Popen(
            ["segment-mock", "serve", "--port", "0", *words],
            cwd=self.path,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._servers.append(server)
        assert server.stdout
        lines = [server.stdout.readline()]
        while lines[-1] and not lines[-1].startswith("Ctrl-C"):
            lines.append(server.stdout.readline())
        output = "".join(lines)
        self._url = next((word for word in output.split() if word.startswith("http")), "")
        assert self._url, output
        return output


def _with_function_replaced(source: str, function: str, text: str) -> str:
    """Return *source* with *text* in place of the top-level *function*."""
    tree: Any = ast.parse(source)
    (old,) = [node for node in tree.body if getattr(node, "name", "") == function]
    lines = source.splitlines(keepends=True)
    first = min([old.lineno, *(decorator.lineno for decorator in old.decorator_list)])
    return "".join([*lines[: first - 1], text, *lines[old.end_lineno :]])
