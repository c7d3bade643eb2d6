"""The vendors: one folder each, discovered by name, and those of other packages."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ..core import Vendor
from ._packages import check_name, vendors_of_packages

__all__ = ["check_name", "find_vendors"]


def find_vendors() -> tuple[Vendor, ...]:
    """Return all vendors, sorted by name: the ``VENDOR`` of each folder here, then the vendors of other packages.

    Raises `SettingError` with the name of the package for an invalid vendor.
    """
    own = _vendors_in(tuple(__path__))
    return (*own, *vendors_of_packages(own))


@cache
def _vendors_in(folders: tuple[str, ...]) -> tuple[Vendor, ...]:
    names = sorted(module.name for module in iter_modules(folders) if not module.name.startswith("_"))
    return tuple(import_module(f"{__name__}.{name}").VENDOR for name in names)
