"""Refusals: a neutral kind, the vendor's template for its words, and the vendor's limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from ..settings import suggestion

RefusalKind: TypeAlias = Literal[
    "unauthorized", "throttled", "too_many_items", "not_manageable", "malformed", "too_large",
    "not_found", "no_such_operation", "no_such_method", "broken",
]  # fmt: skip
REFUSAL_KINDS: tuple[RefusalKind, ...] = get_args(RefusalKind)
_KINDS = frozenset(REFUSAL_KINDS)


class Refusal(Exception):
    """The vendor refuses a call. Raise it in an operation.

    * *kind*: the neutral kind, one of `REFUSAL_KINDS`, such as ``not_found``
    * *message*: replaces the sentence of the vendor's template
    * *field*: the name in the API of the wrong member
    * *hint*: advice for the developer, which is never part of a body
    * *allow*: the value of an Allow header
    * *fields*: the values of the template's ``{placeholders}``

    Raises ValueError for an unknown *kind*.

        raise Refusal("not_found", field="segmentId", id=segment_id)
    """

    def __init__(
        self,
        kind: RefusalKind,
        message: str = "",
        *,
        field: str = "",
        hint: str = "",
        allow: str = "",
        **fields: object,
    ) -> None:
        if kind not in _KINDS:
            raise ValueError(f"unknown kind of refusal {kind!r}{suggestion(kind, REFUSAL_KINDS)}")
        super().__init__(kind, message)
        self.kind, self.message, self.field, self.hint, self.allow = kind, message, field, hint, allow
        self.fields = fields


@dataclass(frozen=True)
class ErrorTemplate:
    """The vendor's status, message and format for one kind of refusal.

    * *status*, *message*, *code*, *headers*: parts of the response; *message* may have ``{placeholders}``
    * *source*: a section of the vendor's document, a recording, or ``"assumed"``
    * *hint*: advice for the developer, or a function of the call that returns it
    * *page*: a complete body to send instead, for example the HTML of a gateway
    * *field*: the member to name in the body if the refusal names none
    """

    status: int
    message: str
    source: str
    code: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hint: str | Callable[[Any], str] = ""
    page: bytes = b""
    field: str = ""

    def say(self, refusal: Refusal, details: Mapping[str, object]) -> str:
        """Return the sentence for *refusal*, with placeholders filled from *details* and from the refusal.

        A placeholder without a value becomes ``?``, because a fault refuses without details.
        """
        values = {name: value for name, value in {**details, **refusal.fields}.items() if value is not None}
        return refusal.message or self.message.format_map(defaultdict(lambda: "?", values))


@dataclass(frozen=True)
class Limits:
    """The limits of a vendor; None means no limit.

    * *calls*: how many calls a credential may make in a sliding window of *seconds* (default: 60)
    * *items*: how many items a batch may have
    * *source*: a section of the vendor's document, a recording, or ``"assumed"`` (default)
    """

    calls: int | None = None
    seconds: float = 60.0
    items: int | None = None
    source: str = "assumed"


@dataclass(frozen=True)
class ItemFailure:
    """The failure of one item by a fault: the vendor's word for the *result*, and a *message*."""

    result: str
    message: str = ""
