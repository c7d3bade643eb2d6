"""``segment-mock vendors``: the overviews, and the page of each operation with an example call and its response."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
from click.testing import CliRunner, Result

from segment_mock import SegmentMock
from segment_mock.cli import main
from segment_mock.example_calls import MOMENT, URL
from segment_mock.vendors import find_vendors
from tests.docs_site.reference.pages import FOLDER

NAMES = [f"{vendor.name}.{row.name}" for vendor in find_vendors() for row in vendor.operations]
PAGE = (FOLDER / "operations.md").read_text(encoding="utf-8")


def run(*words: str) -> Result:
    """Run ``segment-mock vendors`` with *words* in this process."""
    return CliRunner().invoke(main, ["vendors", *words])


def output_of(name: str) -> str:
    """Return the output for the operation *name*, such as ``salsa.get_metrics``."""
    result = run(*name.split("."))
    assert 0 == result.exit_code, result.output
    return result.stdout


def indented_blocks(text: str) -> list[str]:
    """Return each sequence of consecutive indented lines of *text*, without the indentation."""
    blocks, lines = [], text.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("  "):
            blocks += [] if before.startswith("  ") else [""]
            blocks[-1] += f"{line[2:]}\n"
    return blocks


def test_the_overview_of_a_vendor_fits_on_a_screen() -> None:
    lines = run("salsa").stdout.splitlines()

    assert len(lines) < 25
    assert "Salsa Engage Groups (salsa)" == lines[0]
    assert "  Base path:  /api/integration/ext/v1" in lines
    assert "  Credential: header authToken" in lines
    assert "  Limits:     300 calls in 60 seconds, 20 items a call (documented: " in run("salsa").stdout


def test_the_overview_lists_each_operation_in_aligned_columns() -> None:
    text = run().stdout
    head, *rows = text.partition("Operations:\n")[2].splitlines()
    column = head.index("operation")

    assert ["method", "path", "operation", "does"] == head.split()
    assert "upsert_segments          Add or update each group in order." == rows[1][column:]
    assert "PUT     /segments  " == rows[1][: len("PUT     /segments  ")]
    assert [] == [name for name in NAMES if f" {name.partition('.')[2]} " not in text]
    assert "segment-mock vendors segmenter OPERATION shows one in full" in text


@pytest.mark.parametrize("words", [("salsa", "upsert_segments"), ("salsa.upsert_segments",), ("upsert_segments",)])
def test_an_operation_can_be_named_with_or_without_its_vendor(words: tuple[str, ...]) -> None:
    assert output_of("salsa.upsert_segments") == run(*words).stdout


def test_the_page_of_an_operation_lists_fields_errors_assumptions_and_sources() -> None:
    lines = [" ".join(line.split()) for line in output_of("salsa.upsert_segments").splitlines()]
    (number,) = [
        line.split()[0] for line in lines if line.endswith("Detail, Adding/Updating Segments") and line[0] == "["
    ]

    assert "PUT /api/integration/ext/v1/segments" in lines
    assert f"name string required; not blank; at most 64 characters {number}" in lines
    assert any(line.startswith("segments list of objects required; at most 20 items") for line in lines)
    assert (
        "payload.segments[] totalMembers, type, result"
        == next(line for line in lines if line.startswith("payload.segments[] ")).partition(", mailingList")[0]
    )
    assert any(line.startswith("405 not_manageable Method not allowed: only CRM groups can be") for line in lines)
    assert any(
        line.startswith("429 too_many_items Requested batch size exceeds the allowed size of: 20") for line in lines
    )
    assert any(line.startswith("2002 not_unique The field is not unique in the system") for line in lines)
    assert any(line.startswith("not_crm_group http-405 A change of a non-CRM group") for line in lines)
    assert any(line.endswith("Changed by: --salsa-non-crm http-405|result.") for line in lines)
    assert not any(line.startswith("joined_since ") for line in lines)


def test_conditions_across_fields_are_printed_as_sentences() -> None:
    assert "identifierType is required with identifiers" in output_of("salsa.search_segments")
    assert "modifiedFrom is required" in output_of("salsa.search_supporters")
    assert "externalId or email is required" in output_of("segmenter.create_segment")


def test_json_of_an_operation_has_no_rows_of_other_operations() -> None:
    (vendor,) = json.loads(run("salsa", "get_metrics", "--json").stdout)["vendors"]

    assert ["salsa.get_metrics"] == [row["name"] for row in vendor["operations"]]
    assert {"salsa.get_metrics"} == {row["operation"] for row in vendor["fields"]}
    assert vendor["operations"][0]["refusals"] == [row["kind"] for row in vendor["refusals"]]
    assert "unauthorized" in vendor["operations"][0]["refusals"]
    assert ["trailing_slash", "calls_left", "no_call_yet", "failed_calls"] == [
        row["name"] for row in vendor["assumptions"]
    ]
    assert [] == vendor["item_errors"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sala",), "unknown vendor or operation 'sala' (did you mean 'salsa'?); expected one of salsa, "),
        (("salsa.upser_segments",), "'salsa.upser_segments' (did you mean 'salsa.upsert_segments'?)"),
        (("salsa", "upser_segments"), "unknown operation 'upser_segments' of salsa (did you mean 'upsert_segments'?)"),
        (("salsa", "create_segment"), "unknown operation 'create_segment' of salsa"),
        (("salsa", "salsa.upsert_segmen"), "(did you mean 'upsert_segments'?)"),
        (("upsert_segments", "salsa"), "unexpected 'salsa': 'upsert_segments' is an operation already"),
        (("salsa", "get_metrics", "--errors"), "--errors: expected a vendor, got the operation 'salsa.get_metrics'"),
    ],
)
def test_an_unknown_name_exits_with_2_and_suggests_the_nearest_name(words: tuple[str, ...], message: str) -> None:
    result = run(*words)

    assert 2 == result.exit_code
    assert message in result.stderr


def test_flags_list_errors_and_assumptions_of_a_vendor() -> None:
    errors, assumptions = run("segmenter", "--errors").stdout, run("segmenter", "--assumptions").stdout

    assert "no_such_operation  Cannot {method} {path}" in errors
    assert "At most {limit} items are allowed" in errors
    assert "leavers" in assumptions
    assert "leavers" not in errors
    assert "method  path" not in errors + assumptions


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_shows_the_example_that_the_command_prints(name: str) -> None:
    section = PAGE.partition(f"### `{name}`\n")[2].partition("\n### ")[0]
    *_, commands, response = indented_blocks(output_of(name))
    serve, _, call = commands.removeprefix("$ ").partition("\n$ ")

    assert f"```sh\n{serve}\n{call}```" in section
    assert f"```json\n{response}```" in section


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.parametrize("name", NAMES)
def test_an_example_gets_the_response_that_is_printed(name: str) -> None:
    """A mock serves the example's data, and the example's curl command runs against it."""
    *before, commands, response = indented_blocks(output_of(name))
    serve, _, call = commands.removeprefix("$ ").partition("\n$ ")
    data: dict[str, Any] = json.loads(before[-1]) if "--data" in serve else {}
    with SegmentMock(data=data) as mock:
        mock.clock.freeze(MOMENT)
        result = subprocess.run(
            ["sh", "-c", call.replace(URL, mock.serve().url)], capture_output=True, text=True, check=True
        )

    assert serve == ("segment-mock serve --data data.json" if data else "segment-mock serve")
    assert json.loads(response) == json.loads(result.stdout)
