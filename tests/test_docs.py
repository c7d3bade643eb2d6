"""Every Python block of docs/*.md runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in sorted((ROOT / "docs").glob("*.md"))
    for number, text in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE), 1
    )
]
LINKS = [
    (page.name, target)
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("text", BLOCKS)
def test_blocks_run(text: str, pytester: pytest.Pytester) -> None:
    """A block with tests passes in an empty project; any other runs, and what it asserts holds."""
    if "def test_" in text:
        pytester.makepyfile(text)

        pytester.runpytest("-p", "no:hypothesispytest").assert_outcomes(passed=text.count("def test_"))
    else:
        exec(compile(text, "docs", "exec"), {})


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_links_lead_somewhere(page: str, target: str) -> None:
    """What a page links to in this repository is there."""
    folder = ROOT if page == "README.md" else ROOT / "docs"

    assert (folder / target).exists()
