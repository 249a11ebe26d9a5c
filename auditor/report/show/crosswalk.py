"""Where the report holds evidence that frameworks for AI and model risk ask for, as data.

Places are named as the texts name them; what they ask for is paraphrased. Sources:
Regulation (EU) 2024/1689, Annex IV; NIST AI 100-1 (AI RMF 1.0, 2023), tables of the functions;
ISO/IEC 42001:2023, Annex A; the agencies' model-risk guidance SR 26-2 (17 April 2026), which
replaced SR 11-7 (2011); Mitchell et al., "Model Cards for Model Reporting" (2019).
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.language.speaking import N_, gettext

DISCLAIMER = N_(
    "This table shows where evidence may be found. It is not a statement of conformity."
)
INTRODUCTION = N_(
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

    def translated(self) -> Row:
        """Return the row in the language that is spoken."""
        limit = gettext(self.limit) if self.limit else ""
        return Row(gettext(self.place), gettext(self.asks), self.sections, limit)


@dataclass(frozen=True)
class Source:
    """A text with the rows that concern an audit like this one."""

    name: str
    about: str
    rows: tuple[Row, ...]

    def translated(self) -> Source:
        """Return the source in the language that is spoken."""
        rows = tuple(row.translated() for row in self.rows)
        return Source(gettext(self.name), gettext(self.about), rows)


SOURCES: tuple[Source, ...] = (
    Source(
        N_("EU AI Act, Annex IV"),
        N_("Regulation (EU) 2024/1689: technical documentation of high-risk systems (Article 11)."),
        (
            Row(
                "1",
                N_("General description: intended purpose, provider, version."),
                ("scope",),
                N_("Hardware, interfaces and instructions for use are not covered."),
            ),
            Row(
                "2",
                N_(
                    "Elements of the system and how it was developed, with the validation and "
                    "testing procedures, their data, metrics, and test reports that are dated and "
                    "signed."
                ),
                ("data", "performance", "method", "signoff", "reproducibility"),
                N_("Training, design choices and cybersecurity are not covered."),
            ),
            Row(
                "3",
                N_(
                    "Monitoring, functioning and control: capabilities and limits of performance, "
                    "accuracy for groups, foreseeable sources of risk."
                ),
                ("performance", "register", "findings", "errors", "method"),
                N_("Monitoring in use is not covered."),
            ),
            Row("4", N_("Why the performance metrics are appropriate."), ("performance", "method")),
            Row(
                "5",
                N_("The risk management system (Article 9)."),
                ("register", "findings"),
                N_("Only as input: findings with severity, action and check of the fix."),
            ),
        ),
    ),
    Source(
        "NIST AI RMF 1.0",
        N_("NIST AI 100-1: categories of the functions Map, Measure and Manage."),
        (
            Row("MAP 1.1", N_("Intended purpose and context are documented."), ("scope",)),
            Row(
                "MAP 2.2",
                N_("Limits of the system's knowledge are documented."),
                ("summary", "method"),
            ),
            Row(
                "MEASURE 2.1",
                N_("Test sets, metrics and tools of the evaluation are documented."),
                ("data", "performance", "method", "reproducibility"),
            ),
            Row("MEASURE 2.3", N_("Performance is measured."), ("performance",)),
            Row(
                "MEASURE 2.5",
                N_("The system is shown to be valid and reliable; limits are stated."),
                ("performance", "findings", "summary"),
                N_("Only on the audited pictures."),
            ),
            Row(
                "MEASURE 2.9",
                N_("The model is explained, validated and documented."),
                ("classes", "atlas", "subspaces", "composition", "local", "errors"),
            ),
            Row(
                "MEASURE 2.11",
                N_("Fairness and bias are evaluated."),
                ("performance",),
                N_("Only accuracy by the metadata that were given."),
            ),
            Row(
                "MANAGE 1.3",
                N_("Responses to the main risks are planned."),
                ("register", "findings"),
            ),
        ),
    ),
    Source(
        N_("ISO/IEC 42001:2023, Annex A"),
        N_("Controls of an AI management system."),
        (
            Row(
                "A.6.2.4",
                N_("AI system verification and validation."),
                ("performance", "findings", "method"),
            ),
            Row(
                "A.6.2.7",
                N_("AI system technical documentation."),
                ("scope", "classes", "method", "reproducibility"),
            ),
            Row(
                "A.7.4",
                N_("Quality of data for AI systems."),
                ("data",),
                N_("Only of the audited pictures, not of the training data."),
            ),
            Row("A.9.4", N_("Intended use of the AI system."), ("scope",)),
        ),
    ),
    Source(
        N_("Model-risk guidance, SR 26-2"),
        N_("Guidance of the US banking agencies, which replaced SR 11-7. Named by topic."),
        (
            Row(
                N_("Conceptual soundness"),
                N_("Does the model work for the reasons it is meant to?"),
                ("classes", "findings", "composition", "errors"),
            ),
            Row(
                N_("Outcomes analysis"),
                N_("Do its outputs agree with what really is?"),
                ("performance", "errors"),
                N_("Only on the audited pictures."),
            ),
            Row(
                N_("Documentation and limits"),
                N_("Are limits, assumptions and validation written down?"),
                ("scope", "summary", "method", "signoff", "reproducibility"),
                N_("Ongoing monitoring and governance are not covered."),
            ),
        ),
    ),
    Source(
        N_("Model cards"),
        N_("The sections that Mitchell et al. (2019) propose."),
        (
            Row(N_("Model Details"), N_("Developer, version, type."), ("scope", "reproducibility")),
            Row(N_("Intended Use"), N_("Uses, users, what is out of scope."), ("scope",)),
            Row(
                N_("Factors"),
                N_("Groups and conditions."),
                ("performance",),
                N_("As far as metadata tell."),
            ),
            Row(N_("Metrics"), N_("Measures and their uncertainty."), ("performance", "method")),
            Row(N_("Evaluation Data"), N_("Data sets, why, preprocessing."), ("data", "scope")),
            Row(N_("Quantitative Analyses"), N_("Results by factor."), ("performance",)),
            Row(
                N_("Caveats and Recommendations"),
                N_("Open concerns."),
                ("summary", "findings", "method"),
            ),
        ),
    ),
)
