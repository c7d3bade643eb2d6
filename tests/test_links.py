"""Every link within the repository leads to an existing file and heading."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", ".github/**/*.md")
    for page in ROOT.glob(pattern)
    if "node_modules" not in page.parts
)


def tokens(page: Path) -> list[Token]:
    """Return the parsed Markdown of a page."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def targets(page: Path) -> list[str]:
    """Return the targets of links and pictures of a page, without those outside the repository."""
    inner = [child for token in tokens(page) for child in token.children or ()]
    links = [str(child.attrs.get("href") or child.attrs.get("src") or "") for child in inner]
    return [link for link in links if link and not re.match(r"[a-z]+:", link)]


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page: explicit anchors, and those that GitHub and the site generate for headings."""
    parsed = tokens(page)
    names: list[str] = []
    for opening, text in pairwise(parsed):
        if opening.type == "heading_open":
            words = "".join(child.content for child in text.children or ())
            name = re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")
            names.append(f"{name}-{names.count(name)}" if name in names else name)
    return {*names, *re.findall(r"<a (?:id|name)=\"([^\"]+)\"", page.read_text(encoding="utf-8"))}


def problem(page: Path, target: str) -> str:
    """Return the error in a link of *page*, or ``""`` if the link works."""
    path, _, anchor = unquote(target).partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return f"{target}: there is no such file"
    if anchor and file.suffix == ".md" and anchor not in anchors(file):
        return f"{target}: there is no such heading"
    return ""


@pytest.mark.parametrize("page", [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES])
def test_links_of_a_page_lead_to_existing_files_and_headings(page: Path) -> None:
    assert [] == [text for target in targets(page) if (text := problem(page, target))]


def test_broken_links_are_reported(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `name`, twice\n\n# A `name`, twice\n\n[a](gone.md) [b](#a-name-twice-1) [c](page.md#gone) ![d](x.png)\n"
    )

    assert [
        "gone.md: there is no such file",
        "page.md#gone: there is no such heading",
        "x.png: there is no such file",
    ] == [text for target in targets(page) if (text := problem(page, target))]
