"""``auditor explain`` and the local and composed parts of an audit, through the command line."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pypdf
import pytest
import yaml
from PIL import Image

from auditor.__main__ import run
from auditor.report.document.result import AuditResult
from auditor.report.show.image_page import ImagePage
from auditor.run.manifest import write_listed
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.test_audit import audit
from tests.report.test_html import REFERRING, parse, tag, text_of

NAMED = ["cat/03.png", "horse/00.png", "dog/broken.png"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explain")


@pytest.fixture(scope="module")
def config(world: Path) -> Path:
    path = write_own_model_audit(
        world,
        per_class=5,
        audit={"samples": NAMED, "references": 3, "atlas_samples": 0, "concepts": 2},
        shortcuts={"enabled": False},
    )
    (world / "photos" / "val" / "dog" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    return path


@pytest.fixture(scope="module")
def finished(config: Path, world: Path) -> Path:
    return audit(config, world / "runs", "--format", "html")


@pytest.fixture(scope="module")
def pages(config: Path, finished: Path, world: Path) -> Path:
    """Return the folder of a page with two regions of a picture that is in no data set."""
    with Image.open(world / "photos" / "val" / "cat" / "01.png") as photo:
        photo.rotate(180).save(world / "new picture.png")
    out = world / "pages"
    options = ["--region", "0,0,20,64", "--region", "44,0,20,64", "--run", str(finished)]
    image = str(world / "new picture.png")
    command = ["explain", str(config), "--image", image, *options, "--out", str(out), "--quiet"]
    assert run(command) == 0
    return out


def page_of(folder: Path, name: str = "new picture") -> ImagePage:
    reader = pypdf.PdfReader(io.BytesIO((folder / f"{name}-explained.pdf").read_bytes()))
    return ImagePage.model_validate_json(reader.attachments["image.json"][0])


def test_named_samples_are_looked_at(finished: Path) -> None:
    result = AuditResult.model_validate_json((finished / "audit.json").read_text())
    assert result.local is not None
    assert [card.sample for card in result.local.cards] == NAMED[:2]
    assert len(result.local.notes) == 1
    assert "'dog/broken.png' was not looked at" in result.local.notes[0]
    for card in result.local.cards:
        assert card.concepts
        ranked = [row.relevance for row in card.regions[0].rows]
        assert ranked == sorted(ranked, reverse=True)


def test_every_class_has_a_graph_that_adds_up(finished: Path) -> None:
    result = AuditResult.model_validate_json((finished / "audit.json").read_text())
    assert result.composition is not None
    assert [card.class_name for card in result.composition.cards] == ["cat", "dog", "horse"]
    for card in result.composition.cards:
        assert {node.level for node in card.nodes} == {0, 1, 2}
        for place, node in enumerate(card.nodes):
            if node.rest is not None:
                out = sum(edge.share for edge in card.edges if edge.source == place)
                total = out + node.rest + (node.bypass or 0) + (node.absorbed or 0)
                assert total == pytest.approx(1, abs=1e-6)
    assert [card.layer for card in result.maps] == ["5", "0"]


def test_the_page_is_one_file_and_one_sheet(pages: Path) -> None:
    html = (pages / "new picture-explained.html").read_text()
    for element in parse(html).iter():
        for name, value in element.attrib.items():
            if name.rsplit("}")[-1] in REFERRING:
                assert value.startswith(("#", "data:image/")), (tag(element), name)
    text = text_of(html)
    assert "Why cat? new picture.png" in text
    assert "Layer 5" in text
    assert "its best reference" in text
    reader = pypdf.PdfReader(pages / "new picture-explained.pdf")
    assert len(reader.pages) == 1
    assert "Why cat?" in reader.pages[0].extract_text()


def test_each_region_has_a_ranking_of_its_own(pages: Path) -> None:
    page = page_of(pages)
    assert page.explained == page.scores[0].name == "cat"
    assert sum(score.probability for score in page.scores) == pytest.approx(1)
    assert [card.layer for card in page.cards] == ["5", "0"]
    left, right = page.cards[0].regions
    assert (left.box, right.box) == ((0, 0, 20, 64), (44, 0, 20, 64))
    assert [row.concept for row in left.rows] != [row.concept for row in right.rows]
    assert {concept.id for concept in page.known} >= {row.concept for row in page.cards[0].concepts}


def test_another_class_can_be_explained(config: Path, world: Path) -> None:
    image = str(world / "photos" / "val" / "cat" / "00.png")
    command = ["explain", str(config), "--image", image, "--class", "Dog", "--layer", "5"]
    assert run([*command, "--out", str(world / "dog"), "--format", "html", "--quiet"]) == 0
    text = text_of((world / "dog" / "00-explained.html").read_text())
    assert "Explained here is what speaks for dog" in text
    assert "the window with the most relevance" in text
    assert not (world / "dog" / "00-explained.pdf").exists()


def test_the_page_is_in_the_language_of_the_report(config: Path, world: Path) -> None:
    german = world / "german.yaml"
    document = yaml.safe_load(config.read_text())
    document["report"] = {**document.get("report", {}), "language": "de"}
    german.write_text(yaml.safe_dump(document))
    image = str(world / "photos" / "val" / "cat" / "00.png")
    command = ["explain", str(german), "--image", image, "--format", "html", "--quiet"]
    assert run([*command, "--out", str(world / "german")]) == 0
    text = (world / "german" / "00-explained.html").read_text()
    assert '<html lang="de"' in text
    assert "The model sees" not in text
    assert "Das Modell sieht" in text
    assert "<h1>Warum " in text


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--image", "nowhere.png"], 3, "'nowhere.png' does not exist"),
        (["--image", "IMAGE", "--region", "60,0,10,10"], 2, "64 x 64 pixels as the model sees it"),
        (["--image", "IMAGE", "--region", "1,2,3"], 2, "four whole numbers"),
        (["--image", "IMAGE", "--class", "doog"], 2, "Did you mean 'dog'?"),
        (["--image", "IMAGE", "--run", "RUN/none"], 2, "none does not exist"),
        (["--image", "CONFIG"], 3, "is not a JPEG, PNG"),
        ([], 2, "--image"),
    ],
)
def test_what_cannot_be_explained_is_said(
    config: Path,
    world: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    message: str,
) -> None:
    image = str(world / "photos" / "val" / "cat" / "00.png")
    places = {"IMAGE": image, "CONFIG": str(config), "RUN/none": str(world / "none")}
    given = [places.get(option, option) for option in options]
    assert run(["explain", str(config), *given, "--out", str(world / "wrong"), "--quiet"]) == code
    assert message in capsys.readouterr().err
    assert not (world / "wrong").exists()


def test_a_run_of_another_model_is_refused(
    finished: Path, config: Path, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = shutil.copytree(finished, world / "other run")
    result = AuditResult.model_validate_json((finished / "audit.json").read_text())
    model = result.model.model_copy(update={"digest": "0" * 64})
    changed = result.model_copy(update={"model": model})
    write_listed(other, {"audit.json": changed.model_dump_json().encode()})
    image = str(world / "photos" / "val" / "cat" / "00.png")
    command = ["explain", str(config), "--image", image, "--run", str(other), "--quiet"]
    assert run([*command, "--out", str(world / "wrong")]) == 5
    assert "another model" in capsys.readouterr().err


def test_a_picture_that_the_data_does_not_have_is_named(
    world: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = world / "changed.yaml"
    changed.write_text(config.read_text().replace("cat/03.png", "cat/33.png"))
    assert run(["run", str(changed), "--out", str(world / "none"), "--quiet"]) == 2
    assert "picture in audit.samples 'cat/33.png'. Did you mean 'cat/0" in capsys.readouterr().err
