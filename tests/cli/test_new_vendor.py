"""``segment-mock new-vendor`` writes a package that passes its tests, ruff and mypy without changes."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment_mock.cli import main
from tests.vendors.package import declare, new_vendor, run

pytestmark = pytest.mark.slow  # starts many processes

LINTERS = find_spec("ruff") and find_spec("mypy")
OPTIONS = (
    (),
    ("--title", "The Ticket System", "--host", "*.tickets.example.org", "--root", "/api/v2"),
    ("--root", "/"),
)


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "options", "root of the host"])
def test_the_tests_of_a_new_package_pass(tmp_path: Path, options: tuple[str, ...]) -> None:
    """They replay its example through every transport, and check provenance, imports, a refusal and data files."""
    folder = new_vendor(tmp_path, "help_desk", *options)
    declare(tmp_path / "site", {"help_desk": "segment_mock_help_desk"})

    result = run([tmp_path / "site", folder / "src"], "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)

    assert 0 == result.returncode, result.stdout
    assert "9 passed" in result.stdout


def test_a_wrong_response_fails_the_tests_of_a_new_package(tmp_path: Path) -> None:
    """A renamed member of the response fails the test of each transport."""
    folder = new_vendor(tmp_path)
    declare(tmp_path / "site", {"tickets": "segment_mock_tickets"})
    schemas = folder / "src" / "segment_mock_tickets" / "schemas.py"
    schemas.write_text(schemas.read_text().replace('{"item": result}', '{"thing": result}'))

    result = run([tmp_path / "site", folder / "src"], "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)

    assert "4 failed, 5 passed" in result.stdout
    assert "item: expected" in result.stdout


@pytest.mark.skipif(not LINTERS, reason="ruff and mypy are not installed")
def test_a_new_package_passes_ruff_and_mypy(tmp_path: Path) -> None:
    folder = new_vendor(tmp_path)
    for command in (
        ("ruff", "format", "--check", "--no-cache", "."),
        ("ruff", "check", "--no-cache", "--select", "B,D1,E,F,I,RUF,UP", "--ignore", "D103", "."),
        ("mypy", "--cache-dir", str(tmp_path / "mypy")),
    ):
        result = subprocess.run(
            [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
        )
        assert 0 == result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Tickets"], "name 'Tickets': expected a letter, then lower-case letters, digits and _"),
        (["1x"], "name '1x': expected a letter, then lower-case letters, digits and _"),
        (["../x"], "name '../x': expected a letter, then lower-case letters"),
        (["class"], "name 'class' is a keyword of Python"),
        (["salsa"], "name 'salsa' is taken by Salsa Engage"),
        (["journal"], "name 'journal': SegmentMock.journal already exists"),
        (["a", "--host", "https://api.example.com"], "--host 'https://api.example.com': expected a host"),
        (["a", "--host", "!a.example"], "--host '!a.example': expected a host"),
        (["a", "--root", "api"], "--root 'api': expected a path such as /api"),
        (["a", "--root", "/_mock/a"], "--root '/_mock/a': expected a path such as /api"),
        (["a", "--title", 'A "B"'], "expected text without quotation marks"),
    ],
)
def test_an_invalid_argument_exits_with_2_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(main, ["new-vendor", *arguments])

    assert 2 == result.exit_code
    assert message in result.output
    assert [] == [*tmp_path.iterdir()]


def test_a_folder_that_is_not_empty_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")

    result = CliRunner().invoke(main, ["new-vendor", "tickets", "--out", str(tmp_path)])

    assert 2 == result.exit_code
    assert "the folder is not empty" in result.output
    assert [tmp_path / "mine"] == [*tmp_path.iterdir()]


def test_the_tests_of_the_tickets_example_pass(tmp_path: Path) -> None:
    """The example is the project of docs/how-to/writing-a-vendor.md."""
    folder = Path(__file__).parents[2] / "examples" / "tickets"
    declare(tmp_path, {"tickets": "segment_mock_tickets"})

    result = run([tmp_path, folder / "src"], "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)

    assert 0 == result.returncode, result.stdout
    assert "29 passed" in result.stdout


@pytest.mark.skipif(not LINTERS, reason="ruff and mypy are not installed")
def test_the_tickets_example_passes_mypy(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "examples" / "tickets"

    result = run([], "-m", "mypy", "--cache-dir", str(tmp_path / "mypy"), cwd=folder)

    assert 0 == result.returncode, result.stdout


def test_code_blocks_of_the_guide_are_in_the_tickets_example() -> None:
    root = Path(__file__).parents[2]
    blocks = re.findall(
        r"^```py\n(.*?)^```", (root / "docs" / "how-to" / "writing-a-vendor.md").read_text(), re.DOTALL | re.MULTILINE
    )
    sources = [file.read_text() for file in (root / "examples" / "tickets").rglob("*.py")]

    assert len(blocks) >= 4
    assert [] == [block for block in blocks if not any(block in source for source in sources)]
