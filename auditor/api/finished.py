"""A finished run as a Python object: its verdict, its tables as frames, its report, its gate."""

from __future__ import annotations

import html
import os
import shutil
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from auditor.api.judging import gate_folder
from auditor.api.progress import NotebookProgress
from auditor.api.rendering import config_of_run, load_sections, render_folder
from auditor.base.addresses import is_address
from auditor.base.errors import ConfigError, IntegrityError, OutputError, UnknownNameError
from auditor.config.audit import GateConfig, load_gate, parse_gate
from auditor.language.speaking import speaking
from auditor.records.part import concept_id
from auditor.report.show.per_picture import picture_table, read_pictures, read_stage
from auditor.report.show.render import judged, read_result, read_review, with_names
from auditor.report.show.tables import tables
from auditor.review.compare.audits import compare_folders
from auditor.review.judge.gate import exit_code
from auditor.review.keep.runs import report_language
from auditor.run.mirror import Mirror, run_at

if TYPE_CHECKING:
    from auditor.exports.recomputed import Recomputed
    from auditor.records.stages import LayerRelevance, Samples
    from auditor.report.document.result import AuditResult, FindingCard, Verdict
    from auditor.report.document.review import Comparison, Judgement

HEIGHT = 800  # pixels of the report in a notebook
MAY = "allow-scripts allow-popups allow-downloads allow-modals"


@dataclass(frozen=True)
class Gate:
    """What a policy makes of a run; true where the gate passes, as the exit code 0 of the command.

    ``judgement`` has the checks and the reasons.
    """

    judgement: Judgement

    @property
    def exit_code(self) -> int:
        """Return 0 where the gate passes, 1 where it fails, 4 where something did not run."""
        return exit_code(self.judgement)

    @property
    def passed(self) -> bool:
        """Say whether the gate passes."""
        return self.exit_code == 0

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        word = "passed" if self.passed else "failed"
        return f"<Gate {word}: {self.judgement.word}: {self.judgement.sentence}>"


