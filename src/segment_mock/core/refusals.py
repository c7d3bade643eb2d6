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
    """The vendor refuses a call for the neutral reason *kind*.

    *message* replaces the template's sentence, and *fields* fill its ``{placeholders}``. *field* is the wire name of
    the wrong member. *hint* is for the developer and never part of a body. *allow* is the value of an Allow header.
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
    """A vendor's status and words for one kind of refusal, and their *source*.

    *hint* is for the developer, and may be a function of the call. *field* is the wire name to report if the
    refusal names none. *page* is a complete body to send instead, for example a gateway's HTML.
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

        A placeholder without a value becomes ``?``, because a fault rule refuses without details.
        """
        values = {name: value for name, value in {**details, **refusal.fields}.items() if value is not None}
        return refusal.message or self.message.format_map(defaultdict(lambda: "?", values))


@dataclass(frozen=True)
class Limits:
    """A vendor's limits: *calls* of one credential in *seconds*, and *items* in one batch; None means no limit."""

    calls: int | None = None
    seconds: float = 60.0
    items: int | None = None
    source: str = "assumed"


@dataclass(frozen=True)
class ItemFailure:
    """The failure of one item by a fault: the vendor's result word and a sentence."""

    result: str
    message: str = ""
