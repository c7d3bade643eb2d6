"""Every error message of the project is on the troubleshooting page, or is listed as self-explaining."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from fnmatch import translate
from functools import cache
from pathlib import Path

import pytest
import requests

from segment_mock import SegmentMock, connect

from .error_texts.collect import ErrorText, error_texts

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
LIST = Path(__file__).parent / "error_texts" / "self_explaining.toml"

HEADINGS = re.findall(r"^### `([^`]+)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
GROUPS = tomllib.loads(LIST.read_text(encoding="utf-8"))["group"]
PATTERNS = [pattern for group in GROUPS for pattern in group["texts"]]
TEXTS = error_texts()


EXAMPLE_MODULE = """
from click import UsageError

_SENTENCE = "A constant of the module: {}."


class Broken(ValueError):
    pass


def _reason(name):
    if name:
        return f"{name} came from a function"
    return "nothing came from a function"


def plain(name):
    raise Broken(f"{name!r} was raised")


def through_a_variable(name):
    why = f"{name} is in a variable" if name else "nothing is in a variable"
    raise Broken(f"{name}: {why}")


def through_a_function(name):
    raise Broken(_reason(name))


def through_a_constant(name):
    return UsageError(_SENTENCE.format(name))
"""


@cache
def as_heading(heading: str) -> re.Pattern[str]:
    """Return a pattern for the message in *heading*, without the exception's name; ``...`` matches anything."""
    quoted = re.sub(r"^[A-Z]\w+: ", "", heading)
    return re.compile(".*".join(re.escape(part) for part in quoted.split("...")))


@cache
def as_pattern(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for *pattern*, in which ``*`` matches anything."""
    return re.compile(translate(pattern.replace("[", "[[]")))


def entries(text: ErrorText) -> list[str]:
    """Return the headings of the page and the patterns of the list that match *text*."""
    headings = [heading for heading in HEADINGS if as_heading(heading).search(text.text)]
    return headings + [pattern for pattern in PATTERNS if as_pattern(pattern).match(text.text)]


def test_every_error_text_has_a_heading_or_is_listed() -> None:
    without = [text for text in TEXTS if not entries(text)]

    assert not without, (
        "These texts have no entry. If a user will look one up, quote it in a heading of docs/troubleshooting.md "
        f"(### `text`, with ... for what differs), else add it to tests/error_texts/{LIST.name}:\n"
        + "\n".join(map(str, without))
    )


def test_every_heading_quotes_an_existing_error_text() -> None:
    assert [] == [one for one in HEADINGS if not any(as_heading(one).search(text.text) for text in TEXTS)]


def test_every_listed_text_exists() -> None:
    assert [] == [one for one in PATTERNS if not any(as_pattern(one).match(text.text) for text in TEXTS)]


def call_another_host() -> None:
    with SegmentMock().intercept(block_network=True):
        requests.get("https://example.org/", timeout=1)


def hang_without_a_timeout() -> None:
    with SegmentMock(faults=["hang"]) as mock:
        mock.session().get("/api/integration/ext/v1/metrics", headers={"authToken": "any"})


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(call_another_host, id="block_network"),
        pytest.param(hang_without_a_timeout, id="hang"),
        pytest.param(lambda: SegmentMock(dat="demo"), id="setting"),
        pytest.param(lambda: SegmentMock(seed=7, salsa_non_crm="no"), id="value"),
        pytest.param(lambda: SegmentMock(data={"salsa": {"segment": []}}), id="collection"),
        pytest.param(lambda: SegmentMock(scenario="salsa.rate_limit"), id="scenario"),
        pytest.param(lambda: SegmentMock(faults=["disconect"]), id="kind"),
        pytest.param(lambda: SegmentMock().faults.add("error", "salsa.upser"), id="operation"),
        pytest.param(lambda: SegmentMock().faults.add("item", "salsa.get_metrics"), id="no items"),
        pytest.param(lambda: SegmentMock().faults.add("connect", "salsa.get_metrics"), id="before a call"),
        pytest.param(lambda: SegmentMock().stub("PUT", "/segments", json={}), id="stub"),
        pytest.param(lambda: SegmentMock().serve("0.0.0.0"), id="listen"),
        pytest.param(lambda: SegmentMock().restore("before"), id="snapshot"),
        pytest.param(lambda: connect("http://127.0.0.1:1").reset(), id="no server"),
    ],
)
def test_a_raised_error_has_a_heading(action: Callable[[], object]) -> None:
    with pytest.raises((OSError, RuntimeError, ValueError, LookupError)) as error:
        action()

    assert any(as_heading(heading).search(str(error.value)) for heading in HEADINGS)


def test_error_texts_are_collected_through_variables_functions_and_constants(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text(EXAMPLE_MODULE)

    assert [
        "A constant of the module: {}.",
        "{} came from a function",
        "nothing came from a function",
        "{} was raised",
        "nothing is in a variable",
        "{} is in a variable",
    ] == [text.text for text in error_texts(tmp_path, ["package"])]


def test_a_new_error_text_matches_no_entry_and_is_shown_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text('raise ValueError("the moon is full tonight")\n')
    (text,) = error_texts(tmp_path, ["."])

    assert not entries(text)
    assert "module.py:1: the moon is full tonight" == str(text)
