"""Vendors of other packages: found by their entry point, used like shipped vendors, and refused by name if invalid."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from segment_mock import SegmentMock, SettingError, create_app, vendor_api, vendors
from segment_mock.vendor_testing import TRANSPORTS, examples, forbidden_imports, replay, unsourced
from segment_mock.vendors import _packages, find_vendors
from tests.vendors.package import Install, declare, new_vendor, run
from tests.vendors.test_extension import HALLO

SHIPPED = sorted(file.parent.name for file in Path(vendors.__file__).parent.glob("[!_]*/__init__.py"))


@pytest.fixture(scope="module")
def tickets(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The paths of a package that ``segment-mock new-vendor`` wrote, and of its metadata as an installed package."""
    folder = tmp_path_factory.mktemp("tickets")
    package = new_vendor(
        folder, "tickets", "--title", "Ticket System", "--host", "*.tickets.example", "--root", "/api/v2"
    )
    declare(folder / "site", {"tickets": "segment_mock_tickets"}, "segment-mock-tickets")
    return [folder / "site", package / "src"]


def test_a_vendor_of_a_package_works_like_a_shipped_vendor(install: Install) -> None:
    """It is listed after the shipped vendors; host, path, key, option, data file, journal and state all work."""
    install(HALLO)
    with SegmentMock(hallo_greeting="Hi", data={"hallo": {"guests": [{"name": "Bo"}]}}) as mock:
        with mock.session() as session:
            response = session.post(
                "https://api.hallo.example/hallo/greetings", json={"name": "Ada"}, headers={"x-hallo-key": "k"}
            )
        guests, entries = mock.vendor("hallo").guests, mock.journal.entries(vendor="hallo")
        catalogue = create_app(mock._emulator).test_client().get("/_mock/vendors").json

    assert [*SHIPPED, "hallo"] == [vendor.name for vendor in find_vendors()]
    assert {"said": "Hi Ada"} == response.json()
    assert [{"name": "Bo"}, {"name": "Ada"}] == guests == mock.hallo.guests
    assert ["hallo.greet"] == [entry.operation for entry in entries]
    assert "Hallo" in [vendor["title"] for vendor in catalogue["vendors"]]


def test_without_vendor_packages_no_metadata_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: pytest.fail("was read"))
    _packages._declared.cache_clear()

    assert SHIPPED == [vendor.name for vendor in find_vendors()]


def test_with_an_archive_on_the_path_importlib_looks_for_vendor_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick check of folders can't look into an archive."""
    (tmp_path / "some.zip").write_bytes(b"")
    assert not _packages._may_exist()

    monkeypatch.syspath_prepend(tmp_path / "some.zip")

    assert _packages._may_exist()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("from operator", "import no_such_module\nfrom operator", "can't be imported: ModuleNotFoundError: .*no_such_"),
        ("VENDOR = ", "VENDER = ", "expected a module whose VENDOR is a Vendor, got None"),
        ('name="hallo"', 'name="salsa"', "name 'salsa' is taken by Salsa Engage"),
        ('name="hallo"', 'name="Ac me"', "name 'Ac me': expected a letter, then lower-case letters"),
        ('name="hallo"', 'name="stubs"', "name 'stubs': expected a letter, then lower-case letters, digits and _"),
        ('"api.hallo.example"', '"api.instaleap.io"', "host 'api.instaleap.io' is taken by Instaleap Segmenter"),
        ('"api.hallo.example"', '"*.io"', r"host '\*.io' is taken by Instaleap Segmenter"),
        ('root="/hallo"', 'root="/segments"', "root '/segments' is taken by Instaleap Segmenter"),
        ('root="/hallo"', 'root="/_mock/hallo"', "root '/_mock/hallo': expected a path such as /api"),
        ('name="hallo"', 'name="admin"', "setting admin_token exists already"),
        ("for kind in REFUSAL_KINDS}", "for kind in REFUSAL_KINDS[1:]}", "refusals: no template for unauthorized"),
        ("tables=(GUESTS,)", "tables=(GUESTS,), api=2", "written for version 2 of segment_mock.vendor_api, and"),
    ],
)  # fmt: skip
def test_an_unusable_vendor_package_is_an_error_at_start_that_names_it(
    install: Install, old: str, new: str, problem: str
) -> None:
    assert old in HALLO
    install(HALLO.replace(old, new, 1))

    with pytest.raises(SettingError, match=rf"vendor hallo of package hallo-mock \(hallo_mock\): .*{problem}"):
        SegmentMock()


