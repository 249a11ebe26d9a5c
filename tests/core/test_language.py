"""The spoken language: catalogues, counting, and a block that leaves nothing behind."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from auditor.base.errors import UnknownNameError
from auditor.config.audit import ReportConfig
from auditor.language import speaking as language
from auditor.language.numbers import decimal, percent
from auditor.language.speaking import (
    Text,
    capitalised,
    constants,
    gettext,
    joined,
    listed,
    ngettext,
    speaking,
    spoken,
    translated,
)
from auditor.report.document.result import Quarantined
from auditor.report.draw.style import Drawing
from auditor.report.show import words
from auditor.report.show.picture_store import ImageStore
from auditor.run.codec import load_record, save_record


def test_english_is_spoken_by_itself() -> None:
    assert spoken() == "en"
    assert gettext("Summary") == "Summary"
    assert language.languages()[0] == "en"


def test_a_block_speaks_and_leaves_nothing_behind() -> None:
    with speaking("de"):
        assert gettext("Summary") == "Zusammenfassung"
        with speaking("en"):
            assert gettext("Summary") == "Summary"
        assert spoken() == "de"
    assert spoken() == "en"


def test_it_is_restored_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), speaking("de"):
        _ = 1 / 0
    assert spoken() == "en"


@pytest.mark.parametrize(("count", "said"), [(0, "0 Bilder"), (1, "1 Bild"), (2, "2 Bilder")])
def test_counted_forms(count: int, said: str) -> None:
    with speaking("de"):
        assert ngettext("%(num)s picture", "%(num)s pictures", count) == said


def test_what_is_not_in_the_catalogue_stays_english() -> None:
    with speaking("de"):
        assert gettext("No such message, %(name)s", name="x") == "No such message, x"
        assert ngettext("%(num)s dodo", "%(num)s dodos", 2) == "2 dodos"


def test_an_unknown_language_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="unknown language 'fr'"), speaking("fr"):
        pass
    with pytest.raises(ValueError, match="unknown language 'deu'"):
        ReportConfig(language="deu")


def test_constants_are_read_in_the_spoken_language() -> None:
    assert constants(words)["SEVERITY"] == words.SEVERITY
    with speaking("de"):
        texts = constants(words)
    assert texts["WORDS"]["do_not_use"] == "NOCH NICHT VERWENDEN"
    assert texts["GLOSSARY"][1].word == "Konzept"
    assert texts["REVIEW_CHOICES"]["mitigate"] == "Beheben"


def told() -> dict[str, str]:
    """English texts of every kind, by what they are in German."""
    shares = gettext("%(low)s to %(high)s", low=percent(np.float64(0.015)), high=percent(0.25))
    return {
        "2 Bilder": ngettext("%(num)s picture", "%(num)s pictures", 2),
        "1,5\u00a0% bis 25\u00a0%": shares,
        "Konzept, 0,50": joined((gettext("Concept"), "", decimal(0.5)), ", "),
        "Konzept: 0,50.": gettext("Concept") + ": " + decimal(0.5) + ".",
        "hund, katze und Konzept": listed(["hund", "katze", gettext("Concept")]),
        "Keine": capitalised(gettext("none")),
        "inf": percent(float("inf")).removesuffix("\u00a0%"),
    }


def test_texts_are_translated_when_they_are_shown() -> None:
    english = {german: str(text) for german, text in told().items()}
    texts = tuple(told().values())
    assert all(str(text) == said for text, said in zip(texts, english.values(), strict=True))
    assert english["2 Bilder"] == "2 pictures"
    with speaking("de"):
        assert translated(texts) == tuple(english)
        assert {type(text) for text in translated(texts)} == {str}
    assert translated({"a": [texts]}) == {"a": [tuple(english.values())]}


@pytest.mark.parametrize(
    "passed_on",
    [
        copy.deepcopy,
        lambda text: pickle.loads(pickle.dumps(text)),
        lambda text: Text.from_json(json.loads(json.dumps(text.to_json(), allow_nan=False))),
        lambda text: (
            Quarantined.model_validate_json(
                Quarantined(path="a", reason=text).model_dump_json()
            ).reason
        ),
        lambda text: Quarantined(path="a", reason=text).model_copy().reason,
    ],
)
def test_texts_survive_copies_and_files(passed_on: Callable[[str], str]) -> None:
    for german, text in told().items():
        if isinstance(text, Text):
            again = passed_on(text)
            assert again == text
            with speaking("de"):
                assert translated(again) == german


def test_a_record_keeps_its_texts(tmp_path: Path) -> None:
    save_record(tmp_path, {"texts": tuple(told().values()), "plain": "none"})
    again = load_record(tmp_path)
    assert again["plain"] == "none"
    assert not isinstance(again["plain"], Text)
    with speaking("de"):
        assert translated(again["texts"]) == tuple(told())


@pytest.mark.parametrize("broken", [{}, {"text": []}, {"text": ["nobody"]}, {"text": ["gettext"]}])
def test_what_describes_no_text_is_an_error(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="describes no text"):
        Text.from_json(broken)
    with pytest.raises(ValidationError):
        Quarantined.model_validate({"path": "a", "reason": broken})


def test_a_figure_with_words_is_drawn_in_every_language(tmp_path: Path) -> None:
    def draw() -> Drawing:
        return Drawing(f"<svg>{gettext('Concept')}</svg>", 3, 4)

    store = ImageStore(tmp_path)
    picture = store.figure(draw, alt=gettext("none"))
    assert "Concept" in (tmp_path / picture.file).read_text()
    with speaking("de"):
        german = picture.translated()
    assert "Konzept" in (tmp_path / german.file).read_text()
    assert (german.alt, german.others) == ("keine", {})
    assert store.figure(partial(Drawing, "<svg/>", 3, 4), alt="").others == {}


def test_a_text_with_a_number_is_read_back_where_nothing_else_was_imported() -> None:
    written = json.dumps(gettext("%(share)s of it", share=percent(0.5)).to_json())
    code = f"from auditor.language.speaking import Text; print(Text.from_json({written}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["50", "%", "of", "it"]
