"""An installed package adds a namer, an executor, an export, a test and a data source by names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from auditor.__main__ import run
from auditor.base.errors import ConfigError, UnknownNameError
from auditor.base.registry import Registry
from auditor.cli.machine import _plugins
from auditor.cli.options import config_of
from auditor.exports import EXPORTS
from auditor.pipeline.plugins import load_plugins
from auditor.run.executors import EXECUTORS
from auditor.shortcuts.namers import NAMERS
from auditor.shortcuts.tests import TESTS
from auditor.subject.sources import DATA_SOURCES
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.test_exit_codes import QUICK

MODULE = """
from auditor.exports import Export
from auditor.run.executors.inline import Inline
from auditor.shortcuts.tests import CausalTest, causal_test
from auditor.subject.folders import read_folder

LOOKED = []


def by_size(pictures, masks):
    return f"size {masks.sum()}"


class Looking(Inline):
    def __call__(self, job):
        LOOKED.append(job)
        return super().__call__(job)


def _files(source):
    return {"count.txt": str(len(source.rows)).encode()}


counted = Export("how many pictures", _files)


@causal_test(CausalTest("acme_dark", kind="light", title="Dark", question="?", sentence="dark"))
def dark(stage, trial, rng):
    raise NotImplementedError


def of_folder(rest, config, base):
    return read_folder(base / rest)
"""
OFFERS = """
[auditor.concept_namers]
by size = acme_plugin:by_size
[auditor.executors]
looking = acme_plugin:Looking
[auditor.exports]
count = acme_plugin:counted
[auditor.tests]
acme_dark = acme_plugin
[auditor.data_sources]
acme = acme_plugin:of_folder
"""


def install(folder: Path, module: str = MODULE, offers: str = OFFERS, name: str = "acme") -> None:
    """Lay a package out as an installer does."""
    (folder / f"{name}_plugin.py").write_text(module)
    info = folder / f"{name}_plugin-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(offers)


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages; what they register is forgotten after each test."""
    registries: tuple[Registry, ...] = (NAMERS, EXECUTORS, EXPORTS, TESTS, DATA_SOURCES)
    for registry in registries:
        assert len(registry)
        for name in ("_entries", "_origins", "_loaded"):
            monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    for name in ("acme_plugin", "other_plugin"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


@pytest.mark.usefixtures("hasty")
def test_what_an_installed_package_offers_is_used_by_name(
    tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    path = write_own_model_audit(
        tmp_path,
        audit={**QUICK, "concept_names": "by size"},
        shortcuts={"enabled": False},
        report={"formats": ["html"]},
        run={"executor": "looking"},
        data={"source": "acme:photos/val"},
    )
    assert run(["run", str(path), "--out", str(tmp_path / "runs"), "--exit-zero"]) == 0
    (folder,) = (tmp_path / "runs").glob("*/")
    identity = json.loads((folder / "manifest.json").read_text())["identity"]
    assert identity["plugins"]["acme-plugin"] == "1.2"
    assert len(identity["plugins"]["acme_plugin:by_size"]) == 64
    names = [
        str(each["seen"]) for each in json.loads((folder / "audit.json").read_text())["concepts"]
    ]
    assert names
    assert all("size " in name for name in names)
    assert sys.modules["acme_plugin"].LOOKED
    said = capsys.readouterr().err
    for kind in ("namer of concepts 'by size'", "executor 'looking'", "data source 'acme'"):
        assert f"note: runs the code of the package acme-plugin 1.2 ({kind})" in said
    words = ["export", str(folder), "--to", "count", "--out", str(tmp_path / "exported")]
    assert run(words) == 0
    assert (tmp_path / "exported" / "count" / "count.txt").read_text() == "36"
    assert "note: ran the code of the package acme-plugin 1.2 (export 'count')" in (
        capsys.readouterr().err
    )


def test_nothing_is_imported_unless_its_name_is_asked_for(tmp_path: Path, site: Path) -> None:
    install(site, "raise RuntimeError('imported')\n")
    path = write_own_model_audit(tmp_path)
    config, base = config_of(path, {})
    assert load_plugins(config, base) == ({}, [])
    assert [check.found for check in _plugins()] == [
        "acme-plugin 1.2 (concept_namers: by size, data_sources: acme, executors: looking, "
        "exports: count, tests: acme_dark)"
    ]
    assert "acme" in DATA_SOURCES
    assert "acme" not in set(DATA_SOURCES)
    with pytest.raises(UnknownNameError, match=r"'cuont'. Did you mean 'count'"):
        EXPORTS["cuont"]
    with pytest.raises(ConfigError, match=r"'count' of the package acme-plugin 1.2 failed.*impor"):
        EXPORTS["count"]


def test_a_test_is_asked_for_under_plugins(tmp_path: Path, site: Path) -> None:
    install(site)
    path = write_own_model_audit(tmp_path)
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(document | {"plugins": ["tests:acme_dark"]}))
    config, base = config_of(path, {})
    digests, notes = load_plugins(config, base)
    assert digests["acme-plugin"] == "1.2"
    assert notes == ["runs the code of the package acme-plugin 1.2 (causal test 'acme_dark')"]
    path.write_text(yaml.safe_dump(document | {"plugins": ["tests:acme_drak"]}))
    with pytest.raises(ConfigError, match="Did you mean 'acme_dark'"):
        config_of(path, {})


def test_two_packages_with_one_name_and_things_of_another_kind(site: Path) -> None:
    install(site)
    (site / "acme_plugin-1.2.dist-info" / "entry_points.txt").write_text(
        "[auditor.exports]\nsarif = acme_plugin:by_size\nwrong = acme_plugin:by_size\n"
        "missing = acme_plugin:nothing\ntwice = acme_plugin:counted\n[auditor.namers]\nx = y:z\n"
    )
    install(site, name="other", offers="[auditor.exports]\ntwice = acme_plugin:counted\n")
    assert EXPORTS.offer("sarif") is None
    assert EXPORTS["sarif"].title.startswith("findings")  # the built-in one
    with pytest.raises(ConfigError, match=r"by acme-plugin 1.2 and other-plugin 1.2: uninstall"):
        EXPORTS["twice"]
    with pytest.raises(ConfigError, match=r"the export 'wrong', which is a function and"):
        EXPORTS["wrong"]
    with pytest.raises(ConfigError, match=r"'missing' of the package acme-plugin 1.2 failed"):
        EXPORTS["missing"]
    assert [each.found for each in _plugins() if each.state == "note"] == [
        "acme-plugin 1.2 has entry points in auditor.namers, which nothing reads"
    ]
