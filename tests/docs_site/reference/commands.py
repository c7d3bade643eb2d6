"""The page of commands, with arguments, options, defaults and variables that are read from Click."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click

from segment_mock.cli import main
from segment_mock.core import all_options
from segment_mock.vendors import find_vendors
from tests.docs_site.reference.markdown import as_json, block, code, page, prose, table
from tests.docs_site.reference.settings import accepted_values, with_default

_INTRO = """\
`segment-mock COMMAND --help` prints the same in a terminal. [Exit codes](exit-codes.md) lists what each ends with,
and [Settings](settings.md) says how flags, variables and the settings file work together.
"""
_SETTINGS = {row.name: row for row in all_options(find_vendors())}
_IN_HELP = re.compile(r"\s*\[(SEGMENT_MOCK_\w+)(?:, default (.*?))?\]$")


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield each command and each command of a group, with its full name."""
    yield from _below("segment-mock", main)


def _below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            inner = command.get_command(context, word)
            assert inner is not None
            yield from _below(f"{name} {word}", inner)


def commands_page() -> str:
    """Return the page as Markdown."""
    parts = []
    for name, command in commands():
        if command is main:
            continue
        words = name.split()
        parts.append(f"{'#' * len(words)} `{name}`")
        parts += _command(name, command)
    command_table = table(
        ("command", "does"),
        [
            (f"[`{name.partition(' ')[2]}`](#{_anchor(name)})", _first(command))
            for name, command in commands()
            if name.count(" ") == 1
        ],
    )
    return page("Commands", _INTRO, command_table, *parts)


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _first(command: click.Command) -> str:
    return prose(command.help).partition("\n")[0]


def _command(name: str, command: click.Command) -> Iterator[str]:
    yield prose(command.help)
    context = click.Context(command, info_name=name)
    pieces = " ".join(command.collect_usage_pieces(context))
    yield block(f"{name} {pieces}", "console").replace("```console", "```text")
    rows = [_option(row) for row in command.params if isinstance(row, click.Option)]
    if rows:
        yield table(("option, variable", "takes", "description"), rows)


def _option(row: click.Option) -> tuple[str, str, str]:
    text, variable, default = row.help or "", row.envvar, row.default
    match = _IN_HELP.search(text)
    if match:
        text, variable = text[: match.start()], match[1]
        default = match[2] or default
    if row.is_flag:
        default = None
    setting = _SETTINGS.get(row.name or "") if match else None
    names = ", ".join(map(code, sorted(row.opts, key=len, reverse=True)))
    about = text
    if row.required:
        about = f"Required. {about}"
    if row.multiple and "repeated" not in about:
        about = f"{about.rstrip('.')}; may be repeated."
    kind = accepted_values(setting) if setting and not row.is_flag else _accepted_values(row)
    return names + (f"<br>{code(variable)}" if variable else ""), with_default(kind, _default(default)), about


def _accepted_values(row: click.Option) -> str:
    if row.is_flag:
        return ""
    kind: Any = row.type
    if isinstance(kind, click.Choice):
        return " or ".join(map(code, kind.choices))
    if row.metavar and "|" in row.metavar:
        return " or ".join(map(code, row.metavar.split("|")))
    if isinstance(kind, click.FloatRange):
        return f"a number above {kind.min}" if kind.min_open else f"a number from {kind.min}"
    if isinstance(kind, click.Path):
        return "a folder" if not kind.file_okay else "a file"
    return row.metavar or "text"


def _default(value: Any) -> str:
    if callable(value) or value in (None, (), "") or "UNSET" in repr(value).upper():
        return ""
    return code(value) if isinstance(value, str) else as_json(value)
