"""``segment-mock vendors``: what is emulated, with its source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from ..catalogue import catalogue
from ..core.call import all_options
from ..vendors import find_vendors
from .options import resolve_settings

_VENDORS = find_vendors()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /_mock/vendors does.")
def vendors(as_json: bool) -> None:
    """List each operation, field, refusal and item error with its source, and each assumed rule with its choice."""
    document = catalogue(_VENDORS, resolve_settings(all_options(_VENDORS), {}, None))
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    for vendor in document["vendors"]:
        click.echo(f"{vendor['title']} ({', '.join(vendor['hosts'])}; header {vendor['key_header']})")
        for line in _lines(vendor):
            click.echo(f"  {line}")


def _lines(vendor: dict[str, Any]) -> Iterator[str]:
    for row in vendor["operations"]:
        yield from _row_lines(f"{row['method']:6} {row['path']:48} {row['name']}", row)
        for field in (field for field in vendor["fields"] if field["operation"] == row["name"]):
            yield from map("  {}".format, _row_lines(f"{field['in']:7} {field['path']}: {field['rule']}", field))
    for row in vendor["refusals"]:
        yield from _row_lines(f"{row['status']}    {row['kind']:18} {row['message']}", row)
    for row in vendor["item_errors"]:
        yield from _row_lines(f"{row['code']}   {row['kind']:18} {row['message']}", row)
    for row in vendor["assumptions"]:
        yield f"assumed {row['name']}: {row['choice']}"
        change = f"{row['setting']} {'|'.join(row['choices'] or ())}".rstrip() if row["setting"] else "no setting"
        yield f"       {row['rule']} Why: {row['reason']}. Changed by: {change}"


def _row_lines(line: str, row: dict[str, Any]) -> Iterator[str]:
    yield line
    examples, more = row["examples"][:2], len(row["examples"]) - 2
    examples_text = ", ".join(examples) + (f" and {more} more" if more > 0 else "")
    # A source that begins with its own mark need not say it twice.
    source = row["source"] if row["source"].startswith(row["mark"]) else f"{row['mark']}: {row['source']}"
    yield f"       {source}{f'; proved by {examples_text}' if examples_text else ''}"
