"""Look-ups of host names by any client, so that an unsupported library does not reach a vendor either."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from .registry import OLDEST, REGISTRY, Patch, Seam, defined_in, refusal

_KNOWN = "requests, urllib3, httpx, aiohttp and the standard library's http.client"


def seams(module: ModuleType) -> Iterable[Seam]:
    """Return the seams of ``socket``, or of ``asyncio.base_events``."""
    ours: Any = module
    if module.__name__ == "socket":
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
            yield Seam(ours, name, _lookup)
        genuine = defined_in(module, "socket")
        for kind in dict.fromkeys((genuine, ours.socket)):  # httpretty and pytest-socket replace it for a while
            for name in ("connect", "connect_ex", "sendto", "sendmsg"):
                if hasattr(kind, name):  # httpretty's socket does not have all of them
                    yield Seam(kind, name, _addressed, only_own=kind is not genuine)
    else:  # asyncio looks names up in another thread, whose stack does not have the user's line
        yield Seam(ours.BaseEventLoop, "getaddrinfo", _awaited_lookup)


def check(host: Any) -> None:
    """Raise `NetworkBlocked` if *host* is a name that must not be looked up, or a refused address."""
    name = host.decode("latin-1") if isinstance(host, (bytes, bytearray)) else host
    if isinstance(name, str) and REGISTRY.transport_for(name) is not None:
        old = "; ".join(
            f"{library} {version} is too old to be intercepted; install {OLDEST[library]} or later"
            for library, version in REGISTRY.too_old.items()
        )
        if removed := ", ".join(REGISTRY.removed_patches()):
            removed = f"another library has removed the mock's patch of {removed}; start or end it after the mock"
        unknown = f"a client that can't be intercepted looked up its name; supported are {_KNOWN}"
        raise refusal(name, old or removed or unknown)


def _lookup(patch: Patch) -> Any:
    def lookup(host: Any, *args: Any, **options: Any) -> Any:
        check(host)
        return patch.original(host, *args, **options)

    return lookup


def _awaited_lookup(patch: Patch) -> Any:
    async def getaddrinfo(self: Any, host: Any, *args: Any, **options: Any) -> Any:
        check(host)
        return await patch.original(self, host, *args, **options)

    return getaddrinfo


def _addressed(patch: Patch) -> Any:
    def addressed(self: Any, *args: Any) -> Any:
        address = args[-1] if args else None
        if isinstance(address, tuple) and len(address) in (2, 4) and isinstance(address[1], int):
            check(address[0])
        return patch.original(self, *args)

    return addressed
