"""A vendor and its operations as data, and a call to one of the operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from marshmallow import Schema

from ..messages import Request, Response, reason
from ..settings import CREDENTIAL, OPTIONS, Option, suggestion
from ..store import Change, InitialRecords, Store, Table, TableSchema
from .json_codec import Json, dumps, parse
from .provenance import Assumption, Doubts, doubt
from .refusals import ErrorTemplate, ItemFailure, Limits, Refusal, RefusalKind
from .validation import Validator
from .world import Organization, Random, RateWindow, World

API_VERSION = 1
"""The version of `segment_mock.vendor_api`. It grows with every change that would break existing vendors."""


@dataclass(frozen=True)
class Items:
    """The batch of an operation: where its items are in the request and the response, and how one item fails.

    * *sent*: the member of the request's payload with the list of items
    * *answered*: the member of the response with the list of results
    * *fail*: gets the call, the item and the `ItemFailure`, and returns the result of an item that a fault fails
    * *members*: gets the payload and an item, and returns the item as an object (default: the item itself). For a list
      of bare ids, it raises KeyError if the payload does not say what kind of ids they are.
    * *ids*: members of an item whose case the API ignores
    """

    sent: str
    answered: str
    fail: Callable[[Call, Json, ItemFailure], Any]
    members: Callable[[Json, Any], Json] = lambda payload, item: item
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class ItemError:
    """An error of one item of a batch: its *code* and *message* in the API, and their *source*.

    *source* is a section of the vendor's document, a recording, or ``"assumed"``.
    """

    code: int
    message: str
    source: str


@dataclass(frozen=True)
class Operation:
    """One endpoint of a vendor, with everything that belongs to the endpoint.

    * *name*: its name without the vendor, such as ``upsert_segments``
    * *method*, *paths*: HTTP method, and paths below the vendor's root; ``{name}`` is a placeholder
    * *perform*: gets the call and the decoded request as plain data, and returns the result as plain data, never None.
      It may raise `Refusal`.
    * *source*: a section of the vendor's document, a recording, or ``"assumed"``
    * *request*, *response*: the schemas of the whole bodies
    * *items*: the batch in request and response; a request with an `ItemList` needs it
    * *sized*: the members of the payload whose length the batch limit restricts
    * *reads*: whether it changes nothing (default: False)
    * *counted*: whether the vendor's metrics count its calls (default: True)
    * *subject*: the word of the metrics for its items, with which some of the vendor's *counters* begin. It is ``""``
      without items, for a vendor that counts only calls, and if the calls are not *counted*.
    * *refuses*: the kinds of refusal that *perform* raises in addition to ``malformed``
    * *answer*: only for a stub, returns the response without any of the usual steps
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
    counted: bool = True
    subject: str = ""
    refuses: tuple[RefusalKind, ...] = ()
    answer: Callable[[], Response] | None = None

    @cached_property
    def validator(self) -> Validator | None:
        """The validator of the request's schema, or None if the operation reads no body."""
        return Validator(self.request) if self.request else None

    @cached_property
    def doubts(self) -> Doubts:
        """The assumptions about this operation and the fields of its request."""
        return Doubts(self.name, self.source, self.request)


