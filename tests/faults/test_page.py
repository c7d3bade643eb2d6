"""docs/reference/faults.md describes all that the code declares, and its examples work."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

import pytest
import yaml

from segment_mock import SegmentMock
from segment_mock.faults import ALIASES, WHEN, kinds, option
from tests.docs_site.reference.pages import COMMAND
from tests.faults.table import DECLARED, PAGE, renew_parts

TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(json|yaml)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("part", DECLARED)
def test_generated_parts_are_up_to_date(part: str) -> None:
    """Except the table of clients, which test_client_table.py tests."""
    assert renew_parts(TEXT, [part]) == TEXT, f"run `{COMMAND}`"


@pytest.mark.parametrize("kind", kinds().values(), ids=lambda kind: kind.kind)
def test_every_kind_and_setting_is_on_the_page(kind: Any) -> None:
    """Each kind has a heading, followed by a row for each setting with its default."""
    section = TEXT.partition(f"### `{kind.kind}`\n")[2].partition("\n### ")[0].partition("<!-- end -->")[0]

    assert " ".join(kind.__doc__.split()) in section
    assert [row.name for row in fields(kind)] == re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert [] == [row.name for row in fields(kind) if option(row).help not in section]


def test_every_condition_and_alias_is_on_the_page() -> None:
    """With its description."""
    missing = [f"| `{row.name}` | " for row in WHEN] + [f"| `{alias}` | " for alias in ALIASES]

    assert [] == [text for text in missing if text not in TEXT]


@pytest.mark.parametrize(("language", "block"), BLOCKS)
def test_rules_of_the_page_can_be_armed(language: str, block: str) -> None:
    """A mock accepts each example in YAML or JSON."""
    rules = yaml.safe_load(block) if language == "yaml" else [json.loads(line) for line in block.splitlines()]

    assert len(rules) == len(SegmentMock(faults=rules).faults)


def test_reasons_are_listed_in_the_order_of_their_checks() -> None:
    """The page lists the conditions in the order in which a rule checks them."""
    mock = SegmentMock()
    rule = mock.faults.add(lambda call, proceed: proceed(), skip=1, every=2, chance=0, connection=5, from_=60)
    for seconds, calls in ((0, 1), (60, 8)):
        mock.clock.advance(seconds)
        with mock.session() as session:
            for _ in range(calls):
                session.get("/nowhere")

    assert "matched 9 times, but: 1 outside its time window, 1 skipped, 2 excluded by every=2" in rule.explain()
    assert "2 excluded by chance=0" in rule.explain()
    assert "3 excluded by connection=5" in rule.explain()
