"""Check docs, docstrings, comments, messages and names by the rules in rules.toml.

Usage: ``python tests/prose/check.py [PATH...]``; without paths, the whole project is checked. Exits with 1 if a rule is
broken; passive chains are only warnings.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
RULES: dict[str, Any] = tomllib.loads((Path(__file__).parent / "rules.toml").read_text())
PLACES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "examples", "src", "conftest_plugin", "benchmarks",
          "tests")  # fmt: skip
SENTENCE = re.compile(r"(?<=[.!?:;])[\"')\]]*\s+(?=[A-Z`\"'(\[*])|\n\s*\n|\n\s*[-*]\s")
SCRIPTS = (".js", ".cjs", ".mjs")
DECLARATION = re.compile(
    r"\b(?:const|let|var|function)\s+(\{[^}]*\}|\[[^\]]*\]|\w+)|(\w+)\s*=>|\(([\w, ]*)\)\s*(?:=>|\{)"
)
CODE = re.compile(r"``[^`]*``|`[^`]*`|https?://\S+")


@dataclass(frozen=True)
class Text:
    """A piece of prose and its location.

    *kind* is ``docs``, ``docstring``, ``comment``, ``message``, ``name`` or ``brackets`` (a list within an f-string).
    """

    path: Path
    line: int
    kind: str
    text: str


@dataclass(frozen=True)
class Finding:
    """A rule that a text breaks."""

    text: Text
    rule: str
    detail: str

    def __str__(self) -> str:
        path = self.text.path
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        return f"{name}:{self.text.line}: {self.rule}: {self.detail}"


def texts(path: Path) -> Iterator[Text]:
    """Yield every piece of prose in a file, or in the files below a folder."""
    if path.is_dir():
        for file in sorted(file for suffix in (".py", ".md", *SCRIPTS) for file in path.rglob(f"*{suffix}")):
            yield from texts(file)
    elif path.suffix == ".md":
        yield from markdown(path)
    elif path.suffix == ".py" and path.parent != Path(__file__).parent:
        yield from python(path)
    elif path.suffix in SCRIPTS and "node_modules" not in path.parts:
        yield from script(path)


def markdown(path: Path) -> Iterator[Text]:
    """Yield the paragraphs, list items and table cells of a Markdown file, without its code."""
    written_by_hand = re.sub(r"(?<=## Figures\n).*", "", path.read_text(), flags=re.DOTALL)
    for token in MarkdownIt("commonmark").enable("table").parse(written_by_hand):
        if token.type == "inline" and token.map:
            text = " ".join(map(_piece, token.children)) if token.children else token.content
            yield Text(path, token.map[0] + 1, "docs", text.replace("* ", "*"))


def _piece(token: Any) -> str:
    """Return the text of a part of a paragraph; an emphasized word keeps its markup, as it may begin a sentence."""
    if token.type == "code_inline":
        return "`CODE`"
    return str(token.markup if token.type in ("em_open", "strong_open") else token.content)


def python(path: Path) -> Iterator[Text]:
    """Yield the docstrings, comments, longer string constants and withdrawn names of a Python file."""
    source = path.read_text()
    tree = ast.parse(source)
    public = RULES["names"]["public"].get(path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else "", ())
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            for statement in node.body:  # including docstrings of attributes
                if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                    docstrings.add(statement.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node in docstrings:
                yield Text(path, node.lineno, "docstring", node.value)
            elif " " in node.value.strip() and not path.is_relative_to(ROOT / "tests"):
                yield Text(path, node.lineno, "message", node.value)
        is_list = isinstance(node, ast.FormattedValue) and isinstance(node.value, (ast.List, ast.ListComp, ast.Dict))
        if is_list and not any(path.is_relative_to(ROOT / folder) for folder in ("tests", "benchmarks")):
            yield Text(path, node.lineno, "brackets", ast.unparse(node.value))
        name, line = _name(node)
        parts = {*name.lower().split("_")}.intersection(RULES["names"]["withdrawn_parts"])
        if parts or (name.strip("_") in RULES["names"]["withdrawn"] and name not in public):
            yield Text(path, line, "name", name)
    yield from comments(path, source)


def script(path: Path) -> Iterator[Text]:
    """Yield the withdrawn names that a file of JavaScript declares."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code = re.sub(r"//.*", "", line)
        names = {
            name
            for match in DECLARATION.finditer(code)
            for name in re.findall(r"\w+", " ".join(filter(None, match.groups())))
        }
        for name in sorted(names.intersection(RULES["names"]["withdrawn"])):
            yield Text(path, number, "name", name)


def comments(path: Path, source: str) -> Iterator[Text]:
    """Yield the comments of a Python file; those on consecutive lines are one text."""
    lines: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or re.match(r"#\s*(noqa|type:|fmt:|pragma|ruff)", token.string):
            continue
        is_trailing = bool(token.line[: token.start[1]].strip())
        if lines and (is_trailing or token.start[0] != last + 1):
            yield Text(path, first, "comment", " ".join(lines))
            lines = []
        first, last = (first if lines else token.start[0]), token.start[0]
        lines.append(token.string.lstrip("# "))
    if lines:
        yield Text(path, first, "comment", " ".join(lines))


def _name(node: ast.AST) -> tuple[str, int]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name, node.lineno
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id, node.lineno
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.attr, node.lineno
    if isinstance(node, ast.arg):
        return node.arg, node.lineno
    return "", 0


def findings(text: Text) -> Iterator[Finding]:
    """Yield each rule that *text* breaks."""
    if text.kind == "brackets":
        yield Finding(text, "brackets", f"{text.text} is shown with Python's brackets; use comma_list")
        return
    if text.kind == "name":
        yield Finding(text, "name", f"{text.text!r} does not say what it holds")
        return
    prose = CODE.sub("CODE", text.text)
    is_of_code = text.kind in ("docstring", "comment")
    for pattern, instead in (RULES["withdrawn"] | (RULES["docstrings"] if is_of_code else {})).items():
        for match in re.finditer(pattern, prose, re.IGNORECASE):
            yield Finding(text, "withdrawn", f"{match[0]!r}; write: {instead}")
    if text.kind == "message":
        return
    for sentence in SENTENCE.split(prose):
        words = sentence.split() if sentence else []
        if len(words) > RULES["longest_sentence"]:
            yield Finding(text, "long", f"{len(words)} words: {' '.join(words[:8])} ...")
        for pattern, instead in RULES["passive"].items():
            if re.search(pattern, sentence, re.IGNORECASE):
                yield Finding(text, "passive", f"{instead}: {' '.join(words[:8])} ...")


def main() -> int:
    """Print every broken rule and the number of findings; return 1 if one of them is an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, default=[ROOT / place for place in PLACES])
    parser.add_argument("--warnings", action="store_true", help="print passive chains too")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    for path in options.paths:
        for text in texts(path.resolve()):
            for finding in findings(text):
                counts[finding.rule] += 1
                if finding.rule != "passive" or options.warnings:
                    print(finding)  # noqa: T201
    rules = ("withdrawn", "name", "long", "brackets", "passive")
    print("prose:", ", ".join(f"{rule} {counts[rule]}" for rule in rules))  # noqa: T201
    return 1 if counts.total() - counts["passive"] else 0


if __name__ == "__main__":
    sys.exit(main())
