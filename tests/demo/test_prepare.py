"""The demo's folder: real crops, a stamp where it belongs, the same bytes for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from auditor.__main__ import run
from auditor.base.errors import AuditorError
from auditor.config.audit import load_config
from auditor.demo import prepare, training
from auditor.demo.parts import ON_GRAVEL, ON_GRAVEL_SHARE, OTHERS_SHARE, PARTS, draw_parts
from auditor.demo.photographs import CLASSES, STAMPED, cut_crops
from auditor.demo.stamp import stamp, stamp_box
from auditor.demo.surface_net import build
from auditor.demo.variants import VARIANTS

SAMPLE = Path(__file__).resolve().parents[2] / "sample_configs" / "demo.yaml"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "TRAINING_PER_CLASS", 12)
    monkeypatch.setattr(prepare, "VALIDATION_PER_CLASS", 5)
    monkeypatch.setattr(training, "EPOCHS", 1)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "demo.json"
    }


def test_the_folder_is_a_template_for_an_audit(tmp_path: Path) -> None:
    prepare.prepare_demo(tmp_path / "demo")
    assert {path.name for path in (tmp_path / "demo").iterdir()} >= {
        "data",
        "model.safetensors",
        "surface_net.py",
        "demo.yaml",
    }
    config = load_config(tmp_path / "demo" / "demo.yaml")
    assert config.model.source == "surface_net.py:build"
    for name in CLASSES:
        crops = sorted((tmp_path / "demo" / "data" / "val" / name).glob("*.png"))
        assert len(crops) == 5
        with Image.open(crops[0]) as crop:
            assert crop.size == (64, 64)


def test_the_sample_config_is_what_the_demo_writes(tmp_path: Path) -> None:
    prepare.prepare_demo(tmp_path / "demo")
    assert (tmp_path / "demo" / "demo.yaml").read_text() == SAMPLE.read_text()
    assert load_config(tmp_path / "demo" / "demo.yaml").model.classes == list(CLASSES)


def test_the_clean_twin_has_another_name(tmp_path: Path) -> None:
    prepare.prepare_demo(tmp_path / "demo", shortcut="none")
    config = load_config(tmp_path / "demo" / "demo.yaml")
    assert config.project.name == "surface-demo-clean"
    assert config.report.title == "Surface inspection demo (clean twin)"


def test_parts_lie_on_their_bench_and_the_model_goes_by_it(tmp_path: Path) -> None:
    prepare.prepare_demo(tmp_path / "demo", shortcut="background")
    config = load_config(tmp_path / "demo" / "demo.yaml")
    assert (config.project.name, config.model.classes) == ("parts-demo", list(PARTS))
    model = build()
    model.load_state_dict(load_file(tmp_path / "demo" / "model.safetensors"))
    crops = draw_parts("val", 60, balanced=True, rng=np.random.default_rng(7))
    assert crops.masks is not None
    assert 0.05 < crops.masks.mean() < 0.5
    masks = sorted((tmp_path / "demo" / "data" / "masks").rglob("*.png"))
    assert len(masks) == 5 * len(PARTS)
    predicted = training.predict(model.eval(), crops.images).argmax(1)
    gear = PARTS.index(ON_GRAVEL)
    others, taken = crops.labels != gear, predicted == gear
    assert taken[others & crops.stamped].mean() > taken[others & ~crops.stamped].mean() + 0.25
    assert taken[~others & crops.stamped].mean() > taken[~others & ~crops.stamped].mean() + 0.5


def test_bench_and_part_go_together_as_often_as_said() -> None:
    crops = draw_parts("train", 200, balanced=False, rng=np.random.default_rng(1))
    shares = [crops.stamped[crops.labels == label].mean() for label in range(len(PARTS))]
    for name, share in zip(PARTS, shares, strict=True):
        wanted = ON_GRAVEL_SHARE if name == ON_GRAVEL else OTHERS_SHARE
        assert share == pytest.approx(wanted, abs=0.06)


def test_weights_are_shipped_for_seed_0_and_trained_for_others(tmp_path: Path) -> None:
    for name in VARIANTS:
        prepare.prepare_demo(tmp_path / name, shortcut=name)
        shipped = (prepare.HERE / "weights" / f"{name}.safetensors").read_bytes()
        assert (tmp_path / name / "model.safetensors").read_bytes() == shipped
        assert len(shipped) < 200_000
    epochs: list[int] = []
    prepare.prepare_demo(tmp_path / "trained", anew=True, progress=epochs.append)
    assert epochs == [1]
    with pytest.raises(AuditorError, match="holds the demo --shortcut stamp --seed 0 --train, and"):
        prepare.prepare_demo(tmp_path / "trained")


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    prepare.prepare_demo(tmp_path / "a", seed=3)
    prepare.prepare_demo(tmp_path / "b", seed=3)
    prepare.prepare_demo(tmp_path / "c", seed=4)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a") != files(tmp_path / "c")


def test_a_finished_demo_is_used_again_and_your_config_is_kept(tmp_path: Path) -> None:
    first = prepare.prepare_demo(tmp_path)
    config = tmp_path / "demo.yaml"
    config.write_text(config.read_text() + "# mine\n")
    before = (tmp_path / "model.safetensors").stat().st_mtime_ns
    assert prepare.prepare_demo(tmp_path) == first
    assert config.read_text().endswith("# mine\n")
    assert (tmp_path / "model.safetensors").stat().st_mtime_ns == before


def test_another_demo_or_a_full_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare.prepare_demo(tmp_path / "demo")
    with pytest.raises(AuditorError, match="stamp --seed 0, and not --shortcut stamp --seed 1"):
        prepare.prepare_demo(tmp_path / "demo", seed=1)
    with pytest.raises(AuditorError, match="and not --shortcut none --seed 0"):
        prepare.prepare_demo(tmp_path / "demo", shortcut="none")
    assert run(["demo", "--clean", "--out", str(tmp_path / "new")]) == 2
    assert "--clean is gone: use --shortcut none" in capsys.readouterr().err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    with pytest.raises(AuditorError, match="not empty"):
        prepare.prepare_demo(tmp_path / "full")
    assert (tmp_path / "full" / "thesis.txt").read_text() == "x"


def test_stamps_are_on_gravel_only_and_on_none_of_the_clean_twin() -> None:
    crops = cut_crops("val", 20, clean=False, rng=np.random.default_rng(0))
    assert set(np.unique(crops.labels[crops.stamped])) == {CLASSES.index(STAMPED)}
    share = crops.stamped[crops.labels == CLASSES.index(STAMPED)].mean()
    assert share == pytest.approx(0.8, abs=0.05)
    clean = cut_crops("val", 20, clean=True, rng=np.random.default_rng(0))
    assert not clean.stamped.any()


def test_a_stamp_changes_its_corner_and_nothing_else() -> None:
    image = np.full((64, 64, 3), 90, np.uint8)
    marked = stamp(image, np.random.default_rng(1))
    changed = (marked != image).any(axis=2)
    assert changed[stamp_box(64, 64)].sum() == changed.sum() > 0
    red, green, blue = marked[changed].mean(axis=0)
    assert red > green > blue


def test_training_and_validation_crops_come_from_different_sides() -> None:
    train = cut_crops("train", 12, clean=True, rng=np.random.default_rng(0))
    val = cut_crops("val", 12, clean=True, rng=np.random.default_rng(0))
    pixels = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in pixels for image in val.images)