def test_two_packages_that_clash_are_refused(install: Install) -> None:
    install(HALLO)
    install(HALLO, "volt_mock", "volt-mock", "volt")

    with pytest.raises(SettingError, match=r"volt of package volt-mock \(volt_mock\): name 'hallo' is taken by Hallo"):
        SegmentMock()


def test_a_vendor_with_the_name_of_an_attribute_of_the_mock_is_refused(install: Install) -> None:
    install(HALLO.replace('name="hallo"', 'name="journal"', 1))

    with pytest.raises(SettingError, match=r"vendor 'journal' needs another name: SegmentMock.journal"):
        SegmentMock()


@pytest.mark.slow
def test_command_and_plugin_name_a_vendor_that_cannot_be_imported(install: Install, tmp_path: Path) -> None:
    """The command exits with 1 and no traceback; the plugin fails only the tests that use a mock."""
    folder = install("import no_such_module")
    test = tmp_path / "test_it.py"
    test.write_text("def test_it(segment_mock):\n    pass\n")
    message = "vendor hallo of package hallo-mock (hallo_mock): can't be imported: ModuleNotFoundError"

    command = run([folder], "-m", "segment_mock", "vendors")
    tests = run([folder], "-m", "pytest", "-q", "-p", "no:randomly", str(test), cwd=tmp_path)

    assert (1, "") == (command.returncode, command.stdout)
    assert command.stderr.startswith(f"Error: {message}")
    assert 1 == tests.returncode
    assert message in tests.stdout
    assert "INTERNALERROR" not in tests.stdout


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["vendors"], "Ticket System (tickets)"),
        (["vendors", "tickets", "create_item"], "POST /api/v2/items"),
        (["openapi", "tickets"], "/api/v2/items"),
        (["serve", "--help"], "--tickets-key"),
        (["conform", "--help"], "tickets"),
        (["faults"], "latency"),
    ],
)
def test_commands_include_a_vendor_of_a_package(tickets: list[Path], arguments: list[str], printed: str) -> None:
    result = run(tickets, "-m", "segment_mock", *arguments)

    assert (0, "") == (result.returncode, result.stderr)
    assert printed in result.stdout


def test_exec_serves_the_hosts_of_a_vendor_of_a_package(tickets: list[Path]) -> None:
    code = (
        "import requests; reply = requests.post('https://eu.tickets.example/api/v2/items', json={'name': 'Lamp'}, "
        "headers={'x-api-key': 'k'}); print(reply.json()['item']['name'])"
    )
    result = run(tickets, "-m", "segment_mock", "exec", "--", sys.executable, "-c", code)

    assert "Lamp\n" == result.stdout
    assert "200       tickets.create_item" in result.stderr


def test_conform_replays_the_examples_of_a_vendor_of_a_package(tickets: list[Path]) -> None:
    """The server has the vendor, too."""
    code = (
        "import sys, subprocess\nfrom segment_mock import SegmentMock\nwith SegmentMock() as mock:\n"
        "    sys.exit(subprocess.run([sys.executable, '-m', 'segment_mock', 'conform', '--target', mock.serve().url, "
        "'--vendor', 'tickets', '--tickets-key', 'k', '--allow-writes']).returncode)"
    )
    result = run(tickets, "-c", code)

    assert 0 == result.returncode
    assert "pass  tickets/create-item" in result.stdout


def test_forbidden_imports_lists_imports_of_internal_modules(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "from segment_mock import SegmentMock, added, vendor_api\nfrom segment_mock.core import Call\n"
        "import segment_mock.store\nfrom segment_mock import core\nfrom segment_mock.vendor_api import Vendor\n"
    )

    imports = forbidden_imports(tmp_path)

    assert [
        "a.py:2 imports segment_mock.core",
        "a.py:3 imports segment_mock.store",
        "a.py:4 imports segment_mock.core",
    ] == imports


@pytest.mark.parametrize("vendor", find_vendors(), ids=lambda vendor: vendor.name)
def test_every_part_of_a_shipped_vendor_names_its_source(vendor: Any) -> None:
    assert [] == unsourced(vendor)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_replay_returns_the_differences_of_a_response(transport: Any) -> None:
    vendor = next(vendor for vendor in find_vendors() if vendor.name == "segmenter")
    example = next(one for one in examples(vendor) if one.name == "segmenter/create")
    document = json.loads(json.dumps(example.document))
    document["response"]["body"]["errorMessage"] = "no"

    assert [] == replay(example, transport)
    assert ["errorMessage: expected 'no', got ''"] == replay(type(example)(example.name, document), transport)


def test_every_public_name_of_vendor_api_exists() -> None:
    assert sorted(vendor_api.__all__) == sorted({*vendor_api.__all__})
    assert all(hasattr(vendor_api, name) for name in vendor_api.__all__)
