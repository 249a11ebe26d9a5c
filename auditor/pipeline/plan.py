"""The stages of an audit in their order, by name: how far it is."""

from __future__ import annotations


def planned(layers: int, *, search: bool) -> tuple[str, ...]:
    """Return the names of all stages; one that has nothing to do is passed over.

    Args:
        layers: how many layers are audited.
        search: whether shortcuts are searched for.
    """
    return (
        "relevance",
        *(f"concepts-{index}" for index in range(layers)),
        *("illustrations", "concept-names"),
        *(
            f"{name}-{index}"
            for index in range(layers)
            for name in ("components", "decisions", "flipping")
        ),
        *("strategies", "analysis-pictures", "further-concepts"),
        *(["shortcuts"] if search else []),
        *("local", "atlases", "pictures", "composition"),
        *(["finding-pictures"] if search else []),
        *("named-concepts", "facts"),
    )
