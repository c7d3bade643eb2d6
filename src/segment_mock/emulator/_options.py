"""Every setting there is, the vendors' own included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..contract import Vendor
from ..settings import OPTIONS, Option


def options(vendors: Iterable[Vendor]) -> tuple[Option, ...]:
    """Return every setting there is: our own, and each vendor's with its name in front."""
    own = [
        replace(option, name=f"{vendor.name}_{option.name}")
        for vendor in vendors
        for option in (
            Option(vendor.key_option, f"A credential for {vendor.title} (--credentials listed).", many=True),
            *vendor.options,
        )
    ]
    return (*OPTIONS, *own)
