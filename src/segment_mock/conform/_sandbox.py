"""Any other target as the place: records are made, and taken away, by the vendor's own API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ._example import Example
from ._place import Unmade
from ._recipe import Recipe, Table, found_at, recipe_of
from ._rename import loosened, references, renamed, rewritten, unique_names
from ._target import Answer, Target, Unreachable


class Sandbox:
    """A target without ``/_mock``, reached with *credentials* and under *roots*, both by vendor.

    Whatever is made there carries *mark* in its name. *leftovers* allows to make what no API can remove.
    """

    name = "no segment-mock"

    def __init__(
        self, target: Target, credentials: Mapping[str, str], roots: Mapping[str, str], mark: str,
        *, writes: bool, leftovers: bool,
    ) -> None:  # fmt: skip
        self._target, self._credentials, self._roots, self._mark = target, credentials, roots, mark
        self._writes, self._leftovers = writes, leftovers
        self._made: dict[str, str] = {}  # the name of the key by key
        self._left: list[str] = []

    def unfit(self, example: Example) -> str:
        """Return why *example* can't be performed here."""
        told, secret = example.elsewhere, example.vendor.key_flag
        if example.admitted and example.vendor.name not in self._credentials:
            return f"no credential: --{secret}"
        if other := [f"{name} {value}" for name, value in example.options.items() if _is_other(example, name, value)]:
            return f"the document allows another answer: it is true of a vendor with {', '.join(other)} only"
        if "alone" in told:
            return f"true only where nothing else is: {told['alone']}"
        if not self._writes and not example.operation.reads:
            return "it writes: --allow-writes"
        return self._unmakeable(example) if example.admitted else ""

    def prepare(self, example: Example) -> Example:
        """Make the records of *example* under names of their own; return it told with these names and their ids."""
        vendor, told = example.vendor, example.told["request"]
        root = self._roots.get(vendor.name, vendor.root)
        path = root + told["path"].removeprefix(vendor.root) if root != vendor.root else told["path"]
        if not example.admitted:
            return example.with_request(path=path)
        headers = {**told["headers"], vendor.key_header: self._credentials[vendor.name]}
        recipe = recipe_of(vendor.name)
        sent = rewritten(
            example.with_request(path=path, headers=headers), unique_names(example, recipe.unique, self._mark)
        )
        sent = rewritten(sent, self._make_all(sent, recipe))
        response = {**sent.told["response"], "body": loosened(sent.told["response"]["body"], recipe.fresh)}
        return Example(sent.name, {**sent.told, "response": response})

    def state(self, example: Example) -> Any:
        """Return None: no vendor's API shows all its records."""

    def tidy(self, example: Example, answer: Answer | None) -> None:
        """Remove what *example* and its preparation have made, the last first."""
        if answer is not None and example.admitted:
            for table in recipe_of(example.vendor.name).tables.values():
                if table.make == example.operation.name and table.id:
                    self._note(table, answer)
        for table in reversed([*recipe_of(example.vendor.name).tables.values()]):
            keys = [key for key, owner in self._made.items() if owner == table.id]
            for key, why in self._remove(table, example, keys):
                self._left += [f"{example.vendor.name} {table.id} {key}, made for {example.name}: {why}"] if why else []
                del self._made[key]

    def close(self) -> list[str]:
        """Return what could not be taken away."""
        return [*self._left, *(f"{name} {key}: interrupted" for key, name in self._made.items())]

    def _unmakeable(self, example: Example) -> str:
        tables = recipe_of(example.vendor.name).tables
        rows = {name: rows for name, rows in example.told["state"].get(example.vendor.name, {}).items() if rows}
        if rows and not self._writes:
            return "it needs records that the API must make first: --allow-writes"
        for name in rows:
            if name not in tables:
                return f"the API can't make {name}"
            for wanted, value in tables[name].only.items():
                if other := [row[wanted] for row in rows[name] if row.get(wanted, value) != value]:
                    return f"the API can't make {name} of {wanted} {other[0]}"
        makes = [table for name, table in tables.items() if name in rows or table.make == example.operation.name]
        if not self._leftovers and any(table.id and not table.remove for table in makes):
            return "it makes what the API can't remove: --allow-leftovers"
        return ""

    def _make_all(self, example: Example, recipe: Recipe) -> dict[str, str]:
        """Make the rows of *example*; return the ids they got, by those that are printed."""
        ids: dict[str, str] = {}
        known: dict[str, str] = {}
        state = example.told["state"].get(example.vendor.name, {})
        for name, table in recipe.tables.items():
            rows = renamed(state.get(name, []), known) if not table.id else state.get(name, [])
            for part, body in table.bodies(rows):
                made = self._make(table, example, body, len(part))
                for row, key in zip(part, made, strict=False):
                    known.update(dict.fromkeys(references(row), key))
                    if table.id in row:
                        ids[row[table.id]] = key
        return ids

    def _make(self, table: Table, example: Example, body: Any, count: int) -> list[str]:
        answer = self._call(table.make, example, body)
        if not table.id:
            if answer.status != 200:
                raise Unmade(f"{table.make} answers {answer.status} {answer.text}")
            return []
        keys = self._note(table, answer)
        if len(keys) != count:
            told = json.dumps(answer.body)[:200] if answer.body is not None else answer.text
            raise Unmade(f"{table.make} made {len(keys)} of {count}: {answer.status} {told}")
        return keys

    def _note(self, table: Table, answer: Answer) -> list[str]:
        """Remember what a reply says was made, to be removed again; return the keys."""
        items = [item for item in found_at(table.answered, answer.body) if item.get("result", "") == table.made]
        keys = [item[table.id] for item in items if isinstance(item.get(table.id), str)]
        self._made.update(dict.fromkeys(keys, table.id))
        return keys

    def _remove(self, table: Table, example: Example, keys: list[str]) -> Iterator[tuple[str, str]]:
        """Take records away; yield each with why that failed, or nothing."""
        if not table.remove:
            yield from ((key, "the API can't remove it") for key in keys)
            return
        for part, body in replace(table, takes=[table.id]).bodies([{table.id: key} for key in keys]):
            try:
                answer = self._call(table.remove, example, body)
                told = [str(item.get("result")) for item in found_at(table.answered, answer.body)]
                why = f"{table.remove} answers {answer.status} {answer.text}"
            except Unreachable as error:
                told, why = [], str(error)
            for row, result in zip(part, [*told, *[""] * len(part)], strict=False):
                yield row[table.id], "" if result in table.gone else f"{why} {result}".strip()

    def _call(self, name: str, example: Example, body: Any) -> Answer:
        vendor: Any = example.vendor
        operation = next(row for row in vendor.operations if row.name == name)
        headers: Mapping[str, str] = {vendor.key_header: self._credentials[vendor.name]}
        paths: Sequence[str] = operation.paths
        path = self._roots.get(vendor.name, vendor.root) + paths[0]
        return self._target.ask(operation.method, path, headers, json.dumps(body).encode())


def _is_other(example: Example, name: str, value: Any) -> bool:
    """Tell whether *value* is not the first choice of a vendor's option, and so not what it is taken to do."""
    vendor = example.vendor
    return any(f"{vendor.name}_{row.name}" == name and row.initial != value for row in vendor.options)
