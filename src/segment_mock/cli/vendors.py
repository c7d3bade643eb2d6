"""``segment-mock vendors``: the vendors and their operations, with the source of each rule."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click

from ..catalogue import catalogue
from ..core import Json, Vendor
from ..core.call import all_options
from ..example_calls import example_call
from ..operation_reference import (
    ReferenceTable,
    Sources,
    assumptions_table,
    error_tables,
    example_intro,
    operation_paths,
    operation_row,
    operation_tables,
    operations_table,
    plain,
    source_words,
    vendor_facts,
)
from ..settings import suggestion
from ..vendors import find_vendors
from .completion import of, operations
from .completion import vendors as known_vendors
from .options import resolve_settings
from .tables import print_table
from .terminal import echo

_VENDORS = find_vendors()


def _names() -> dict[str, str]:
    return {**known_vendors(), **operations()}


def _short_names() -> dict[str, str]:
    return {name.partition(".")[2]: about for name, about in operations().items()}


@click.command()
@click.argument("name", required=False, shell_complete=of(_names))
@click.argument("operation", required=False, shell_complete=of(_short_names))
@click.option("--errors", is_flag=True, help="List each error of a vendor, with its source.")
@click.option("--assumptions", is_flag=True, help="List each rule that no source states, with the choice in force.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /_mock/vendors does.")
def vendors(name: str | None, operation: str | None, *, errors: bool, assumptions: bool, as_json: bool) -> None:
    """List the vendors and their operations, or describe one operation.

    NAME limits the list to one vendor. With OPERATION, or with a NAME such as salsa.upsert_segments, the command
    prints the fields, errors and assumptions of that operation, their sources, and an example to run.
    """
    vendor, row = _selection(name, operation)
    selection = [*_VENDORS] if vendor is None else [vendor]
    document = catalogue(selection, resolve_settings(all_options(_VENDORS), {}, None))
    if row:
        if errors or assumptions:
            flag = "--errors" if errors else "--assumptions"
            raise click.UsageError(
                f"{flag}: expected a vendor, got the operation {row!r}, whose errors and assumptions are always shown"
            )
        _keep_operation(document["vendors"][0], row)
    if as_json:
        click.echo(json.dumps(document, indent=2))
    elif row:
        _print_operation(document["vendors"][0], row)
    else:
        for number, each in enumerate(document["vendors"]):
            click.echo("\n" * bool(number), nl=False)
            _print_vendor(each, errors=errors, assumptions=assumptions)


def _selection(name: str | None, operation: str | None) -> tuple[Vendor | None, str]:
    """Return the vendor that *name* selects, if any, and the full name of the operation, ``""`` for none."""
    if name is None:
        return None, ""
    for vendor in _VENDORS:
        if name == vendor.name:
            return vendor, _operation_of(vendor, operation) if operation else ""
        for row in vendor.operations:
            if name in (row.name, f"{vendor.name}.{row.name}"):
                if operation:
                    raise click.UsageError(f"unexpected {operation!r}: {name!r} is an operation already")
                return vendor, f"{vendor.name}.{row.name}"
    names = [*_names(), *(row.name for vendor in _VENDORS for row in vendor.operations)]
    raise click.UsageError(
        f"unknown vendor or operation {name!r}{suggestion(name, names)}; expected one of {', '.join(_names())}"
    )


def _operation_of(vendor: Vendor, name: str) -> str:
    names = [row.name for row in vendor.operations]
    short = name.removeprefix(f"{vendor.name}.")
    if short not in names:
        raise click.UsageError(
            f"unknown operation {name!r} of {vendor.name}{suggestion(short, names)}; expected one of {', '.join(names)}"
        )
    return f"{vendor.name}.{short}"


def _keep_operation(vendor: Json, name: str) -> None:
    """Remove from *vendor* what is not about the operation *name*."""
    row = operation_row(vendor, name)
    vendor["operations"] = [item for item in vendor["operations"] if item["name"] == name]
    for part in ("fields", "rules"):
        vendor[part] = [item for item in vendor[part] if item["operation"] == name]
    vendor["refusals"] = [item for item in vendor["refusals"] if item["kind"] in row["refusals"]]
    vendor["item_errors"] = vendor["item_errors"] if row["has_item_errors"] else []
    vendor["assumptions"] = [item for item in vendor["assumptions"] if item["name"] in row["assumptions"]]


def _print_vendor(vendor: Json, *, errors: bool, assumptions: bool) -> None:
    echo(f"{click.style(vendor['title'], bold=True)} ({vendor['name']})")
    if errors:
        sources = Sources()
        tables = [*error_tables(vendor, sources, (row["kind"] for row in vendor["refusals"]), with_items=True)]
        _print_tables([*tables, sources.table()])
    if assumptions:
        _print_tables([assumptions_table(vendor)])
    if errors or assumptions:
        return
    for label, text in vendor_facts(vendor):
        click.echo(f"  {label + ':':12}{text}")
    _print_tables([operations_table(vendor)])
    command = f"segment-mock vendors {vendor['name']}"
    click.echo(f"\n{command} OPERATION shows one in full; --errors and --assumptions list those of {vendor['name']}.")


def _print_operation(vendor: Json, name: str) -> None:
    row = operation_row(vendor, name)
    echo(f"{click.style(name, bold=True)}: {plain(row['summary'])}\n")
    for method, path in operation_paths(vendor, name):
        click.echo(f"  {method} {path}")
    click.echo(f"  {source_words(row)}")
    _print_tables(operation_tables(vendor, name))
    example = example_call(name)
    if example is None:
        return
    echo(f"\n{click.style('Example', bold=True)}: {example_intro(example)}")
    if example.data:
        click.echo(f"\ndata.json:\n\n{_indented(example.data)}")
    click.echo(f"\n{_indented(f'$ {example.serve}')}\n{_indented(f'$ {example.command}')}")
    click.echo(f"\nResponse, status {example.status}:\n\n{_indented(example.response)}")


def _print_tables(tables: Iterable[ReferenceTable]) -> None:
    for table in tables:
        if table.rows:
            echo(f"\n{click.style(table.title, bold=True)}:")
            rows = [(_nested(row[0]), *row[1:]) for row in table.rows] if table.columns[0] == "field" else table.rows
            print_table(table.columns, rows, literals=table.literals)


def _nested(path: str) -> str:
    """Return the last step of *path*, indented by its depth, so that the fields look like a tree."""
    *places, name = path.split(".")
    return "  " * len(places) + name


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
