"""The vendors, a folder each, found by themselves."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..core import Vendor


def find_vendors() -> tuple[Vendor, ...]:
    """Return every vendor, in order of name: each folder here that is no private one has a ``VENDOR``."""
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    return tuple(import_module(f"{__name__}.{name}").VENDOR for name in names)
