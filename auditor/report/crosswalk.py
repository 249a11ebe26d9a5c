"""Where the report holds evidence that frameworks for AI and model risk ask for, as data.

Places are named as the texts name them; what they ask for is paraphrased. Sources:
Regulation (EU) 2024/1689, Annex IV; NIST AI 100-1 (AI RMF 1.0, 2023), tables of the functions;
ISO/IEC 42001:2023, Annex A; the agencies' model-risk guidance SR 26-2 (17 April 2026), which
replaced SR 11-7 (2011); Mitchell et al., "Model Cards for Model Reporting" (2019).
"""

from __future__ import annotations

from dataclasses import dataclass

DISCLAIMER = "This table shows where evidence may be found. It is not a statement of conformity."
INTRODUCTION = (
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
        "EU AI Act, Annex IV",
        "Regulation (EU) 2024/1689: technical documentation of high-risk systems (Article 11).",
        (
            Row(
                "1",
                "General description: intended purpose, provider, version.",
                ("scope",),
                "Hardware, interfaces and instructions for use are not covered.",
            ),
            Row(
                "2",
                "Elements of the system and how it was developed, with the validation and testing "
                "procedures, their data, metrics, and test reports that are dated and signed.",
                ("data", "performance", "method", "signoff", "reproducibility"),
                "Training, design choices and cybersecurity are not covered.",
            ),
            Row(
                "3",
                "Monitoring, functioning and control: capabilities and limits of performance, "
                "accuracy for groups, foreseeable sources of risk.",
                ("performance", "register", "findings", "errors", "method"),
                "Monitoring in use is not covered.",
            ),
            Row("4", "Why the performance metrics are appropriate.", ("performance", "method")),
            Row(
                "5",
                "The risk management system (Article 9).",
                ("register", "findings"),
                "Only as input: findings with severity, action and check of the fix.",
            ),
        ),
    ),
    Source(
        "NIST AI RMF 1.0",
        "NIST AI 100-1: categories of the functions Map, Measure and Manage.",
        (
            Row("MAP 1.1", "Intended purpose and context are documented.", ("scope",)),
            Row(
                "MAP 2.2", "Limits of the system's knowledge are documented.", ("summary", "method")
            ),
            Row(
                "MEASURE 2.1",
                "Test sets, metrics and tools of the evaluation are documented.",
                ("data", "performance", "method", "reproducibility"),
            ),
            Row("MEASURE 2.3", "Performance is measured.", ("performance",)),
            Row(
                "MEASURE 2.5",
                "The system is shown to be valid and reliable; limits are stated.",
                ("performance", "findings", "summary"),
                "Only on the audited pictures.",
            ),
            Row(
                "MEASURE 2.9",
                "The model is explained, validated and documented.",
                ("classes", "atlas", "subspaces", "composition", "local", "errors"),
            ),
            Row(
                "MEASURE 2.11",
                "Fairness and bias are evaluated.",
                ("performance",),
                "Only accuracy by the metadata that were given.",
            ),
            Row("MANAGE 1.3", "Responses to the main risks are planned.", ("register", "findings")),
        ),
    ),
    Source(
        "ISO/IEC 42001:2023, Annex A",
        "Controls of an AI management system.",
        (
            Row(
                "A.6.2.4",
                "AI system verification and validation.",
                ("performance", "findings", "method"),
            ),
            Row(
                "A.6.2.7",
                "AI system technical documentation.",
                ("scope", "classes", "method", "reproducibility"),
            ),
            Row(
                "A.7.4",
                "Quality of data for AI systems.",
                ("data",),
                "Only of the audited pictures, not of the training data.",
            ),
            Row("A.9.4", "Intended use of the AI system.", ("scope",)),
        ),
    ),
    Source(
        "Model-risk guidance, SR 26-2",
        "Guidance of the US banking agencies, which replaced SR 11-7. Named by topic.",
        (
            Row(
                "Conceptual soundness",
                "Does the model work for the reasons it is meant to?",
                ("classes", "findings", "composition", "errors"),
            ),
            Row(
                "Outcomes analysis",
                "Do its outputs agree with what really is?",
                ("performance", "errors"),
                "Only on the audited pictures.",
            ),
            Row(
                "Documentation and limits",
                "Are limits, assumptions and validation written down?",
                ("scope", "summary", "method", "signoff", "reproducibility"),
                "Ongoing monitoring and governance are not covered.",
            ),
        ),
    ),
    Source(
        "Model cards",
        "The sections that Mitchell et al. (2019) propose.",
        (
            Row("Model Details", "Developer, version, type.", ("scope", "reproducibility")),
            Row("Intended Use", "Uses, users, what is out of scope.", ("scope",)),
            Row("Factors", "Groups and conditions.", ("performance",), "As far as metadata tell."),
            Row("Metrics", "Measures and their uncertainty.", ("performance", "method")),
            Row("Evaluation Data", "Data sets, why, preprocessing.", ("data", "scope")),
            Row("Quantitative Analyses", "Results by factor.", ("performance",)),
            Row("Caveats and Recommendations", "Open concerns.", ("summary", "findings", "method")),
        ),
    ),
)
