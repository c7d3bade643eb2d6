"""The functions that generate each page, by the path of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import segment_mock
from tests.docs_site.reference.commands import commands_page
from tests.docs_site.reference.control_plane import control_plane_page
from tests.docs_site.reference.data_files import FILES, data_files_page, schema_text
from tests.docs_site.reference.operations import operations_page
from tests.docs_site.reference.outcomes import exit_codes_page, headers_page, hints_page
from tests.docs_site.reference.pictures import red_test_picture
from tests.docs_site.reference.pytest_plugin import pytest_page
from tests.docs_site.reference.python_api import python_page, vendor_page
from tests.docs_site.reference.scenarios import scenarios_page
from tests.docs_site.reference.settings import settings_page

SOURCE = Path(segment_mock.__file__).parent
FOLDER = Path(__file__).parents[3] / "docs" / "reference"
COMMAND = "python3 dev.py reference"
SCHEMAS: Mapping[str, Callable[[], str]] = {f"schemas/{name}.json": partial(schema_text, name) for name in FILES}
PAGES: Mapping[str, Callable[[], str]] = {
    "data-files.md": data_files_page,
    "python.md": python_page,
    "vendor-api.md": vendor_page,
    "pytest.md": pytest_page,
    "cli.md": commands_page,
    "settings.md": settings_page,
    "control-plane.md": control_plane_page,
    "operations.md": operations_page,
    "scenarios.md": scenarios_page,
    "hints.md": hints_page,
    "exit-codes.md": exit_codes_page,
    "headers.md": headers_page,
    "../images/red-test.svg": red_test_picture,
    "../images/icon.svg": (SOURCE / "web" / "static" / "icon.svg").read_text,
    **SCHEMAS,
}
