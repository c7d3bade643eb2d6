"""MkDocs hooks, named in mkdocs.yml, that change a page of docs/ before and after MkDocs renders it.

Pages are written for readers of the repository: a link may lead outside docs/, and the changelog is at the top level.
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
    """Return the Markdown of *page* for MkDocs: links, fences and API entries are replaced."""
    source = Path(config.docs_dir, page.file.src_uri)
    if page.file.src_uri == "changelog.md":
        markdown, source = Path(ROOT, "CHANGELOG.md").read_text(encoding="utf-8"), ROOT / "docs" / "changelog.md"
        markdown = re.sub(r"\]\(docs/", "](", markdown)
    return replace_external_links(simplify_fences(API.sub(api_directive, markdown)), source, config.repo_url)


def on_page_content(html: str, **_: Any) -> str:
    """Return the HTML without empty links, so that the keyboard focus skips anchors."""
    return html.replace('<a href="" id=', "<a id=")


def api_directive(entry: re.Match[str]) -> str:
    """Return the directive with which mkdocstrings renders an entry of the Python API, including its source."""
    paths, options = entry[1].split(), "".join(f"      {line}\n" for line in entry[2].splitlines())
    anchors = "".join(f"[](){{#{path}}}\n" for path in paths)
    return f"{anchors}\n::: {paths[0]}\n    options:\n      show_root_heading: false\n{options}"


def simplify_fences(markdown: str) -> str:
    """Return *markdown* with only the language and title of each fence; other words are for tests of the block."""
    return re.sub(r'^(```\w+)(?: [\w ]+)?( title=".*?")?$', r"\1\2", markdown, flags=re.MULTILINE)


def replace_external_links(markdown: str, source: Path, repository: str | None) -> str:
    """Return *markdown* with links to files outside docs/ leading to *repository*, or as text without it."""

    def replacement(match: re.Match[str]) -> str:
        text, target, anchor = match.groups()
        path = os.path.relpath(source.parent / target, ROOT)
        if path.startswith("docs" + os.sep) or path == "docs":
            return match[0]
        return f"[{text}]({repository.rstrip('/')}/blob/main/{path}{anchor or ''})" if repository else text

    return LINK.sub(replacement, markdown)