@dataclass(frozen=True)
class Vendor:
    """An emulated API, as data and a few functions.

    * *name*, *title*: the name in Python, such as ``salsa``, and the name that people read
    * *hosts*: the hosts of the API; ``*.`` may stand for any subdomain
    * *root*: the beginning of all paths, ``""`` if they have none in common; an option called ``path`` changes it
    * *key_header*, *key_option*: the header with the credential, and the option that lists accepted credentials
    * *operations*, *tables*: the endpoints, and the tables of records
    * *refusals*: a template for each kind of refusal
    * *errors*: templates for other statuses that the vendor, or a gateway before it, sends
    * *error_schemas*: the schemas of the bodies of *render_error*, by kind of refusal
    * *item_errors*: the errors of one item of a batch, by name
    * *assumptions*: the rules that no source states, by name; an operation reads one only by ``call.assume(name)``
    * *options*, *limits*: the vendor's own settings, and its rate and batch limits
    * *counters*: the names of the counters of its metrics, which *count* increases
    * *rows*: the schema of a row in a data file, by table; editors use it to complete and check data files
    * *examples*: the folder of the package's example files (None: ``fixtures/<name>`` of this project)
    * *api*: the version of `segment_mock.vendor_api` for which the vendor was written

    Further arguments are functions.

    * *wrap*, *unwrap*: put a result into the vendor's envelope, and take a request out of it
    * *render_error*: gets the call, the template, the sentence and the refusal, and returns status and body
    * *load*, *export*: convert the vendor's part of a data file to initial records, and a store to such a part
    * *state_class*: the class of ``mock.<name>``
    * *count*: gets the result of each call, or None for a refusal
    * *details*: returns the values of a call for the ``{placeholders}`` of sentences
    """

    name: str
    title: str
    hosts: tuple[str, ...]
    root: str
    key_header: str
    operations: tuple[Operation, ...]
    refusals: Mapping[str, ErrorTemplate]
    tables: tuple[TableSchema, ...]
    wrap: Callable[[Call, Json], Json]
    unwrap: Callable[[Json], Json]
    render_error: Callable[[Call, ErrorTemplate, str, Refusal], tuple[int, Json]]
    load: Callable[[Json, World], Mapping[str, InitialRecords]]
    export: Callable[[Store], Json]
    state_class: Callable[[World, Vendor, str], Any]
    count: Callable[[Call, Json | None], None] = lambda call, result: None
    details: Callable[[Call], Mapping[str, object]] = lambda call: {}
    errors: Mapping[int, ErrorTemplate] = field(default_factory=dict)
    error_schemas: Mapping[str, Schema] = field(default_factory=dict)
    item_errors: Mapping[str, ItemError] = field(default_factory=dict)
    assumptions: Mapping[str, Assumption] = field(default_factory=dict)
    key_option: str = "token"
    options: tuple[Option, ...] = ()
    limits: Limits = field(default_factory=Limits)
    counters: tuple[str, ...] = ()
    rows: Mapping[str, Schema] = field(default_factory=dict)
    examples: Path | None = None
    api: int = 1

    @property
    def is_shipped(self) -> bool:
        """Whether this project contains the vendor; False for a vendor of another package."""
        return str(getattr(self.load, "__module__", "")).startswith("segment_mock.")

    @property
    def key_flag(self) -> str:
        """The flag that lists this vendor's credentials, without its dashes, such as ``salsa-token``."""
        return f"{self.name}-{self.key_option}".replace("_", "-")

    def table(self, name: str) -> str:
        """Return the full name of table *name* in a store, such as ``salsa.segments``."""
        return f"{self.name}.{name}"


_JSON: Mapping[str, str] = {"Content-Type": "application/json"}
ASSUMED = "X-Segment-Mock-Assumed"
FAULT = "X-Segment-Mock-Fault"
_LONGEST = 1000
_UNREAD = object()
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127)}


Proceed: TypeAlias = "Callable[[], Awaitable[Response]]"
"""Passes a call to the next fault rule, or to the operation."""
Middleware: TypeAlias = "Callable[[Call, Proceed], Coroutine[Any, Any, Response]]"
"""The type of a fault: an async function that may answer a call, change its response, or wait."""


@dataclass(frozen=True)
class Lag:
    """How far reads lag behind writes: by a number of *calls* that changed something, or by *seconds*."""

    calls: int = 1
    seconds: float | None = None


