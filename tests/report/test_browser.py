"""report.html in a real Chromium: what it asks for, what it says, how it is used.

Skipped where no Chromium is found; ``AUDITOR_CHROMIUM`` names one that lies elsewhere.
"""

from __future__ import annotations

import functools
import http.server
import io
import itertools
import os
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from auditor.__main__ import run as cli
from auditor.report.document.result import AuditResult
from auditor.report.show.html import html_folder, render_html
from auditor.report.show.render import read_review
from auditor.review.decide.decisions_file import read_decisions
from tests.report.conftest import Run, copy_run
from tests.report.example import CONTEXT
from tests.report.names import NAMES, rounds
from tests.report.test_hostile import build
from tests.report.test_html import parse, tag

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

PLACES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = os.environ.get("AUDITOR_CHROMIUM") or next(filter(None, map(shutil.which, PLACES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is found on this machine")


@dataclass
class Seen:
    """A page, and everything that a harmless report never does."""

    page: playwright.Page
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: playwright.Browser) -> Iterator:
    contexts = []

    def go(
        address: Path | str, width: int = 1440, *, folded: bool = False, **options: object
    ) -> Seen:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        seen = Seen(context.new_page())
        # Violations of the policy are errors in the console.
        seen.page.on("console", lambda message: seen.said.append(message.text))
        seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
        seen.page.on("dialog", lambda dialog: (seen.said.append("dialog"), dialog.dismiss()))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(address if isinstance(address, str) else address.as_uri())
        if not folded:
            seen.page.evaluate(
                "document.querySelector('details.appendix')?.setAttribute('open', '')"
            )
        return seen

    yield go
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, html: str) -> Path:
    path = tmp_path_factory.mktemp("browser") / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    target = tmp_path_factory.mktemp("folder") / "report"
    for name, content in html_folder(run.result, CONTEXT, run.folder / "images").items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    return target / "index.html"


def outside(seen: Seen) -> list[str]:
    """Requests other than for the page itself; pictures inside it are no requests."""
    own = seen.requests[0]
    return [url for url in seen.requests if url != own and not url.startswith("data:")]


def test_asks_for_nothing_and_complains_about_nothing(visit, report: Path) -> None:
    seen = visit(report)
    page = seen.page
    for y in range(0, page.evaluate("document.documentElement.scrollHeight"), 9000):
        page.evaluate(f"scrollTo(0, {y})")
    page.locator("#theme").click()
    page.locator(".crop img, .crop svg.pic").first.click()
    page.keyboard.press("Escape")
    page.locator(".filter input").first.fill("stage")
    assert len(seen.requests) >= 1
    assert outside(seen) == []
    assert seen.said == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 375)])
