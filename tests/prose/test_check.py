"""The prose check reports the patterns that its rules forbid, and no others."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.prose.check import ROOT, RULES, Finding, findings, texts
from tests.vendors.package import new_vendor

CHECK = Path(__file__).parent / "check.py"
LONG = " ".join(["word"] * 31)


def rules_broken(tmp_path: Path, name: str, content: str) -> list[str]:
    """Return the line and the rule of each finding in a file with this *content*."""
    file = tmp_path / name
    file.write_text(content)
    broken: list[Finding] = [finding for text in texts(file) for finding in findings(text)]
    return [f"{finding.text.line} {finding.rule}" for finding in broken]


@pytest.mark.parametrize(
    ("name", "content", "broken"),
    [
        ("page.md", "# Page\n\n'x' that is none.\n", ["3 withdrawn"]),
        ("page.md", "| a | b |\n| --- | --- |\n| bad weather | 2 |\n", ["3 withdrawn"]),
        ("page.md", f"{LONG}.\n", ["1 long"]),
        ("page.md", "```sh\necho bad weather\n```\n\nUse `bad weather` as a name.\n", []),
        (
            "page.md",
            "The file is opened and it is not closed and the data is sorted and then printed.\n",
            ["1 passive"],
        ),
        ("module.py", '"""A fault of ours."""\n', ["1 withdrawn"]),
        ("module.py", "LIMIT = 3\n'''As many as nobody reads.'''\n", ["2 withdrawn"]),
        ("module.py", "# first line,\n# bad weather\nx = 1\n", ["1 withdrawn"]),
        ("module.py", "def f(told):\n    found = 1\n    return found\n", ["1 name", "2 name"]),
        ("module.py", "raise ValueError('host lets others in')\n", ["1 withdrawn"]),
        ("page.js", "const told = 1;\nfunction f(made) {\n  told(); // kept\n}\n", ["1 name", "2 name"]),
        ("page.js", "const [sent, rest] = rows.map((asked) => asked);\n", ["1 name", "1 name"]),
        ("module.py", "raise ValueError(f'unknown name; expected one of {[*names]}')\n", ["1 brackets"]),
        ("module.py", "raise ValueError(f'unknown name; expected one of {comma_list(names)}')\n", []),
        ("module.py", '"""Return the records of an index."""\nfounder = 1\n', []),
    ],
)
def test_findings_have_line_and_rule(tmp_path: Path, name: str, content: str, broken: list[str]) -> None:
    assert rules_broken(tmp_path, name, content) == broken


REPLY, ANSWER, ANSWERS = (
    next(pattern for pattern, instead in RULES["withdrawn"].items() if instead == words)
    for words in (
        "response; as a verb: answer",
        "response; answer is a verb",
        "responses; answer is a verb",
    )
)
SENTENCES = {
    r"\bis none of\b": "The value is none of these.",
    r"\bof its own\b.*\bof its own\b": "A server of its own with a port of its own.",
    r"\btells? on\b": "The header tells on the mock.",
    r"\bdeeds?\b": "Each deed counts.",
    r"\bweighs?\b": "The body weighs 3 KiB.",
    r"\bspoiled?\b": "The item is spoiled.",
    r"\bheeds?\b": "It heeds the limit.",
    r"\bstands? in (?:its|the) place\b": "A mock stands in its place.",
    r"\b(?:is|are|was|were) told\b": "The client is told.",
    r"\btells? whether\b": "Tell whether it fits.",
    r"\bno such (?:setting|member|key|table|variable|parameter|example)\b": "sede: no such setting",
    r"\bpast (?:the|its) API\b": "Add a group past the API.",
    r"\bconnections? (?:comes?|came) about\b": "No connection comes about.",
    r"\bspeaks? (?:no )?TLS\b": "The server speaks no TLS.",
    r"\bgo(?:es)? by\s+(?:the|these|no|CODE)\b": "The client goes by `HTTPS_PROXY`.",
    r"\bcounts? (?:it|them) otherwise\b": "A proxy counts it otherwise.",
    r"\bruns? as (?:it|they) comes?\b": "Every peer runs as it comes.",
    r"\bwhoever (?:has|may)\b": "Whoever has the file can replay it.",
    r"\bworks? alike\b": "The others work alike.",
    r"(?<!Gateway )\btime-outs?\b": "The client's time-out decides.",
    r"\breplac(?:e|es|ing)\b(?:(?! with)[^.]){0,60} by (?!itself|hand)": "Replace the rules by others.",
    r"\b(?:message|error) has (?:the|its) (?:nearest|place|reason|position|line|value|address|hint)": (
        "The error has the place."
    ),
    r"(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|exception\b|mistake\b)": "The file is no capsule.",
    REPLY: "The reply is late.",
    ANSWER: "The server sends an answer.",
    ANSWERS: "The client reads the vendor's answers.",
}
"""A sentence to find, for each pattern that is a regular expression."""


DOCSTRINGS = {
    r"\b(?:go|goes|going|went) on\b": "The server goes on.",
    r"\b(?:is|are|was|were) over\b(?! (?:the|a|its|\d))": "Wait until the call is over.",
    r"\b(?:is|are|still|not) here\b": "The entries that are still here.",
    r"\bspare[ds]?\b": "The calls that a condition spared.",
    r"\bnobody\b(?! reads|'s)": "Nobody listens.",
    r"\b(?:a|another|longer) texts?\b(?!/)": "The time as a text.",
    r"\bthose (?:who|whose|which)\b": "For those who call.",
    r"(?<!, )\bso many \*?\w+\b\*?(?! that)": "Send so many bytes.",
    r"\bwhat (?:it|they|this|that) (?:is|are|was|were|has|had|says?)\b": "The record is what it was.",
    r"(?<!there )(?-i:\bis none\b)": "Raise ValueError where it is none.",
    r"\bas (?:one|a person) (?:sees|does|would)\b": "It answers as one does.",
    r"\bnone gets?\b": "A client that none gets.",
    r"\bhold(?:s|ing)? (?:it|them|us|nothing)\b": "It would hold nothing.",
    r"\AReturn (?:what|why)\b": "Return what stands in the file.",
    r"\A(?:Have|Differ|Contain|Tell|Be)\b": "Tell the client.",
}
"""A docstring to find, for each pattern of docstrings that is a regular expression."""


def example_of(pattern: str) -> str:
    """Return a sentence that contains *pattern*."""
    return SENTENCES.get(pattern, f"Here {pattern.replace(chr(92) + 'b', '')} is planted.")


@pytest.mark.parametrize("pattern", RULES["withdrawn"])
def test_every_withdrawn_pattern_is_found(tmp_path: Path, pattern: str) -> None:
    assert "1 withdrawn" in rules_broken(tmp_path, "page.md", f"{example_of(pattern)}\n")


@pytest.mark.parametrize(
    "sentence",
    [
        "The mock replied with 404.",
        "It replies to each call.",
        "Replies are late.",
        "The first answer is lost.",
        "A client without an\nanswer gives up.",
        "Compare the mock's answer with Salsa's.",
        "Each of our answers is valid.",
    ],
)
def test_other_words_for_a_response_are_found(tmp_path: Path, sentence: str) -> None:
    assert rules_broken(tmp_path, "page.md", f"{sentence}\n") == ["1 withdrawn"]
    assert rules_broken(tmp_path, "module.py", f'"""{sentence}"""\n') == ["1 withdrawn"]


@pytest.mark.parametrize(
    "sentence",
    [
        "The server answers with 405, and a stub answered the call.",
        "Operations that answer with a list have a page.",
        "The scenario lost-replies loses a response.",
        "`Call.reply` returns a response with status 200.",
        "Here is the answer to your question.",
    ],
)
def test_answer_is_allowed_as_a_verb_and_for_a_question(tmp_path: Path, sentence: str) -> None:
    assert rules_broken(tmp_path, "page.md", f"{sentence}\n") == []


@pytest.mark.parametrize("pattern", RULES["docstrings"])
def test_every_pattern_of_docstrings_is_found_only_in_docstrings_and_comments(tmp_path: Path, pattern: str) -> None:
    text = DOCSTRINGS.get(pattern) or example_of(pattern)

    assert "1 withdrawn" in rules_broken(tmp_path, "module.py", f'"""{text}"""\n')
    assert "1 withdrawn" in rules_broken(tmp_path, "module.py", f"# {text}\nx = 1\n")
    assert [] == rules_broken(tmp_path, "page.md", f"{text}\n")


def test_correct_sentences_break_no_rule(tmp_path: Path) -> None:
    good = "Return the name, or None if there is none. The value is None. It moves so many records that it is slow."

    assert [] == rules_broken(tmp_path, "module.py", f'"""{good}"""\n')


@pytest.mark.parametrize("part", RULES["names"]["withdrawn_parts"])
def test_every_withdrawn_part_of_a_name_is_reported(tmp_path: Path, part: str) -> None:
    assert rules_broken(tmp_path, "module.py", f"def test_{part}_waits():\n    pass\n") == ["1 name"]


def test_the_listed_public_names_exist_in_their_files() -> None:
    for file, names in RULES["names"]["public"].items():
        assert {*names} <= {*re.findall(r"\w+", (ROOT / file).read_text())}


@pytest.mark.parametrize("name", RULES["names"]["withdrawn"])
def test_every_withdrawn_name_is_reported(tmp_path: Path, name: str) -> None:
    assert rules_broken(tmp_path, "module.py", f"def f({name}):\n    return {name}\n") == ["1 name"]


def test_the_command_exits_with_1_for_a_withdrawn_sentence(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("The mock answers in vain.\n")
    run = subprocess.run([sys.executable, CHECK, page], capture_output=True, text=True, check=False)

    assert (1, True) == (run.returncode, "page.md:1: withdrawn: 'in vain'; write: without result" in run.stdout)


def test_a_new_vendor_keeps_the_rules(tmp_path: Path) -> None:
    """Its files become a part of this project if it moves here."""
    folder = new_vendor(tmp_path)
    pages = [*folder.rglob("*.py"), *folder.rglob("*.md")]
    broken = [finding for file in pages for text in texts(file) for finding in findings(text)]

    assert len(pages) > 5
    assert [] == [str(finding) for finding in broken if finding.rule != "passive"]
