"""Refusals: a neutral kind, the vendor's template that words it, and the vendor's limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

RefusalKind: TypeAlias = Literal[
    "unauthorized", "throttled", "too_many_items", "not_manageable", "malformed", "too_large",
    "not_found", "no_such_operation", "no_such_method", "broken",
]  # fmt: skip
REFUSAL_KINDS: tuple[RefusalKind, ...] = get_args(RefusalKind)


class Refusal(Exception):
    """The vendor refuses a call: a neutral *kind*, and what the vendor's template may quote.

    *message* replaces the template's sentence, *fields* fill its ``{placeholders}``. *field* is the wire name that
    is wrong. *hint* is for the developer and never enters a vendor's body. *allow* is the value of an Allow header.
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
        super().__init__(kind, message)
        self.kind, self.message, self.field, self.hint, self.allow = kind, message, field, hint, allow
        self.fields = fields


@dataclass(frozen=True)
class ErrorTemplate:
    """How one vendor words one kind of refusal, and the *source* of that.

    *hint* is for the developer, and may be a function of the call. *field* is the wire name to blame where the
    refusal names none. *page* is a whole body to send as it is, for example a gateway's HTML.
    """

    status: int
    message: str
    source: str
    code: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hint: str | Callable[[Any], str] = ""
    page: bytes = b""
    field: str = ""

    def say(self, refusal: Refusal, known: Mapping[str, object]) -> str:
        """Return the sentence for *refusal*, its placeholders filled from *known* and from the refusal.

        A placeholder without a value becomes ``?``: a fault rule refuses without a reason.
        """
        values = {name: value for name, value in {**known, **refusal.fields}.items() if value is not None}
        return refusal.message or self.message.format_map(defaultdict(lambda: "?", values))


@dataclass(frozen=True)
class Limits:
    """What a vendor allows: *calls* of one credential in *seconds*, *items* in one batch; None is no limit."""

    calls: int | None = None
    seconds: float = 60.0
    items: int | None = None
    source: str = "assumed"


@dataclass(frozen=True)
class ItemFailure:
    """How a fault lets one item fail: the vendor's result word and a sentence."""

    result: str
    message: str = ""
