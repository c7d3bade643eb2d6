"""The changes to pages of docs/ before MkDocs renders them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.docs_site.hooks import ROOT, on_page_content, on_page_markdown

REPOSITORY = "https://code.example/segment-mock"


def markdown_for_mkdocs(markdown: str, page: str = "how-to/page.md", repository: str | None = REPOSITORY) -> str:
    """Return *markdown* as MkDocs gets it, for a site whose repository has this URL."""
    config = SimpleNamespace(docs_dir=str(ROOT / "docs"), repo_url=repository)
    return on_page_markdown(markdown, page=SimpleNamespace(file=SimpleNamespace(src_uri=page)), config=config)


@pytest.mark.parametrize(
    "text",
    [
        "[Faults](../reference/faults.md#kinds)",
        "[here](#kinds)",
        "[elsewhere](https://example.org/a)",
        "![a picture](../images/page.png)",
        "[![a picture](../images/page.png)](../reference/faults.md)",
        "`a` [b] (c)",
    ],
)
def test_links_within_the_site_are_unchanged(text: str) -> None:
    assert text == markdown_for_mkdocs(text)


def test_a_link_to_a_file_outside_docs_leads_to_the_repository() -> None:
    text = "See [the `sync`](../../examples/sync/README.md#run) and [how](../../CONTRIBUTING.md)."

    assert (
        f"See [the `sync`]({REPOSITORY}/blob/main/examples/sync/README.md#run) "
        f"and [how]({REPOSITORY}/blob/main/CONTRIBUTING.md)." == markdown_for_mkdocs(text)
    )


def test_without_a_repository_a_link_to_a_file_outside_docs_is_text() -> None:
    assert "See the `sync`." == markdown_for_mkdocs(
        "See [the `sync`](../../examples/sync/README.md#run).", repository=None
    )


def test_a_fence_keeps_only_its_language() -> None:
    assert "```python\nx = 1\n```\n```sh\nls\n```" == markdown_for_mkdocs("```python red\nx = 1\n```\n```sh\nls\n```")


def test_an_entry_of_the_python_api_becomes_a_directive_with_its_options() -> None:
    text = '### `A`\n\n<!-- api: m.A m.inner.A\nfilters: ["!^_"]\n-->\n\nPlain text.\n\n<!-- end api -->\n\n### `B`\n'
    site = markdown_for_mkdocs(text)

    assert "Plain text" not in site
    assert '::: m.A\n    options:\n      show_root_heading: false\n      filters: ["!^_"]\n' in site
    assert "[](){#m.A}\n[](){#m.inner.A}\n" in site
    assert "### `B`" in site


def test_the_changelog_page_has_the_changelog_of_the_repository() -> None:
    site = markdown_for_mkdocs("whatever", "changelog.md")

    assert site.startswith("# Changelog")
    assert "](docs/" not in site


def test_anchors_without_a_target_are_not_links() -> None:
    html = '<h3>A</h3><a href="" id="m.A"></a><a href="b/">B</a>'

    assert '<h3>A</h3><a id="m.A"></a><a href="b/">B</a>' == on_page_content(html)
