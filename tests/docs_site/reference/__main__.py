"""Write the reference pages again, and what else of docs/ is made from the code."""

from __future__ import annotations

from tests.docs_site.reference.pages import FOLDER, PAGES
from tests.faults import table as faults
from tests.openapi import provenance_table

for name, make_page in PAGES.items():
    (FOLDER / name).parent.mkdir(exist_ok=True)
    (FOLDER / name).write_text(make_page(), encoding="utf-8")
faults.PAGE.write_text(faults.renewed(faults.PAGE.read_text(encoding="utf-8")), encoding="utf-8")
provenance_table.PAGE.write_text(
    provenance_table.updated(provenance_table.PAGE.read_text(encoding="utf-8")), encoding="utf-8"
)
