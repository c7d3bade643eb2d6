"""The layers of the package: imports lead only to lower layers, without cycles; libraries stay in their packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_mock.faults.registry import NO_KINDS

ROOT = Path(__file__).parents[1]
LAYERS = (
    ("forking", "hosts", "json_match", "wording"),
    ("virtual_time",),
    ("messages",),
    ("clock", "store", "settings", "callsite", "refused", "redaction"),
    ("journal", "transports", "persistence"),
    ("core",),
    ("vendor_api",),
    ("faults", "vendors"),
    ("routing", "examples"),
    ("stubs", "har", "tally", "mock_settings"),
    ("emulator", "catalogue", "control_client"),
    ("testing", "lasting", "example_calls"),
    ("web", "conform", "operation_reference"),
    ("mock", "remote"),
    ("vendor_testing",),
    ("cli", "pytest_segment_mock"),
    ("__main__",),
)
LAYER = {package: number for number, packages in enumerate(LAYERS) for package in packages}
CLIENTS = ("transports", "mock", "remote", "control_client", "conform", "cli")
ONLY = {
    "flask": ("web",),
    "werkzeug": ("web",),
    "marshmallow": ("core", "vendors", "web"),
    **dict.fromkeys(("requests", "urllib3", "httpx", "aiohttp"), CLIENTS),
    "time": ("clock", "virtual_time"),
    "random": ("core",),
    "uuid": ("core",),
    "secrets": ("core",),
}
Tree = dict[str, set[str]]


def read_imports(root: Path) -> Tree:
    """Return the imports of each module below *root*, by dotted names and including imports for types only."""
    tree: Tree = {}
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        package = parts[:-1]
        names = parts[:-1] if parts[-1] == "__init__" else parts
        tree[".".join(names)] = set(_imports(ast.parse(file.read_text()), package))
    return tree


def _imports(module: ast.Module, package: tuple[str, ...]) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, (base, node.module)))
            yield from (f"{origin}.{alias.name}" if node.level else origin for alias in node.names)


def resolve(tree: Tree) -> Tree:
    """Return *tree* with each import within the project replaced by the name of the imported module."""
    return {
        name: {".".join(target) for name_ in imports if (target := _module(tree, name_.split(".")))}
        for name, imports in tree.items()
    }


def _module(tree: Tree, parts: list[str]) -> list[str]:
    while parts and ".".join(parts) not in tree:
        parts = parts[:-1]
    return parts if len(parts) > 1 else []


def upward_imports(tree: Tree) -> list[str]:
    """Return each import of a higher layer, or of another package of the same layer."""
    return [
        f"{name} imports {target}"
        for name, targets in resolve(tree).items()
        for target in targets
        if _package(name) and _package(target) != _package(name) and LAYER[_package(target)] >= LAYER[_package(name)]
    ]


def _package(name: str) -> str:
    top, _, rest = name.partition(".")
    return top if top == "pytest_segment_mock" else rest.partition(".")[0]


def misplaced_libraries(tree: Tree) -> list[str]:
    """Return each import of a library by a package that must not use it."""
    return [
        f"{name} imports {library}"
        for name, imports in tree.items()
        for library in {module.partition(".")[0] for module in imports} & ONLY.keys()
        if _package(name) not in ONLY[library]
    ]


def sibling_imports(tree: Tree) -> list[str]:
    """Return each import of a vendor by another vendor, or of a fault by another fault."""
    return [
        f"{name} imports {target}"
        for name, targets in resolve(tree).items()
        for target in targets
        for family in ("segment_mock.vendors.", "segment_mock.faults.")
        if name.startswith(family)
        and target.startswith(family)
        and not _is_shared(own := name[len(family) :].split(".")[0])
        and (other := target[len(family) :].split(".")[0]) != own
        and not _is_shared(other)
    ]


def _is_shared(name: str) -> bool:
    return name.startswith("_") or name in NO_KINDS


def cycles(tree: Tree) -> list[str]:
    """Return the modules that import each other in a cycle."""
    targets_by_name = {name: targets - {name} for name, targets in resolve(tree).items()}
    while ready := [
        n
        for n, targets in targets_by_name.items()
        if not (targets & targets_by_name.keys() and any(n in t for t in targets_by_name.values()))
    ]:
        for name in ready:
            del targets_by_name[name]
    return sorted(targets_by_name)


RULES = (upward_imports, misplaced_libraries, sibling_imports, cycles)


@pytest.fixture(scope="module")
def imports_of_project() -> Tree:
    """The imports of all modules of the project."""
    return {**read_imports(ROOT / "src"), **read_imports(ROOT / "conftest_plugin")}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_import_breaks_the_rule(imports_of_project: Tree, rule: object) -> None:
    assert [] == rule(imports_of_project)  # type: ignore[operator]


def test_every_package_has_a_layer(imports_of_project: Tree) -> None:
    """A new package needs an entry in LAYERS."""
    assert {_package(name) for name in imports_of_project} - {""} <= LAYER.keys()


@pytest.mark.parametrize(
    ("rule", "file", "line", "message"),
    [
        (upward_imports, "store/a.py", "from ..core import World", "segment_mock.store.a imports segment_mock.core"),
        (upward_imports, "core/a.py", "from ..faults import x", "segment_mock.core.a imports segment_mock.faults"),
        (upward_imports, "mock.py", "if T:\n    from .cli import main", "segment_mock.mock imports segment_mock.cli"),
        (misplaced_libraries, "emulator.py", "import flask", "segment_mock.emulator imports flask"),
        (misplaced_libraries, "journal.py", "def f():\n    from time import time", "segment_mock.journal imports time"),
        (misplaced_libraries, "store/a.py", "import marshmallow.fields", "segment_mock.store.a imports marshmallow"),
        (
            sibling_imports,
            "vendors/a/__init__.py",
            "from ..b import x",
            "segment_mock.vendors.a imports segment_mock.vendors.b",
        ),
        (sibling_imports, "faults/a.py", "from .b import B", "segment_mock.faults.a imports segment_mock.faults.b"),
    ],
)  # fmt: skip
def test_a_forbidden_import_is_reported(tmp_path: Path, rule: object, file: str, line: str, message: str) -> None:
    """Each rule names both modules."""
    for name in (
        "__init__",
        "cli",
        "core/__init__",
        "faults/__init__",
        "faults/b",
        "vendors/__init__",
        "vendors/b/__init__",
        file[:-3],
    ):
        path = tmp_path / "segment_mock" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line if f"{name}.py" == file else "")

    assert [message] == rule(read_imports(tmp_path))  # type: ignore[operator]


def test_a_cycle_is_reported(tmp_path: Path) -> None:
    """Imports for types count, too."""
    package = tmp_path / "segment_mock" / "store"
    package.mkdir(parents=True)
    for name, line in {"__init__": "", "_a": "from ._b import b", "_b": "from ._a import a"}.items():
        (package / f"{name}.py").write_text(line)

    assert ["segment_mock.store._a", "segment_mock.store._b"] == cycles(read_imports(tmp_path))
