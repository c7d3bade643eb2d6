"""Functions that return Markdown: tables, code, pages, and docstrings as paragraphs."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Iterable
from typing import Any


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; vertical bars in cells are escaped."""
    lines = [[*header], *([*row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(value: Any) -> str:
    """Return *value* as inline code; ``""`` for an empty string."""
    return f"`{value}`" if value != "" else ""


def as_json(value: Any) -> str:
    """Return *value* as JSON in inline code; ``""`` for None and empty values."""
    return "" if value in (None, "", (), []) else code(json.dumps(value, ensure_ascii=False))


def block(text: str, language: str = "text") -> str:
    """Return a fenced code block."""
    return f"```{language}\n{text.strip()}\n```"


def prose(text: str | None) -> str:
    """Return a docstring or the help of a Click command as Markdown."""
    paragraphs = re.split(r"\n(?:[ ]*\n)+", inspect.cleandoc(text or ""))
    return "\n\n".join(map(_paragraph, paragraphs))


def _paragraph(text: str) -> str:
    """Return a paragraph on one line; an indented paragraph becomes a code block, and a list stays a list."""
    if text.startswith("\b\n"):  # Click's marker of a paragraph that must not be rewrapped
        return block(text[2:], "sh")
    if text and all(line.startswith("    ") for line in text.splitlines()):
        return block(textwrap.dedent(text), "py")
    if text.startswith("* "):
        return "\n".join(f"* {_paragraph(item)}" for item in re.split(r"^\* ", text, flags=re.MULTILINE)[1:])
    return re.sub(r"``([^`]+)``", r"`\1`", " ".join(text.split()))


def page(title: str, *parts: str) -> str:
    """Return a page with *title* as its heading, followed by *parts*."""
    return "\n\n".join([f"# {title}", *(part.strip() for part in parts if part.strip())]) + "\n"
