"""The target for other servers than segment-mock: creates and removes records through the vendor's API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from ..examples import examples_folder
from ..routing import folded
from ..vendors import find_vendors
from .client import Client, TargetResponse, Unreachable
from .example import Example, loosen, references, rename, rewrite, unique_names
from .targets import SetupFailed


class SandboxTarget:
    """A target without ``/_mock``, called with *credentials* and below *roots*, both by vendor.

    The names of all created records contain *suffix*. *leftovers* allows creating records that the API can't remove.
    """

    name = "no segment-mock"

    def __init__(
        self, client: Client, credentials: Mapping[str, str], roots: Mapping[str, str], suffix: str,
        *, writes: bool, leftovers: bool,
    ) -> None:  # fmt: skip
        self._client, self._credentials, self._roots, self._suffix = client, credentials, roots, suffix
        self._writes, self._leftovers = writes, leftovers
        self._created: dict[str, str] = {}  # the name of the key by key
        self._remaining: list[str] = []

    def skip_reason(self, example: Example) -> str:
        """Return the reason why *example* can't be performed on this target, or ``""``."""
        options, secret = example.conform_options, example.vendor.key_flag
        if example.admitted and example.vendor.name not in self._credentials:
            return f"no credential: --{secret}"
        if other := [f"{name} {value}" for name, value in example.options.items() if _is_other(example, name, value)]:
            return f"the document allows several responses, and this one needs a vendor with {', '.join(other)}"
        if "alone" in options:
            return f"it needs an otherwise empty target: {options['alone']}"
        if not self._writes and not example.operation.reads:
            return "it writes, which needs --allow-writes"
        return self._missing_setup(example) if example.admitted else ""

    def prepare(self, example: Example) -> Example:
        """Create the records of *example* with unique names; return the example with these names and their ids."""
        vendor, request = example.vendor, example.document["request"]
        root = self._roots.get(vendor.name, vendor.root)
        path = root + request["path"].removeprefix(vendor.root) if root != vendor.root else request["path"]
        if not example.admitted:
            return example.with_request(path=path)
        headers = {**request["headers"], vendor.key_header: self._credentials[vendor.name]}
        plan = setup_plan(vendor.name)
        prepared_example = rewrite(
            example.with_request(path=path, headers=headers), unique_names(example, plan.unique, self._suffix)
        )
        prepared_example = rewrite(prepared_example, self._make_all(prepared_example, plan))
        response = {
            **prepared_example.document["response"],
            "body": loosen(prepared_example.document["response"]["body"], plan.fresh),
        }
        return Example(prepared_example.name, {**prepared_example.document, "response": response})

    def state(self, example: Example) -> Any:
        """Return None, because the vendor's API does not return all records."""

    def cleanup(self, example: Example, response: TargetResponse | None) -> None:
        """Remove the records that *example* and its preparation created, the newest first."""
        if response is not None and example.admitted:
            for table in setup_plan(example.vendor.name).tables.values():
                if table.make == example.operation.name and table.id:
                    self._note(table, response)
        for table in reversed([*setup_plan(example.vendor.name).tables.values()]):
            keys = [key for key, owner in self._created.items() if owner == table.id]
            for key, why in self._remove(table, example, keys):
                self._remaining += (
                    [f"{example.vendor.name} {table.id} {key}, made for {example.name}: {why}"] if why else []
                )
                del self._created[key]

    def close(self) -> list[str]:
        """Return the records that could not be removed."""
        return [*self._remaining, *(f"{name} {key}: interrupted" for key, name in self._created.items())]

    def _missing_setup(self, example: Example) -> str:
        tables = setup_plan(example.vendor.name).tables
        rows = {name: rows for name, rows in example.document["state"].get(example.vendor.name, {}).items() if rows}
        if rows and not self._writes:
            return "it needs records that have to be created first, which needs --allow-writes"
        if rows and _has_arguments(example):
            return "its path names a record, whose id is another one here"
        for name in rows:
            if name not in tables:
                return f"the API can't create {name}"
            for member, value in tables[name].only.items():
                if other := [row[member] for row in rows[name] if row.get(member, value) != value]:
                    return f"the API can't create {name} with {member} {other[0]}"
        makes = [table for name, table in tables.items() if name in rows or table.make == example.operation.name]
        if not self._leftovers and any(table.id and not table.remove for table in makes):
            return "it creates records that the API can't remove, which needs --allow-leftovers"
        return ""

    def _make_all(self, example: Example, plan: SetupPlan) -> dict[str, str]:
        """Create the rows of *example*; return their new ids by the ids of the example."""
        ids: dict[str, str] = {}
        new_keys: dict[str, str] = {}
        state = example.document["state"].get(example.vendor.name, {})
        for name, table in plan.tables.items():
            rows = rename(state.get(name, []), new_keys) if not table.id else state.get(name, [])
            for part, body in table.bodies(rows):
                keys = self._make(table, example, body, len(part))
                for row, key in zip(part, keys, strict=False):
                    new_keys.update(dict.fromkeys(references(row), key))
                    if table.id in row:
                        ids[row[table.id]] = key
        return ids

    def _make(self, table: Table, example: Example, body: Any, count: int) -> list[str]:
        response = self._call(table.make, example, body)
        if not table.id:
            if response.status != 200:
                raise SetupFailed(f"{table.make} answers {response.status} {response.text}")
            return []
        keys = self._note(table, response)
        if len(keys) != count:
            text = json.dumps(response.body)[:200] if response.body is not None else response.text
            raise SetupFailed(f"{table.make} created {len(keys)} of {count} records: {response.status} {text}")
        return keys

    def _note(self, table: Table, response: TargetResponse) -> list[str]:
        """Remember the records that a response reports as created, and return their keys."""
        items = [item for item in items_at(table.answered, response.body) if item.get("result", "") == table.creation]
        keys = [item[table.id] for item in items if isinstance(item.get(table.id), str)]
        self._created.update(dict.fromkeys(keys, table.id))
        return keys

    def _remove(self, table: Table, example: Example, keys: list[str]) -> Iterator[tuple[str, str]]:
        """Remove records; yield the key of each, with the reason for a failure or ``""``."""
        if not table.remove:
            yield from ((key, "the API can't remove it") for key in keys)
            return
        for part, body in replace(table, takes=[table.id]).bodies([{table.id: key} for key in keys]):
            try:
                response = self._call(table.remove, example, body)
                results = [str(item.get("result")) for item in items_at(table.answered, response.body)]
                why = f"{table.remove} answers {response.status} {response.text}"
            except Unreachable as error:
                results, why = [], str(error)
            for row, result in zip(part, [*results, *[""] * len(part)], strict=False):
                yield row[table.id], "" if result in table.gone else f"{why} {result}".strip()

    def _call(self, name: str, example: Example, body: Any) -> TargetResponse:
        vendor: Any = example.vendor
        operation = next(row for row in vendor.operations if row.name == name)
        headers: Mapping[str, str] = {vendor.key_header: self._credentials[vendor.name]}
        paths: Sequence[str] = operation.paths
        path = self._roots.get(vendor.name, vendor.root) + paths[0]
        return self._client.ask(operation.method, path, headers, json.dumps(body).encode())


