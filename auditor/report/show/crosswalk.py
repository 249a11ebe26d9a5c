"""Where the report holds evidence that frameworks for AI and model risk ask for, as data.

Places are named as the texts name them; what they ask for is paraphrased. Sources:
Regulation (EU) 2024/1689, Annex IV; NIST AI 100-1 (AI RMF 1.0, 2023), tables of the functions;
ISO/IEC 42001:2023, Annex A; the agencies' model-risk guidance SR 26-2 (17 April 2026), which
replaced SR 11-7 (2011); Mitchell et al., "Model Cards for Model Reporting" (2019).
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.language.speaking import gettext as _

DISCLAIMER = _("This table shows where evidence may be found. It is not a statement of conformity.")
INTRODUCTION = _(
    "It lists only places that an audit of a trained classifier can say something about. Read the "
    "texts themselves for what they require and whether they apply."
)


@dataclass(frozen=True)
class Row:
    """A place in a text, what it asks for in our words, and sections that may help.

    ``limit`` says what is asked for there and is not in this report.
    """

    place: str
    asks: str
    sections: tuple[str, ...]
    limit: str = ""


@dataclass(frozen=True)
class Source:
    """A text with the rows that concern an audit like this one."""

    name: str
    about: str
    rows: tuple[Row, ...]


SOURCES: tuple[Source, ...] = (
    Source(
        _("EU AI Act, Annex IV"),
        _("Regulation (EU) 2024/1689: technical documentation of high-risk systems (Article 11)."),
        (
            Row(
                "1",
                _("General description: intended purpose, provider, version."),
                ("scope",),
                _("Hardware, interfaces and instructions for use are not covered."),
            ),
            Row(
                "2",
                _(
                    "Elements of the system and how it was developed, with the validation and "
                    "testing procedures, their data, metrics, and test reports that are dated and "
                    "signed."
                ),
                ("data", "performance", "method", "signoff", "reproducibility"),
                _("Training, design choices and cybersecurity are not covered."),
            ),
            Row(
                "3",
                _(
                    "Monitoring, functioning and control: capabilities and limits of performance, "
                    "accuracy for groups, foreseeable sources of risk."
                ),
                ("performance", "register", "findings", "errors", "method"),
                _("Monitoring in use is not covered."),
            ),
            Row("4", _("Why the performance metrics are appropriate."), ("performance", "method")),
            Row(
                "5",
                _("The risk management system (Article 9)."),
                ("register", "findings"),
                _("Only as input: findings with severity, action and check of the fix."),
            ),
        ),
    ),
    Source(
        "NIST AI RMF 1.0",
        _("NIST AI 100-1: categories of the functions Map, Measure and Manage."),
        (
            Row("MAP 1.1", _("Intended purpose and context are documented."), ("scope",)),
            Row(
                "MAP 2.2",
                _("Limits of the system's knowledge are documented."),
                ("summary", "method"),
            ),
            Row(
                "MEASURE 2.1",
                _("Test sets, metrics and tools of the evaluation are documented."),
                ("data", "performance", "method", "reproducibility"),
            ),
            Row("MEASURE 2.3", _("Performance is measured."), ("performance",)),
            Row(
                "MEASURE 2.5",
                _("The system is shown to be valid and reliable; limits are stated."),
                ("performance", "findings", "summary"),
                _("Only on the audited pictures."),
            ),
            Row(
                "MEASURE 2.9",
                _("The model is explained, validated and documented."),
                ("classes", "atlas", "subspaces", "composition", "local", "errors"),
            ),
            Row(
                "MEASURE 2.11",
                _("Fairness and bias are evaluated."),
                ("performance",),
                _("Only accuracy by the metadata that were given."),
            ),
            Row(
                "MANAGE 1.3",
                _("Responses to the main risks are planned."),
                ("register", "findings"),
            ),
        ),
    ),
    Source(
        _("ISO/IEC 42001:2023, Annex A"),
        _("Controls of an AI management system."),
        (
            Row(
                "A.6.2.4",
                _("AI system verification and validation."),
                ("performance", "findings", "method"),
            ),
            Row(
                "A.6.2.7",
                _("AI system technical documentation."),
                ("scope", "classes", "method", "reproducibility"),
            ),
            Row(
                "A.7.4",
                _("Quality of data for AI systems."),
                ("data",),
                _("Only of the audited pictures, not of the training data."),
            ),
            Row("A.9.4", _("Intended use of the AI system."), ("scope",)),
        ),
    ),
    Source(
        _("Model-risk guidance, SR 26-2"),
        _("Guidance of the US banking agencies, which replaced SR 11-7. Named by topic."),
        (
            Row(
                _("Conceptual soundness"),
                _("Does the model work for the reasons it is meant to?"),
                ("classes", "findings", "composition", "errors"),
            ),
            Row(
                _("Outcomes analysis"),
                _("Do its outputs agree with what really is?"),
                ("performance", "errors"),
                _("Only on the audited pictures."),
            ),
            Row(
                _("Documentation and limits"),
                _("Are limits, assumptions and validation written down?"),
                ("scope", "summary", "method", "signoff", "reproducibility"),
                _("Ongoing monitoring and governance are not covered."),
            ),
        ),
    ),
    Source(
        _("Model cards"),
        _("The sections that Mitchell et al. (2019) propose."),
        (
            Row(_("Model Details"), _("Developer, version, type."), ("scope", "reproducibility")),
            Row(_("Intended Use"), _("Uses, users, what is out of scope."), ("scope",)),
            Row(
                _("Factors"),
                _("Groups and conditions."),
                ("performance",),
                _("As far as metadata tell."),
            ),
            Row(_("Metrics"), _("Measures and their uncertainty."), ("performance", "method")),
            Row(_("Evaluation Data"), _("Data sets, why, preprocessing."), ("data", "scope")),
            Row(_("Quantitative Analyses"), _("Results by factor."), ("performance",)),
            Row(
                _("Caveats and Recommendations"),
                _("Open concerns."),
                ("summary", "findings", "method"),
            ),
        ),
    ),
)
