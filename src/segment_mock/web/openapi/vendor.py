"""The OpenAPI document of a vendor, from its operations and schemas, with the emulator's responses to the examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from http import HTTPStatus
from string import Formatter
from typing import Any

from apispec import APISpec

from ...catalogue import may_refuse, summary_of
from ...core import ErrorTemplate, Json, Operation, Vendor
from ...example_calls import response_body_of
from ...examples import ShippedExample, shipped_examples
from .schemas import new_spec, one_type_enums, source_words

_JSON = "application/json"
_HEADERS = {
    "X-Segment-Mock-Assumed": {
        "description": "The assumptions (neither documented nor recorded) that the response relies on.",
        "schema": {"type": "string"},
    },
    "X-Segment-Mock-Fault": {
        "description": "The injected faults that struck the call: the id and kind of each rule.",
        "schema": {"type": "string"},
    },
    "X-Segment-Mock-Hint": {
        "description": "A hint of the mock for the developer; no vendor sends it.",
        "schema": {"type": "string"},
    },
}
_ALLOW = {"description": "The methods of this path.", "schema": {"type": "string"}}


def vendor_document(vendor: Vendor, settings: Mapping[str, Any]) -> Json:
    """Return the OpenAPI document of *vendor* with its current *settings*."""
    document = new_spec(
        vendor.title,
        info={"description": _description(vendor), **_extensions(vendor)},
        servers=[{"url": "/", "description": "this mock"}, *_hosts(vendor)],
        security=[{"key": []}] if vendor.key_header else [],
        tags=[{"name": vendor.name}],
    )
    if vendor.key_header:
        document.components.security_scheme("key", {"type": "apiKey", "in": "header", "name": vendor.key_header})
    examples, limited = shipped_examples(), settings.get("limits", "vendor") == "vendor"
    root = settings.get(f"{vendor.name}_path", vendor.root)
    for operation in vendor.operations:
        own_examples = [example for example in examples if example.operation == f"{vendor.name}.{operation.name}"]
        for path in operation.paths:
            row = _Row(vendor, operation, path, own_examples, limited)
            operations = {operation.method.lower(): row.operation_object()}
            document.path(root + path, operations=operations, parameters=[*row.parameters()])
    schema: Json = one_type_enums(_bounded(document, vendor, limited))
    return schema


class _Row:
    """One path of one *operation*, and the *examples* of the operation."""

    def __init__(
        self, vendor: Vendor, operation: Operation, path: str, examples: list[ShippedExample], limited: bool
    ) -> None:
        self.vendor, self.operation, self.path, self.examples = vendor, operation, path, examples
        self.limited = limited
        self.arguments = _arguments(path)
        self.others = {name for other in operation.paths for name in _arguments(other)} - self.arguments

    def operation_object(self) -> Json:
        """Return the operation object; each path after the first has its own operationId."""
        name = self.operation.name
        if self.path != self.operation.paths[0]:
            name += "_by_" + "_and_".join(sorted(self.arguments))
        row = {
            "operationId": name,
            "tags": [self.vendor.name],
            "summary": summary_of(self.operation),
            **source_words(self.operation.source),
        }
        if self.operation.request is not None:
            row["requestBody"] = {"required": True, "content": {_JSON: self._body()}}
        return {**row, "responses": self._responses()}

    def parameters(self) -> Iterator[Json]:
        """Yield the parameters of the path."""
        for name in sorted(self.arguments):
            yield {"in": "path", "name": name, "required": True, "schema": {"type": "string", "minLength": 1}}

    def _body(self) -> Json:
        schema = self.operation.request
        assert schema is not None
        if self.arguments:
            # The id is in the path; if the body had it too, both would have to be equal.
            return {"schema": type(schema)(exclude=tuple(self.arguments & schema.fields.keys()))}
        in_other_paths = [{"required": sorted(self.others)}] if self.others else []
        body: Json = {"schema": {"allOf": [schema, *in_other_paths]} if in_other_paths else schema}
        return body | _examples(sent_bodies(self.examples))

    def _responses(self) -> Json:
        success = {"description": "Performed; each item of a batch has its own result.", "headers": _HEADERS}
        content: Json = _examples(response_bodies(self.examples, 200))
        if self.operation.response is not None:
            content["schema"] = self.operation.response
        responses: Json = {"200": {**success, "content": {_JSON: content}}}
        for status, kinds in sorted(self._refusals().items()):
            responses[str(status)] = self._refused(status, kinds)
        return responses

    def _refusals(self) -> dict[int, dict[str, ErrorTemplate]]:
        by_status: dict[int, dict[str, ErrorTemplate]] = defaultdict(dict)
        for kind, row in self.vendor.refusals.items():
            if may_refuse(self.vendor, self.operation, kind, limited=self.limited):
                by_status[row.status][kind] = row
        return by_status

    def _refused(self, status: int, kinds: Mapping[str, ErrorTemplate]) -> Json:
        schemas = {id(schema): schema for kind in kinds if (schema := self.vendor.error_schemas.get(kind))}
        content: Json = _examples(response_bodies(self.examples, status))
        if schemas:
            content["schema"] = next(iter(schemas.values())) if len(schemas) == 1 else {"anyOf": [*schemas.values()]}
        rows = [{"kind": kind, "message": row.message, **source_words(row.source)} for kind, row in kinds.items()]
        headers = _HEADERS | ({"Allow": _ALLOW} if status == HTTPStatus.METHOD_NOT_ALLOWED else {})
        description = "; ".join(row.message for row in kinds.values())
        return {"description": description, "headers": headers, "x-refusals": rows, "content": {_JSON: content}}


# The shipped examples.


def sent_bodies(examples: Iterable[ShippedExample]) -> Json:
    """Return the request bodies of the examples with status 200, by name, as OpenAPI examples."""
    return {
        _key(example): _example_object(example, example.document["request"]["body"])
        for example in examples
        if example.status == 200 and "body" in example.document["request"]
    }


def response_bodies(examples: Iterable[ShippedExample], status: int) -> Json:
    """Return the whole bodies of the responses with this *status*, by name, as OpenAPI examples."""
    return {
        _key(example): _example_object(example, response_body_of(example))
        for example in examples
        if example.status == status
    }


def _key(example: ShippedExample) -> str:
    return example.name.rpartition("/")[2]


def _example_object(example: ShippedExample, body: Json) -> Json:
    return {
        "summary": example.document["title"],
        "value": body,
        "x-source": example.document["source"],
        "x-mark": example.document["mark"],
    }


def _examples(examples: Json) -> Json:
    return {"examples": examples} if examples else {}


# The vendor's limits, hosts and item errors.


def _bounded(document: APISpec, vendor: Vendor, limited: bool) -> Json:
    """Return *document* with the vendor's batch limit at each member that the limit measures."""
    bounded: Json = document.to_dict()
    for operation in vendor.operations:
        for name in operation.sized if limited and vendor.limits.items is not None else ():
            _bound(bounded["components"]["schemas"], type(operation.request).__name__, name, vendor.limits.items)
    return bounded