@dataclass(frozen=True)
class Shown:
    """The report of a run in a notebook: an iframe that holds it whole and works offline."""

    page: str = field(repr=False)
    height: int = HEIGHT

    def _repr_html_(self) -> str:
        # Its links to places of its own would start from the notebook's address.
        page = self.page.replace("<head>", '<head><base href="about:srcdoc">', 1)
        return (
            f'<iframe srcdoc="{html.escape(page)}" sandbox="{MAY}" title="Report" '
            f'style="width: 100%; height: {self.height}px; border: 0"></iframe>'
        )


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A finished audit, read from its folder ``path``; neither the model nor torch is needed.

    Frames are made anew at each call, from files that are checked against the run's manifest.
    Shares, accuracies and probabilities are from 0 to 1, relevance is in units of the explained
    logit, boxes are in pixels of the picture as the model sees it.
    """

    path: Path

    @cached_property
    def result(self) -> AuditResult:
        """The whole result, as audit.json holds it."""
        return read_result(self.path)

    @property
    def verdict(self) -> Verdict:
        """The verdict: ``code``, ``word``, ``sentence``, ``gaps``; of the gate, after one."""
        return self._spoken().verdict

    @property
    def findings(self) -> pd.DataFrame:
        """A row for each finding: id, class, grade, severity, confidence, number of pictures."""
        return self.tables["findings"]

    @property
    def evidence(self) -> pd.DataFrame:
        """A row for each test of each finding: effect, its unit, 95 % interval, n, p and q."""
        return self.tables["evidence"]

    @property
    def concepts(self) -> pd.DataFrame:
        """A row for each concept of the report: layer, channel, name, classes that it leads for."""
        return self.tables["concepts"]

    @property
    def classes(self) -> pd.DataFrame:
        """A row for each class: pictures, accuracy with its 95 % interval, what it is taken for."""
        return self.tables["classes"]

    @property
    def images(self) -> pd.DataFrame:
        """A row for each picture of the data: `auditor docs report` describes the columns.

        Raises:
            IntegrityError: the run was made by a version that did not keep it, or was changed.
        """
        found = read_pictures(self.path)
        if found is None:
            raise IntegrityError(
                f"{self.path} holds no row for each picture: it was made by an earlier version; "
                "audit again."
            )
        with speaking(report_language(self.path)):
            return picture_table(found, self.result.translated())

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the result by the name of its CSV file."""
        with speaking(report_language(self.path)):
            return tables(self._spoken())

    @property
    def layers(self) -> tuple[str, ...]:
        """The audited layers, the lowest first."""
        return tuple(each.layer for each in self._relevance()[1])

    def relevance(self, layer: str) -> pd.DataFrame:
        """Return the relevance of each concept (columns) of a layer in each picture (rows).

        It is summed over positions, signed, in units of the explained logit. Pictures that were
        set aside have no row.

        Raises:
            UnknownNameError: the layer was not audited.
        """
        samples, layers = self._relevance()
        known = {each.layer: each for each in layers}
        if layer not in known:
            raise UnknownNameError("audited layer", layer, known)
        values, valid = known[layer].relevance, np.asarray(samples.valid)
        paths = np.array(samples.manifest.paths, dtype=object)[valid]
        names = [concept_id(layer, channel) for channel in range(values.shape[1])]
        return pd.DataFrame(values[valid], index=pd.Index(paths, name="path"), columns=names)

    def finding(self, name: str) -> Finding:
        """Return a finding by its id, such as F1.

        Raises:
            UnknownNameError: there is none of that id.
        """
        cards = {card.id: card for card in self._spoken().findings}
        if name not in cards:
            raise UnknownNameError("finding", name, cards)
        return Finding(self, cards[name])

    def gate(
        self,
        policy: Mapping[str, Any] | str | Path | None = None,
        targets: Mapping[str, Any] | None = None,
    ) -> Gate:
        """Judge the run and write what `auditor gate` writes.

        ``policy``: a file, the keys of the config's section, or None for the run's own; ``targets``
        as in the config. Use it as a condition: ``assert run.gate({"fail_on": "high"})``.

        Raises:
            ConfigError: the policy cannot be used as written.
        """
        base = Path.cwd()
        if isinstance(policy, Mapping):
            given = parse_gate({"policy": dict(policy), "targets": dict(targets or {})})
        elif targets is not None:
            given = parse_gate({"targets": dict(targets)})
            given = given.model_copy(update={"policy": self._policy(policy).policy})
        else:
            given = self._policy(policy)
        if policy is not None and not isinstance(policy, Mapping):
            base = Path(policy).resolve().parent
        return Gate(gate_folder(self.path, given, base=base))

    def compare(self, earlier: Run | str | Path) -> Comparison:
        """Return what changed since an earlier run, a folder or an address.

        It has ``sentence``, ``findings`` and numbers.

        Raises:
            IntegrityError: the other is no complete run.
        """
        before = earlier if isinstance(earlier, Run) else open_run(earlier)
        return compare_folders(before.path, self.path)

    def to_html(self, to: str | Path | None = None) -> Path:
        """Draw report.html in the run folder, and copy it ``to`` a file; return where it is."""
        return self._drawn("html", to)

    def to_pdf(self, to: str | Path | None = None) -> Path:
        """Draw report.pdf in the run folder, and copy it ``to`` a file; return where it is."""
        return self._drawn("pdf", to)

    def export(
        self,
        form: str,
        out: str | Path = "exported",
        *,
        model: Any = None,
        data: Any = None,
        preprocess: Any = None,
        limit: int = 256,
    ) -> list[Path]:
        """Write the run in the format of another tool, as `auditor export` does; return the files.

        Formats that hold pixels need ``model``, ``data`` and ``preprocess`` as the audit had them,
        and take up to ``limit`` pictures.

        Raises:
            UnknownNameError: there is no such format.
            IntegrityError: model or data are not those of the run.
        """
        from auditor.exports import export

        def again() -> Recomputed:
            from auditor.exports.recomputed import recomputed
            from auditor.subject import given

            samples = self._relevance()[0]
            objects = given(model, data, preprocess)
            return recomputed(self.path, config_of_run(self.path), Path.cwd(), samples, objects)

        if limit < 1:
            raise ConfigError(f"limit is {limit}; give 1 or more.")
        load = None if model is None or data is None else again
        return export(self.path, form, Path(out), recompute=load, limit=limit)

    def show(self, height: int = HEIGHT) -> Shown:
        """Return the report for a notebook, in a frame of ``height`` pixels."""
        page = self.path / "report.html"
        review = self.path / "review.json"
        older = review.exists() and page.exists() and _age(page) < _age(review)
        if older or not page.exists():
            self.to_html()
        return Shown(page.read_text(encoding="utf-8"), height)

    def _repr_html_(self) -> str:
        return self.show()._repr_html_()

    def __repr__(self) -> str:
        verdict, found = self.verdict, len(self.result.findings)
        return f"<Run {self.path.name}: {verdict.word}, {found} findings>"

    def _spoken(self) -> AuditResult:
        """Return the result with people's names and verdict, in the language of the reports."""
        review = read_review(self.path)
        with speaking(report_language(self.path)):
            return judged(with_names(self.result, review), review).translated()

    def _relevance(self) -> tuple[Samples, tuple[LayerRelevance, ...]]:
        samples, layers = read_stage(self.path, "relevance")
        return samples, layers

    def _policy(self, policy: str | Path | None) -> GateConfig:
        if not (policy is None or isinstance(policy, str | Path)):
            raise ConfigError(
                f"policy is a {type(policy).__name__}; give a mapping such as "
                "{'fail_on': 'high'}, or a file."
            )
        return load_gate(Path(policy or self.path / "config.yaml"), os.environ)

    def _drawn(self, form: str, to: str | Path | None) -> Path:
        config, progress = config_of_run(self.path), NotebookProgress(quiet=True)
        load_sections(config, progress)
        report = config.report.model_copy(
            update={"formats": [form], "layout": "single", "tier": "standard"}
        )
        made = render_folder(self.path, report, progress)[form]
        try:
            return made if to is None else Path(shutil.copyfile(made, to))
        except OSError as error:
            raise OutputError(f"cannot write {to}: {error.strerror}; give another file.") from error


