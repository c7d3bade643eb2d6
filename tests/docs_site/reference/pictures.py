"""Pictures of docs/images that are generated from text."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[3]
NO_BREAK = "\N{NO-BREAK SPACE}"
_LINE, _CHARACTER, _MARGIN = 17, 7.23, 16
_COLOURS = {"E ": "#ff7b72", "---": "#56d4dd", "replay": "#8b949e"}


def red_test_picture() -> str:
    """Return the report of the failed test in README as SVG, in the colours of a terminal."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    report = next(
        text for text in re.findall(r"^```text\n(.*?)^```", readme, re.DOTALL | re.MULTILINE) if "calls;" in text
    )
    lines = report.splitlines()
    width = round(max(map(len, lines)) * _CHARACTER) + 2 * _MARGIN
    height = len(lines) * _LINE + 2 * _MARGIN
    rows = [
        f'<text x="{_MARGIN}" y="{_MARGIN + 13 + number * _LINE}" fill="{_colour(line)}">{_text(line)}</text>'
        for number, line in enumerate(lines)
    ]
    style = 'font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="12"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {style}>',
        "<title>The report of a red test</title>",
        f'<rect width="{width}" height="{height}" rx="6" fill="#0d1117"/>',
        *rows,
        "</svg>\n",
    ])  # fmt: skip


def _text(line: str) -> str:
    """Return *line* as XML text whose spaces are not collapsed."""
    return escape(line).replace(" ", NO_BREAK)


def _colour(line: str) -> str:
    return next((colour for start, colour in _COLOURS.items() if line.startswith(start)), "#e6edf3")
