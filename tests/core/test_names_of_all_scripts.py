"""Names in any script: isolated where they run from right to left, and their fonts looked for."""

from __future__ import annotations

import pytest

from auditor.language import fonts
from auditor.language.bidi import FIRST_STRONG, POP, isolated
from auditor.language.speaking import gettext, ngettext
from auditor.report.show.templates import environment

CAT, CACTUS = "قطة", "קקטוס"


@pytest.mark.parametrize("name", ["cat", "猫", "", "Größe", "кошка", "🐈", "1 → 2"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert isolated(name) == name


@pytest.mark.parametrize("name", [CAT, f"{CACTUS} (1)", "\u202egnp.exe", "x\u2066y"])
def test_what_turns_a_line_is_a_unit_of_its_own(name: str) -> None:
    found = isolated(name)
    assert found.startswith(FIRST_STRONG)
    assert found.endswith(POP)
    assert name in found
    opened = sum(sign in "\u2066\u2067\u2068" for sign in found)
    assert opened == found.count(POP)


def test_a_name_cannot_end_its_isolate() -> None:
    found = isolated(f"{CAT}{POP}\u202eabc")
    assert found == f"{FIRST_STRONG}{CAT}\u202eabc{POP}"


def test_messages_and_templates_isolate_their_values() -> None:
    inside = f"{FIRST_STRONG}{CAT}{POP}"
    assert gettext("%(name)s: %(n)s", name=CAT, n=3) == f"{inside}: 3"
    assert ngettext("%(num)s of %(name)s", "%(num)s of %(name)s", 2, name=CAT) == f"2 of {inside}"
    jinja = environment()
    template = '<b title="{{ name }}">{{ name }} ({{ n }})</b>{{ _("of %(name)s", name=name) }}'
    text = jinja.from_string(template).render(name=CAT, n=12)
    assert text == f'<b title="{inside}">{inside} (12)</b>of {inside}'
    hostile = jinja.from_string("{{ name }}").render(name=f"<i>{CAT}")
    assert hostile == f"{FIRST_STRONG}&lt;i&gt;{CAT}{POP}"


def test_letters_without_a_font_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(fonts, "_has_font", lambda listing, sign: sign not in "猫犬")
    assert fonts.without_font(["猫 cat", "犬", "é", CAT]) == "犬猫"
    (note,) = fonts.font_note(["猫"])
    assert "no font of this machine has the letters 猫" in note
    assert "fonts-noto-cjk" in note
    assert fonts.font_note(["cat", CAT]) == ()
    monkeypatch.setattr(fonts.shutil, "which", lambda name: None)
    assert fonts.without_font(["猫"]) == ""


def test_long_names_can_be_broken_and_digests_stay_whole() -> None:
    jinja = environment()
    say = jinja.from_string("{{ name }}").render
    assert say(name="x" * 40) == "x" * 40
    long = say(name="x" * 200)
    assert long.replace("\u200b", "") == "x" * 200
    assert max(map(len, long.split("\u200b"))) == 24
    assert "\u200b" in say(name=f"in '{'y' * 50}'")
    words = "a_very_long_class_name_that_somebody_wrote_down"
    assert say(name=words).split("\u200b")[:3] == ["a_", "very_", "long_"]
    for whole in (
        "0123456789abcdef" * 4,
        "sha256:" + "ab" * 32,
        "M0.5,3" + "L1.25,8" * 9,
        "M1-2" * 20,
    ):
        assert say(name=whole) == whole