@dataclass(frozen=True, eq=False, repr=False)
class Finding:
    """A finding of a run. ``card`` is everything that its sheet in the report shows."""

    run: Run
    card: FindingCard

    @property
    def id(self) -> str:
        """Its id, such as F1."""
        return self.card.id

    def images(self) -> pd.DataFrame:
        """Return the rows of `Run.images` of the pictures in which the search saw the region.

        ``x``, ``y``, ``width`` and ``height`` are the box around it, in pixels of the picture as
        the model sees it. Empty below grade B and for a context, which every picture has.
        """
        boxes = pd.DataFrame(
            [(each.picture, *each.box) for each in self.card.carriers],
            columns=["path", "x", "y", "width", "height"],
        )
        return self.run.images.merge(boxes, on="path", how="inner")

    def evidence(self) -> pd.DataFrame:
        """Return the tests of this finding, as `Run.evidence` has them."""
        found = self.run.evidence
        return found[found["finding"] == self.id].reset_index(drop=True)

    def __repr__(self) -> str:
        card = self.card
        return f"<Finding {card.id}, grade {card.grade}, {card.severity}: {card.title}>"


def open_run(path: str | Path) -> Run:
    """Return the finished run in the folder ``path``, or at an address such as s3://bucket/runs/a.

    Raises:
        ConfigError: there is no such folder.
        IntegrityError: it is no run, not complete, or was changed.
    """
    run = run_of_copy(*run_at(str(path))) if is_address(str(path)) else Run(Path(path))
    _ = run.result
    return run


def run_of_copy(mirror: Mirror, path: Path) -> Run:
    """Return the run in a copy of the folder at an address; the copy goes when the run does."""
    run = Run(path)
    weakref.finalize(run, mirror.close)
    return run


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns
