"""The catalogue: everything that is emulated, with its source and the examples that show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from .core import (
    ItemList,
    Json,
    Operation,
    Vendor,
    doubt,
    fields_of,
    limits_of,
    mark,
    rule_of,
    rules_of,
    source_of,
    type_of,
)
from .examples import ShippedExample, path_of, shipped_examples
from .persistence import public_url

_SECRETS = ("token", "key")


def catalogue(vendors: Iterable[Vendor], settings: Mapping[str, Any]) -> Json:
    """Return a JSON document that describes *vendors* under *settings*.

    It has the operations, fields, rules, refusals and limits of each vendor, and those *settings* that are not secret.
    The row of a rule states its ``source``, its ``mark`` (documented, recorded or assumed), what is ``assumed`` in it,
    and the names of the ``examples`` that show it. The row of an operation lists the ``refusals`` and ``assumptions``
    that a call to it may meet. The row of an assumption has the ``choice`` in force, and the ``setting`` that changes
    the choice, if there is one.
    """
    examples = shipped_examples()
    return {
        "vendors": [_vendor(vendor, settings, examples) for vendor in vendors],
        "settings": public_settings(settings),
    }


def public_settings(settings: Mapping[str, Any]) -> Json:
    """Return *settings* without data, faults, stubs and scenarios, and without secrets.

    A list of credentials is replaced by the number of its items, and a token by its length.
    """
    return {
        name: len(value) if name.endswith(_SECRETS) and value else public_url(value) if name == "store" else value
        for name, value in settings.items()
        if name not in ("data", "faults", "stubs", "scenarios")
    }


def _vendor(vendor: Vendor, settings: Mapping[str, Any], examples: list[ShippedExample]) -> Json:
    return {
        "name": vendor.name,
        "title": vendor.title,
        "hosts": vendor.hosts,
        "root": settings.get(f"{vendor.name}_path", vendor.root),
        "key_header": vendor.key_header,
        "operations": [*_operations(vendor, settings, examples)],
        "fields": [row for operation in vendor.operations for row in _fields(vendor, operation, examples)],
        "rules": [row for operation in vendor.operations for row in _rules(vendor, operation)],
        "refusals": [*_refusals(vendor, examples)],
        "item_errors": [*_item_errors(vendor, examples)],
        "assumptions": [*_assumptions(vendor, settings)],
        "limits": {**asdict(vendor.limits), **_provenance(vendor.limits.source)},
    }


def _operations(vendor: Vendor, settings: Mapping[str, Any], shipped: list[ShippedExample]) -> Iterator[Json]:
    root, limited = settings.get(f"{vendor.name}_path", vendor.root), settings.get("limits", "vendor") == "vendor"
    for row in vendor.operations:
        name = f"{vendor.name}.{row.name}"
        facts = {
            "summary": summary_of(row),
            **_provenance(row.source),
            "refusals": [kind for kind in vendor.refusals if may_refuse(vendor, row, kind, limited=limited)],
            "has_item_errors": any(isinstance(part, ItemList) for _, part in _schema_fields(row.request)),
            "assumptions": [
                rule for rule, words in vendor.assumptions.items() if row.name in (words.operations or (row.name,))
            ],
            "examples": [example.name for example in shipped if example.operation == name],
        }
        for path in row.paths:
            yield {"name": name, "method": row.method, "path": root + path, **facts}


def summary_of(operation: Operation) -> str:
    """Return the first line of the docstring of *operation*'s function, which says what it does."""
    return (operation.perform.__doc__ or "").strip().partition("\n")[0]


def may_refuse(vendor: Vendor, operation: Operation, kind: str, *, limited: bool) -> bool:
    """Return whether a call to *operation* may be refused by *kind*; *limited*: the vendor's limits are in force."""
    limits = vendor.limits
    return {
        "unauthorized": bool(vendor.key_header),
        "throttled": limited and limits.calls is not None,
        "too_many_items": limited and limits.items is not None and bool(operation.sized),
        "malformed": operation.request is not None,
        "too_large": True,
        "broken": True,
    }.get(kind, kind in operation.refuses)


def _fields(vendor: Vendor, operation: Operation, shipped: list[ShippedExample]) -> Iterator[Json]:
    name = f"{vendor.name}.{operation.name}"
    own_examples = [example for example in shipped if example.operation == name]
    for side, schema in (("request", operation.request), ("reply", operation.response)):
        members = {example.name: example.request if side == "request" else example.response for example in own_examples}
        for steps, row in _schema_fields(schema):
            path = path_of(steps)
            examples = [example for example, paths in members.items() if path in paths]
            field = {"operation": name, "in": side, "path": path, "rule": rule_of(row)}
            parts = {
                "type": type_of(row),
                "required": row.required,
                "nullable": row.allow_none,
                "limits": [
                    *limits_of(row),
                    *(_batch_limit(vendor, operation, steps, row) if side == "request" else ()),
                ],
                "ignored": side == "request" and row.dump_only,
            }
            yield {**field, **parts, **_provenance(source_of(row)), "examples": examples}


def _schema_fields(schema: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    return fields_of(schema) if schema else iter(())


def _batch_limit(vendor: Vendor, operation: Operation, steps: tuple[str, ...], row: Any) -> Iterator[str]:
    """Yield the vendor's limit of the items of a call, if it measures the member at *steps*."""
    if vendor.limits.items is not None and steps[-1] in operation.sized and "" not in steps:
        yield f"at most {vendor.limits.items}" + (" items" if type_of(row).startswith("list") else "")


def _rules(vendor: Vendor, operation: Operation) -> Iterator[Json]:
    for steps, words in rules_of(operation.request) if operation.request else ():
        yield {"operation": f"{vendor.name}.{operation.name}", "path": path_of(steps), "rule": words}


def _refusals(vendor: Vendor, shipped: list[ShippedExample]) -> Iterator[Json]:
    for kind, row in vendor.refusals.items():
        examples = [example.name for example in shipped if example.refuses(vendor.name, kind, row)]
        refusal = {"kind": kind, "status": row.status, "message": row.message}
        yield {**refusal, **_provenance(row.source), "examples": examples}


def _item_errors(vendor: Vendor, shipped: list[ShippedExample]) -> Iterator[Json]:
    for kind, row in vendor.item_errors.items():
        code_member = f'"code": {row.code},'
        examples = [
            example.name for example in shipped if code_member in str(example.document["response"]).replace("'", '"')
        ]
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
