"""report.html: refers to nothing outside, is well built, and shows what is in the result."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import Element

import jinja2
import pytest
import tinyhtml5

from auditor.report.document.result import AuditResult, NotRun
from auditor.report.sections.order import sections_of
from auditor.report.show.html import render_html
from auditor.report.show.templates import environment, template_folder
from tests.report.conftest import Run
from tests.report.example import CONTEXT, empty_result
from tests.report.example_analyses import REASON

REFERRING = ("src", "href", "srcset", "data", "poster", "action", "formaction", "background")


@functools.lru_cache
def parse(text: str) -> Element:
    # Base64 holds no markup; without it parsing is twenty times faster.
    bare = re.sub(r"base64,[A-Za-z0-9+/=]+", "base64,", text)
    return tinyhtml5.parse(bare, namespace_html_elements=False)


def tag(element: Element) -> str:
    return element.tag.rsplit("}")[-1] if isinstance(element.tag, str) else "comment"


def text_of(html: str) -> str:
    body = parse(html).find("body")
    assert body is not None
    return " ".join(" ".join(body.itertext()).split())


def test_refers_to_nothing_outside_itself(html: str) -> None:
    checked = 0
    for element in parse(html).iter():
        for name, value in element.attrib.items():
            if name.rsplit("}")[-1] in REFERRING:
                assert value.startswith(("#", "data:image/")), (tag(element), name, value[:80])
                checked += 1
    assert checked > 50
    assert not re.search(r"url\((?!%23|#)", re.sub(r"base64,[^\"]*", "", html))
    assert "@import" not in html
    assert tag(next(iter(parse(html).find("head")))) == "meta"


def test_every_link_has_its_target_and_ids_are_unique(html: str) -> None:
    elements = list(parse(html).iter())
    ids = Counter(element.attrib["id"] for element in elements if "id" in element.attrib)
    assert max(ids.values()) == 1
    links = [e.attrib["href"] for e in elements if e.attrib.get("href", "").startswith("#")]
    assert len(links) > 20
    assert {link[1:] for link in links} <= set(ids)


def test_the_script_is_as_small_as_it_promises() -> None:
    script = template_folder() / "html" / "script.js"
    assert len(script.read_bytes()) <= 24_000


def test_the_policy_allows_exactly_this_style_and_script(html: str) -> None:
    head = parse(html).find("head")
    assert head is not None
    first = next(iter(head))
    assert first.attrib["http-equiv"] == "Content-Security-Policy"
    policy = first.attrib["content"]
    assert policy.startswith("default-src 'none'; img-src data:;")
    for name in ("style", "script"):
        (content,) = re.findall(f"<{name}>(.*?)</{name}>", html, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    for element in parse(html).iter():
        assert "style" not in element.attrib
        assert not any(name.startswith("on") for name in element.attrib)


def test_headings_are_in_order_and_pictures_have_words(html: str) -> None:
    depth = 0
    for element in parse(html).iter():
        if re.fullmatch(r"h[1-6]", tag(element)):
            level = int(tag(element)[1])
            assert level <= depth + 1
            depth = level
        if tag(element) == "img":
            assert element.attrib["alt"].strip()
        if element.attrib.get("role") == "img":
            assert element.attrib["aria-label"].strip()


def test_each_picture_is_in_the_file_once(html: str) -> None:
    uses = Counter(re.findall(r"base64,([A-Za-z0-9+/=]+)", html))
    assert len(uses) > 40
    assert max(uses.values()) == 1
    # The first concept's crop stands in its card, in legends and in the finding.
    assert html.count('<use href="#picture-1"/>') > 1


def test_sections_come_in_the_order_of_the_report(html: str, run: Run) -> None:
    found = [e.attrib["id"] for e in parse(html).iter() if tag(e) == "h2"]
    assert found == [section.id for section in sections_of(run.result, appendix=True)]
    assert found == [
        "summary",
        "findings",
        "cues",
        "classes",
        "performance",
        "data",
        "scope",
        "signoff",
        "reading",
        "register",
        "atlas",
        "local",
        "subspaces",
        "planes",
        "strategies",
        "composition",
        "errors",
        "method",
        "reproducibility",
        "crosswalk",
    ]


def test_shows_what_is_in_the_result(html: str, run: Run) -> None:
    text = text_of(html)
    for finding in run.result.findings:
        assert finding.id in text
        assert finding.meaning in text
    for item in run.result.classes:
        assert f"Class {item.name}" in text
    for wanted in (
        run.result.verdict.sentence,
        "91 % (89 to 93 %, n = 240)",
        "62 % of images 54 to 70 % 64 < 0.001",
        "stage3 · 1",
        "named by a person",
        "grass/broken.jpg",
        "fewer than 17 % of other pictures",
        "auditor run husky.yaml --seed 0",
        "74 % arrives at the input (median over 32 pictures)",
        "Not stated by the owner",
        "Behind finding F1, brick",
        "date stamp 30 % of the score stage2 · 1 (60 % of it, 63 % of what goes on), stage2 · 77",
        "1 weak line is not drawn",
        "No image is recognised as this class.",
        "brick, taken for coffee",
        "41 % of the picture's relevance",
        "'fur/broken.jpg' was not looked at",
        "rank correlation of 0.80",
        "Components lead here",
        "tell which is which in 93 % of cases",
        "2 strategies",
        "brick taken for coffee (6 pictures)",
        "Layer stage3: trusted",
        "Meanings: 2",
        "It fired more than usual for brick",
        "lie 5.0 % apart (3.0 to 8.0 %, n = 240)",
        "it is more sure than it should be",
        "The model is worse where camera is old",
        "Not shown: it is empty.",
    ):
        assert wanted in text, wanted


def test_what_did_not_run_and_is_not_shown_stays_visible(run: Run) -> None:
    note = NotRun(part="latent test", reason="the layer is too narrow")
    result = run.result.model_copy(update={"not_run": [note]})
    text = text_of(render_html(result, CONTEXT, run.folder / "images", max_mb=8))
    assert text.count("the layer is too narrow") == 2
    for sentence in result.does_not_show:
        assert sentence in text


def test_what_an_analysis_could_not_do_is_said(html: str) -> None:
    text = text_of(html)
    for part in ("components", "directions", "pair", "strategies", "errors", "ranking"):
        assert f"{part}: {REASON}." in text, part
    assert "2 further kinds of wrong decision" in text


def bare_analyses(result: AuditResult) -> AuditResult:
    said = "nothing to show"
    units = [
        each.model_copy(
            update={"choice": None, "choice_note": said, "components": [], "classes": [],
                    "components_note": said, "directions": [], "directions_note": said,
                    "subspaces": []}
        )
        for each in result.units
    ]  # fmt: skip
    assert result.planes
    assert result.strategies
    assert result.errors
    return result.model_copy(
        update={
            "units": units,
            "planes": result.planes.model_copy(update={"cards": [], "gaps": [], "note": said}),
            "strategies": result.strategies.model_copy(update={"classes": []}),
            "errors": result.errors.model_copy(update={"pairs": [], "more": 0, "note": said}),
            "ranking": [],
        }
    )


def test_empty_analyses_say_why(run: Run) -> None:
    result = bare_analyses(run.result)
    text = text_of(render_html(result, CONTEXT, run.folder / "images", max_mb=8))
    assert text.count("nothing to show") == 8
    assert "No class was audited in depth" in text


def test_an_empty_result_renders(tmp_path: Path) -> None:
    text = text_of(render_html(empty_result(), CONTEXT, tmp_path, max_mb=1))
    assert "The search for candidates did not run: switched off in the config" in text
    assert "Not measured: no picture was used." in text
    assert "None" not in text
    assert "Undefined" not in text


def empties(result: AuditResult) -> list[AuditResult]:
    finding = result.findings[0]
    lists = ("evidence", "outlined", "aligned", "triplets", "concepts", "reasons", "actions")
    bare = finding.model_copy(update={name: [] for name in lists} | {"terms": {}})
    table = result.classes[0].tables[0]
    card = result.local.cards[0].model_copy(update={"concepts": [], "regions": []})
    off = result.composition.model_copy(update={"cards": [], "reason": "Only one layer."})
    return [
        result.model_copy(update={"composition": None, "local": None, "maps": []}),
        result.model_copy(
            update={
                "composition": off,
                "local": result.local.model_copy(update={"cards": [card]}),
                "maps": [result.maps[0].model_copy(update={"points": []})],
            }
        ),
        result.model_copy(update={"local": result.local.model_copy(update={"cards": []})}),
        result.model_copy(update={"findings": []}),
        result.model_copy(update={"findings": [bare]}),
        result.model_copy(update={"findings": result.findings[2:]}),
        result.model_copy(update={"concepts": []}),
        result.model_copy(update={"classes": [], "overview": None}),
        result.model_copy(
            update={
                "classes": [
                    result.classes[0].model_copy(
                        update={"tables": [table.model_copy(update={"rows": []})], "atlas": []}
                    )
                ]
            }
        ),
        result.model_copy(
            update={
                "subspaces": [
                    result.subspaces[0].model_copy(update={"subspaces": [], "figure": None})
                ]
            }
        ),
    ]


@pytest.mark.parametrize("place", range(10))
def test_empty_parts_render(run: Run, place: int) -> None:
    result = empties(run.result)[place]
    text = render_html(result, CONTEXT, run.folder / "images", max_mb=8)
    ids = {e.attrib["id"] for e in parse(text).iter() if "id" in e.attrib}
    links = {
        e.attrib["href"][1:] for e in parse(text).iter() if "href" in e.attrib and tag(e) == "a"
    }
    assert links <= ids


def test_undefined_names_and_unescaped_text_are_impossible() -> None:
    jinja = environment(template_folder())
    with pytest.raises(jinja2.UndefinedError):
        jinja.from_string("{{ nothing }}").render()
    assert jinja.from_string("{{ x }}").render(x="<b>&\"'") == "&lt;b&gt;&amp;&#34;&#39;"
    for path in template_folder().rglob("*.j2"):
        source = path.read_text(encoding="utf-8")
        assert "|safe" not in source.replace(" ", "")
        assert "autoescape false" not in source


def test_promises_no_more_than_it_knows(html: str) -> None:
    words = text_of(html).lower()
    for word in ("proven", "unbiased", "compliant"):
        assert word not in words


def test_nodes_and_map_link_to_the_concepts_cards(html: str, run: Run) -> None:
    def links(svg: Element) -> list[str]:
        return [e.attrib["href"] for e in svg.iter() if tag(e) == "a"]

    drawings = [e for e in parse(html).iter() if e.attrib.get("class", "").startswith("graph")]
    graphs = [e for e in drawings if e.attrib["class"] == "graph"]
    assert len(graphs) == 2
    for svg in graphs:
        # Two upper concepts and one of the lower two have a card; the class is no concept.
        assert len(links(svg)) == 3
        assert len([e for e in svg.iter() if tag(e) in ("use", "image")]) == 4
        assert len([e for e in svg.iter() if tag(e) == "line"]) == 5
    maps = [e for e in drawings if e.attrib["class"] == "graph map"]
    assert [len(links(svg)) for svg in maps] == [len(card.points) for card in run.result.maps]


def test_a_graph_that_speaks_against_is_told_apart_without_colour(html: str) -> None:
    lines = [e for e in parse(html).iter() if tag(e) == "line"]
    broken = [e for e in lines if "stroke-dasharray" in e.attrib]
    assert len(broken) == 2


def test_a_graph_says_where_biases_keep_most(run: Run) -> None:
    part = run.result.composition
    card = part.cards[0]
    nodes = [
        node.model_copy(update={"rest": 0.03, "absorbed": 0.96}) if node.level == 1 else node
        for node in card.nodes
    ]
    changed = card.model_copy(update={"nodes": nodes})
    result = run.result.model_copy(
        update={"composition": part.model_copy(update={"cards": [changed]})}
    )
    text = text_of(render_html(result, CONTEXT, run.folder / "images", max_mb=8))
    assert "Biases between these layers keep 96 % of what the upper" in text
    assert "96 % in biases" in text
    whole = text_of(render_html(run.result, CONTEXT, run.folder / "images", max_mb=8))
    assert "say how the rest divides" not in whole
    assert "no parts of it are written" not in whole


def test_a_graph_of_a_score_near_zero_writes_no_shares_of_it(run: Run) -> None:
    part = run.result.composition
    card = part.cards[0]
    nodes = [
        node.model_copy(update={"share": 15.0}) if node.level == 1 else node for node in card.nodes
    ]
    changed = card.model_copy(update={"nodes": nodes})
    result = run.result.model_copy(
        update={"composition": part.model_copy(update={"cards": [changed]})}
    )
    page = render_html(result, CONTEXT, run.folder / "images", max_mb=8)
    drawing = page[page.index('<svg class="graph"') :]
    assert "of the score<" not in drawing[: drawing.index("</svg>")]
    assert "no parts of it are written" in text_of(page)


def test_templates_are_readable_and_leave_medium_and_colours_to_one_place() -> None:
    for path in template_folder().rglob("*.[jc]*"):
        source = path.read_text(encoding="utf-8")
        assert max(map(len, source.splitlines())) <= 160, path
        assert not re.findall(r"#[0-9a-f]{6}\b", source), path
        if "sections" in path.parts:
            assert ".medium" not in source, path
