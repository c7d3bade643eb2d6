"""Write the reference pages and the other parts of docs/ that are generated from the code."""

from __future__ import annotations

import sys

from segment_mock.vendors import find_vendors
from segment_mock.vendors._checks import problems
from tests.docs_site.reference.pages import FOLDER, PAGES
from tests.faults import table as faults
from tests.openapi import provenance_table

for vendor in find_vendors():  # report a mistake in a vendor here, as any page would fail because of it
    for problem in problems(vendor):
        sys.exit(f"vendor {vendor.name}: {problem}")
for name, make_page in PAGES.items():
    (FOLDER / name).parent.mkdir(exist_ok=True)
    (FOLDER / name).write_text(make_page(), encoding="utf-8")
faults.PAGE.write_text(faults.renew_parts(faults.PAGE.read_text(encoding="utf-8")), encoding="utf-8")
provenance_table.PAGE.write_text(
    provenance_table.with_current_table(provenance_table.PAGE.read_text(encoding="utf-8")), encoding="utf-8"
)
