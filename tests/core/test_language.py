"""The spoken language: catalogues, counting, and a block that leaves nothing behind."""

from __future__ import annotations

import pytest

from auditor.base.errors import UnknownNameError
from auditor.config.audit import ReportConfig
from auditor.language import speaking as language
from auditor.language.speaking import Texts, gettext, ngettext, speaking, spoken
from auditor.report.show import words


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
    texts = Texts(words)
    assert list(texts.SEVERITY.values()) == [each % () for each in words.SEVERITY.values()]
    with speaking("de"):
        assert texts.VERDICT["FAIL"].startswith("Auf das Modell")
        assert texts.GLOSSARY[1].word == "Konzept"
        assert texts.REVIEW_CHOICES[0] == "Abkürzung: zu beheben"
    with pytest.raises(AttributeError):
        _ = texts.NO_SUCH_TEXT
