"""Declared dependencies cover all imports, and versions are stated consistently."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import segment_mock
from segment_mock.transports.inprocess.registry import OLDEST

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
IMPORT = re.compile(r"^[ \t>.]*(?:import (\w+)[\w., ]*|from (\w+)[\w.]* import .+)$", re.MULTILINE)
MODULES = packages_distributions()
SEPARATE_EXTRAS = ("browser", "layers")
"""Folders of tests/ that have their own extra."""
LOCAL = {"segment_mock", "pytest_segment_mock", "dev"}


def requirements(*extras: str) -> dict[str, Requirement]:
    """Return the dependencies of the project with *extras*, including nested extras, by distribution."""
    rows, queue = list(PROJECT["dependencies"]), list(extras)
    while queue:
        for row in PROJECT["optional-dependencies"][queue.pop()]:
            requirement = Requirement(row)
            if requirement.name == PROJECT["name"]:
                queue += requirement.extras
            else:
                rows.append(row)
    return {canonicalize_name(Requirement(row).name): Requirement(row) for row in rows}


def third_party_imports(*folders: str) -> dict[str, str]:
    """Return the third-party modules that files and pages of *folders* import, each with one file.

    A folder of SEPARATE_EXTRAS counts only if it is named.
    """
    files = [file for folder in folders for kind in ("py", "md") for file in sorted((ROOT / folder).rglob(f"*.{kind}"))]
    files = [
        file for file in files if file.parent.name not in SEPARATE_EXTRAS or f"tests/{file.parent.name}" in folders
    ]
    own = {part for file in files for part in (file.stem, *file.relative_to(ROOT).parent.parts)}
    places: dict[str, str] = {}
    for file in files:
        text = file.read_text(encoding="utf-8")
        own.update(re.findall(r'title="(\w+)\.py"', text))  # a file that readers of a page create
        own.update(re.findall(r"makepyfile\(\s*(\w+)=", text))  # a file of a nested run of pytest
        for match in IMPORT.finditer(text):
            places.setdefault(match[1] or match[2], str(file.relative_to(ROOT)))
    ignored = own | LOCAL | sys.stdlib_module_names
    return {name: place for name, place in places.items() if name not in ignored and not name.startswith("test_")}


def uncovered_imports(imported: dict[str, str], declared: dict[str, Requirement]) -> list[str]:
    """Return each *imported* module that no *declared* requirement installs."""
    return [
        f"{place} imports {name}"
        for name, place in imported.items()
        if declared.keys().isdisjoint(map(canonicalize_name, MODULES.get(name, [name])))
        and not any(row.startswith(f"{name}-") for row in declared)  # a namespace package
    ]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 does not list the modules of all distributions")
@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (("tests", "docs", "examples"), ("dev", "guides")),
        (("tests/browser",), ("browser",)),
        (("tests/layers",), ("layers",)),
        (("benchmarks",), ("bench-full",)),
    ],
)
def test_every_import_is_covered_by_a_requirement(folders: tuple[str, ...], extras: tuple[str, ...]) -> None:
    assert [] == uncovered_imports(third_party_imports(*folders), requirements(*extras))


def test_a_missing_requirement_is_reported() -> None:
    declared = requirements("dev")
    del declared["responses"]

    assert ["docs/reference/clients.md imports responses"] == uncovered_imports(
        {"responses": "docs/reference/clients.md"}, declared
    )


def test_an_install_without_extras_covers_the_imports_of_the_application() -> None:
    script = "import sys; from segment_mock import create_app; create_app(data='demo'); print(*sys.modules)"
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    result = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in result.stdout.split()} & MODULES.keys()
    names = {canonicalize_name(name) for module in loaded for name in MODULES[module]}

    assert set() == names & (requirements("dev", "bench-full").keys() - requirements().keys())


@pytest.mark.parametrize("extras", [("pytest", "time", "test", "tools", "lint", "dev"), ("guides",), ("bench-full",)])
def test_every_requirement_is_locked_and_has_a_minimum_version(extras: tuple[str, ...]) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = {canonicalize_name(Requirement(line).name) for line in lines if not line.lstrip().startswith("#")}
    declared = requirements(*extras)

    assert set() == declared.keys() - locked, "constraints.txt is out of date: run `nox -s lock`"
    assert [] == [name for name, row in declared.items() if not row.specifier and not name.startswith("types-")]


def test_the_constraints_contain_no_host_and_no_local_path() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")

    assert [] == re.findall(r"^(?!#|[\w.-]+==[\w.]+(?: ; [^/@]*)?$).+$", text, re.MULTILINE)


def test_minimum_versions_of_clients_match_those_that_interception_checks() -> None:
    declared = requirements("test")
    stated = {name: str(declared[name].specifier) for name in OLDEST}

    assert {name: f">={floor}" for name, floor in OLDEST.items()} == stated


def test_documented_versions_match_the_declared_versions() -> None:
    declared = requirements("test")
    (sentence,) = re.findall(r"^It runs with .*?\.$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    floors = {name.lower(): floor for name, floor in re.findall(r"(\w+) ([\d.]+\d) to \d", sentence)}
    page = (ROOT / "docs" / "reference" / "clients.md").read_text(encoding="utf-8")
    clients = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", page, re.MULTILINE))

    assert PROJECT["requires-python"] == f">={floors.pop('python')}"
    assert {name: str(declared[name].specifier) for name in floors} == {n: f">={floor}" for n, floor in floors.items()}
    assert OLDEST.keys() | {"httpx"} == clients.keys()
    assert {name: str(declared[name].specifier) for name in clients} == {
        n: f">={floor}" for n, floor in clients.items()
    }


def test_the_page_on_versions_has_the_lowest_and_the_newest_versions() -> None:
    page = (ROOT / "docs" / "versioning.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    locked = re.findall(r"^([\w.-]+)==([\d.]+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    declared = requirements("test")

    assert OLDEST.keys() <= {name for name, _, _ in rows}
    for name, floor, newest in rows:
        if name == "Python":
            assert f">={floor}" == PROJECT["requires-python"]
        else:
            assert f">={floor}" == str(declared[canonicalize_name(name)].specifier)
            newest_locked = [number for other, number in locked if other == name.lower()]
            assert any(f"{number}.".startswith(f"{newest}.") for number in newest_locked), (
                f"docs/versioning.md: {name} up to {newest}, but constraints.txt has {newest_locked or 'none'}"
            )


def test_the_version_is_defined_in_one_place() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "segment_mock", "--version"], capture_output=True, text=True, check=True
    ).stdout

    assert "version" in PROJECT["dynamic"]
    assert version("segment-mock") == segment_mock.__version__
    assert segment_mock.__version__ in printed
    for page in sorted((ROOT / "docs").rglob("*.md")):
        versions = re.findall(r"segment_mock-([\d.]+)-py3|/segment-mock:([\d.]+\d)", page.read_text(encoding="utf-8"))
        assert {segment_mock.__version__} >= {number for pair in versions for number in pair if number}, page.name


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ([], ["serve", "--data", "demo"]),
        (["--port", "0"], ["serve", "--data", "demo", "--port", "0"]),
        (["--data", "mine.yaml"], ["serve", "--data", "mine.yaml"]),
        (["--data=mine.yaml", "--port", "0"], ["serve", "--data=mine.yaml", "--port", "0"]),
        (["--config", "mine.yaml"], ["serve", "--config", "mine.yaml"]),
    ],
)
def test_dev_serve_has_demo_data_unless_other_data_is_named(
    arguments: list[str], command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import dev

    started: list[list[str]] = []
    monkeypatch.delenv("SEGMENT_MOCK_DATA", raising=False)
    monkeypatch.setattr(dev, "install", lambda *_: None)
    monkeypatch.setattr(dev.os, "execv", lambda _, words: started.append(words[3:]))
    dev.main(["serve", *arguments])

    assert [command] == started


def test_dev_can_be_parsed_by_old_pythons_and_imports_only_the_standard_library() -> None:
    tree = ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"), feature_version=(3, 7))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    assert imported <= sys.stdlib_module_names
