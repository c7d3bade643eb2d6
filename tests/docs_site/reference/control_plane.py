"""The page of the control plane, generated from its OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from segment_mock.emulator import Emulator
from segment_mock.web.admin import all_views
from segment_mock.web.openapi import control_document
from tests.docs_site.reference.markdown import code, page, prose, table

_INTRO = """\
Everything under `/_mock` belongs to the mock itself; the vendors' APIs have none of it. `GET /_mock/openapi.json` and
`segment-mock openapi mock` give the same as an OpenAPI document, and `/_mock/docs` lets you try each call. From
Python use [`segment_mock.connect`](python.md#connect), from the shell the [commands](cli.md) with `--url`.

A server with an admin token requires `Authorization: Bearer TOKEN`, and answers 401 without it. It answers 403 to a
page of another site, and, without an admin token, to a `Host` that is not this machine. [Security
model](../explanation/security.md#who-may-call) gives the reasons. An error is
[problem+json](https://www.rfc-editor.org/rfc/rfc9457): `detail` says what is wrong, and `hint` what to do.
"""
_FEW = 8
_METHODS = ("get", "put", "post", "delete")


def control_plane_document() -> dict[str, Any]:
    """Return the OpenAPI document of a mock with the default settings."""
    return control_document(all_views(), Emulator({}))


def control_plane_page() -> str:
    """Return the page as Markdown."""
    document = control_plane_document()
    views = {view.name: view for view in all_views()}
    rows, parts = [], []
    for path, item in document["paths"].items():
        for method in filter(item.__contains__, _METHODS):
            operation = item[method]
            view = views[operation["operationId"]]
            name = f"{method.upper()} {path}"
            rows.append((f"[`{name}`](#{_anchor(name)})", prose(operation["summary"])))
            parts += [f"## `{name}`", prose(view.function.__doc__), *_operation(operation, public=view.public)]
    schemas = document["components"]["schemas"]
    parts.append("## Objects\n\nThe schemas that bodies and responses refer to. `?` marks a member that may be absent.")
    parts += [part for name in sorted(schemas) for part in _object(name, schemas[name])]
    return page("Control plane", _INTRO, table(("call", "does"), rows), *parts)


def _anchor(name: str) -> str:
    """Return the anchor that code hosts and the site generate for a heading."""
    return re.sub(r"[^\w\s-]", "", name.lower()).replace(" ", "-")


def _operation(operation: dict[str, Any], *, public: bool) -> Iterator[str]:
    parameters = operation["parameters"]
    if parameters:
        rows = [(code(row["name"]), row["in"], _parameter(row["schema"]), row["description"]) for row in parameters]
        yield table(("parameter", "in", "takes", "description"), rows)
    facts, refusals = [], []
    if "requestBody" in operation:
        facts.append(("body", describe_schema(operation["requestBody"]["content"]["application/json"]["schema"])))
    for status, response in operation["responses"].items():
        ((kind, content),) = response["content"].items()
        if int(status) >= HTTPStatus.BAD_REQUEST:
            refusals.append(status)
            continue
        phrase = HTTPStatus(int(status)).phrase
        facts.append(
            (f"{status} {phrase}", describe_schema(content["schema"]) if kind.endswith("json") else f"`{kind}`")
        )
    facts.append((", ".join(refusals), "[Problem](#problem)"))
    yield table(("body, status", "description"), facts)
    if public:
        yield "Needs no admin token, and answers to any `Host`."


def _parameter(schema: dict[str, Any]) -> str:
    """Return a description of the values of a parameter; for a long list of names, one name as an example."""
    names = schema.get("enum", ())
    return f"a name such as {code(names[0])}" if len(names) > _FEW else describe_schema(schema)


def _object(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### {name}"
    if schema.get("description"):
        yield prose(schema["description"])
    if "properties" not in schema:
        yield f"{describe_schema(schema)}."
        return
    required = schema.get("required", ())
    rows = [
        (code(member) + ("" if member in required else "?"), describe_schema(row), _about(row))
        for member, row in schema["properties"].items()
    ]
    with_words = any(about for *_, about in rows)
    yield table(
        ("member", "takes", "description")[: 3 if with_words else 2], [row[: 3 if with_words else 2] for row in rows]
    )


def _about(schema: dict[str, Any]) -> str:
    about = prose(schema.get("description", ""))
    if schema.get("default") not in (None, ""):
        about += f" Default: `{json.dumps(schema['default'])}`."
    return about.strip()


def describe_schema(schema: dict[str, Any]) -> str:
    """Return a description of a JSON Schema in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "enum" in schema:
        words = [code(value if isinstance(value, str) else json.dumps(value)) for value in schema["enum"]]
        return " or ".join(words) if len(words) <= _FEW else "one of " + "; ".join(words)
    if "anyOf" in schema:
        words = [*dict.fromkeys(map(describe_schema, schema["anyOf"]))]
        return " or ".join(words) if len(words) <= _FEW else "one of " + "; ".join(words)
    kinds = schema.get("type", "anything")
    if isinstance(kinds, list):
        return " or ".join(describe_schema({**schema, "type": kind}) for kind in kinds)
    if kinds == "array":
        items = schema.get("items") or {}
        return f"a list of {describe_schema(items)}" if items else "a list"
    if kinds == "object" and schema.get("properties"):
        members = ", ".join(f"`{name}` {describe_schema(row)}" for name, row in schema["properties"].items())
        return f"an object: {members}"
    word = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
            "object": "an object", "null": "null"}.get(kinds, kinds)  # fmt: skip
    form = {"date-time": "a time as ISO 8601"}.get(schema.get("format", ""), word)
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = [f"from {low}"] * (low is not None) + [f"to {high}"] * (high is not None)
    return " ".join([form, *bounds])
