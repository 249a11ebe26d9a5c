"""A run that computed in English is shown wholly in another language."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from auditor.__main__ import run
from auditor.language.numbers import percent
from auditor.language.speaking import gettext
from auditor.report.show.render import read_result
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.tiny import LEAN
from tests.report.test_catalogue import catalogue, key
from tests.report.test_hostile import parse

SHORTCUTS = {"per_class": 2, "total": 4, "permutations": 200}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The folder of an English run that was run again in German, and its audit.json before."""
    folder = tmp_path_factory.mktemp("translated")
    config = write_own_model_audit(
        folder,
        audit=LEAN,
        shortcuts=SHORTCUTS,
        targets={"accuracy": 0.99},
        policy={"fail_on": "never"},
    )
    command = ["run", str(config), "--out", str(folder / "runs"), "--quiet", "--format", "html"]
    run(command)
    (made,) = folder.glob("runs/*/audit.json")
    before = made.read_bytes()
    run([*command, "--set", "report.language=de", "--set", "report.tier=technical"])
    (again,) = folder.glob("runs/*/audit.json")
    assert again == made
    return made.parent, before


def messages_in(text: str) -> list[str]:
    """Return the English messages of the catalogue, of three words or more, that occur in a text.

    Fewer words may be names. What is the same in German has no language.
    """
    flat = " ".join(text.split())
    return [original for original, pattern in english() if pattern.search(flat)]


@cache
def english() -> list[tuple[str, re.Pattern[str]]]:
    """Return those messages, and how each looks with whatever values."""
    found = []
    for item in catalogue("de"):
        for original, said in zip(key(item.id), key(item.string), strict=True):
            bare = re.sub(r"<[^>]*>", "", original).replace("%%", "%").strip()
            parts = re.split(r"%\(\w+\)s", " ".join(bare.split()))
            if original == said or len(re.findall(r"[^\W\d_]{2,}", " ".join(parts))) < 3:
                continue
            pattern = r"(?<!\w)" + ".{1,80}?".join(map(re.escape, parts)) + r"(?!\w)"
            found.append((original, re.compile(pattern)))
    return found


def test_english_is_seen_where_it_is() -> None:
    text = f"A. {gettext('%(value)s misses the target.', value=percent(0.5))} B."
    assert messages_in(text) == ["%(value)s misses the target."]
    assert messages_in("50 % verfehlt das Ziel.") == []


def test_another_language_is_the_same_audit(folders: tuple[Path, bytes]) -> None:
    folder, before = folders
    documents = [json.loads(each) for each in (before, (folder / "audit.json").read_bytes())]
    for document in documents:
        document.pop("config")  # it says how the report was asked for
    assert documents[0] == documents[1]


@pytest.mark.parametrize(
    "name", ["report-technical.html", "summary.md", "model_card.md", "junit.xml"]
)
def test_no_english_sentence_is_left(folders: tuple[Path, bytes], name: str) -> None:
    text = (folders[0] / name).read_text(encoding="utf-8")
    if name.endswith(".html"):
        root = parse(text)
        said = []
        for element in root.iter():
            said += [part for part in (element.text, element.tail) if part]
            said += [element.attrib.get(name, "") for name in ("alt", "title", "aria-label")]
        assert 'lang="de"' in text[:200]
        text = "\n".join(said)
    assert messages_in(text) == []


def test_figures_are_drawn_in_both_languages(folders: tuple[Path, bytes]) -> None:
    confusion = read_result(folders[0]).performance.confusion
    assert confusion is not None
    assert (folders[0] / "images" / confusion.others["de"].file).is_file()
