"""One vendor's document, from its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from apispec import APISpec

from ...contract import Dress, Json, Operation, Vendor
from ...emulator import Proof, proofs
from ._examples import printed, sent
from ._spec import spec, word

_JSON = "application/json"
_ASSUMED = {
    "description": "What the answer relies on that nobody documents or has recorded.",
    "schema": {"type": "string"},
}
_HINT = {"description": "What the mock has to say to the developer; no vendor sends it.", "schema": {"type": "string"}}
_ALLOW = {"description": "The methods of this path.", "schema": {"type": "string"}}


def vendor_document(vendor: Vendor, settings: Mapping[str, Any]) -> Json:
    """Return the OpenAPI document of *vendor* under the *settings* in force."""
    scheme = {"type": "apiKey", "in": "header", "name": vendor.key_header}
    document = spec(
        vendor.title,
        info={"description": _about(vendor), **_extras(vendor)},
        servers=[{"url": "/", "description": "this mock"}, *_hosts(vendor)],
        security=[{"key": []}],
        tags=[{"name": vendor.name}],
    )
    document.components.security_scheme("key", scheme)
    known, limited = proofs(), settings.get("limits", "vendor") == "vendor"
    root = settings.get(f"{vendor.name}_path", vendor.root)
    for operation in vendor.operations:
        mine = [proof for proof in known if proof.operation == f"{vendor.name}.{operation.name}"]
        for number, path in enumerate(operation.paths):
            row = _Row(vendor, operation, path, mine, limited)
            told = {operation.method.lower(): row.told(number)}
            document.path(root + path, operations=told, parameters=[*row.parameters()])
    return _bounded(document, vendor, limited)


class _Row:
    """One path of one *operation*, and the examples that are *mine*."""

    def __init__(self, vendor: Vendor, operation: Operation, path: str, mine: list[Proof], limited: bool) -> None:
        self.vendor, self.operation, self.path, self.mine, self.limited = vendor, operation, path, mine, limited
        self.arguments = _arguments(path)
        self.others = {name for other in operation.paths for name in _arguments(other)} - self.arguments

    def told(self, number: int) -> Json:
        """Return the operation object; the paths after the first have an id of their own."""
        name = self.operation.name + (f"_{number + 1}" if number else "")
        about = (self.operation.perform.__doc__ or "").partition("\n")[0]
        told = {"operationId": name, "tags": [self.vendor.name], "summary": about, **word(self.operation.source)}
        if self.operation.request is not None:
            told["requestBody"] = {"required": True, "content": {_JSON: self._body()}}
        return {**told, "responses": self._responses()}

    def parameters(self) -> Iterator[Json]:
        """Yield what stands in the path's places."""
        for name in sorted(self.arguments):
            yield {"in": "path", "name": name, "required": True, "schema": {"type": "string", "minLength": 1}}

    def _body(self) -> Json:
        schema = self.operation.request
        assert schema is not None
        if self.arguments:
            # The id stands in the path; were it in the body too, both would have to be the same.
            return {"schema": type(schema)(exclude=tuple(self.arguments)), **self._examples({})}
        needed = [{"required": sorted(self.others)}] if self.others else []
        return {"schema": {"allOf": [schema, *needed]} if needed else schema, **self._examples(sent(self.mine))}

    def _examples(self, examples: Json) -> Json:
        return {"examples": examples} if examples else {}

    def _responses(self) -> Json:
        good = {"description": "Performed; each item of a batch tells its own result.", "headers": _headers()}
        content: Json = self._examples(printed(self.mine, 200))
        if self.operation.response is not None:
            content["schema"] = self.operation.response
        told: Json = {"200": {**good, "content": {_JSON: content}}}
        for status, kinds in sorted(self._refusals().items()):
            told[str(status)] = self._refused(status, kinds)
        return told

    def _refusals(self) -> dict[int, dict[str, Dress]]:
        found: dict[int, dict[str, Dress]] = defaultdict(dict)
        for kind, row in self.vendor.refusals.items():
            if self._may(kind):
                found[row.status][kind] = row
        return found

    def _may(self, kind: str) -> bool:
        limits, operation = self.vendor.limits, self.operation
        return {
            "unauthorized": bool(self.vendor.key_header),
            "throttled": self.limited and limits.calls is not None,
            "too_many_items": self.limited and limits.items is not None and bool(operation.sized),
            "malformed": operation.request is not None,
            "too_large": True,
            "broken": True,
        }.get(kind, kind in operation.refuses)

    def _refused(self, status: int, kinds: Mapping[str, Dress]) -> Json:
        schemas = {id(schema): schema for kind in kinds if (schema := self.vendor.complaints.get(kind))}
        content: Json = self._examples(printed(self.mine, status))
        if schemas:
            content["schema"] = next(iter(schemas.values())) if len(schemas) == 1 else {"anyOf": [*schemas.values()]}
        rows = [{"kind": kind, "message": row.message, **word(row.source)} for kind, row in kinds.items()]
        headers = _headers() | ({"Allow": _ALLOW} if status == HTTPStatus.METHOD_NOT_ALLOWED else {})
        about = "; ".join(row.message for row in kinds.values())
        return {"description": about, "headers": headers, "x-refusals": rows, "content": {_JSON: content}}


def _bounded(document: APISpec, vendor: Vendor, limited: bool) -> Json:
    """Return *document* with the vendor's limit of items at each member that it measures."""
    told: Json = document.to_dict()
    for operation in vendor.operations:
        for name in operation.sized if limited and vendor.limits.items is not None else ():
            _bound(told, type(operation.request).__name__, name, vendor.limits.items)
    return told


def _bound(told: Json, body: str, name: str, limit: int | None) -> None:
    schemas = told["components"]["schemas"]
    reference = schemas[body]["properties"]["payload"]["$ref"].rpartition("/")[2]
    row = schemas[reference]["properties"][name]
    row["maxItems" if "array" in row.get("type", "") else "maximum"] = limit


def _headers() -> Json:
    return {"X-Segment-Mock-Assumed": _ASSUMED, "X-Segment-Mock-Hint": _HINT}


def _arguments(path: str) -> set[str]:
    return {part[1:-1] for part in path.split("/") if part.startswith("{")}


def _hosts(vendor: Vendor) -> list[Json]:
    return [{"url": f"https://{host}"} for host in vendor.hosts if "*" not in host]


def _extras(vendor: Vendor) -> Json:
    errors = [
        {"kind": kind, "code": row.code, "message": row.message, **word(row.source)}
        for kind, row in vendor.item_errors.items()
    ]
    return {"x-limits": asdict(vendor.limits) | word(vendor.limits.source), "x-item-errors": errors}


def _about(vendor: Vendor) -> str:
    limits = vendor.limits
    told = (
        f"At most {limits.calls} calls in {limits.seconds:g} seconds and {limits.items} items a call. "
        if limits.calls
        else ""
    )
    return f"{vendor.title}, as segment-mock emulates it. {told}x-source tells on whose word each rule stands."
