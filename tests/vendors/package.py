"""Write and declare a vendor package, as if it were installed, and run Python with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from click.testing import CliRunner

from segment_mock.cli import main

Install: TypeAlias = Callable[..., Path]
"""The type of the function that the fixture ``install`` returns."""


def new_vendor(folder: Path, name: str = "tickets", *options: str) -> Path:
    """Run ``segment-mock new-vendor`` for the vendor *name* below *folder* and return the package's folder."""
    out = folder / f"segment-mock-{name}"
    result = CliRunner().invoke(main, ["new-vendor", name, "--out", str(out), *options])
    assert 0 == result.exit_code, result.output
    return out


def declare(folder: Path, entries: Mapping[str, str], package: str = "hallo-mock") -> None:
    """Write the metadata of an installed *package* into *folder*, with *entries* as entry points of vendors."""
    metadata = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (metadata / "entry_points.txt").write_text(f"[segment_mock.vendors]\n{lines}")


def run(paths: list[Path], *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with *paths* at the start of ``PYTHONPATH`` and return the completed process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
