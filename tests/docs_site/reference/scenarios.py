"""The page of scenarios, with their descriptions and rules."""

from __future__ import annotations

import json

from segment_mock.settings import scenarios
from tests.docs_site.reference.markdown import block, page, table

_INTRO = """\
A scenario is a list of [fault rules](faults.md#when-a-rule-strikes) with a name. `--scenario NAME` and
`SegmentMock(scenario=NAME)` arm it; both take several names. `segment-mock faults` and `GET /_mock/scenarios` list
these:
"""
_OWN = """\
## Your own

Write your own into a file for `--scenarios FILE`, or give `SegmentMock(scenarios=...)` a dictionary of the same form:

```yaml
slow-friday:
  about: Every write is late.
  faults:
    - {kind: latency, seconds: 3, operation: "*.upsert_*"}
```

`segment-mock faults --scenarios FILE` lists them after those above, whose names can't be used again.
"""


def scenarios_page() -> str:
    """Return the page as Markdown."""
    rows = scenarios()
    scenario_table = table(
        ("scenario", "description"), [(f"[`{name}`](#{_anchor(name)})", row["about"]) for name, row in rows.items()]
    )
    parts = [
        f"## `{name}`\n\n{row['about']}\n\n{block(chr(10).join(map(json.dumps, row['faults'])), 'json')}"
        for name, row in rows.items()
    ]
    return page("Scenarios", _INTRO, scenario_table, _OWN, *parts)


def _anchor(name: str) -> str:
    return name.replace(".", "")
