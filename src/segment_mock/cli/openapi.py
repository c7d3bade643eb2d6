"""``segment-mock openapi`` and ``segment-mock schema``: print OpenAPI documents, and JSON Schema of files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from ..vendors import find_vendors


@click.command()
@click.argument("which", type=click.Choice([*(vendor.name for vendor in find_vendors()), "mock"]), default="mock")
def openapi(which: str) -> None:
    """Print an OpenAPI 3.1 document.

    The argument selects a vendor's document, or that of the control plane: mock, the default.
    """
    click.echo(json.dumps(_document(which), indent=2))


def _document(which: str) -> Mapping[str, Any]:
    from ..emulator import Emulator
    from ..web.admin import all_views  # imports Flask, which takes 170 ms
    from ..web.openapi import control_document, vendor_document

    core = Emulator({})
    if which == "mock":
        return control_document(all_views(), core)
    return vendor_document(core.vendors[which], core.settings)


@click.command()
@click.argument("which", type=click.Choice(["data", "faults", "scenarios", "stubs", "settings"]), default="data")
def schema(which: str) -> None:
    """Print the JSON Schema of files, for editors and validators.

    The default is the schema of data files.
    """
    from ..emulator import Emulator
    from ..web.openapi import file_schema

    click.echo(json.dumps(file_schema(which, Emulator({})), indent=2))
