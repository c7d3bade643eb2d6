"""How a vendor says no: a neutral kind below, the vendor's own row above; and what it limits."""

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
    """The vendor will not: a neutral *kind*, and what the vendor's row may want to say of it.

    *message* replaces the row's sentence, *fields* fill its ``{placeholders}``, *field* is the
    wire name that is to blame, *hint* is for the developer and never enters a vendor's body.
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
    """How one vendor says one kind of refusal: a row of its table, with the *source* of what it says.

    *hint* is for the developer, and may be a function of the call. *field* is the wire name to blame where the
    refusal names none. *page* is a whole body to send as it stands, for what is said by no API: a gateway's HTML, say.
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
        """Return the sentence for *refusal*, its placeholders filled from it and from what is *known*.

        A fault refuses without a reason, so what the sentence asks for may be missing.
        """
        told = {name: value for name, value in {**known, **refusal.fields}.items() if value is not None}
        return refusal.message or self.message.format_map(defaultdict(lambda: "?", told))


@dataclass(frozen=True)
class Limits:
    """What a vendor allows: *calls* of one credential in *seconds*, *items* of one batch; None is no limit."""

    calls: int | None = None
    seconds: float = 60.0
    items: int | None = None
    source: str = "assumed"


@dataclass(frozen=True)
class ItemFailure:
    """What a fault decided for one item: the vendor's result word and a sentence."""

    result: str
    message: str = ""
