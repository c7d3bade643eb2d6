"""An error in the vendor's own format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..core import Call, Proceed, dumps
from ..json_match import is_deep
from ..messages import Response, check_response_header, with_headers
from ..settings import FLOAT, INT, OptionType, SettingError
from .base import Fault, after, pairs, setting


def _body(value: Any) -> Any:
    if isinstance(value, (dict, list)) and not is_deep(value):
        json.dumps(value, allow_nan=False)
        return value
    if isinstance(value, str):
        return value
    raise ValueError


def _headers(value: Any) -> dict[str, str]:
    headers = {name: str(text) if _is_number(text) else text for name, text in pairs(value).items()}
    for name, text in headers.items():
        try:
            check_response_header(name, text)
        except ValueError as error:
            raise SettingError(str(error)) from None
    return headers


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@dataclass(frozen=True)
class Error(Fault):
    """Answer with an error *status*, in the vendor's format or with your own *body*.

    The call is not performed, except with *after*.
    """

    kind: ClassVar[str] = "error"
    status: int = setting(500, "HTTP status.", INT, min=200, max=599)
    after: bool = after()
    body: str | Mapping[str, Any] | None = setting(
        None,
        "Body to send instead of the vendor's: text, or an object to send as JSON.",
        OptionType("text or an object", _body),
    )
    headers: Mapping[str, str] | None = setting(
        None, "Headers to add.", OptionType("a dictionary of names and values", _headers)
    )
    retry_after: float | None = setting(None, "Seconds for a Retry-After header.", FLOAT, min=0)

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Answer with the error, instead of performing the call or after it."""
        if self.after:
            await proceed()
        form = {} if self.body is None or isinstance(self.body, str) else {"Content-Type": "application/json"}
        response = with_headers(with_headers(call.fail(self.status), form), self.headers or {})
        if self.retry_after is not None:
            response = with_headers(response, {"Retry-After": f"{self.retry_after:.6f}".rstrip("0").rstrip(".")})
        if self.body is None:
            return response
        body = self.body.encode("utf-8", "surrogatepass") if isinstance(self.body, str) else dumps(self.body)  # type: ignore[arg-type]
        return replace(response, body=body)