def _bound(schemas: Json, body: str, name: str, limit: int | None) -> None:
    """Set the *limit* of the member *name* of a body, or of the object in the vendor's envelope."""
    properties = schemas[body]["properties"]
    if name not in properties:
        inner = [schemas[row["$ref"].rpartition("/")[2]]["properties"] for row in properties.values() if "$ref" in row]
        properties = next(row for row in inner if name in row)
    member = properties[name]
    member["maxItems" if "array" in member.get("type", "") else "maximum"] = limit


def _arguments(path: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(path) if name}


def _hosts(vendor: Vendor) -> list[Json]:
    return [{"url": f"https://{host}"} for host in vendor.hosts if "*" not in host]


def _extensions(vendor: Vendor) -> Json:
    errors = [
        {"kind": kind, "code": row.code, "message": row.message, **source_words(row.source)}
        for kind, row in vendor.item_errors.items()
    ]
    return {"x-limits": asdict(vendor.limits) | source_words(vendor.limits.source), "x-item-errors": errors}


def _description(vendor: Vendor) -> str:
    limits = vendor.limits
    bounds = (
        f"At most {limits.calls} calls in {limits.seconds:g} seconds and {limits.items} items a call. "
        if limits.calls
        else ""
    )
    return f"{vendor.title}, as segment-mock emulates it. {bounds}x-source names the source of each rule."
