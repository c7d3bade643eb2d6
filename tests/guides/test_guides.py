"""The tutorial and the guides: their code and commands do what the text says."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.guides.pages import DOCS, STORIES, Block, Folder, Section, commands, matches, sections

GUIDES = {page: [*sections(page)] for page in sorted(DOCS.rglob("*.md"))}
SECTIONS = [
    section
    for page, guide in GUIDES.items()
    if page.relative_to(DOCS).as_posix() in STORIES or any(block.title for section in guide for block in section.blocks)
    for section in guide
    if section.blocks
]
QUICK = [s for s in SECTIONS if not s.is_slow and any(not block.is_slow for block in s.blocks)]


def check_requirements(section: Section) -> None:
    """Skip the test if programs or modules are not installed; fail it if they are required."""
    if section.missing and os.environ.get("GUIDES_REQUIRED"):
        pytest.fail(f"not installed: {section.missing}")
    if section.missing:
        pytest.skip(f"not installed: {section.missing}")


@pytest.fixture
def folder(
    request: pytest.FixtureRequest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Folder]:
    """An empty folder; commands run in a shell or, which is faster, in this process."""
    folder = Folder(pytester, monkeypatch, in_shell=request.param)
    yield folder
    folder.close()


@pytest.mark.parametrize("folder", [pytest.param(False, id="")], indirect=True)
@pytest.mark.parametrize("section", QUICK, ids=lambda section: section.id)
def test_files_and_commands_of_a_section_work(section: Section, folder: Folder) -> None:
    check_requirements(section)

    folder.run(section)


@pytest.mark.slow
@pytest.mark.parametrize("folder", [pytest.param(True, id="")], indirect=True)
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.id)
def test_files_and_commands_of_a_section_work_in_a_shell(section: Section, folder: Folder) -> None:
    check_requirements(section)

    folder.run(section)


def test_commands_returns_each_command_with_its_output() -> None:
    block = Block("page.md", 1, "console", "", "$ one \\\n  more\n$ two\na\n\nb\n")

    assert [("one \\\n  more", []), ("two", ["a", "", "b"])] == [*commands(block)]


@pytest.mark.parametrize(
    ("printed", "output", "expected"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\nb", "a\nb\nc\n", False),
        ("a\n...\nc", "a\nc\n", True),
        ("a\n...\nc", "a\nb\nb\nc\n", True),
        ("a\n...\nc", "a\nb\nb\n", False),
        ("1 passed in 0.05s", "1 passed in 1.23s\n", True),
        ("1 passed in 0.05s", "2 passed in 0.05s\n", False),
        ("a [...] b", "a [x] b\n", True),
        ("a [...] b", "a [x] b c\n", False),
    ],
)
def test_matches_compares_output_with_the_page(printed: str, output: str, expected: bool) -> None:
    assert matches(printed.splitlines(), output) is expected
