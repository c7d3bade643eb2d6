"""What the site does to a page of docs/ before MkDocs renders it; mkdocs.yml names this file.

Pages are written for readers of the repository: a link may leave docs/, and the changelog stands at the top.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
API = re.compile(r"<!-- api: ([^\n]*)\n((?:[^\n]*\n)*?)-->.*?<!-- end api -->", re.DOTALL)
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Return the Markdown that MkDocs renders for *page*."""
    source = Path(config.docs_dir, page.file.src_uri)
    if page.file.src_uri == "changelog.md":
        markdown, source = Path(ROOT, "CHANGELOG.md").read_text(encoding="utf-8"), ROOT / "docs" / "changelog.md"
        markdown = re.sub(r"\]\(docs/", "](", markdown)
    return links_within(fences(API.sub(with_source, markdown)), source, config.repo_url)


def on_page_content(html: str, **_: Any) -> str:
    """Return the page without empty links: an anchor that is only led to is no stop for a keyboard."""
    return html.replace('<a href="" id=', "<a id=")


def with_source(entry: re.Match[str]) -> str:
    """Return the directive by which mkdocstrings writes an entry of the Python API, with its source."""
    paths, options = entry[1].split(), "".join(f"      {line}\n" for line in entry[2].splitlines())
    anchors = "".join(f"[](){{#{path}}}\n" for path in paths)
    return f"{anchors}\n::: {paths[0]}\n    options:\n      show_root_heading: false\n{options}"


def fences(markdown: str) -> str:
    """Return *markdown* with language and title of each fence; other words are for the tests that run the block."""
    return re.sub(r'^(```\w+)(?: [\w ]+)?( title=".*?")?$', r"\1\2", markdown, flags=re.MULTILINE)


def links_within(markdown: str, source: Path, repository: str | None) -> str:
    """Return *markdown* with links to files outside docs/ leading to *repository*, or without them if there is none."""

    def replaced(match: re.Match[str]) -> str:
        text, target, anchor = match.groups()
        place = os.path.relpath(source.parent / target, ROOT)
        if place.startswith("docs" + os.sep) or place == "docs":
            return match[0]
        return f"[{text}]({repository.rstrip('/')}/blob/main/{place}{anchor or ''})" if repository else text

    return LINK.sub(replaced, markdown)
