"""All fixed text is in the catalogue, and the catalogue is whole.

After a change of text: run the two ``pybabel`` commands of ``auditor docs developers``, then
translate what is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import nodes

from auditor.language.speaking import FOLDER, languages
from auditor.report.show import words

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
# A config that `auditor init` writes is English, as its keys are, and so is the terminal.
ENGLISH = {*TEMPLATES.rglob("init/*"), *TEMPLATES.rglob("terminal/*")}
REPORTS = sorted({*TEMPLATES.rglob("*.j2")} - ENGLISH)
KEYWORDS = {**DEFAULT_KEYWORDS, "NN_": (1, 2)}
PLACEHOLDER = re.compile(r"%(?:\(\w+\)s|%)|\{\w+\}")
TAG = re.compile(r"</?\w+[^>]*>")
WORD = re.compile(r"[^\W\d_]{2,}")
SPOKEN = re.compile(r'\b(?:alt|title|aria-label|placeholder)="([^"]*)"')
CALLS = {"_", "gettext", "ngettext"}
OTHERS = [code for code in languages() if code != "en"]
Message = tuple[str, ...]


@pytest.fixture(scope="module")
def source() -> set[Message]:
    """Every message of the program and the templates, a plural as a pair."""
    found = []
    for folder, pattern, method, options in (
        ("auditor", "**.py", "python", {}),
        ("templates", "**.j2", "jinja2", {"silent": "false", "trim_blocks": "true"}),
    ):
        found += extract_from_dir(
            str(ROOT / folder), [(pattern, method)], {pattern: options}, KEYWORDS
        )
    return {item[2] if isinstance(item[2], tuple) else (item[2],) for item in found}


def catalogue(code: str) -> Catalog:
    with (FOLDER / code / "LC_MESSAGES" / "auditor.po").open("rb") as file:
        return read_po(file, locale=code, abort_invalid=True)


def key(item: object) -> Message:
    return tuple(item) if isinstance(item, tuple | list) else (str(item),)


def test_german_is_there() -> None:
    assert "de" in OTHERS


@pytest.mark.parametrize("code", OTHERS)
def test_nothing_is_missing_obsolete_or_unsure(code: str, source: set[Message]) -> None:
    read = catalogue(code)
    there = {key(item.id): item for item in read if item.id}
    assert set(there) == source, "extract and update the catalogue: see auditor docs developers"
    assert not read.obsolete
    empty = [k for k, item in there.items() if not all(key(item.string)) or item.fuzzy]
    assert not empty
    assert all(len(key(item.string)) == read.num_plurals for k, item in there.items() if k[1:])


@pytest.mark.parametrize("code", OTHERS)
def test_values_and_marks_agree(code: str) -> None:
    for item in catalogue(code):
        if not item.id:
            continue
        for original, said in zip(key(item.id), key(item.string), strict=True):
            assert sorted(PLACEHOLDER.findall(original)) == sorted(PLACEHOLDER.findall(said)), said
            assert sorted(TAG.findall(original)) == sorted(TAG.findall(said)), said
            assert original[-1] not in ".:;," or said[-1] == original[-1], said
            # Messages stand in attributes, too.
            assert '"' not in original + said


@pytest.mark.parametrize("code", OTHERS)
def test_no_translation_says_its_text_twice(code: str) -> None:
    for item in catalogue(code):
        for text in key(item.string):
            half = len(text) // 2
            twice = len(text) > 20 and text[:half].strip() == text[-half:].strip()
            assert not twice, text


def test_every_message_can_be_filled(source: set[Message]) -> None:
    for message in (each for item in source for each in item):
        values = dict.fromkeys(re.findall(r"%\((\w+)\)s", message), "x")
        assert "%(" not in message % values


def literal(text: str, jinja: jinja2.Environment) -> str:
    """Return what a template writes by itself, a line break for every tag of Jinja."""
    parts = []
    for _, kind, value in jinja.lex(text):
        parts.append(value if kind == "data" else "\n" if kind.endswith("_begin") else "")
    return "".join(parts)


def constants(node: nodes.Node) -> Iterator[str]:
    """Yield the texts that a template's expression can print, but for messages."""
    if isinstance(node, nodes.Call) and getattr(node.node, "name", "") in CALLS:
        for argument in node.kwargs:
            yield from constants(argument)
    elif isinstance(node, nodes.Compare | nodes.Test | nodes.Getitem | nodes.Filter):
        if isinstance(node, nodes.Filter) and node.node is not None:
            yield from constants(node.node)
    elif isinstance(node, nodes.Const):
        if isinstance(node.value, str):
            yield node.value
    else:
        for child in node.iter_child_nodes():
            yield from constants(child)


def printed(tree: nodes.Template) -> Iterator[str]:
    for each in tree.find_all((nodes.Output, nodes.Assign, nodes.CallBlock)):
        places = [each.call] if isinstance(each, nodes.CallBlock) else each.iter_child_nodes()
        for place in places:
            if not isinstance(place, nodes.TemplateData):
                yield from constants(place)


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_no_text_stands_in_a_template_itself(path: Path) -> None:
    jinja = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    source = path.read_text(encoding="utf-8")
    text = literal(re.sub(r"<code>.*?</code>|concept-auditor| UTC\b", "", source), jinja)
    assert not [said for said in SPOKEN.findall(text) if WORD.search(said)]
    if path.name.endswith(".html.j2"):
        text = re.sub(r"<[^>]*>", "\n", text)
        # What is left of a tag that Jinja's own divide.
        text = re.sub(r'[\w-]+="[^"\n]*"?|^"', "", text, flags=re.MULTILINE)
    assert not WORD.findall(text)
    # Names of classes, anchors and kinds are one word; text has a space or begins with a capital.
    said = [each for each in printed(jinja.parse(source)) if re.search(r"\w \w|^[A-Z][a-z]", each)]
    assert not said


def test_counted_nouns_of_templates_are_known() -> None:
    jinja = jinja2.Environment()
    known = set(words.NOUNS)
    for path in TEMPLATES.rglob("*.j2"):
        source = re.sub(r"\b(?:_|ngettext)\(", "f(", path.read_text(encoding="utf-8"))
        for call in jinja.parse(source).find_all(nodes.Filter):
            if call.name != "plural":
                continue
            noun, *rest = [each.value for each in call.args if isinstance(each, nodes.Const)]
            many = rest[0] if rest else f"{noun}s"
            assert (f"%(num)s {noun}", f"%(num)s {many}") in known, f"{path.name}: {noun}"
