"""What the owner wants of a model, when a run fails the gate, and what happens at its end."""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from auditor.config.section import Section

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
BOUND = re.compile(r"(>=|<=)\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)")


class Bound(NamedTuple):
    """A target for a share: at least or at most ``value``."""

    sign: str
    value: float


def read_bound(text: str) -> Bound:
    """Return what a target such as ``>= 0.9`` or ``<= 5 %`` asks for.

    Raises:
        ValueError: the text is no such target.
    """
    found = BOUND.fullmatch(text.strip())
    value = float(found[2]) / (100 if found[3] else 1) if found else -1.0
    if found is None or not 0 <= value <= 1:
        raise ValueError(
            "a target is '>=' (at least) or '<=' (at most) and a share from 0 to 1, such as "
            "'>= 0.9' or '<= 5 %'"
        )
    return Bound(found[1], value)


def _checked(sign: str) -> AfterValidator:
    def check(text: str) -> str:
        if read_bound(text).sign != sign:
            more = "larger" if sign == ">=" else "smaller"
            raise ValueError(f"this figure is better when it is {more}: write '{sign}'")
        return text

    return AfterValidator(check)


def _of_number(sign: str) -> BeforeValidator:
    """Read a bare number as the bound that makes sense for the figure."""

    def read(value: object) -> object:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return f"{sign} {value}" if number else value

    return BeforeValidator(read)


def _schema(sign: str) -> WithJsonSchema:
    text = rf"^\s*{sign}\s*(\d+(\.\d+)?|\.\d+)\s*%?\s*$"
    number = {"type": "number", "minimum": 0, "maximum": 1}
    return WithJsonSchema({"anyOf": [{"type": "string", "pattern": text}, number]})


AtLeast = Annotated[str, _checked(">="), _of_number(">="), _schema(">=")]
AtMost = Annotated[str, _checked("<="), _of_number("<="), _schema("<=")]


class TargetsConfig(Section):
    """What the owner wants the model to reach; a target that is left out is not asked for."""

    accuracy: AtLeast | None = Field(
        None, description="Accuracy over all pictures used, such as '>= 0.90'."
    )
    worst_class_accuracy: AtLeast | None = Field(
        None, description="Accuracy of the worst audited class, such as '>= 0.75'."
    )
    worst_group_accuracy: AtLeast | None = Field(
        None,
        description="Accuracy of the worst group (a class with values of data.groups), such as "
        "'>= 0.70'.",
    )
    calibration_error: AtMost | None = Field(
        None,
        description="Expected calibration error of the top answer, of several labels that of the "
        "worst, such as '<= 0.05'.",
    )
    label_auroc: AtLeast | None = Field(
        None, description="AUROC of the worst of several labels, such as '>= 0.80'."
    )
    label_auprc: AtLeast | None = Field(
        None, description="Average precision of the worst of several labels, such as '>= 0.40'."
    )
    label_f1: AtLeast | None = Field(
        None,
        description="F1 of the worst of several labels at its threshold (model.threshold), such as "
        "'>= 0.50'.",
    )
    largest_severity: Literal["none", "low", "medium", "high"] | None = Field(
        None, description="Largest severity that a finding that is not waived may have."
    )
    conservation: AtLeast | None = Field(
        None,
        description="Part of the explained score that relevance accounts for at the pixels "
        "(1 minus its distance from all of it), such as '>= 0.95'.",
    )
    faithfulness: Literal["trusted", "partly trusted"] | None = Field(
        None, description="How far the ranking of concepts must be trusted at every audited layer."
    )
    by: Literal["value", "interval"] = Field(
        "value",
        description="A target is met when the measured value meets it, or when the whole 95 % "
        "interval does.",
    )

    def asked(self) -> dict[str, str]:
        """Return the targets that are asked for: name -> what is wanted."""
        return {
            name: wanted
            for name, wanted in self.model_dump(exclude={"by"}).items()
            if wanted is not None
        }


class PolicyConfig(Section):
    """When a run fails the gate."""

    fail_on: Severity | Literal["never"] = Field(
        "high",
        description="Exit with 1 on a finding of this severity or above that nobody has decided "
        "about.",
    )
    fail_on_new: Severity | Literal["never"] = Field(
        "medium",
        description="Fail on a finding of this severity or above that is new, or back, since the "
        "baseline.",
    )
    require_reviewed: bool = Field(
        False,
        description="Exit with 1 while a cue is unanswered (NEEDS A LOOK): no person has said "
        "whether it is part of its class.",
    )
    require_complete: bool = Field(
        True,
        description="What did not run makes the gate INCOMPLETE (exit code 4); with false, the "
        "verdict has conditions instead.",
    )
    baseline: str | None = Field(
        None, description="Run folder to compare with, or latest: the last run beside this one."
    )
    decisions: str | None = Field(
        None, description="File with the decisions that people made about findings."
    )


class CompletionConfig(Section):
    """What happens when a run is done. A failure here is a warning, never another exit code."""

    command: list[str] | None = Field(
        None,
        description="Command to run, a list of words; it is told AUDITOR_RUN, AUDITOR_VERDICT and "
        "AUDITOR_EXIT_CODE.",
    )
    webhook_variable: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Environment variable with the address that summary.json is posted to.",
    )
    seconds: int = Field(30, ge=1, le=600, description="Time limit of each of these, in seconds.")
    mlflow: bool = Field(
        False,
        description="Log metrics, artefacts and the verdict to MLflow (MLFLOW_TRACKING_URI); "
        "needs the extra concept-auditor[mlflow].",
    )
    mlflow_experiment: str = Field(
        "", description="MLflow experiment (default: MLFLOW_EXPERIMENT_NAME, or the audit's name)."
    )
    wandb: bool = Field(
        False,
        description="Log metrics, artefacts and the verdict to Weights & Biases (WANDB_MODE, "
        "WANDB_API_KEY); needs the extra concept-auditor[wandb].",
    )
    wandb_project: str = Field(
        "", description="Project of W&B (default: WANDB_PROJECT, or the audit's name)."
    )
    tensorboard: str | None = Field(
        None,
        description="Folder that metrics and the verdict are written to for TensorBoard, a folder "
        "for each run; needs the extra concept-auditor[tensorboard].",
    )
    readme: str | None = Field(
        None, description="README of a model repository whose section on the audit is kept current."
    )
