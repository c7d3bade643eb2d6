"""An invalid example file is an error that names the file and the missing member."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from segment_mock import SettingError
from segment_mock.examples import ShippedExample, examples_folder
from segment_mock.vendors import find_vendors

SEGMENTER = next(vendor for vendor in find_vendors() if vendor.name == "segmenter")
EXAMPLE = json.loads((examples_folder(SEGMENTER) / "create.json").read_text(encoding="utf-8"))
REQUIRED = ("title", "source", "mark", "operation", "state", "request", "response")


def example_without(name: str, inner: str) -> dict[str, Any]:
    """Return an example whose member *name* lacks the member *inner*."""
    return {**EXAMPLE, name: {key: value for key, value in EXAMPLE[name].items() if key != inner}}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        *(({k: v for k, v in EXAMPLE.items() if k != name}, f"expected a member '{name}'; CONTR") for name in REQUIRED),
        (example_without("request", "headers"), "request: expected a member 'headers'"),
        (example_without("response", "body"), "response: expected a member 'body'"),
        ({**EXAMPLE, "request": "POST"}, "request: expected an object"),
        ([], "the example: expected an object"),
        (
            {**EXAMPLE, "operation": "segmenter.creat_segment"},
            "(did you mean 'segmenter.create_segment'?); expected one",
        ),
        (
            {**EXAMPLE, "operation": None},
            "operation: unknown operation None; expected one of segmenter.create_segment,",
        ),
    ],
)
def test_an_invalid_example_is_an_error_with_file_and_member(document: Any, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "new.json"
    file.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(SettingError) as caught:
        ShippedExample.read(file, replace(SEGMENTER, examples=tmp_path))

    assert str(caught.value).startswith(f"{file}: ")
    assert problem in str(caught.value)


def test_an_example_that_is_not_json_is_an_error_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "new.json").write_text("{")

    with pytest.raises(SettingError, match=r"new\.json: it is not valid JSON: .*\(line 1"):
        ShippedExample.read(tmp_path / "new.json", SEGMENTER)
