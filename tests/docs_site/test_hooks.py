"""What the site makes of a page that is written for readers of the repository."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.docs_site.hooks import ROOT, on_page_content, on_page_markdown

REPOSITORY = "https://code.example/segment-mock"


def rendered(markdown: str, page: str = "how-to/page.md", repository: str | None = REPOSITORY) -> str:
    """Return *markdown* as MkDocs gets it, for a site with or without the address of its repository."""
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
def test_what_stays_on_the_site_is_left_alone(text: str) -> None:
    assert text == rendered(text)


def test_a_link_out_of_the_pages_leads_to_the_repository() -> None:
    text = "See [the `sync`](../../examples/sync/README.md#run) and [how](../../CONTRIBUTING.md)."

    assert (
        f"See [the `sync`]({REPOSITORY}/blob/main/examples/sync/README.md#run) "
        f"and [how]({REPOSITORY}/blob/main/CONTRIBUTING.md)." == rendered(text)
    )


def test_without_a_repository_such_a_link_is_text() -> None:
    assert "See the `sync`." == rendered("See [the `sync`](../../examples/sync/README.md#run).", repository=None)


def test_only_the_language_of_a_block_is_left() -> None:
    assert "```python\nx = 1\n```\n```sh\nls\n```" == rendered("```python red\nx = 1\n```\n```sh\nls\n```")


def test_an_entry_of_python_becomes_a_directive_with_its_options() -> None:
    text = '### `A`\n\n<!-- api: m.A m.inner.A\nfilters: ["!^_"]\n-->\n\nPlain text.\n\n<!-- end api -->\n\n### `B`\n'
    site = rendered(text)

    assert "Plain text" not in site
    assert '::: m.A\n    options:\n      show_root_heading: false\n      filters: ["!^_"]\n' in site
    assert "[](){#m.A}\n[](){#m.inner.A}\n" in site
    assert "### `B`" in site


def test_the_page_of_changes_is_the_changelog() -> None:
    site = rendered("whatever", "changelog.md")

    assert site.startswith("# Changelog")
    assert "](docs/" not in site


def test_an_anchor_is_no_stop_for_a_keyboard() -> None:
    html = '<h3>A</h3><a href="" id="m.A"></a><a href="b/">B</a>'

    assert '<h3>A</h3><a id="m.A"></a><a href="b/">B</a>' == on_page_content(html)
