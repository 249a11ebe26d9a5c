"""The manual: one Markdown page per topic, shipped in the package."""

from __future__ import annotations

from pathlib import Path

from auditor.base.errors import UnknownNameError

FOLDER = Path(__file__).parent
# In the order in which a newcomer reads them.
TOPICS = (
    "getting-started",
    "models-and-data",
    "commands",
    "configuration",
    "report",
    "scheduling",
    "scale",
    "reviewing",
    "security",
    "method",
    "python",
    "exports",
    "benchmarks",
    "developers",
    "changes",
)


def page(topic: str) -> str:
    """Return the Markdown text of a page.

    Raises:
        UnknownNameError: there is no page on this topic.
    """
    if topic not in TOPICS:
        raise UnknownNameError("topic of the manual", topic, TOPICS)
    return (FOLDER / f"{topic}.md").read_text(encoding="utf-8")


def titles() -> dict[str, str]:
    """Return the title of every page by its topic, in reading order."""
    return {topic: page(topic).split("\n", 1)[0].removeprefix("# ") for topic in TOPICS}
