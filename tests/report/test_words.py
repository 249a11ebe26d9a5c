"""Words that neither the report nor messages nor the manual use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from auditor.language.speaking import FOLDER
from auditor.manual import TOPICS, page

README = Path(__file__).resolve().parents[2] / "README.md"
# What an audit cannot know, what officials write, and abbreviations that are read as words.
NEVER = (
    *("compliant", "unbiased", "proven", "trustworthy"),
    *("hence", "thereby", "whereby", "wherein", "thereof", "hereby", "aforementioned"),
    *("utilise", "utilize", "leverage", "in order to", "due to the fact", "prior to", "and/or"),
    *("it should be noted", "respectively", "say otherwise", "no longer tells it"),
    *(r"e\.g\.", r"i\.e\.", r"etc\."),
)
# Riddles of the first version, and what they were to say.
RIDDLES = (r"none would stop being \w+", r"of which there are no shares", r"nothing is judged")
FOUND = re.compile(rf"(?<!\w)(?:{'|'.join((*NEVER, *RIDDLES))})(?!\w)", re.IGNORECASE)


def catalogue() -> list[str]:
    with (FOLDER / "de" / "LC_MESSAGES" / "auditor.po").open("rb") as file:
        messages = [each.id for each in read_po(file) if each.id]
    return [text for each in messages for text in (each if isinstance(each, tuple) else (each,))]


def test_no_text_of_the_report_has_a_word_that_it_must_not_use() -> None:
    texts = catalogue()
    assert len(texts) > 1500
    assert [text for text in texts if FOUND.search(text)] == []


@pytest.mark.parametrize("topic", [*TOPICS, "README"])
def test_nor_has_the_manual(topic: str) -> None:
    text = README.read_text(encoding="utf-8") if topic == "README" else page(topic)
    assert FOUND.findall(text) == []


@pytest.mark.parametrize("text", ["It is Hence so.", "marks, e.g. stamps", "proven."])
def test_such_words_are_found(text: str) -> None:
    assert FOUND.search(text)
