"""Tables for people. Rich is imported on first use, because that takes as long as a call to the server."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from ..json_match import printable
from .terminal import colour_of, echo, has_colours, is_terminal

_NARROWEST = 12
"""The least width of a column of words beside columns that are not wrapped."""


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "none", literals: Sequence[int] = ()
) -> None:
    """Print *rows* under *columns*; in a file or a pipe, lines are neither cut nor wrapped.

    In a terminal, the columns *literals*, which are names to copy, are not wrapped if the others have room beside them.
    """
    lines = [[_text(cell) for cell in row] for row in rows]
    if not lines:
        click.echo(empty, err=True)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_coloured = has_colours(sys.stdout)
    console = Console(
        file=sys.stdout,
        # Programs that read a pipe need whole lines of any length.
        width=None if is_terminal(sys.stdout) else 10_000,
        highlight=False,
        force_terminal=is_coloured,
        color_system="standard" if is_coloured else None,
    )
    widths = [max(map(len, cells)) for cells in zip(columns, *lines, strict=True)]
    width_needed = 2 * len(columns) + sum(
        width if number in literals else min(width, _NARROWEST) for number, width in enumerate(widths)
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number in literals and width_needed <= console.width)
    for line in lines:
        table.add_row(*[Text(cell, style=_style(column, cell)) for column, cell in zip(columns, line, strict=True)])
    with console.capture() as capture:
        console.print(table)
    echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def _text(cell: Any) -> str:
    # Text from clients must not move the cursor or change colours.
    return "" if cell is None else printable(str(cell))


def _style(column: str, cell: str) -> str:
    return colour_of(cell.split()[0]) if column == "response" and cell else ""
