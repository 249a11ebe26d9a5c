"""The same pictures in every place that data may come from: the same relevance, to the bit."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest

from auditor.__main__ import run
from auditor.base import addresses
from auditor.config.audit import load_config, parse_config
from auditor.pipeline.concepts import pass_plan
from auditor.pipeline.opening import make_explainer
from auditor.relevance.over_data.collect import collect_shard
from auditor.subject import load_subject
from tests.pipeline.small import write_images, write_model
from tests.pipeline.tiny import AS_OPTIONS
from tests.subject import stores

NAMES = ["cat", "dog", "horse"]
pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(addresses, "PAUSES", (0.0, 0.0, 0.0))
    with stores.nothing_kept(tmp_path / "cache", monkeypatch):
        yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    write_model(folder, 3)
    write_images(folder / "photos", NAMES, 5)
    (folder / "photos" / "dog" / "02.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    return folder


def pictures(project: Path) -> list[tuple[str, str, bytes]]:
    """Return path, label and content of every picture, in the order of the folder."""
    root = project / "photos"
    files = sorted(root.rglob("*.png"))
    return [
        (file.relative_to(root).as_posix(), file.parent.name, file.read_bytes()) for file in files
    ]


def as_tars(project: Path) -> str:
    every = pictures(project)
    for number, part in enumerate((every[:7], every[7:])):
        with tarfile.open(project / f"val-{number}.tar", "w") as archive:
            for path, label, content in part:
                for name, data in (
                    (path, content),
                    (path.replace(".png", ".txt"), label.encode()),
                ):
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    return "webdataset:val-{0..1}.tar"


def as_parquet(project: Path) -> str:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra parquet)")
    parquet = pytest.importorskip("pyarrow.parquet")
    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    cells = [{"bytes": content, "path": path} for path, _label, content in pictures(project)]
    labels = [label for _path, label, _content in pictures(project)]
    table = arrow.table({"image": arrow.array(cells, kind), "label": labels})
    parquet.write_table(table, project / "val.parquet", row_group_size=4)
    return "val.parquet"


def as_saved(project: Path) -> str:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed (the extra dev)")
    datasets.disable_progress_bars()
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)}
    )
    cells = [{"bytes": content, "path": path} for path, _label, content in pictures(project)]
    labels = [NAMES.index(label) for _path, label, _content in pictures(project)]
    made = datasets.Dataset.from_dict({"image": cells, "label": labels}, features=features)
    datasets.DatasetDict({"validation": made}).save_to_disk(project / "saved")
    return "hf-dataset:saved"


def as_table(project: Path) -> str:
    lines = [f"photos/{path},{label}" for path, label, _content in pictures(project)]
    (project / "list.csv").write_text("\n".join(["path,label", *lines]) + "\n")
    return "list.csv"


def in_memory(project: Path) -> str:
    return stores.put(project / "photos", "memory://bucket/photos")


def as_table_in_memory(project: Path) -> str:
    in_memory(project)
    lines = [f"photos/{path},{label}" for path, label, _content in pictures(project)]
    text = "\n".join(["path,label", *lines]) + "\n"
    fsspec.filesystem("memory").pipe_file("/bucket/list.csv", text.encode())
    return "memory://bucket/list.csv"


def saved_in_memory(project: Path) -> str:
    as_saved(project)
    return "hf-dataset:" + stores.put(project / "saved", "memory://bucket/saved")


LAYOUTS: dict[str, Callable[[Path], str]] = {
    "table": as_table,
    "tars": as_tars,
    "parquet": as_parquet,
    "saved": as_saved,
    "memory": in_memory,
    "table in memory": as_table_in_memory,
    "saved in memory": saved_in_memory,
}


def shards(project: Path, source: str) -> tuple[list[str], tuple[str, ...]]:
    """Return a digest of every relevance shard, and the names of the quarantined rows."""
    config = parse_config(
        {
            "model": {
                "source": "my_model.py:build",
                "weights": "my_model.safetensors",
                "device": "cpu",
            },
            "data": {"source": source},
            "preprocess": {"resize": [64, 64], "scale": 1},
            "audit": {"batch": 4, "shard": 6},
        }
    )
    subject = load_subject(config, project)
    explainer = make_explainer(config, subject)
    plan = pass_plan(config.audit, explainer.automatic_layers())
    found, lost = [], []
    for rows in plan.ranges(len(subject.manifest)):
        arrays = collect_shard(explainer, subject, plan, rows, lambda _count: None)
        digest = hashlib.sha256()
        for name in sorted(arrays):
            digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
        found.append(digest.hexdigest())
        lost += [subject.manifest.paths[rows[at]] for at in np.flatnonzero(~arrays["valid"])]
    return found, tuple(lost)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_pictures_give_the_same_shards(project: Path, layout: str) -> None:
    found, lost = shards(project, LAYOUTS[layout](project))
    expected, one = shards(project, "photos")
    assert len(expected) == 3
    assert found == expected
    assert len(lost) == len(one) == 1


@pytest.mark.parametrize("kind", ["folder", "tars", "parquet"])
def test_a_server_that_fails_every_third_time_gives_the_same_shards(
    project: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with stores.s3_server(monkeypatch, every=3) as bucket:
        if kind == "folder":
            source = stores.put(project / "photos", f"{bucket}/photos")
        elif kind == "tars":
            as_tars(project)
            for tar in sorted(project.glob("*.tar")):
                stores.put(tar, f"{bucket}/{tar.name}")
            source = f"webdataset:{bucket}/val-{{0..1}}.tar"
        else:
            source = stores.put(project / as_parquet(project), f"{bucket}/val.parquet")
        assert shards(project, source)[0] == shards(project, "photos")[0]


@pytest.mark.parametrize("layout", ["tars", "parquet", "saved", "memory"])
def test_init_and_check_take_every_source(
    project: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    source = LAYOUTS[layout](project)
    (project / "audits").mkdir()
    monkeypatch.chdir(project)
    given = ["--model", "my_model.py:build", "--weights", "my_model.safetensors"]
    assert run(["init", *given, "--data", source, "--to", "audits/a.yaml", "--quiet"]) == 0
    config = load_config(project / "audits" / "a.yaml")
    monkeypatch.chdir(project / "audits")
    subject = load_subject(config, project / "audits")
    assert len(subject.manifest) == 15
    assert run(["check", "a.yaml", "--quiet"]) == 0


def test_no_credential_is_in_a_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with stores.s3_server(monkeypatch) as bucket:
        stores.put(project / "photos", f"{bucket}/photos")
        stores.put(project / "my_model.safetensors", f"{bucket}/w.safetensors")
        monkeypatch.chdir(project)
        words = ["run", "--model", "my_model.py:build", "--weights", f"{bucket}/w.safetensors"]
        words += ["--data", f"{bucket}/photos", "--out", "runs", "--exit-zero", "--format", "html"]
        words += ["--set", "shortcuts.enabled=false"]
        words += [*AS_OPTIONS, "--set", "audit.composition=0"]
        assert run(words) == 0
    said = capsys.readouterr()
    texts = [said.out.encode(), said.err.encode()]
    texts += [file.read_bytes() for file in (project / "runs").rglob("*") if file.is_file()]
    assert len(texts) > 10
    for canary in (stores.KEY, stores.KEY_ID):
        assert not any(canary.encode() in text for text in texts)
