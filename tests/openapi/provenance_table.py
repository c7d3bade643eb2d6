"""The table of sources in docs/explanation/fidelity.md; ``python tests/openapi/provenance_table.py`` writes it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from segment_mock.catalogue import catalogue
from segment_mock.vendors import find_vendors

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "fidelity.md"
MARKS = ("documented", "recorded", "assumed")
PLACE = re.compile("<!-- provenance -->.*?<!-- end -->", re.DOTALL)


def table() -> str:
    """Return Markdown with the sources of operations and refusals, and the number of fields with each mark."""
    vendors = catalogue(find_vendors(), {})["vendors"]
    fields = [row for vendor in vendors for row in vendor["fields"]]
    lines = [row for vendor in vendors for row in operation_rows(vendor)]
    refusals = "\n".join(f"- {vendor['title']}: {refusal_list(vendor['refusals'])}." for vendor in vendors)
    head = ("operation", "known from", "assumed about it", *(f"fields {mark}" for mark in MARKS), "examples")
    sections = [
        markdown(head, lines),
        field_counts(fields),
        "The refusals:",
        refusals,
    ]
    return "\n\n".join(sections)


def operation_rows(vendor: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    """Yield a table row for each operation of *vendor*."""
    for name, row in {row["name"]: row for row in vendor["operations"]}.items():
        marks = Counter(field["mark"] for field in vendor["fields"] if field["operation"] == name)
        source = row["source"].partition(";")[0]
        label = source if source.startswith("recorded") else f"{row['mark']}: {source}"
        yield f"`{name}`", label, row["assumed"], *(str(marks[mark]) for mark in MARKS), str(len(row["examples"]))


def field_counts(fields: list[dict[str, Any]]) -> str:
    """Return a sentence with the number of fields that have each mark, and of those that an example proves."""
    marks, proved = Counter(row["mark"] for row in fields), sum(bool(row["examples"]) for row in fields)
    counts = ", ".join(f"{marks[mark]} are {mark}" for mark in MARKS)
    return f"Of {len(fields)} fields of requests and responses {counts}; examples prove {proved}."


def refusal_list(rows: list[dict[str, Any]]) -> str:
    """Return the kinds and statuses of the refusals *rows*, grouped by mark."""
    kinds = {mark: [f"`{row['kind']}` {row['status']}" for row in rows if row["mark"] == mark] for mark in MARKS}
    return "; ".join(f"{mark} {', '.join(names)}" for mark, names in kinds.items() if names)


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [[*head], *rows]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def with_current_table(page: str) -> str:
    """Return *page* with the current table."""
    page, count = PLACE.subn(lambda _: f"<!-- provenance -->\n\n{table()}\n\n<!-- end -->", page)
    assert count == 1, "docs/explanation/fidelity.md must have one <!-- provenance --> ... <!-- end -->"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_current_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
