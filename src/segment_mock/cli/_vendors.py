"""``segment-mock vendors``: what is emulated, and on whose word."""

from __future__ import annotations

import json

import click

from ..emulator import catalogue
from ..vendors import found


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /_mock/vendors does.")
def vendors(as_json: bool) -> None:
    """List each operation and refusal with its source: documented, recorded or assumed."""
    told = catalogue(found(), {})
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    for vendor in told["vendors"]:
        click.echo(f"{vendor['title']} ({', '.join(vendor['hosts'])}; header {vendor['key_header']})")
        for row in vendor["operations"]:
            click.echo(f"  {row['method']:6} {row['path']:48} {row['name']}\n         {row['source']}")
        for row in vendor["refusals"]:
            click.echo(f"  {row['status']}    {row['kind']:18} {row['message']}\n         {row['source']}")
