"""The base of ``mock.<vendor>``: read and prepare the records of one organization."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from ..json_match import brief
from ..settings import RowError, SettingError, suggestion
from ..store import DuplicateKey, InitialRecords, Store
from ..wording import comma_list
from .json_codec import Json
from .world import World

if TYPE_CHECKING:
    from typing_extensions import Self

    from .call import Vendor


_OF_PYTHON = ("of", "store", "world")
"""The members of `VendorState` that are not available over HTTP."""


def load_records(vendor: Vendor, document: Json, world: World) -> Mapping[str, InitialRecords]:
    """Return the tables of *document*, the part of a data file that belongs to *vendor*.

    Raises `SettingError` for an invalid row, and for rows with the same key.
    """
    try:
        return vendor.load(document, world)
    except DuplicateKey as error:
        if not error.place:
            raise SettingError(f"{vendor.name}.{error}") from None
        raise RowError(f"{vendor.name}.{error.place}", error.problem, f"{vendor.name}.{error.other}") from None


def member_names(state_class: Any) -> list[str]:
    """Return the names of the members of *state_class* whose arguments and results can be sent as JSON."""
    return [name for name in dir(state_class) if not name.startswith("_") and name not in _OF_PYTHON]


class VendorState:
    """Base class of ``mock.<vendor>``: the records of one organization, read and changed without a call to the API.

    *credential* selects the organization (default: the organization of the initial data).
    """

    def __init__(self, world: World, vendor: Vendor, credential: str = "") -> None:
        self.world, self._vendor, self._credential = world, vendor, credential

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            names = member_names(type(self))
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}{suggestion(name, names)}; "
                f"expected one of {comma_list(names)}"
            )

    def __repr__(self) -> str:
        with self.world.lock:
            store = self.world.look_up(self._credential).store
            counts = [f"{len(store[self._vendor.table(row.name)])} {row.name}" for row in self._vendor.tables]
        return f"<{type(self).__name__}: {comma_list(counts)}>"

    def of(self, credential: str) -> Self:
        """Return the records of the organization that *credential* selects.

        Only with the setting ``credentials="isolated"`` does each credential have records of its own.
        """
        return type(self)(self.world, self._vendor, credential)

    @property
    def store(self) -> Store:
        """The tables of the organization. Hold ``world.lock`` while you use them."""
        return self.world.organization(self._credential).store

    def new_id(self, table: str) -> str:
        """Return a new id that no record of *table* has. It is repeatable: the setting ``seed`` determines it."""
        name = self._vendor.table(table)
        return self.world.new_id(name, self.store[name])

    def rows(self, table: str) -> list[Json]:
        """Return the records of *table*, oldest first, as dictionaries with the names of the API.

        They are copies. *table* is the table's name without its vendor, such as ``segments``.
        """
        with self.world.lock:
            store = self.world.look_up(self._credential).store
            return deepcopy([*store[self._vendor.table(table)]])

    def add(self, table: str, document: Json) -> Json:
        """Add one record to *table* without a call to the API, and return a copy of the record.

        *document* has the record in the form of the vendor's part of a data file. Raises `SettingError` for an invalid
        record and for a key that already exists.

            mock.salsa.add("segments", {"segments": [{"name": "Donors"}]})
        """
        try:
            document = deepcopy(document)
        except Exception as error:  # the user's objects may raise anything
            raise SettingError(f"{self._vendor.table(table)}: a value can't be copied: {brief(str(error))}") from None
        initial = load_records(self._vendor, document, self.world)[table]
        record = initial.records[0]
        with self.world.lock:
            rows = self.store[self._vendor.table(table)]
            if (key := initial.schema.key(record)) in rows:
                raise SettingError(f"{self._vendor.table(table)}: a record with the key {brief(key)} exists already")
            return deepcopy(rows.put(record))
