"""The page of data files and other files that users write, with their JSON Schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from segment_mock.emulator import Emulator
from segment_mock.vendors import find_vendors
from segment_mock.web.openapi import FILES as _SCHEMAS
from segment_mock.web.openapi import file_schema
from tests.docs_site.reference.control_plane import describe_schema
from tests.docs_site.reference.markdown import as_json, code, page, prose, table

FILES = tuple(_SCHEMAS)
_INTRO = """\
A data file has the records that a mock starts with, in YAML or JSON. `--data FILE`, `SegmentMock(data=...)` and the
marker take it; in Python it may be a dictionary of the same form. The lists of several files are joined.
`segment-mock state export` and `GET /_mock/state` return the records of a running server in this form, and
`PUT /_mock/state` takes it.

```yaml
salsa:
  segments:
    - {name: Volunteers, externalSystemId: "35468"}
  supporters:
    - {firstName: Ada, contacts: [{type: EMAIL, value: ada@example.org}]}
  members:
    - {segment: Volunteers, supporters: [ada@example.org]}
segmenter:
  segments:
    - {name: Gold customers, persons: [{externalId: "7", email: ben@example.org}]}
```

Names are those of the vendor's API. The mock chooses an id or a date that you omit, the same in every run. An
unknown vendor, table or member is refused with its place and the nearest known name. YAML is read as JSON would be: a
date is text, and so is `1:30`.

Two records of a table can't share an id. Two groups of Salsa can share a name. The API refuses to add the second of
them, but the user interface does not: one recorded organization has two groups called "Volunteer". In `members`, name
such a group by its id.
"""
_EDITORS = """\
## Completion and checks

There is a JSON Schema for each kind of file. Save the one you need, and name it in the first line of the file:

```sh
segment-mock schema data > data.schema.json
```

```yaml
# yaml-language-server: $schema=data.schema.json
```

Editors with the YAML language server (VS Code, Neovim, IntelliJ, Emacs) then complete the names and mark what is wrong.
A JSON file names its schema in a member `$schema`, which the mock skips. In CI, `check-jsonschema --schemafile
data.schema.json FILE` checks the files. A vendor of another package is part of the schemas where it is installed.
"""
_KINDS = {
    "data": "records: `--data`, as above",
    "faults": "rules to arm: `--faults` ([Faults](faults.md#as-json))",
    "scenarios": "rules with a name: `--scenarios` ([Scenarios](scenarios.md#your-own))",
    "stubs": "stubs, which are fixed responses: `--stubs` ([Testing](../how-to/pytest.md#what-the-emulator-lacks))",
    "settings": "`segment-mock.yaml` and `[tool.segment-mock]` ([Settings](settings.md))",
}


def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file, for the shipped vendors."""
    schema: dict[str, Any] = file_schema(name, Emulator({}))
    return schema


def schema_text(name: str) -> str:
    """Return the JSON Schema of a kind of file, as the content of a file."""
    return json.dumps(schema_of(name), indent=1) + "\n"


def data_files_page() -> str:
    """Return the page as Markdown."""
    kinds = table(
        ("file", "schema", "from the shell", "from a server"),
        [
            (
                about,
                f"[{name}.json](schemas/{name}.json)",
                f"`segment-mock schema {name}`",
                f"`/_mock/schemas/{name}.json`",
            )
            for name, about in _KINDS.items()
        ],
    )
    parts: list[str] = []
    data = schema_of("data")["properties"]
    for vendor in find_vendors():
        parts.append(f"## Rows of {vendor.title}")
        for name, rows in data[vendor.name]["properties"].items():
            parts += _rows(f"{vendor.name}.{name}", rows["items"])
    return page("Data files", _INTRO, _EDITORS, kinds, *parts)


def _rows(name: str, row: dict[str, Any], level: int = 3) -> Iterator[str]:
    yield f"{'#' * level} `{name}`"
    if row.get("description"):
        yield prose(row["description"])
    required = row.get("required", ())
    nested: list[tuple[str, dict[str, Any]]] = []
    lines = []
    for member, schema in row["properties"].items():
        inner = _inner(schema)
        if inner:
            nested.append((f"{name}.{member}", inner))
        words = _words(schema) if not inner else "an object" if inner is schema else "a list of objects"
        lines.append((code(member), words, "yes" if member in required else "", as_json(schema.get("default"))))
    yield table(("member", "takes", "required", "default"), lines)
    for rule in row.get("allOf", ()):
        names = [code(one) for option in rule.get("anyOf", ()) for one in option.get("required", ())]
        if names:
            yield f"One of {', '.join(names)} is required."
    for place, inner in nested:
        yield from _rows(place, inner, level + 1)


def _words(schema: dict[str, Any]) -> str:
    kinds = [row.get("type") for row in schema.get("anyOf", ())]
    if kinds[:2] == ["boolean", "integer"]:
        return "true or false"
    text = describe_schema({**schema, "minimum": None}) if schema else "anything"
    longest, pattern = schema.get("maxLength"), schema.get("pattern", "")
    if "{8}" in pattern:
        return "an id of Salsa: 36 characters"
    return f"{text} of at most {longest} characters" if longest else text


def _inner(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object, or of the items of a list of objects; ``{}`` for any other schema."""
    if schema.get("properties"):
        return schema
    items = schema.get("items") or {}
    return items if items.get("properties") else {}