def test_axe_finds_nothing(visit, report: Path, theme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(report, width, color_scheme=theme, bypass_csp=True).page
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


def test_everything_is_there_without_script(visit, report: Path) -> None:
    bare = visit(report, java_script_enabled=False)
    whole = visit(report)
    assert bare.said == []
    # Only what the script adds is missing: the bars to find with, and marks of order.
    whole_text = whole.page.evaluate(
        "document.querySelectorAll('.filter').forEach(bar => bar.remove()),"
        "document.querySelector('main').textContent"
    )
    html = report.read_text(encoding="utf-8")
    main = next(element for element in parse(html).iter() if tag(element) == "main")
    for bar in [e for e in main.iter() if e.attrib.get("class") == "filter"]:
        bar.clear()
    assert "".join("".join(main.itertext()).split()) == "".join(whole_text.split())
    pictures = bare.page.locator("main img, main svg.pic")
    assert pictures.count() > 100
    assert bare.page.locator("main section").count() == whole.page.locator("main section").count()
    assert bare.page.locator("#register-table tbody tr:visible").count() == 5
    assert bare.page.locator(".filter:visible, #theme:visible").count() == 0


def test_every_link_inside_leads_somewhere(visit, report: Path) -> None:
    page = visit(report).page
    counted, dead = page.evaluate(
        "(() => { const links = [...document.querySelectorAll('a')]; return [links.length,"
        "links.filter(a => !document.getElementById(a.getAttribute('href').slice(1)))"
        ".map(a => a.getAttribute('href'))]; })()"
    )
    assert counted > 60
    assert dead == []


@pytest.mark.parametrize("width", [375, 768, 1440])
def test_the_page_never_scrolls_sideways(visit, report: Path, width: int) -> None:
    page = visit(report, width).page
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_filter_and_an_order_are_in_the_address_and_survive_a_reload(visit, report: Path) -> None:
    seen = visit(report)
    page = seen.page
    rows = page.locator("#register-table tbody tr:visible td:first-child")
    assert rows.all_inner_texts() == ["F1", "F2", "F3", "F4", "F5"]
    severity = page.get_by_role("button", name="Severity")
    severity.click()
    severity.click()
    assert rows.all_inner_texts() == ["F1", "F2", "F5", "F3", "F4"]
    bar = page.locator("[data-list=register-table]")
    bar.locator("select[name=grade]").select_option("U")
    assert rows.all_inner_texts() == ["F5"]
    assert bar.locator("output").inner_text() == "1 of 5 findings"
    page.wait_for_url(re.compile("register-table.grade=U"))
    assert "register-table.column=-4" in page.url
    page.reload()
    assert rows.all_inner_texts() == ["F5"]
    # A link to what is filtered out shows it again.
    page.evaluate("location.hash = 'minor-1'")
    page.locator("#minor-1[open]").wait_for()
    bar.get_by_role("button", name="Show all").click()
    assert rows.all_inner_texts() == ["F1", "F2", "F5", "F3", "F4"]
    severity.click()
    assert rows.all_inner_texts() == ["F1", "F2", "F3", "F4", "F5"]
    assert outside(seen) == []


def test_concepts_are_found_and_ordered(visit, report: Path, run: Run) -> None:
    page = visit(report).page
    cards = page.locator("#concept-cards .card:visible h4")
    assert cards.count() == len(run.result.concepts)
    bar = page.locator("[data-list=concept-cards]")
    bar.locator("select[name=by]").select_option("overlap")
    best = max(run.result.concepts, key=lambda concept: concept.jaccard)
    assert cards.first.inner_text().startswith(best.name)
    bar.locator("select[name=layer]").select_option("stage2")
    assert cards.count() == sum(each.layer == "stage2" for each in run.result.concepts)
    tables = page.locator("[data-list=class-concepts]")
    tables.locator("select[name=class]").select_option("coffee")
    assert page.locator(".class-report:visible").count() == 1
    # A link to a concept that is filtered out brings it back.
    page.evaluate("location.hash = 'concept-1'")
    page.locator("#concept-1").wait_for()


def test_the_enlarged_view_is_used_by_keys(visit, report: Path) -> None:
    seen = visit(report)
    page = seen.page
    picture = page.locator(".atlas-pictures [data-view=input]").first
    picture.focus()
    page.keyboard.press("Enter")
    shown = page.locator("#viewer-picture > *")
    words = [shown.get_attribute("alt") or shown.get_attribute("aria-label")]
    for key in ("o", "a", "i"):
        page.keyboard.press(key)
        words.append(shown.get_attribute("alt") or shown.get_attribute("aria-label"))
    assert words[1].startswith("heatmap of")
    assert words[2].startswith("atlas of")
    assert words[3] == words[0]
    page.keyboard.press("o")
    page.keyboard.press("ArrowRight")
    following = shown.get_attribute("alt") or shown.get_attribute("aria-label")
    assert following.startswith("heatmap of")
    assert following != words[1]
    assert page.locator("#viewer-place").inner_text() == "2 of 2"
    page.keyboard.press("Escape")
    assert page.locator("#viewer").is_hidden()
    assert picture.evaluate("element => element === document.activeElement")


def test_every_picture_is_reached_by_keys(visit, report: Path) -> None:
    page = visit(report).page
    row = page.locator("#concept-cards .crops").first
    pictures = row.locator("[aria-haspopup]")
    assert [each.get_attribute("tabindex") for each in pictures.all()] == ["0", "-1", "-1", "-1"]
    pictures.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    reached = "document.activeElement.dataset.view + document.activeElement.tabIndex"
    assert page.evaluate(reached) == "overlay0"
    # Every row has one stop, so that none is out of reach.
    assert page.evaluate(
        "[...document.querySelectorAll('main figure img, main figure svg.pic')].every(picture => {"
        "const home = picture.closest('.crops, .strip, .triplet, .units, .local-concepts,"
        " .atlas-pictures, .local-pictures') || picture.parentNode;"
        "return home.querySelectorAll('[aria-haspopup][tabindex=\"0\"]').length > 0; })"
    )


def test_a_graph_is_explored_by_focus(visit, report: Path) -> None:
    page = visit(report).page
    graph = page.locator("svg.graph:not(.map)").first
    assert graph.locator(".node").count() == 5
    graph.locator(".node").first.focus()
    assert "dim" in graph.get_attribute("class")
    # The class, its two concepts, and the two lines to them.
    assert graph.locator(".node.lit").count() == 3
    assert graph.locator("line.lit").count() == 2
    page.keyboard.press("ArrowDown")
    assert graph.locator("line.lit").count() >= 2
    assert page.evaluate("document.activeElement.dataset.node") in ("1", "2")
    page.keyboard.press("Escape")
    assert graph.locator(".lit").count() == 0
    graph.locator(".node").nth(2).hover()
    assert graph.locator(".node.lit").count() > 1


def test_answers_to_cues_are_saved_as_a_decisions_file(
    visit, report: Path, run: Run, tmp_path: Path
) -> None:
    seen = visit(report)
    page = seen.page
    save = page.locator("#decisions-kept [name=save]")
    page.locator(".cue input[value=confirm]").first.check()
    save.click()
    assert page.evaluate("document.activeElement.name") == "person"
    page.locator("#decisions-kept [name=person]").fill("Ada")
    with page.expect_download() as saved:
        save.click()
    path = tmp_path / "decisions.yaml"
    saved.value.save_as(path)
    (made,) = read_decisions(path)
    cue = next(each for each in run.result.findings if each.id in run.result.cues)
    assert (made.what, made.person) == ("confirm", "Ada")
    assert (made.fingerprint, made.class_name) == (cue.fingerprint, cue.class_name)
    assert outside(seen) == [url for url in outside(seen) if url.startswith("blob:")]
    assert seen.said == []


def test_decisions_on_the_sheets_are_saved_and_taken_over(
    visit, report: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = visit(report).page
    first, second = (each for each in run.result.findings if each.grade in ("A", "B"))
    sheets = page.locator(".sheet")
    box = page.locator("#decisions-kept")
    save, said = box.locator("[name=save]"), box.locator("output")
    focused = "document.activeElement.name"
    save.click()
    assert said.inner_text() == "Nothing is decided yet."
    assert not page.locator("#decided").is_visible()
    sheets.nth(0).get_by_label("Accept the risk until a day").check()
    sheets.nth(1).get_by_label("Not a shortcut: part of the class").press("Space")
    assert page.locator("#decided").inner_text() == "Decisions: 2"
    save.click()
    assert said.inner_text() == "An accepted risk needs a reason and a last day."
    assert page.evaluate(focused) == "reason"
    sheets.nth(0).get_by_label("Reason", exact=True).fill('Cameras are replaced: "soon"')
    save.click()
    assert page.evaluate(focused) == "expires"
    sheets.nth(0).get_by_label("Until", exact=True).fill("2999-03-01")
    save.click()
    assert said.inner_text() == "Enter your name first."
    box.locator("[name=person]").fill("Ada")
    with page.expect_download() as saved:
        save.click()
    assert said.inner_text() == "Saved: 2 in decisions.yaml."
    path = tmp_path / "saved.yaml"
    saved.value.save_as(path)

    folder = copy_run(run, tmp_path / "run")
    kept = tmp_path / "decisions.yaml"
    words = ["review", str(folder), "--from", str(path), "--decisions", str(kept), "--no-render"]
    assert cli(words) == 0
    assert "2 of 2 decisions in saved.yaml are new." in capsys.readouterr().err
    made = {each.what: each for each in read_decisions(kept)}
    assert made["accept"].reason == 'Cameras are replaced: "soon"'
    assert (made["accept"].expires, made["accept"].person) == ("2999-03-01", "Ada")
    assert (made["accept"].fingerprint, made["reject"].fingerprint) == (
        first.fingerprint,
        second.fingerprint,
    )
    review = read_review(folder)
    assert review is not None
    assert {each.finding: each.state for each in review.decisions} == {
        first.id: "in force",
        second.id: "in force",
    }
    # Once more adds nothing.
    before = kept.read_bytes()
    assert cli(words) == 0
    assert "0 of 2 decisions in saved.yaml are new." in capsys.readouterr().err
    assert kept.read_bytes() == before


def test_a_view_shows_its_sections_alone(visit, report: Path) -> None:
    page = visit(report, folded=True).page
    bar = page.locator(".views")
    shown = page.locator("main section.part:visible")
    whole = shown.count()
    bar.get_by_role("link", name="Findings").click()
    ids = shown.evaluate_all("all => all.map(each => each.getAttribute('aria-labelledby'))")
    assert ids == ["findings", "cues"]
    page.wait_for_url(re.compile(r"view\.part=findings"))
    page.reload()
    assert shown.count() == 2
    # A link to what another view has brings all of it back.
    page.evaluate("location.hash = 'class-1'")
    page.locator("#class-1").wait_for()
    assert shown.count() == whole
    bar.get_by_role("link", name="Technical").click()
    assert page.locator("#method").is_visible()
    assert not page.locator("#summary").is_visible()
    page.emulate_media(media="print")
    assert shown.count() == page.locator("main section.part").count() > whole


def test_one_class_alone_is_shown(visit, report: Path, run: Run) -> None:
    page = visit(report).page
    page.locator(".views select").select_option("coffee")
    assert page.locator(".class-report:visible").count() == 1
    own = [each for each in run.result.findings if each.class_name == "coffee"]
    sheets = [each for each in own if each.grade in ("A", "B")]
    assert page.locator(".sheet:visible").count() == len(sheets)
    page.wait_for_url(re.compile(r"view\.class=coffee"))
    page.evaluate("location.hash = 'finding-1'")
    page.locator("#finding-1").wait_for()
    assert page.locator(".sheet:visible").count() == 2


def test_anything_is_found_also_in_what_is_folded(visit, report: Path) -> None:
    seen = visit(report, folded=True)
    page = seen.page
    field = page.locator(".views input")
    field.fill("Floating-Point")
    found = page.locator("#found button")
    assert found.count() == 0
    field.fill("conserv")
    assert found.count() > 0
    assert page.locator(".views output").inner_text() == f"{found.count()} places"
    assert "conserv" in found.first.inner_text().lower()
    field.press("Enter")
    place = page.locator(".found")
    assert place.is_visible()
    assert "conserv" in place.inner_text().lower()
    assert place.evaluate("element => element === document.activeElement")
    field.fill("conserv")
    page.keyboard.press("Escape")
    assert not page.locator("#found").is_visible()
    assert outside(seen) == []
    assert seen.said == []


def test_a_confusion_leads_to_its_pictures(visit, report: Path, run: Run) -> None:
    page = visit(report, folded=True).page
    pair = run.result.errors.pairs[0]
    names = [each.name for each in run.result.performance.classes]
    cell = page.locator(".matrix tbody tr").nth(names.index(pair.label)).locator("td")
    assert cell.all_inner_texts() == [
        str(count) for count in run.result.performance.counts[names.index(pair.label)]
    ]
    cell.nth(names.index(pair.prediction)).locator("a").click()
    page.locator("#mistake-1").wait_for()
    assert page.locator("#mistake-1").is_visible()


def test_on_a_phone_rows_of_tables_are_cards(visit, report: Path) -> None:
    page = visit(report, 375).page
    cells = page.locator("#register-table tbody tr").first.locator("td")
    boxes = [each.bounding_box() for each in cells.all()]
    assert all(one["y"] + one["height"] <= two["y"] + 1 for one, two in itertools.pairwise(boxes))
    named = "element => getComputedStyle(element, '::before').content"
    assert cells.nth(3).evaluate(named) == '"Severity: "'
    page.get_by_role("link", name="Back to top").click()
    for _turn in range(50):
        if page.evaluate("scrollY") < 5:
            break
        page.wait_for_timeout(100)
    assert page.evaluate("scrollY") < 5
    wide = visit(report, 1440).page
    assert wide.locator("#register-table td").nth(3).evaluate(named) == "none"
    assert not wide.locator(".to-top").is_visible()


def test_the_bar_stays_and_leads_without_script(visit, report: Path) -> None:
    bare = visit(report, java_script_enabled=False).page
    links = bare.locator(".views a:visible")
    assert links.all_inner_texts() == ["All", "Summary", "Findings", "Classes", "Technical"]
    assert not bare.locator(".views input").is_visible()
    page = visit(report).page
    page.evaluate("scrollTo({top: 5000, behavior: 'instant'})")
    assert page.locator(".views").bounding_box()["y"] == 0


def test_the_navigation_marks_the_section(visit, report: Path) -> None:
    page = visit(report).page
    for section in ("performance", "method", "atlas"):
        page.evaluate(
            f"document.getElementById('{section}').scrollIntoView({{behavior: 'instant'}})"
        )
        page.locator(f"nav a[href='#{section}'][aria-current]").wait_for()
        assert page.locator("nav [aria-current]").count() == 1


def test_the_theme_is_kept_for_the_session_and_needs_no_storage(visit, report: Path) -> None:
    page = visit(report, color_scheme="light").page
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate(paper)
    page.reload()
    assert page.evaluate(paper) == dark != light
    refused = visit("about:blank")
    refused.page.set_content(
        "<iframe sandbox='allow-scripts' srcdoc=\"\"></iframe>", wait_until="commit"
    )
    refused.page.locator("iframe").evaluate(
        "(frame, text) => { frame.srcdoc = text; }", report.read_text(encoding="utf-8")
    )
    button = refused.page.frame_locator("iframe").locator("#theme")
    button.click()
    assert button.inner_text() == "Light theme"
    assert refused.said == []


def test_print_opens_everything(visit, report: Path) -> None:
    page = visit(report).page
    page.locator("[data-list=register-table] input").fill("nothing is called this")
    assert page.locator("#register-table tbody tr:visible").count() == 0
    folded = page.locator("main details:not([open]) > :not(summary)")
    seen = "all => all.every((each) => each.checkVisibility({ contentVisibilityAuto: true }))"
    assert folded.count() > 0
    assert not folded.evaluate_all(seen)
    page.emulate_media(media="print")
    assert folded.evaluate_all(seen)
    assert page.locator("#register-table tbody tr:visible").count() == 5


def brightness(colour: tuple[int, int, int]) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [value / 255 for value in colour]
    low, high = 0.03928, 2.4
    linear = [p / 12.92 if p <= low else ((p + 0.055) / 1.055) ** high for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_appendix_is_folded_and_opens_at_a_link_into_it(visit, report: Path) -> None:
    page = visit(report, folded=True).page
    appendix = page.locator("details.appendix")
    assert not page.locator("#method").is_visible()
    page.locator("nav a[href='#method']").click()
    page.locator("details.appendix[open]").wait_for()
    assert page.locator("#method").is_visible()
    page.goto(report.as_uri() + "#?register-table.grade=U")
    page.reload()
    appendix.locator("#register-table tbody tr:visible").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_are_readable_in_both_themes(visit, report: Path, theme: str) -> None:
    page = visit(report, color_scheme=theme).page
    figure = page.locator("img.drawing").first
    figure.scroll_into_view_if_needed()
    with Image.open(io.BytesIO(figure.screenshot())) as image:
        found = sorted((n, rgb) for n, rgb in image.convert("RGB").getcolors(1 << 24))
    shades = [brightness(rgb) for n, rgb in found if n >= 4]
    ground = brightness(found[-1][1])
    assert ground > 0.9 if theme == "light" else ground < 0.05
    ink = min(shades) if theme == "light" else max(shades)
    assert (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05) >= 7


def test_the_enlarged_view_shows_input_overlay_and_heatmap(visit, report: Path) -> None:
    page = visit(report).page
    page.locator(".local-pictures [data-view=input]").first.click()
    switches = page.locator("#viewer-views button")
    assert switches.all_inner_texts()[:3] == ["input (i)", "overlay (o)", "heatmap (h)"]
    page.keyboard.press("h")
    shown = page.locator("#viewer-picture > *")
    words = shown.get_attribute("alt") or shown.get_attribute("aria-label")
    assert words.startswith("relevance alone")


@pytest.mark.parametrize("kind", ["file", "server"])
def test_the_folder_works_under_its_strict_policy(visit, folder: Path, kind: str) -> None:
    text = folder.read_text(encoding="utf-8")
    assert "<style" not in text
    assert not re.search(r"<script>|<ima?ge?[^>]+data:", text)
    with served(folder.parent) as address:
        seen = visit(folder if kind == "file" else f"{address}/index.html")
        page = seen.page
        page.wait_for_load_state("load")
        assert page.locator("#theme").is_visible()
        assert page.evaluate("getComputedStyle(document.querySelector('.page')).display") == "grid"
        page.evaluate(
            "Promise.all([...document.images].map(image => { image.loading = 'eager'; return"
            " image.complete || new Promise(done => { image.onload = image.onerror = done; }); }))"
        )
        broken = "[...document.images].filter(image => !image.naturalWidth).length"
        assert page.evaluate("document.images.length") > 100
        assert page.evaluate(broken) == 0
        assert seen.said == []
        base = seen.requests[0].rsplit("/", 1)[0]
        assert all(url.startswith(base) for url in seen.requests)


SKELETON = """
(() => [...document.querySelectorAll('*')].map(element => element.tagName + ':' +
  [...element.attributes].map(attribute => attribute.name).sort().join(',')).join('\\n'))()
"""


def test_sixty_hostile_names_do_nothing(
    visit, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    assert len(set(NAMES)) >= 60
    folder = tmp_path_factory.mktemp("hostile")
    plain = build(folder, "name ").model_dump_json()
    page = tmp_path / "report.html"

    def skeleton(result: AuditResult) -> tuple[str, Seen]:
        page.write_text(render_html(result, CONTEXT, folder / "images", max_mb=8), encoding="utf-8")
        seen = visit(page)
        seen.page.locator(".crop [aria-haspopup], .crop[aria-haspopup]").first.click()
        seen.page.keyboard.press("o")
        return seen.page.evaluate(SKELETON), seen

    expected, _ = skeleton(AuditResult.model_validate_json(plain))
    for text in rounds(plain):
        found, seen = skeleton(AuditResult.model_validate_json(text))
        assert found == expected
        assert outside(seen) == []
        assert seen.said == []


class served:  # noqa: N801 (reads as a word)
    """Serve a folder on the loopback for the length of a with statement."""

    def __init__(self, folder: Path) -> None:
        handler = functools.partial(Quiet, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass
