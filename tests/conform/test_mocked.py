"""``conform`` against a segment-mock: it loads records over the control plane, and restores the original ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from segment_mock import SegmentMock, faults
from segment_mock.conform.example import examples
from segment_mock.vendors import find_vendors
from tests.conform.targets import TOKEN, rows_of, run

READS = {f"{vendor.name}.{row.name}" for vendor in find_vendors() for row in vendor.operations if row.reads}


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock with the demo data."""
    with SegmentMock(data="demo") as mock:
        yield mock


def test_every_example_passes_and_the_records_are_restored(mock: SegmentMock) -> None:
    """Examples for other settings are skipped, and no snapshot remains."""
    before, url = mock.state(), mock.serve().url
    result = run(url, "--allow-writes")
    skipped = [line for line in result.stdout.splitlines() if line.startswith("skip")]
    others = [one.name for one in examples() if any(mock.settings[name] != one.options[name] for name in one.options)]

    assert 0 == result.exit_code, result.output
    assert sorted(others) == sorted(line.split()[1].removesuffix(":") for line in skipped)
    assert f"0 failed, {len(others)} skipped: http://127.0.0.1:" in result.stdout.splitlines()[-1]
    assert all(" it needs a target with --" in line for line in skipped)
    assert before == mock.state()
    assert [] == requests.get(f"{url}/_mock/snapshots", timeout=60).json()["snapshots"]


def test_without_allow_writes_no_example_writes(mock: SegmentMock) -> None:
    """Only reading operations are called. The reason for a skipped example names the flag."""
    before = mock.state()
    rows = rows_of(run(mock.serve().url, "--json"))

    assert {entry.operation for entry in mock.journal if entry.vendor} == READS
    assert {"salsa.search_segments", "salsa.search_supporters", "salsa.get_metrics"} <= READS
    assert "pass" == rows["salsa/search-all"]["verdict"]
    assert "it writes, which needs --allow-writes" == rows["salsa/upsert"]["why"]
    assert before == mock.state()


def test_the_settings_of_the_mock_select_the_examples() -> None:
    """An example that needs a setting runs if it is in force. Base path, credentials and admin token are used."""
    settings = {
        "salsa_non_crm": "result", "credentials": "listed", "salsa_token": [TOKEN], "segmenter_key": ["k"],
        "segmenter_path": "/elsewhere", "admin_token": "an-admin-token",
    }  # fmt: skip
    keys = ("--salsa-token", TOKEN, "--segmenter-key", "k", "--admin-token", "an-admin-token")
    only = [
        word
        for name in ("salsa/*not*", "salsa/token*", "*/members-b*", "*/key*", "*/update")
        for word in ("--only", name)
    ]
    with SegmentMock(**settings) as mock:
        result = run(mock.serve().url, "--allow-writes", "--json", *keys, *only)
        unkeyed = run(mock.serve().url, "--only", "salsa/delete", "--admin-token", "an-admin-token")
        refused = run(mock.serve().url)
    rows = rows_of(result)

    assert 0 == result.exit_code, result.output
    assert {"salsa/delete-not-crm", "salsa/members-built-in-group", "salsa/upsert-not-crm"} == {
        name for name, row in rows.items() if row["verdict"] != "pass"
    }
    assert "it needs a target with --salsa-non-crm http-405; this one has result" == rows["salsa/upsert-not-crm"]["why"]
    assert (1, 1) == (unkeyed.exit_code, refused.exit_code)
    assert "its control plane answers 401 to GET /_mock/vendors" in refused.stderr
    assert "(--admin-token)" in refused.stderr


def test_the_records_of_isolated_organizations_are_restored() -> None:
    """With --credentials isolated, an example uses the organization of its own credential."""
    with SegmentMock(data="demo", credentials="isolated") as mock:
        before = mock.state()
        result = run(mock.serve().url, "--allow-writes", "--only", "salsa/upsert*", "--only", "segmenter/create")

        assert 0 == result.exit_code, result.output
        assert before == mock.state()
        assert mock.salsa.segments == mock.salsa.of("documented-token").segments


def test_a_response_changed_by_a_fault_is_a_difference(mock: SegmentMock) -> None:
    """A response that an armed fault changes counts as a difference, and the records are restored."""
    before = mock.state()
    mock.faults.add(faults.Error(status=500), "salsa.search_segments")
    result = run(mock.serve().url, "--only", "salsa/search-all")

    assert 1 == result.exit_code
    assert "fail  salsa/search-all\n        status: expected 200, got 500" in result.stdout
    assert before == mock.state()
