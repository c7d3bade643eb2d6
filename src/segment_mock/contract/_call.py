"""A vendor as data, and one request on its way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from marshmallow import Schema

from ..limits import Window
from ..messages import Request, Response
from ..settings import Option
from ..store import Difference, Layout, Seed, Store, Table
from ..world import Organization, World
from ._accept import Acceptor
from ._fresh import fresh
from ._json import Json, dumps, parse
from ._refusal import Dress, Kind, Limits, Refusal, Spoiled

_JSON: Mapping[str, str] = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Items:
    """Where a batch stands: its list in the request's payload and in the reply's, and how one item fails."""

    sent: str
    answered: str
    spoil: Callable[[Call, Any, Spoiled], Any]


@dataclass(frozen=True)
class Operation:
    """One endpoint: *paths* below the vendor's root, request and response schema, and what performs it.

    *perform* gets the call and the decoded request as plain data and returns plain data; it may
    raise `Refusal`. *sized* names the members of the payload that the batch limit measures.
    *source* is a section of the vendor's document, a recording, or ``"assumed"``.
    """

    name: str
    method: str
    paths: tuple[str, ...]
    perform: Callable[[Call, Json], Json]
    source: str
    request: Schema | None = None
    response: Schema | None = None
    items: Items | None = None
    sized: tuple[str, ...] = ()
    reads: bool = False

    @cached_property
    def acceptor(self) -> Acceptor | None:
        """The quick way through the request's schema, or None where no body is read."""
        return Acceptor(self.request) if self.request else None


@dataclass(frozen=True)
class Vendor:
    """An API we emulate, as data and a few functions.

    *wrap* puts a result into the vendor's envelope and *unwrap* takes a request out of it;
    *complain* gives status and body of a refusal: (call, its row, the sentence, the field to blame).
    *load* makes seeds of this vendor's part of a data file, *export* is its inverse, *face* is
    what ``mock.<name>`` offers, *tally* is told each result, or None for a refusal. *root* is where
    the paths begin; an option called ``path`` moves it.
    """

    name: str
    title: str
    hosts: tuple[str, ...]
    root: str
    key_header: str
    operations: tuple[Operation, ...]
    refusals: Mapping[str, Dress]
    tables: tuple[Layout, ...]
    wrap: Callable[[Call, Json], Json]
    unwrap: Callable[[Json], Json]
    complain: Callable[[Call, Dress, str, str], tuple[int, Json]]
    load: Callable[[Json, World], Mapping[str, Seed]]
    export: Callable[[Store], Json]
    face: Callable[[World, Vendor, str], Any]
    tally: Callable[[Call, Json | None], None] = lambda call, result: None
    key_option: str = "token"
    options: tuple[Option, ...] = ()
    limits: Limits = field(default_factory=Limits)

    @property
    def key_flag(self) -> str:
        """The flag that lists this vendor's credentials."""
        return f"{self.name}-{self.key_option}"

    def table(self, name: str) -> str:
        """Return the name by which a store knows this vendor's table *name*."""
        return f"{self.name}.{name}"


@dataclass(eq=False)
class Call:
    """One request on its way to one operation, and what stages below and above tell each other.

    *spoiled* tells which items fail and how, *lag* is the mark of the moment that reads show;
    *unread* lists the members that were sent and that nobody reads.
    """

    request: Request
    vendor: Vendor
    operation: Operation
    world: World
    options: Mapping[str, Any]
    arguments: Mapping[str, str]
    arrived: float
    organization: Organization | None = None
    credential: str = ""
    data: Json = field(default_factory=dict)
    spoiled: Mapping[int, Spoiled] = field(default_factory=dict)
    lag: int | None = None
    unread: tuple[str, ...] = ()
    changes: tuple[Difference, ...] = ()
    refusal: Refusal | None = None
    struck: list[str] = field(default_factory=list)
    window: Window | None = None
    tallied: bool = False

    @cached_property
    def json(self) -> Any:
        """The body as JSON, parsed when first asked for; raises `Refusal` ``malformed``."""
        return parse(self.request.body)

    @property
    def header(self) -> Json:
        """The ``header`` object of the body if there is one, else ``{}``: for echoes, never an error."""
        try:
            header = self.json.get("header") if isinstance(self.json, dict) else None
        except Refusal:
            return {}
        return header if isinstance(header, dict) else {}

    @property
    def store(self) -> Store:
        """The tables of the organization that the credential named."""
        assert self.organization is not None
        return self.organization.store

    def rows(self, table: str) -> Table:
        """Return this vendor's *table* in the call's organization."""
        return self.store[self.vendor.table(table)]

    def fresh(self, table: str) -> str:
        """Return a new id for this vendor's *table*, one that none of its records has."""
        name = self.vendor.table(table)
        return fresh(self.world, name, self.store[name])

    @property
    def left(self) -> int | None:
        """How many calls the credential may still make now, or None without a limit."""
        return self.window.left(self.credential, self.world.clock.now()) if self.window else None

    def tally(self, result: Json | None) -> None:
        """Tell the vendor's counters of this call's *result* (None: refused), once."""
        if not self.tallied:
            self.tallied = True
            self.vendor.tally(self, result)

    def each(self, items: Iterable[Any], perform: Callable[[Any], Any]) -> list[Any]:
        """Perform the items of a batch strictly in sequence, but fail those that are spoiled."""
        batch = self.operation.items
        return [
            batch.spoil(self, item, self.spoiled[index]) if batch and index in self.spoiled else perform(item)
            for index, item in enumerate(items)
        ]

    def reply(self, result: Json) -> Response:
        """Return *result* in the vendor's envelope."""
        return Response(200, _JSON, dumps(self.vendor.wrap(self, result)))

    def refuse(self, kind: Kind, message: str = "", **details: Any) -> Response:
        """Return the refusal of *kind* in the vendor's own status and words."""
        return self.dress(Refusal(kind, message, **details))

    def dress(self, refusal: Refusal) -> Response:
        """Return *refusal* in the vendor's own status and words, with hints in a header of ours."""
        self.refusal = refusal
        self.tally(None)
        row = self.vendor.refusals[refusal.kind]
        told = {"method": self.request.method, "path": self.request.target.partition("?")[0]}
        sentence = row.say(refusal, {**told, "limit": self.vendor.limits.items})
        status, body = self.vendor.complain(self, row, sentence, refusal.field)
        hint = refusal.hint or row.hint
        headers = {**_JSON, **row.headers}
        if refusal.allow:
            headers["Allow"] = refusal.allow
        if hint:
            headers["X-Segment-Mock-Hint"] = hint.encode("ascii", "backslashreplace").decode()
        return Response(status, headers, dumps(body))
