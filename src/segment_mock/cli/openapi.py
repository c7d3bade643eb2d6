"""``segment-mock openapi``: what is promised, for a machine to read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from ..vendors import found


@click.command()
@click.argument("which", type=click.Choice([*(vendor.name for vendor in found()), "mock"]), default="mock")
def openapi(which: str) -> None:
    """Print the OpenAPI 3.1 document of a vendor, or of the control plane (mock)."""
    click.echo(json.dumps(_document(which), indent=2))


def _document(which: str) -> Mapping[str, Any]:
    from ..emulator import Emulator  # nobody who asks for something else should pay for Flask
    from ..web import create_app
    from ..web.openapi import control_document, vendor_document

    core = Emulator({})
    if which == "mock":
        return control_document(create_app(core).url_map.iter_rules(), core)
    return vendor_document(core.vendors[which], core.settings)
