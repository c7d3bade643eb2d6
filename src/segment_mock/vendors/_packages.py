"""Vendors of other packages: entry points of the group ``segment_mock.vendors``, each a module with a ``VENDOR``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import PathFinder
from keyword import iskeyword
from typing import TYPE_CHECKING

from ..core import Vendor
from ..core.call import all_options
from ..hosts import matches
from ..settings import OPTIONS, SettingError, is_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "segment_mock.vendors"
RESERVED = ("mock", "nobody", "stubs", "unmatched", "vendors")
"""Names that data files, commands or the journal use otherwise."""
_NEEDLE = GROUP.encode()


def vendors_of_packages(own: tuple[Vendor, ...]) -> tuple[Vendor, ...]:
    """Return the vendors of installed packages, sorted by name; *own* are the vendors of this package.

    Raises `SettingError` for a vendor that can't be imported, is invalid, or clashes with another vendor.
    """
    declared = _declared()
    if not declared:
        return ()
    vendors = [*own]
    for place, vendor in declared:
        if problem := next(_clashes(vendor, vendors), ""):
            raise SettingError(f"{place}: {problem}")
        vendors.append(vendor)
    return tuple(sorted(vendors[len(own) :], key=lambda vendor: vendor.name))


@cache
def _declared() -> tuple[tuple[str, Vendor], ...]:
    """Return place and vendor of each entry point, cached for the process; raises `SettingError` for a mistake."""
    return tuple((_place_of(entry), _loaded(entry)) for entry in _entries()) if _may_exist() else ()


def _entries() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points  # many times slower than the check above

    # One package may be found twice, for example in a checkout and in site-packages.
    unique = {(entry.name, entry.value): entry for entry in entry_points(group=GROUP)}
    return tuple(unique[key] for key in sorted(unique))


def _may_exist() -> bool:
    """Return whether an installed package may declare a vendor: whether a metadata file names the group."""
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        return True
    return any(_is_named_below(folder or ".") for folder in dict.fromkeys(sys.path))


def _is_named_below(folder: str) -> bool:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - a third of the time
    except NotADirectoryError:
        return True  # an archive: only importlib.metadata can read it
    except OSError:
        return False
    for name in names:
        if name.endswith("-info"):
            try:
                with open(f"{folder}/{name}/entry_points.txt", "rb") as file:  # noqa: PTH123 - as above
                    if _NEEDLE in file.read():
                        return True
            except OSError:
                continue
    return False


def _loaded(entry: EntryPoint) -> Vendor:
    from ._checks import problems  # only vendors of packages need it, and importing it takes some milliseconds

    try:
        target = entry.load()
    except Exception as error:
        raise SettingError(f"{_place_of(entry)}: can't be imported: {type(error).__name__}: {error}") from error
    vendor = target if isinstance(target, Vendor) else getattr(target, "VENDOR", None)
    if not isinstance(vendor, Vendor):
        raise SettingError(f"{_place_of(entry)}: expected a module whose VENDOR is a Vendor, got {vendor!r}")
    if problem := next(problems(vendor), ""):
        raise SettingError(f"{_place_of(entry)}: {problem}")
    return vendor


def _place_of(entry: EntryPoint) -> str:
    package = f" of package {entry.dist.metadata['Name']}" if entry.dist else ""
    return f"vendor {entry.name}{package} ({entry.value})"


def check_name(name: str, others: Iterable[Vendor]) -> str:
    """Return the reason why a vendor can't have the name *name* beside *others*, or ``""``."""
    if iskeyword(name):
        return f"name {name!r} is a keyword of Python"
    if not is_name(name) or name in RESERVED:
        reserved = ", ".join(RESERVED)
        return f"name {name!r}: expected a letter, then lower-case letters, digits and _, but not {reserved}"
    namesake = next((other for other in others if other.name == name), None)
    return f"name {name!r} is taken by {namesake.title}" if namesake else ""


def _clashes(vendor: Vendor, others: list[Vendor]) -> Iterator[str]:
    """Yield each name, host, root or setting of *vendor* that is taken."""
    if problem := check_name(vendor.name, others):
        yield problem
    for other in others:
        yield from (f"{problem} is taken by {other.title}" for problem in _shared(vendor, other))
    option_names = {option.name for option in OPTIONS}
    if clashing := sorted(option_names & {option.name for option in all_options([vendor])[len(OPTIONS) :]}):
        yield f"setting {', '.join(clashing)} exists already; choose another name for the vendor or its option"


def _shared(vendor: Vendor, other: Vendor) -> Iterator[str]:
    for host in vendor.hosts:
        if any(matches(host, other_host) or matches(other_host, host) for other_host in other.hosts):
            yield f"host {host!r}"
    if vendor.root == other.root:
        yield f"root {vendor.root!r}"
    flags = {option.name for option in all_options([other])[len(OPTIONS) :]}
    for option in all_options([vendor])[len(OPTIONS) :]:
        if option.name in flags:
            yield f"setting {option.name!r}"
