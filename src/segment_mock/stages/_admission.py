"""Who may call, and how often."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping

from ..contract import Call, Proceed, Refusal, credential_hint
from ..limits import Window
from ..messages import CLOSED, Response


class Authenticate:
    """Finds the organization that the credential names, or refuses.

    *listed* are a vendor's own credentials, *headers* those in which any vendor expects one.
    """

    def __init__(self, credentials: str, listed: Mapping[str, Collection[str]], headers: Collection[str] = ()) -> None:
        self.known, self.headers = listed if credentials == "listed" else None, headers

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Let a call in whose vendor asks for no key, or whose key is one that the settings admit."""
        if call.outlived:
            return Response(503, delivery=CLOSED)
        header = call.vendor.key_header
        credential = call.request.headers.get(header.lower(), "").strip()
        if header and not credential:
            raise Refusal("unauthorized", hint=credential_hint(header, call.request.headers, self.headers))
        if self.known is not None and header and not _is_among(credential, self.known[call.vendor.name]):
            raise Refusal("unauthorized", hint=f"with --credentials listed, name it by --{call.vendor.key_flag}")
        call.credential = credential
        call.organization = call.world.organization(credential)
        return await proceed()


class Throttle:
    """Counts each authenticated call against its credential's window."""

    def __init__(self, windows: Mapping[str, Window], enforced: bool) -> None:
        self.windows, self.enforced = windows, enforced

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Refuse a call that its vendor's window has no room for."""
        call.window = window = self.windows.get(call.vendor.name)
        if window and not window.admit(call.credential, call.world.clock.now()) and self.enforced:
            raise Refusal("throttled", hint="--limits off lifts the vendor's limits")
        return await proceed()


def _is_among(credential: str, known: Collection[str]) -> bool:
    # As long for a near miss as for a far one, and whichever of them it is.
    sent = credential.encode("utf-8", "surrogatepass")
    return any([hmac.compare_digest(sent, one.encode("utf-8", "surrogatepass")) for one in known])  # noqa: C419 - every one
