"""Every Python block of the pages in docs/ runs, and every page can be reached by links."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segment_mock.core import Call
from segment_mock.messages import Request, Response
from tests.all_modules import MODULES

assert MODULES
ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PLUGINS = {
    "(httpserver)": "pytest_httpserver.pytest_plugin",
    "(requests_mock)": "requests_mock.contrib._pytest_plugin",
}
"""Fixtures of other plugins that blocks use, and the modules of these plugins."""


def missing_modules(text: str) -> tuple[str, ...]:
    """Return the modules that are not installed and that *text* imports, or needs for a fixture."""
    names = {*re.findall(r"^ *(?:import|from) (\w+)", text, re.MULTILINE)}
    names |= {plugin.partition(".")[0] for sign, plugin in PLUGINS.items() if sign in text}
    return tuple(sorted(name for name in names if not importlib.util.find_spec(name)))


def suites() -> Iterator[Any]:
    """Yield the test blocks of each page; blocks of a page that need the same modules run together."""
    for page in PAGES:
        groups: dict[tuple[str, ...], dict[int, str]] = {}
        text = page.read_text(encoding="utf-8")
        for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE), 1):
            if "def test_" in block:
                groups.setdefault(missing_modules(block), {})[number] = block
        for absent, blocks in groups.items():
            name = page.relative_to(DOCS).with_suffix("").as_posix()
            yield pytest.param(absent, blocks, id="-without-".join([name, *absent]))


BLOCKS = [
    pytest.param(text, id=f"{page.relative_to(DOCS).with_suffix('').as_posix()}-{number}")
    for page in PAGES
    for number, text in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE), 1
    )
    if "def test_" not in text
]
LINKS = sorted(
    {
        (page.relative_to(ROOT).as_posix(), target)
        for page in [*(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING")), *PAGES]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize(("absent", "blocks"), [*suites()])
def test_tests_of_a_page_pass(absent: tuple[str, ...], blocks: dict[int, str], pytester: pytest.Pytester) -> None:
    """The tests run in an empty project."""
    if absent and not os.environ.get("GUIDES_REQUIRED"):
        pytest.skip(f"not installed: {', '.join(absent)}")
    pytester.makepyfile(**{f"test_block_{number}": text for number, text in blocks.items()})
    text = "".join(blocks.values())
    plugins = [option for sign, plugin in PLUGINS.items() if sign in text for option in ("-p", plugin)]

    result = pytester.runpytest("-p", "no:hypothesispytest", *plugins)
    result.assert_outcomes(passed=len(re.findall(r"^ *(?:async )?def test_", text, re.MULTILINE)))


@pytest.mark.parametrize("text", BLOCKS)
def test_blocks_without_tests_run(text: str) -> None:
    exec(compile(text, "docs", "exec"), {})


def test_every_page_can_be_reached_from_the_readme() -> None:
    """A reader of the repository can follow links to each page."""
    links: dict[str, set[str]] = {}
    for page, target in LINKS:
        links.setdefault(page, set()).add(os.path.relpath((ROOT / page).parent / target, ROOT).replace(os.sep, "/"))
    reached, queue = {"README.md"}, ["README.md"]
    while queue:
        further = links.get(queue.pop(), set()) - reached
        queue += further
        reached |= further

    assert [] == [name for page in PAGES if (name := page.relative_to(ROOT).as_posix()) not in reached]


def test_the_readme_links_every_page() -> None:
    """The page of the changelog includes the file that the README links."""
    linked = {(ROOT / page).parent / target for page, target in LINKS if page == "README.md"}

    assert [DOCS / "changelog.md"] == sorted(page for page in PAGES if page not in linked)


def test_the_walk_through_the_code_names_existing_files() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    walk = text.partition("## Ten minutes through the code")[2].partition("\n## ")[0]
    files = re.findall(r"\*\*`([\w/]+\.py)`\*\*", walk)

    assert len(files) > 10
    assert [] == [file for file in files if not (ROOT / "src" / "segment_mock" / file).is_file()]


def test_the_walk_through_the_code_names_existing_methods() -> None:
    """A name with a dot is a class and a method of the file that is named before it."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    walk = text.partition("## Ten minutes through the code")[2].partition("\n## ")[0]
    unknown, source = [], ""
    for file, owner, method in re.findall(r"\*\*`([\w/]+\.py)`\*\*|`([A-Z]\w+)\.(\w+)`", walk):
        if file:
            source = (ROOT / "src" / "segment_mock" / file).read_text(encoding="utf-8")
        elif f"class {owner}" not in source or f"def {method}(" not in source:
            unknown.append(f"{owner}.{method}")

    assert [] == unknown


def inline_code() -> list[str]:
    """Return the texts in backticks of CONTRIBUTING, outside its blocks."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def test_pages_name_existing_members_of_a_call() -> None:
    """Faults and operations are written by these names: ``call.refuse(kind)``, and the members of ``call.request``."""
    unknown = []
    for page in (ROOT / "CONTRIBUTING.md", *PAGES):
        text = page.read_text(encoding="utf-8")
        members = {*re.findall(r"`call\.(\w+)", text)}
        unknown += [f"{page.name}: call.{name}" for name in sorted(members - {*dir(Call), *Call.__dataclass_fields__})]
    table = (DOCS / "how-to" / "writing-a-fault.md").read_text(encoding="utf-8")
    for owner, kind in (("`call.request`", Request), ("the response", Response)):
        (cell,) = re.findall(rf"^\| {owner} \| (.*) \|$", table, re.MULTILINE)
        names = [name for name in re.findall(r"`([\w.]+)`", cell) if "." not in name]
        unknown += [f"{owner}: {name}" for name in names if name not in kind.__dataclass_fields__]

    assert [] == unknown


def test_contributing_names_existing_paths() -> None:
    """They are paths in the checkout, in the package or in the folder of a vendor."""
    roots = (ROOT, ROOT / "src" / "segment_mock", ROOT / "src" / "segment_mock" / "vendors" / "salsa")
    paths = [word for code in inline_code() for word in code.split() if re.fullmatch(r"[\w.-][\w./-]*/[\w./-]*", word)]

    assert len(paths) > 30
    assert [] == [
        path for path in paths if not path.startswith("build/") and not any((root / path).exists() for root in roots)
    ]


def test_contributing_names_existing_constants() -> None:
    """Each word in capitals is assigned in a module of the package or of the tests."""
    files = [file for folder in ("src", "tests") for file in (ROOT / folder).rglob("*.py")]
    assigned = {
        name
        for file in files
        for name in re.findall(r"^(_?[A-Z]+)\b.*=", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    constants = {code for code in inline_code() if re.fullmatch("_?[A-Z]{4,}", code)}

    assert len(constants) > 5
    assert set() == constants - assigned


def sessions_of_nox() -> set[str]:
    """Return the name of each session of ``noxfile.py``."""
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    functions = re.findall(r"^@nox\.session.*?^def (\w+)", source, re.DOTALL | re.MULTILINE)
    return {name.replace("_", "-") for name in functions}


def test_make_has_a_target_for_each_session() -> None:
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    (targets,) = re.findall(r"^SESSIONS = (.*)$", lines, re.MULTILINE)

    assert sorted(sessions_of_nox()) == targets.split()


def test_contributing_names_existing_sessions() -> None:
    in_text = [name for code in inline_code() for name in re.findall(r"^(?:nox -s|python3 dev\.py) ([a-z-]+)$", code)]

    assert len(in_text) > 3
    assert set() == {*in_text} - sessions_of_nox() - {"test"}
