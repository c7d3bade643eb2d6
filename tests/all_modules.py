"""Imports every module of the package.

A nested run of pytest removes the modules that it imports, so they would be imported twice.
"""

from __future__ import annotations

import importlib
import pkgutil

import segment_mock

MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(segment_mock.__path__, "segment_mock.")
    if not module.name.endswith("__main__")
]
