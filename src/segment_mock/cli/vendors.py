"""``segment-mock vendors``: list what is emulated, with its source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from ..catalogue import catalogue
from ..core import Vendor
from ..core.call import all_options
from ..settings import suggestion
from ..vendors import find_vendors
from .completion import of, operations
from .completion import vendors as known_vendors
from .options import resolve_settings

_VENDORS = find_vendors()


def _names() -> dict[str, str]:
    return {**known_vendors(), **operations()}


@click.command()
@click.argument("name", required=False, shell_complete=of(_names))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /_mock/vendors does.")
def vendors(name: str | None, as_json: bool) -> None:
    """List what is emulated, with its source.

    That is each operation, field, refusal and item error, and each assumed rule with its choice. NAME is a vendor or an
    operation, such as salsa or salsa.upsert_segments. Without NAME, everything is listed.
    """
    chosen, operation = _chosen(name)
    document = catalogue(chosen, resolve_settings(all_options(_VENDORS), {}, None))
    if operation:
        for vendor in document["vendors"]:
            rows = [row for row in vendor["operations"] if row["name"] == operation]
            fields = [row for row in vendor["fields"] if row["operation"] == operation]
            vendor.update(operations=rows, fields=fields, refusals=[], item_errors=[], assumptions=[])
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    for vendor in document["vendors"]:
        click.echo(f"{vendor['title']} ({', '.join(vendor['hosts'])}; header {vendor['key_header']})")
        for line in _lines(vendor):
            click.echo(f"  {line}")


def _chosen(name: str | None) -> tuple[list[Vendor], str]:
    """Return the vendors that *name* selects, and the full name of the operation if *name* is one."""
    if name is None:
        return [*_VENDORS], ""
    for vendor in _VENDORS:
        if name == vendor.name:
            return [vendor], ""
        for row in vendor.operations:
            if name in (row.name, f"{vendor.name}.{row.name}"):
                return [vendor], f"{vendor.name}.{row.name}"
    known = [*_names(), *(row.name for vendor in _VENDORS for row in vendor.operations)]
    raise click.UsageError(
        f"unknown vendor or operation {name!r}{suggestion(name, known)}; expected one of {', '.join(_names())}"
    )


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
    # Do not repeat the mark if the source begins with it.
    source = row["source"] if row["source"].startswith(row["mark"]) else f"{row['mark']}: {row['source']}"
    yield f"       {source}{f'; proved by {examples_text}' if examples_text else ''}"
