"""The vendors, a folder each, found by themselves; and those of other packages."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..core import Vendor
from ._packages import API_VERSION, check_name, vendors_of_packages

__all__ = ["API_VERSION", "check_name", "find_vendors"]


def find_vendors() -> tuple[Vendor, ...]:
    """Return every vendor, in order of name: each folder here that is no private one has a ``VENDOR``.

    Behind them come those of other packages; raises `SettingError` for one that can't be used, naming its package.
    """
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    own = tuple(import_module(f"{__name__}.{name}").VENDOR for name in names)
    return (*own, *vendors_of_packages(own))