@dataclass(eq=False)
class Call:
    """One request to one operation, with everything that the steps and the fault rules note about it.

    * ``operation_name``: the full name of the operation, such as ``salsa.upsert_segments``
    * ``data``, ``arguments``: the decoded body, and the values of the path's placeholders
    * ``options``: the vendor's settings, by name without the vendor's prefix
    * ``organization``, ``credential``: set once the credential was accepted
    * ``arrived``, ``generation``: the time of arrival in epoch seconds, and the number of resets before it
    * ``item_failures``: the items that a fault fails, by position; ``has_failed_items``: whether they were reached
    * ``lag``: how far reads lag behind writes, or None; ``has_lagged``: whether a write was hidden
    * ``unread``: the fields of the request that the API ignores
    * ``hints``: advice for the developer
    * ``fired_faults``: the id and kind of each fault that struck
    """

    request: Request
    vendor: Vendor
    operation: Operation
    operation_name: str
    world: World
    options: Mapping[str, Any]
    arguments: Mapping[str, str]
    arrived: float
    generation: int = 0
    data: Json = field(init=False, default_factory=dict)
    item_failures: Mapping[int, ItemFailure] = field(init=False, default_factory=dict)
    hints: list[str] = field(init=False, default_factory=list)
    fired_faults: list[str] = field(init=False, default_factory=list)
    # Defaults of rarely used fields are class attributes, because setting them in each call costs time.
    organization: Organization | None = field(init=False, default=None)
    credential: str = field(init=False, default="")
    lag: Lag | None = field(init=False, default=None)
    unread: tuple[str, ...] = field(init=False, default=())
    changes: Sequence[Change] = field(init=False, default=())
    refusal: Refusal | None = field(init=False, default=None)
    window: RateWindow | None = field(init=False, default=None)
    counted: bool = field(init=False, default=False)
    rule_rng: Random | None = field(init=False, default=None)
    is_unchanged: bool = field(init=False, default=False)
    has_failed_items: bool = field(init=False, default=False)
    has_lagged: bool = field(init=False, default=False)
    assumed: tuple[str, ...] = field(init=False, default=())
    _assumed_parts: tuple[str, ...] = field(init=False, default=())
    _parsed: Any = field(init=False, default=_UNREAD)

    @property
    def rng(self) -> Random:
        """The random stream of the fault rule that struck last, or of the world if no rule struck."""
        return self.rule_rng or self.world.rng

    def note_unchanged(self) -> None:
        """Note that the fault that is running has changed nothing, so that its rule does not count it as fired."""
        self.is_unchanged = True

    @property
    def json(self) -> Any:
        """The body of the request as JSON, parsed on first use; raises `Refusal` ``malformed`` if it is not JSON."""
        if self._parsed is _UNREAD:
            self._parsed = parse(self.request.body)
        return self._parsed

    @property
    def store(self) -> Store:
        """The tables of the organization that the credential selects."""
        assert self.organization is not None
        return self.organization.store

    def rows(self, table: str) -> Table:
        """Return the *table*, such as ``segments``, of the call's organization."""
        assert self.organization is not None
        return self.organization.store[f"{self.vendor.name}.{table}"]

    def new_id(self, table: str) -> str:
        """Return a new id for a record of *table* (its name without the vendor)."""
        return self.world.new_id(f"{self.vendor.name}.{table}", self.rows(table))

    @property
    def calls_left(self) -> int | None:
        """The number of calls that the credential may still make in the current window, or None without a limit."""
        return self.window.remaining(self.credential, self.world.clock.now()) if self.window else None

    def count(self, result: Json | None) -> None:
        """Pass *result* (None: the call was refused) to the vendor's counters, at most once in a call."""
        if not self.counted:
            self.counted = True
            self.vendor.count(self, result)

    def each(self, items: Iterable[Any], perform: Callable[[Any], Any]) -> list[Any]:
        """Call *perform* with each item of a batch in order, and return the results.

        For an item that a fault fails, the result comes from ``Items.fail`` instead.
        """
        batch, failures = self.operation.items, self.item_failures
        if batch is None or not failures:
            return [perform(item) for item in items]
        payload = self.vendor.unwrap(self.data)
        self.has_failed_items = True
        return [
            batch.fail(self, batch.members(payload, item), failures[index]) if index in failures else perform(item)
            for index, item in enumerate(items)
        ]

    def reply(self, result: Json) -> Response:
        """Return a response with status 200 and *result* in the vendor's envelope.

        A header of the response names the assumptions on which it relies.
        """
        if result is None:
            raise TypeError("the operation returned None; return a dictionary, {} for an empty one")
        doubts = self.operation.doubts
        rules = doubts.always
        if doubts.depends_on_body:
            rules = (*rules, *doubts.of_body(self.json))
        if self.assumed or self._assumed_parts:
            rules = (*rules, *self._choices())
        headers = {**_JSON, **_header(ASSUMED, "; ".join(rules))} if rules else _JSON
        return Response(200, headers, dumps(self.vendor.wrap(self, result)))

    def assume(self, name: str) -> Any:
        """Return the choice of the vendor's assumption *name*, and name the assumption in a header of the response.

        The choice is the value of the assumption's setting if it has one, else its own value. Call it only where the
        response depends on the choice. Raises KeyError for a name that the vendor does not declare.
        """
        choice = self.choice_of(name)
        if name not in self.assumed:
            self.assumed = (*self.assumed, name)
        return choice

    def choice_of(self, name: str) -> Any:
        """Return the choice of the vendor's assumption *name*, without naming the assumption in the response.

        Use it for hints only. Raises KeyError for a name that the vendor does not declare.
        """
        try:
            row = self.vendor.assumptions[name]
        except KeyError:
            raise KeyError(f"unknown assumption {name!r}{suggestion(name, self.vendor.assumptions)}") from None
        return self.options[row.setting] if row.setting else row.value

    def note_assumed(self, rule: str) -> None:
        """Name *rule* in a header of the response: the assumed part of something that otherwise has a source."""
        if rule not in self._assumed_parts:
            self._assumed_parts = (*self._assumed_parts, rule)

    def _choices(self) -> tuple[str, ...]:
        return (*self._assumed_parts, *[f"{name}: {self.choice_of(name)}" for name in self.assumed])

    def refuse(self, kind: RefusalKind, message: str = "", **details: Any) -> Response:
        """Return the vendor's response to a refusal of *kind*; for fault rules.

        *message* replaces the sentence of the vendor's template. *details* are further arguments of `Refusal`.
        """
        if kind == "too_many_items":
            details.setdefault("field", self._measured())
        return self.render_refusal(Refusal(kind, message, **details))

    def fail(self, status: int) -> Response:
        """Return an error response with *status*, in the vendor's format.

        The body has the vendor's message for *status*, or the standard phrase if the vendor does not use that status.
        """
        rows = {kind: row for kind, row in self.vendor.refusals.items() if row.status == status}
        plain = ErrorTemplate(status, reason(status) or "Error", "assumed")
        label, row = next(iter(rows.items()), (f"error {status}", plain))
        row = self.vendor.errors.get(status, row)
        return self._error_response(row, Refusal("broken"), "", label)

    def render_refusal(self, refusal: Refusal) -> Response:
        """Return *refusal* as a response in the vendor's format, with hints in an ``X-Segment-Mock-Hint`` header."""
        self.refusal, row = refusal, self.vendor.refusals[refusal.kind]
        return self._error_response(row, refusal, self.hint, refusal.kind)

    @property
    def hint(self) -> str:
        """The hints for the developer, joined by ``;``: first on the refusal, then on mistakes, then on settings."""
        refusal = self.refusal
        general = self.vendor.refusals[refusal.kind].hint if refusal else ""
        parts = [refusal.hint if refusal else "", *self.hints, general(self) if callable(general) else general]
        text = "; ".join(filter(None, dict.fromkeys(parts)))
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

    def with_faults(self, response: Response) -> Response:
        """Return *response* with an ``X-Segment-Mock-Fault`` header that lists the faults that struck.

        A response of raw bytes gets no header.
        """
        if not self.fired_faults or response.delivery.raw is not None:
            return response
        return replace(response, headers={**response.headers, **_header(FAULT, ", ".join(self.fired_faults))})

    def with_hint(self, response: Response, hint: str = "") -> Response:
        """Return *response* with *hint* (default: the call's own `hint`) in an ``X-Segment-Mock-Hint`` header."""
        return replace(response, headers={**response.headers, **hint_header(hint or self.hint)})

    def _error_response(self, row: ErrorTemplate, refusal: Refusal, hint: str, label: str) -> Response:
        self.count(None)
        request_details = {"method": self.request.method, "path": self.request.target.partition("?")[0]}
        details = {**request_details, "limit": self.vendor.limits.items, **self.vendor.details(self)}
        status, body = self.vendor.render_error(self, row, row.say(refusal, details), refusal)
        headers = {**_JSON, **row.headers}
        if refusal.allow:
            headers["Allow"] = refusal.allow
        if hint:
            headers |= hint_header(hint)
        if rules := self._doubts(row, refusal, label):
            headers |= _header(ASSUMED, "; ".join(rules))
        return Response(status, headers, row.page or dumps(body))

    def _measured(self) -> str:
        """Return the member of the request that the batch limit measures, ``""`` if there is none."""
        try:
            payload = self.vendor.unwrap(self.json)
            return next((name for name in self.operation.sized if name in payload), "")
        except (Refusal, KeyError, TypeError):
            return ""

    def _doubts(self, row: ErrorTemplate, refusal: Refusal, label: str) -> list[str]:
        """Return the assumptions behind a refusal: of the operation, of the field, consulted ones, and its own."""
        doubts, assumption = self.operation.doubts, doubt(row.source)
        own = f"{label}: {assumption}" if assumption else ""
        return [*dict.fromkeys(filter(None, (*doubts.always, *doubts.of_field(refusal.field), *self._choices(), own)))]


def hint_header(text: str) -> dict[str, str]:
    """Return the header that shows *text* to the developer."""
    return _header("X-Segment-Mock-Hint", text)


def _header(name: str, text: str) -> dict[str, str]:
    # The text may quote the request, and a line break in it would begin another header.
    value = text[:_LONGEST].translate(_CONTROLS).encode("ascii", "backslashreplace").decode()
    return {name: value if len(text) <= _LONGEST else f"{value}..."}


def all_options(vendors: Iterable[Vendor]) -> tuple[Option, ...]:
    """Return all settings: the general ones, and those of each vendor with the vendor's name as a prefix."""
    own = [
        replace(option, name=f"{vendor.name}_{option.name}")
        for vendor in vendors
        for option in (
            Option(
                vendor.key_option,
                f"A credential for {vendor.title} (--credentials listed).",
                kind=CREDENTIAL,
                many=True,
            ),
            *vendor.options,
        )
    ]
    return (*OPTIONS, *own)
