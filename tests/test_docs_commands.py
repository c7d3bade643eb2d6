"""Every command line in the documentation uses existing commands and options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from segment_mock.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "examples").rglob("*.md"),
]
BLOCK = re.compile(r"^```(?:sh|bash|console|text)\b.*\n((?:.*\n)*?)```$", re.MULTILINE)
LINE = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(segment-mock [a-z].*)$", re.MULTILINE)
PRINTED = ("answered", "listens", "recorded")
"""The first words of lines that our commands print, after the name of the program."""


def command_lines(text: str) -> Iterator[str]:
    """Yield each command line of a page, from shell blocks and from inline code."""
    for block in BLOCK.findall(text):
        for line in LINE.findall(re.sub(r"\\\n\s*", " ", block)):
            if line.split()[1] not in PRINTED:
                yield line
    for code in re.findall(r"`(segment-mock [a-z][^`]*)`", BLOCK.sub("", text)):
        yield " ".join(code.split())


def mistake(line: str) -> str:
    """Return an error for the first unknown command or option of a command line, or ``""``."""
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = main
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z-]+(?:\|[a-z-]+)*", words[0]):
        names = words.pop(0).split("|")  # "state export|import" names two commands
        known_commands = [command.get_command(click.Context(command), name) for name in names]
        if None in known_commands:
            return f"{line}: no command {names[known_commands.index(None)]!r}"
        command = known_commands[0] or command
    flags = {"--help", *(flag for row in command.params for flag in (*row.opts, *row.secondary_opts))}
    for word in words:
        if word in ("--", "|", ">", "&", "&&"):
            break
        if word.startswith("--") and word.partition("=")[0] not in flags:
            return f"{line}: no option {word!r}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_and_options_exist(page: Path) -> None:
    lines = [*command_lines(page.read_text(encoding="utf-8"))]

    assert [] == [sentence for line in lines if (sentence := mistake(line))]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("segment-mock serve --data demo --port=0 # for people", ""),
        ("segment-mock state export|import > FILE", ""),
        ("segment-mock exec --data demo -- npm --test", ""),
        ("segment-mock state save", "segment-mock state save: no command 'save'"),
        ("segment-mock serve --dat demo", "segment-mock serve --dat demo: no option '--dat'"),
    ],
)
def test_an_unknown_command_or_option_is_reported(line: str, expected: str) -> None:
    assert expected == mistake(line)
