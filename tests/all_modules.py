"""Imports every module of the package: a run within a test forgets what it imports, and would import it twice."""

from __future__ import annotations

import importlib
import pkgutil

import segment_mock

MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(segment_mock.__path__, "segment_mock.")
    if not module.name.endswith("__main__")
]
