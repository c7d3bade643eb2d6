"""The catalogue: everything that is emulated, with its source and the examples that show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from .core import Json, Operation, Vendor, doubt, fields_of, mark, rule_of, source_of
from .examples import ShippedExample, path_of, shipped_examples
from .persistence import public_url

_SECRETS = ("token", "key")


def catalogue(vendors: Iterable[Vendor], settings: Mapping[str, Any]) -> Json:
    """Return each vendor's operations, field rules, refusals and limits, and the settings in force.

    Each row has its ``source``, its ``mark``, the part of it that is ``assumed``, and the ``examples`` that show it.
    Each of a vendor's ``assumptions`` has the ``choice`` in force and the ``setting`` that changes it, if any.
    """
    known = shipped_examples()
    return {"vendors": [_vendor(vendor, settings, known) for vendor in vendors], "settings": public_settings(settings)}


def public_settings(settings: Mapping[str, Any]) -> Json:
    """Return *settings* without data, faults, stubs and scenarios.

    A list of credentials is replaced by their number, a token by its length.
    """
    return {
        name: len(value) if name.endswith(_SECRETS) and value else public_url(value) if name == "store" else value
        for name, value in settings.items()
        if name not in ("data", "faults", "stubs", "scenarios")
    }


def _vendor(vendor: Vendor, settings: Mapping[str, Any], known: list[ShippedExample]) -> Json:
    return {
        "name": vendor.name,
        "title": vendor.title,
        "hosts": vendor.hosts,
        "key_header": vendor.key_header,
        "operations": [*_operations(vendor, settings.get(f"{vendor.name}_path", vendor.root), known)],
        "fields": [row for operation in vendor.operations for row in _fields(vendor, operation, known)],
        "refusals": [*_refusals(vendor, known)],
        "item_errors": [*_item_errors(vendor, known)],
        "assumptions": [*_assumptions(vendor, settings)],
        "limits": {**asdict(vendor.limits), **_provenance(vendor.limits.source)},
    }


def _operations(vendor: Vendor, root: str, known: list[ShippedExample]) -> Iterator[Json]:
    for row in vendor.operations:
        name = f"{vendor.name}.{row.name}"
        examples = [proof.name for proof in known if proof.operation == name]
        for path in row.paths:
            place = {"name": name, "method": row.method, "path": root + path}
            yield {**place, **_provenance(row.source), "examples": examples}


def _fields(vendor: Vendor, operation: Operation, known: list[ShippedExample]) -> Iterator[Json]:
    name = f"{vendor.name}.{operation.name}"
    own_examples = [proof for proof in known if proof.operation == name]
    for side, schema in (("request", operation.request), ("reply", operation.response)):
        for steps, row in fields_of(schema) if schema else ():
            path = path_of(steps)
            examples = [proof.name for proof in own_examples if path in getattr(proof, side)]
            field = {"operation": name, "in": side, "path": path, "rule": rule_of(row)}
            yield {**field, **_provenance(source_of(row)), "examples": examples}


def _refusals(vendor: Vendor, known: list[ShippedExample]) -> Iterator[Json]:
    for kind, row in vendor.refusals.items():
        examples = [proof.name for proof in known if proof.refuses(vendor.name, kind, row)]
        refusal = {"kind": kind, "status": row.status, "message": row.message}
        yield {**refusal, **_provenance(row.source), "examples": examples}


def _item_errors(vendor: Vendor, known: list[ShippedExample]) -> Iterator[Json]:
    for kind, row in vendor.item_errors.items():
        word = f'"code": {row.code},'
        examples = [proof.name for proof in known if word in str(proof.document["response"]).replace("'", '"')]
        yield {"kind": kind, "code": row.code, "message": row.message, **_provenance(row.source), "examples": examples}


def _assumptions(vendor: Vendor, settings: Mapping[str, Any]) -> Iterator[Json]:
    options = {option.name: option for option in vendor.options}
    for name, row in vendor.assumptions.items():
        choice, setting, choices = str(row.value), None, None
        if row.setting:
            option = replace(options[row.setting], name=f"{vendor.name}_{row.setting}")
            choice, setting, choices = settings.get(option.name, option.initial), option.flag, option.choices
        yield {
            "name": name, "rule": row.rule, "choice": choice, "setting": setting, "choices": choices,
            "reason": row.reason,
        }  # fmt: skip


def _provenance(source: str) -> Json:
    return {"source": source, "mark": mark(source), "assumed": doubt(source)}
