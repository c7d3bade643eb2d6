"""The page of the vendors' operations, generated from the same tables as ``segment-mock vendors``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from segment_mock.catalogue import catalogue
from segment_mock.core import Json, all_options
from segment_mock.example_calls import MOMENT, example_call
from segment_mock.operation_reference import (
    ReferenceTable,
    Sources,
    assumptions_table,
    error_tables,
    example_intro,
    operation_paths,
    operation_row,
    operation_tables,
    operations_table,
    source_words,
    vendor_facts,
)
from segment_mock.vendors import find_vendors
from tests.docs_site.reference.markdown import block, code, page, prose, table

_INTRO = """\
Each operation that the mock answers: request, response, errors, assumptions, and a call to try. `segment-mock vendors`
prints the same in a terminal, for instance `segment-mock vendors salsa upsert_segments`; with `--json` it is for
programs. [OpenAPI](openapi.md) has it for tools.

A field may be left out unless it is required. `[]` in a field's path means each item of a list. A number in brackets
refers to the source below the tables: *documented* by the vendor, *recorded* from a real system, or *assumed* by this
project. [Fidelity](../explanation/fidelity.md) explains these words. Responses also have [headers of the
mock](headers.md).

Run an example in two terminals, with the server in the first. Times in the responses below are those of a clock frozen
at {moment}; everything else, ids included, is as printed.
"""


def operations_page() -> str:
    """Return the page as Markdown."""
    vendors = find_vendors()
    settings = {row.name: row.initial for row in all_options(vendors)}
    parts = [part for vendor in catalogue(vendors, settings)["vendors"] for part in _vendor(vendor)]
    return page("Operations", _INTRO.format(moment=f"`{MOMENT}`"), *parts)


def _vendor(vendor: Json) -> Iterator[str]:
    yield f"## {vendor['title']}"
    yield table(
        ("every call", "description"), [(label.lower(), _fact(label, text)) for label, text in vendor_facts(vendor)]
    )
    operation_rows = operations_table(vendor)
    links = [
        (code(method), _base_path(path), f"[`{name}`](#{vendor['name']}{name})", prose(does))
        for method, path, name, does in operation_rows.rows
    ]
    yield table(operation_rows.columns, links)
    for name in dict.fromkeys(row["name"] for row in vendor["operations"]):
        yield from _operation(vendor, name)
    sources = Sources()
    yield f"### Errors of {vendor['title']}"
    tables = [*error_tables(vendor, sources, (row["kind"] for row in vendor["refusals"]), with_items=True)]
    yield from _tables([*tables, sources.table()])
    yield f"### Assumptions of {vendor['title']}"
    yield from _tables([assumptions_table(vendor)], with_titles=False)


def _operation(vendor: Json, name: str) -> Iterator[str]:
    row = operation_row(vendor, name)
    yield f"### `{name}`"
    yield prose(row["summary"])
    yield block("\n".join(f"{method} {path}" for method, path in operation_paths(vendor, name)), "http")
    words = source_words(row)
    yield f"{words[0].upper()}{words[1:]}."
    yield from _tables(operation_tables(vendor, name))
    example = example_call(name)
    if example is None:
        return
    yield f"**Example.** {example_intro(example)}"
    if example.data:
        yield f"`data.json`:\n\n{block(example.data, 'json')}"
    yield block(f"{example.serve}\n{example.command}", "sh")
    yield f"The response, with status {example.status}:\n\n{block(example.response, 'json')}"


def _tables(tables: Iterator[ReferenceTable] | list[ReferenceTable], *, with_titles: bool = True) -> Iterator[str]:
    for one in tables:
        if one.rows:
            literal = [number in one.literals and name != "type" for number, name in enumerate(one.columns)]
            rows = [
                [_cell(cell, is_literal=is_literal) for cell, is_literal in zip(row, literal, strict=True)]
                for row in one.rows
            ]
            yield (f"**{one.title}**\n\n" if with_titles else "") + table(one.columns, rows)


def _cell(text: str, *, is_literal: bool) -> str:
    """Return *text* as inline code, or with escaped markup."""
    return code(text) if is_literal and " " not in text else re.sub(r"([*_<>])", r"\\\1", text)


def _fact(label: str, text: str) -> str:
    if label in ("Hosts", "Base path"):
        return ", ".join(map(code, text.split(", ")))
    return re.sub(r"^header (\S+)$", r"header `\1`", text)


def _base_path(path: str) -> str:
    return code(path) if path.startswith("/") else path