def _has_arguments(example: Example) -> bool:
    """Return whether the path of the request has an id or another argument, as in ``/segments/{id}``."""
    path = folded(example.document["request"]["path"]).removeprefix(example.vendor.root)
    return path.rstrip("/") not in [row.rstrip("/") for row in example.operation.paths]


def _is_other(example: Example, name: str, value: Any) -> bool:
    """Return whether *value* is not the first choice of a vendor's option, its assumed behaviour."""
    vendor = example.vendor
    return any(f"{vendor.name}_{row.name}" == name and row.initial != value for row in vendor.options)


_BATCH = 20
"""The largest batch that all vendors accept."""


@dataclass(frozen=True)
class Table:
    """One collection of a data file.

    *make* is the operation that adds a row, *rows* the path of the rows in its request: a list if it ends in ``[]``,
    otherwise one row for each call. *answered* is their path in the response. *takes* are the members of a row to send;
    *names* has the API's names of some of them. *id* names the key, and *creation* is the result for a new record.
    *remove* is the operation that removes rows, and *gone* are its results for rows that no longer exist. *only* has
    the members without which a row can't be created; *split* names the member by which a long row is split.
    """

    make: str
    rows: str
    answered: str
    takes: Sequence[str]
    names: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    creation: str = ""
    remove: str = ""
    gone: Sequence[str] = ()
    only: Mapping[str, Any] = field(default_factory=dict)
    split: str = ""

    def bodies(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Sequence[Mapping[str, Any]], Any]]:
        """Yield the rows and the body of each call that makes *rows*."""
        items = [{self.names.get(name, name): row[name] for name in self.takes if name in row} for row in rows]
        if self.rows.endswith("[]"):
            for start in range(0, len(rows), _BATCH):
                yield rows[start : start + _BATCH], nest(self.rows, items[start : start + _BATCH])
        else:
            for row, body in zip(rows, items, strict=True):
                for part in self._parts(body):
                    yield [row], nest(self.rows, part)

    def _parts(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if not self.split:
            yield body
        for start in range(0, len(body.get(self.split, ())), _BATCH):
            yield {**body, self.split: body[self.split][start : start + _BATCH]}


@dataclass(frozen=True)
class SetupPlan:
    """The plan of one vendor: its *tables* in order of creation.

    *unique* are members whose values must be unique; *fresh* are members that the vendor sets.
    """

    tables: Mapping[str, Table]
    unique: Sequence[str] = ()
    fresh: Sequence[str] = ()


@cache
def setup_plan(vendor: str) -> SetupPlan:
    """Return the plan of *vendor*, which is empty if there is no file for it."""
    import yaml  # slow to import, and only other targets than a mock need it

    (folder,) = (examples_folder(candidate) for candidate in find_vendors() if candidate.name == vendor)
    file = folder / "conform.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {"tables": {}}
    return SetupPlan(**{**document, "tables": {name: Table(**row) for name, row in document["tables"].items()}})


def nest(path: str, value: Any) -> Any:
    """Return a new object with *value* at *path*."""
    for name in reversed([part for part in path.removesuffix("[]").split(".") if part]):
        value = {name: value}
    return value


def items_at(path: str, value: Any) -> list[Any]:
    """Return the items at *path* in *value*: the items of a list, a single object, or nothing."""
    for name in filter(None, path.removesuffix("[]").split(".")):
        value = value.get(name) if isinstance(value, Mapping) else None
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Mapping)]
