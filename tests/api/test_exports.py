"""Every export, opened by the tool that it is for where that is installed."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import auditor
from auditor.__main__ import run as command
from auditor.base.errors import ConfigError, IntegrityError
from auditor.cli.export import FORMATS
from auditor.completion.logged import figures
from auditor.exports import EXPORTS
from auditor.exports.formats.coco_json import run_lengths
from tests.api.objects import TRANSFORM, Textures, model
from tests.review.made import look
from tests.runs import list_as_written

OBJECTS: dict[str, Any] = {"model": model(), "data": Textures(transform=TRANSFORM)}


def exported(run: auditor.Run, form: str, **objects: Any) -> Path:
    files = run.export(form, run.path.parent / "exported", **objects)
    assert files
    assert all(path.is_file() for path in files)
    assert run.path.name not in "".join(path.name for path in files)
    return files[0].parent


def test_the_command_names_every_format() -> None:
    assert sorted(FORMATS) == sorted(EXPORTS)


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("virelay", "quantus")])
def test_the_command_writes_what_python_writes(
    with_finding: auditor.Run, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = exported(with_finding, form)
    other = with_finding.path.parent / "other"
    assert command(["export", str(with_finding.path), "--to", form, "--out", str(other)]) == 0
    printed = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert {path.name for path in printed} == {path.name for path in folder.iterdir()}
    for path in printed:
        if path.suffix != ".npz":  # a zip, which holds times
            assert path.read_bytes() == (folder / path.name).read_bytes()


def test_fiftyone(with_finding: auditor.Run) -> None:
    folder = exported(with_finding, "fiftyone")
    frame = with_finding.images
    labels = json.loads((folder / "labels.json").read_text())
    assert labels["classes"] == ["cat", "dog", "horse"]
    assert [labels["classes"][at] for at in labels["labels"].values()] == list(frame["label"])
    predictions = json.loads((folder / "predictions.json").read_text())["labels"]
    assert list(predictions) == list(frame["path"])  # item-000000: nothing to cut off
    first = predictions[frame["path"][0]]
    assert first["confidence"] == pytest.approx(frame["probability"][0])
    assert first["attributes"] == {"findings": "F1", "correct": bool(frame["correct"][0])}


def test_hub_card(with_finding: auditor.Run, tmp_path: Path) -> None:
    folder = exported(with_finding, "hub-card")
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    card = hub.ModelCard.load(folder / "README.md")
    assert card.text.strip() == (with_finding.path / "model_card.md").read_text().strip()
    assert card.data.model_name == with_finding.result.scope.name
    assert card.data.pipeline_tag == "image-classification"
    found = {each.metric_type: each.metric_value for each in card.data.eval_results}
    assert found == dict(figures(with_finding.result))
    (first, *_) = card.data.eval_results
    assert first.dataset_revision == with_finding.result.data.digest
    # As the manual says: another card takes the figures over.
    mine = hub.ModelCard("---\nlicense: mit\n---\n# Mine\n")
    mine.data.model_name, mine.data.eval_results = card.data.model_name, card.data.eval_results
    mine.save(tmp_path / "README.md")
    again = hub.ModelCard.load(tmp_path / "README.md")
    assert (again.data.license, again.data.eval_results) == ("mit", card.data.eval_results)


@pytest.mark.filterwarnings("ignore")
def test_fiftyone_reads_both_files(with_finding: auditor.Run, tmp_path: Path) -> None:
    pytest.importorskip("fiftyone", reason="fiftyone is not installed")
    from fiftyone.utils.data import FiftyOneImageClassificationDatasetImporter as Importer

    folder = exported(with_finding, "fiftyone")
    frame = with_finding.images.set_index("path")
    for name in frame.index:
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"{name}.png").touch()
    for file, column in (("labels", "label"), ("predictions", "prediction")):
        path = folder / f"{file}.json"
        with Importer(data_path=str(tmp_path / "data"), labels_path=str(path)) as read:
            found = {Path(picture).stem: label for picture, _, label in read}
        assert {name: each.label for name, each in found.items()} == frame[column].to_dict()
    assert [found[name].findings for name in frame.index[:2]] == ["F1", ""]


def test_cleanlab(with_finding: auditor.Run) -> None:
    folder = exported(with_finding, "cleanlab")
    held = np.load(folder / "cleanlab.npz", allow_pickle=False)
    assert held["pred_probs"].sum(1) == pytest.approx(1)
    named = held["classes"][held["labels"]]
    assert list(named) == list(with_finding.images["label"])
    chance = with_finding.images["label_probability"].to_numpy()
    assert held["pred_probs"][np.arange(15), held["labels"]] == pytest.approx(chance)
    table = pd.read_csv(folder / "cleanlab.csv")
    assert table[["cat", "dog", "horse"]].to_numpy() == pytest.approx(held["pred_probs"])
    filters = pytest.importorskip("cleanlab.rank", reason="cleanlab is not installed")
    wrong = held["labels"].copy()
    wrong[4] = (wrong[4] + 1) % 3
    scores = filters.get_label_quality_scores(wrong, held["pred_probs"])
    assert scores.argmin() == 4


def test_coco(with_finding: auditor.Run) -> None:
    folder = exported(with_finding, "coco-json")
    document = json.loads((folder / "findings.json").read_text())
    assert [each["bbox"] for each in document["annotations"]] == [[5, 6, 20, 10]] * 2
    assert [each["area"] for each in document["annotations"]] == [200, 200]
    assert {each["width"] for each in document["images"]} == {64}
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    read = coco.COCO(folder / "findings.json")
    (category,) = read.loadCats(read.getCatIds())
    assert category["supercategory"] == "cat"
    warnings.simplefilter("ignore")  # pycocotools' own of NumPy
    for annotation in read.loadAnns(read.getAnnIds(catIds=[category["id"]])):
        mask = read.annToMask(annotation)
        assert mask[6:16, 5:25].all()
        assert mask.sum() == 200
    names = [each["file_name"] for each in read.loadImgs(read.getImgIds(catIds=[category["id"]]))]
    assert sorted(names) == sorted(with_finding.finding("F1").images()["path"])


def test_run_lengths_begin_with_background() -> None:
    mask = np.array([[1, 0], [1, 1]], dtype=bool)
    assert run_lengths(mask) == {"size": [2, 2], "counts": [0, 2, 1, 1]}
    assert run_lengths(~mask) == {"size": [2, 2], "counts": [2, 1, 1]}
    assert run_lengths(np.zeros((2, 3), dtype=bool)) == {"size": [2, 3], "counts": [6]}


def test_sarif(with_finding: auditor.Run) -> None:
    folder = exported(with_finding, "sarif")
    document = json.loads((folder / "findings.sarif").read_text())
    (run,) = document["runs"]
    assert document["version"] == "2.1.0"
    (found,) = run["results"]
    assert run["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == found["ruleId"]
    assert found["level"] == "error"
    assert found["message"]["text"].startswith("F1, ")
    places = [each["physicalLocation"]["artifactLocation"] for each in found["locations"]]
    assert [each["uri"] for each in places] == list(with_finding.finding("F1").images()["path"])
    assert {each["uriBaseId"] for each in places} <= set(run["originalUriBaseIds"])
    assert run["properties"]["verdict"] == with_finding.result.verdict.code


@pytest.mark.parametrize("waived", [False, True])
@pytest.mark.parametrize("carried", [False, True])
def test_sarif_fits_the_schema(
    with_finding: auditor.Run, tmp_path: Path, carried: bool, waived: bool
) -> None:
    """Each branch of the document, read by models that were made from a schema of SARIF 2.1.0.

    It is that of a late draft, which differs from the standard in the name of one key.
    """
    schema = pytest.importorskip("pydantic_sarif.model", reason="pydantic-sarif is not installed")
    result = with_finding.result
    (card,) = result.findings
    details = card.details.model_copy(update={"signature": look()})
    card = card.model_copy(
        update={"details": details, "carriers": card.carriers if carried else []}
    )
    written = result.model_copy(update={"findings": [card]}).model_dump_json()
    (with_finding.path / "audit.json").write_text(written, encoding="utf-8")
    list_as_written(with_finding.path)
    if waived:
        who = ["--person", "Ann", "--role", "QA", "--date", "2026-12-01", "--no-render"]
        who += ["--decisions", str(tmp_path / "decisions.yaml")]
        reject = ["--finding", "F1", "--reject", "--reason", "it is a dog's tag", *who]
        assert command(["review", str(with_finding.path), *reject]) == 0
        with_finding.gate({"fail_on": "high"})
    text = (exported(with_finding, "sarif") / "findings.sarif").read_text()
    assert text.count('"status": "accepted"') == int(waived)
    text = text.replace('"status": "accepted"', '"state": "accepted"')  # as the draft called it
    read = schema.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate_json(text)
    (found,) = read.runs[0].results
    assert bool(found.suppressions) == waived
    assert len(found.locations) == (2 if carried else 1)
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        schema.Result.model_validate(json.loads(text)["runs"][0]["results"][0] | {"grade": "A"})


def test_quantus(run: auditor.Run) -> None:
    folder = exported(run, "quantus", **OBJECTS)
    held = np.load(folder / "quantus.npz", allow_pickle=False)
    images = torch.stack([TRANSFORM(picture) for picture in Textures().pictures])
    assert np.array_equal(held["x_batch"], images.numpy())
    explainer = auditor.Explainer(model(), images[:1])
    out = explainer.explain(images, torch.tensor(held["y_batch"]))
    assert held["a_batch"].shape == (15, 1, 64, 64)
    assert np.allclose(held["a_batch"][:, 0], out.heatmap.numpy(), atol=1e-5)
    named = held["classes"][held["y_batch"]]
    assert list(named) == list(run.images["prediction"])


@pytest.mark.filterwarnings("ignore")
def test_quantus_takes_the_arrays(run: auditor.Run) -> None:
    quantus = pytest.importorskip("quantus", reason="quantus is not installed")
    held = np.load(exported(run, "quantus", **OBJECTS) / "quantus.npz", allow_pickle=False)
    arrays = {name: held[name] for name in ("x_batch", "y_batch", "a_batch")}
    quiet = {"disable_warnings": True, "display_progressbar": False}
    for metric in (
        quantus.Sparseness(**quiet),
        quantus.FaithfulnessCorrelation(nr_runs=3, subset_size=64, **quiet),
        quantus.PixelFlipping(features_in_step=1024, **quiet),
    ):
        scores = metric(model=model().eval(), **arrays, device="cpu")
        assert np.isfinite(np.asarray(scores, dtype=float)).all()
        assert len(scores) in (1, len(held["paths"]))  # some metrics take the mean of all


def test_virelay(with_finding: auditor.Run) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    folder = exported(with_finding, "virelay", **OBJECTS)
    project = yaml.safe_load((folder / "project.yaml").read_text())["project"]
    assert project["attributions"]["attribution_strategy"] == "predicted_label"
    with h5py.File(folder / project["dataset"]["path"]) as data:
        assert data["data"].dtype == np.uint8
        assert np.array_equal(
            data["data"][0], np.asarray(Textures().pictures[0]).transpose(2, 0, 1)
        )
    with h5py.File(folder / "attribution.h5") as held:
        assert held["attribution"].shape == (15, 1, 64, 64)
        assert list(held["index"]) == list(range(15))
    with h5py.File(folder / "analysis.h5") as held:
        places = [place for group in held.values() for place in group["index"][()]]
        assert sorted(places) == list(range(15))
        first = next(group for group in held.values() if 0 in group["index"][()])
        marked = dict(zip(first["index"][()], first["cluster"]["finding"][()], strict=True))
        assert [marked[place] for place in (0, 3)] == [1, 1]
        assert sum(marked.values()) == 2
    opened = pytest.importorskip("virelay.model", reason="ViRelAy is not installed")
    found = opened.Project(str(folder / "project.yaml"))
    try:
        assert found.get_sample(3).labels[0].name == "cat"
        assert found.get_attribution(3).data.shape == (64, 64, 1)
        (method,) = found.get_analysis_methods()
        (embedding,) = found.get_analysis_embedding_names(method)
        categories = found.get_analysis_categories(method)
        assert {each.human_readable_name for each in categories} <= {"cat", "dog", "horse"}
        shown = found.get_analysis(method, categories[0].name, "kmeans-2", embedding)
        assert shown.embedding.shape[1] == 2
    finally:
        found.close()


def test_other_objects_are_refused(run: auditor.Run) -> None:
    other = model()
    with torch.no_grad():
        other[8].bias[0] += 1
    with pytest.raises(IntegrityError, match="the model is not that which"):
        run.export("quantus", run.path.parent, model=other, data=OBJECTS["data"])
    data = Textures(transform=TRANSFORM, seed=5)
    with pytest.raises(IntegrityError, match="the data is not that which"):
        run.export("quantus", run.path.parent, model=model(), data=data)


def test_what_cannot_be_exported(run: auditor.Run) -> None:
    with pytest.raises(ConfigError, match=r"unknown export 'sarrif'. Did you mean 'sarif'"):
        run.export("sarrif", run.path.parent)
    with pytest.raises(ConfigError, match="lies inside of the run"):
        run.export("sarif", run.path / "exported")
    with pytest.raises(ConfigError, match="holds pixels and heatmaps"):
        run.export("virelay", run.path.parent)
