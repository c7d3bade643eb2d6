"""Tables for people. Rich is imported when the first one is printed: it takes as long as a call to the server."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

_COLOURS = {"2": "green", "3": "cyan", "4": "yellow", "5": "red"}


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "none") -> None:
    """Print *rows* under *columns*; into a file or a pipe no line is cut or folded."""
    lines = [[_text(cell) for cell in row] for row in rows]
    if not lines:
        click.echo(empty, err=True)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for line in lines:
        table.add_row(*[Text(cell, style=_style(column, cell)) for column, cell in zip(columns, line, strict=True)])
    is_terminal = sys.stdout.isatty()
    # A program that reads a pipe wants whole lines, however long.
    console = Console(file=sys.stdout, width=None if is_terminal else 10_000, highlight=False)
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def _text(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    # What a client sent must not move the cursor or colour the terminal.
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _style(column: str, cell: str) -> str:
    return _COLOURS.get(cell[:1], "magenta") if column == "answer" else ""
