"""A vendor as data: operations, refusals, tables, options, and the few functions that shape its bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from marshmallow import Schema

from ..settings import Option
from ..store import Layout, Seed, Store
from ..world import World
from ._refusal import Dress, Kind, Limits, Refusal, Spoiled
from .json_codec import Json
from .provenance import Assumption, Doubts
from .validation import Validator

Call: TypeAlias = Any
"""A `Call`, which holds a vendor; naming it here would close a circle."""


@dataclass(frozen=True)
class Items:
    """Where a batch stands: its list in the request's payload and in the reply's, and how one item fails."""

    sent: str
    answered: str
    spoil: Callable[[Call, Any, Spoiled], Any]


@dataclass(frozen=True)
class ItemError:
    """One thing that can be wrong with an item of a batch, as the vendor says it, with the *source* of that."""

    code: int
    message: str
    source: str


@dataclass(frozen=True)
class Operation:
    """One endpoint: *paths* below the vendor's root, request and response schema, and what performs it.

    *perform* gets the call and the decoded request as plain data and returns plain data; it may
    raise `Refusal`. *sized* names the members of the payload that the batch limit measures,
    *refuses* the kinds of refusal that *perform* raises besides ``malformed``.
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
    refuses: tuple[Kind, ...] = ()

    @cached_property
    def validator(self) -> Validator | None:
        """The quick way through the request's schema, or None where no body is read."""
        return Validator(self.request) if self.request else None

    @cached_property
    def doubts(self) -> Doubts:
        """What of this operation nobody has documented or recorded."""
        return Doubts(self.name, self.source, self.request)


@dataclass(frozen=True)
class Vendor:
    """An API we emulate, as data and a few functions.

    *wrap* puts a result into the vendor's envelope and *unwrap* takes a request out of it;
    *complain* gives status and body of a refusal: (call, its row, the sentence, the refusal).
    *load* makes seeds of this vendor's part of a data file, *export* is its inverse, *face* is
    what ``mock.<name>`` offers, *tally* is told each result, or None for a refusal. *root* is where
    the paths begin; an option called ``path`` moves it. *errors* are what it, or a gateway before it,
    says by status besides. *complaints* are the schemas of what *complain* returns, by kind of refusal;
    *item_errors* what can be wrong with one item of a batch, by name; *assumptions* are the rules that no
    source states, by name: an operation takes such a decision by ``call.assume(name)`` and no other way.
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
    complain: Callable[[Call, Dress, str, Refusal], tuple[int, Json]]
    load: Callable[[Json, World], Mapping[str, Seed]]
    export: Callable[[Store], Json]
    face: Callable[[World, Vendor, str], Any]
    tally: Callable[[Call, Json | None], None] = lambda call, result: None
    details: Callable[[Call], Mapping[str, object]] = lambda call: {}
    errors: Mapping[int, Dress] = field(default_factory=dict)
    complaints: Mapping[str, Schema] = field(default_factory=dict)
    item_errors: Mapping[str, ItemError] = field(default_factory=dict)
    assumptions: Mapping[str, Assumption] = field(default_factory=dict)
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
