"""``segment-mock new-vendor``: write a package with a vendor of one operation, as a starting point."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from ..vendors import check_name, find_vendors

_VENDORS = find_vendors()
_TEMPLATE = Path(__file__).parent / "vendor_template"
_SUFFIX = ".tmpl"


@click.command("new-vendor")
@click.argument("name")
@click.option("--title", help="Title of the API; default: NAME in capitals.")
@click.option("--host", help="Host of the API, such as api.example.com or *.example.com; default: api.NAME.example.")
@click.option("--root", help="First part of its paths, or / if they have none in common; default: /NAME.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write; default: segment-mock-NAME."
)
def new_vendor(name: str, title: str | None, host: str | None, root: str | None, out: Path | None) -> None:
    """Write a package with the vendor NAME.

    The package has one operation with a schema, refusals, a table, an example and tests. NAME consists of lower-case
    letters, digits and _. 'pip install -e FOLDER' registers the vendor with segment-mock, and 'pytest' in that folder
    passes. The folder must be empty or new.
    """
    title, host, root = title or name.replace("_", " ").title(), host or f"api.{name}.example", root or f"/{name}"
    root = "" if root == "/" else root
    _check(name, title, host, root)
    folder = out or Path(f"segment-mock-{name.replace('_', '-')}")
    if folder.is_dir() and any(folder.iterdir()):
        raise click.UsageError(f"{folder}: the folder is not empty; name another one with --out")
    words = {
        "name": name,
        "title": title,
        "host": host.lower(),
        "root": root,
        "package": f"segment_mock_{name}",
        "distribution": f"segment-mock-{name.replace('_', '-')}",
        "Class": name.title().replace("_", ""),
    }
    try:
        for path, text in _files(words):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    click.echo(f"{folder}: a package with the vendor {name}. Next:\n  pip install -e {folder} && cd {folder} && pytest")


def _check(name: str, title: str, host: str, root: str) -> None:
    from ..hosts import host_pattern
    from ..mock import SegmentMock

    if problem := check_name(name, _VENDORS):
        raise click.UsageError(problem)
    if hasattr(SegmentMock, name):
        raise click.UsageError(f"name {name!r}: SegmentMock.{name} already exists; choose another name")
    if not title.isprintable() or not title.strip() or set(title) & set('"\\'):
        raise click.UsageError(f"--title {title!r}: expected text without quotation marks and backslashes")
    try:
        is_host = host_pattern(host) == host.lower() and not host.startswith("!")
    except ValueError:
        is_host = False
    if not is_host:
        raise click.UsageError(f"--host {host!r}: expected a host such as api.example.com, without a scheme or a path")
    if not re.fullmatch(r"(/[\w.~-]+)*", root, re.ASCII) or root.startswith("/_mock"):
        raise click.UsageError(f"--root {root!r}: expected a path such as /api, not below /_mock")


def _files(words: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file, with ``@word@`` replaced by its value in *words*."""
    for file in sorted(_TEMPLATE.rglob(f"*{_SUFFIX}")):
        path = file.relative_to(_TEMPLATE).as_posix().removesuffix(_SUFFIX)
        yield _filled(path, words), _filled(file.read_text(encoding="utf-8"), words)


def _filled(text: str, words: dict[str, str]) -> str:
    return re.sub(r"@(\w+)@", lambda match: words[match[1]], text)
