"""The page of settings, with their names, values, defaults and descriptions."""

from __future__ import annotations

from segment_mock.core import all_options
from segment_mock.settings import BOOL, OPTIONS, Option
from segment_mock.vendors import find_vendors
from tests.docs_site.reference.markdown import as_json, code, page, table

_INTRO = """\
A setting has one name in four places. For `journal_size`, `serve` and `exec` take the flag `--journal-size`, and read
the variable `SEGMENT_MOCK_JOURNAL_SIZE` and the key `journal-size` of the settings file. In Python it is the keyword
`journal_size` of `SegmentMock`, of the pytest marker and of `segment_mock_config`. A flag wins over the variable, the
variable over the file, and the file over the default. `SegmentMock` reads neither variables nor files.

The settings file is the one that `--config` or `SEGMENT_MOCK_CONFIG` names. Otherwise it is `segment-mock.yaml` in the
working folder, or the table `[tool.segment-mock]` of the `pyproject.toml` there. A setting that may be repeated is a
list in the file and in Python, and is separated by commas in the variable.

An unknown flag, key or keyword is an error that names the nearest valid one. So is an unknown variable for a command;
in process it is a warning.
"""
_OTHERS = (
    ("SEGMENT_MOCK_CONFIG", "the settings file of `serve` and `exec`"),
    ("SEGMENT_MOCK_URL", "the running server that commands and the pytest plugin talk to"),
    ("SEGMENT_MOCK_CA_FILE", "the CA certificate that verifies that server"),
)


def settings_page() -> str:
    """Return the page as Markdown."""
    vendors = find_vendors()
    parts = ["## Of every mock", _table(OPTIONS)]
    for vendor in vendors:
        own = [row for row in all_options([vendor]) if row not in OPTIONS]
        parts += [f"## Of {vendor.title}", _table(own)]
    others = table(("variable", "description"), [(code(name), about) for name, about in _OTHERS])
    return page("Settings", _INTRO, *parts, "## Other variables", others)


def _table(rows: tuple[Option, ...] | list[Option]) -> str:
    header = ("name, flag, variable", "takes", "description")
    return table(
        header,
        [
            (
                _names(row),
                with_default(accepted_values(row), as_json(row.initial)),
                row.help,
            )
            for row in rows
        ],
    )


def with_default(text: str, default: str) -> str:
    """Return *text* with the default below it, if there is one."""
    return "<br>".join(filter(None, (text, f"default {default}" if default else "")))


def _names(row: Option) -> str:
    short = f", `-{row.short}`" if row.short else ""
    return f"{code(row.name)}<br>{code(row.flag)}{short}<br>{code(row.variable)}"


def accepted_values(row: Option) -> str:
    """Return a description of the values that *row* accepts."""
    if row.kind is BOOL:
        return "true or false"
    bounds = {"from": row.min, "to": row.max}
    limits = [f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None]
    kind = " or ".join(map(code, row.choices)) or row.kind.title
    return " ".join([kind, *limits]) + (", several" if row.many else "")
